"""Compare a data set on disk with its manifest: everything that differs, nothing left unsaid."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from svbench.audio import AudioInfo, audio_info, read_audio
from svbench.datasets.api import Finding, Layout, TrackFiles
from svbench.errors import AudioError, DataError
from svbench.specs.manifest import FileRow, Manifest
from svbench.specs.plugins import load_plugin

Progress = Callable[[int, int, str], None]
# 16-bit mixtures of 16-bit stems are off by at most half a step, far below this.
DEFAULT_RELATIVE_RMS = 1e-3


def verify(manifest: Manifest, root: Path | str, progress: Progress | None = None) -> list[Finding]:
    """List what is missing, extra, changed, of wrong length, rate or channels, or silent.

    Parameters
    ----------
    manifest : Manifest
    root : path
    progress : callable, optional
        Called as ``progress(done, total, track)``.

    Returns
    -------
    list of Finding
        Severity ``error`` for what would change scores or stop a run, ``note`` for what a reader
        should know, such as a stem that is silent throughout.

    Raises
    ------
    DataError
        The root is no folder, or its layout cannot be read at all.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    layout: Layout = load_plugin("layout", manifest.head.layout)()
    found = {files.name: files for files in layout.find(root, manifest.head)}
    declared = {t.track: t for t in manifest.tracks}
    names = list(declared) if not manifest.head.discover else sorted(found)
    findings = [
        Finding(name, "", "extra", "track is not in the manifest", "note")
        for name in found
        if name not in names
    ]
    rows: dict[str, list[FileRow]] = {}
    for row in manifest.files:
        rows.setdefault(row.track, []).append(row)
    for number, name in enumerate(names, start=1):
        if name not in found:
            findings.append(Finding(name, "", "missing", "track is missing"))
        else:
            length = declared[name].n_samples if name in declared else None
            findings += _track(found[name], manifest, root, rows.get(name, []), length)
        if progress:
            progress(number, len(names), name)
    return findings


def _track(
    files: TrackFiles, manifest: Manifest, root: Path, rows: list[FileRow], length: int | None
) -> list[Finding]:
    findings = list(_files(files, root, rows))
    paths = {**files.stems, **({"mixture": files.mixture} if files.mixture else {})}
    infos: dict[str, AudioInfo] = {}
    for stem, path in paths.items():
        try:
            infos[stem] = audio_info(path)
        except AudioError as error:
            findings.append(Finding(files.name, stem, "unreadable", str(error)))
    first = next(iter(infos.values()), None)
    expected = {
        "n_samples": length or (first.n_samples if first else None),
        "rate_hz": manifest.head.rate_hz or (first.rate_hz if first else None),
        "n_channels": manifest.head.n_channels or (first.n_channels if first else None),
    }
    for stem, info in infos.items():
        for what, wanted in expected.items():
            if getattr(info, what) != wanted:
                message = f"{what} is {getattr(info, what)}, expected {wanted}"
                findings.append(Finding(files.name, stem, f"wrong {what}", message))
    if not findings:
        findings += _content(files, manifest)
    return findings


def _files(files: TrackFiles, root: Path, rows: list[FileRow]) -> Iterable[Finding]:
    """Compare files with the digests the manifest lists, if it lists any."""
    for row in rows:
        path = root / row.path
        if not path.is_file():
            yield Finding(files.name, row.stem, "missing", f"{row.path} is missing")
        elif path.stat().st_size != row.n_bytes:
            message = f"{row.path} has {path.stat().st_size} bytes, the manifest says {row.n_bytes}"
            yield Finding(files.name, row.stem, "wrong size", message)
        else:
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != row.sha256:
                    yield Finding(files.name, row.stem, "wrong digest", f"{row.path} differs in content")
    listed = {row.stem for row in rows}
    for stem in files.stems:
        if rows and stem not in listed:
            yield Finding(files.name, stem, "extra", "stem is not in the manifest")


def _content(files: TrackFiles, manifest: Manifest) -> Iterable[Finding]:
    """Decode everything once: silence, damage behind a good header, mixture against stems."""
    try:
        stems = {stem: read_audio(path).samples for stem, path in files.stems.items()}
        mixture = read_audio(files.mixture).samples if files.mixture else None
    except AudioError as error:
        yield Finding(files.name, "", "unreadable", str(error))
        return
    for stem, samples in stems.items():
        if not np.any(samples):
            yield Finding(files.name, stem, "silent", "stem is digital silence throughout", "note")
    if mixture is not None and manifest.head.mixture.source == "file":
        difference = np.sqrt(np.mean(np.square(mixture - sum(stems.values()))))
        relative = float(difference / max(float(np.sqrt(np.mean(np.square(mixture)))), 1e-12))
        allowed = manifest.head.mixture.relative_rms or DEFAULT_RELATIVE_RMS
        if relative > allowed:
            message = (
                f"differs from the sum of stems by {relative:.3g} relative RMS, expected at most {allowed:g}"
            )
            yield Finding(files.name, "mixture", "mixture", message)
