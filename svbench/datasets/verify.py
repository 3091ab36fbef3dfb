"""Compare a data set on disk with its manifest: everything that differs, nothing left unsaid."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from svbench.audio import AudioInfo
from svbench.audio.sounds import Sound
from svbench.audio.sources import Source, source_of
from svbench.datasets.api import Finding, Layout, TrackFiles
from svbench.datasets.headers import disagreements, lacking
from svbench.datasets.looks import hint
from svbench.errors import AudioError, DataError
from svbench.specs.manifest import MIXTURE, FileRow, Manifest
from svbench.specs.plugins import load_plugin

Progress = Callable[[int, int, str], None]
Samples = NDArray[Any]
# 16-bit mixtures of 16-bit stems are off by at most half a step, far below this.
DEFAULT_RELATIVE_RMS = 1e-3
_BLOCK = 1 << 18


def verify(manifest: Manifest, root: Path | str, progress: Progress | None = None) -> list[Finding]:
    """List what is missing, extra, changed, of wrong length, rate or channels, silent or inconsistent.

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
        should know, such as a stem that is silent throughout or a defect listed in the errata.

    Raises
    ------
    DataError
        The root is no folder, or nothing of the layout is in it.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    head = manifest.head
    layout: Layout = load_plugin("layout", head.layout)()
    listed = layout.find(root, head)
    if not listed:
        raise DataError(f"{root}: no track of layout {head.layout!r} in it{hint(root, head)}")
    found: dict[str, TrackFiles] = {}
    findings = []
    for files in listed:
        if files.name in found:
            other = found[files.name].subset or "."
            message = f"two tracks have this name, in {other} and in {files.subset or '.'}"
            findings.append(Finding(files.name, "", "same name", message))
        found.setdefault(files.name, files)
    declared = {t.track: t for t in manifest.tracks}
    names = list(declared) if not head.discover else sorted(found)
    findings += [
        Finding(name, "", "extra", "track is not in the manifest", "note")
        for name in found
        if name not in set(names)
    ]
    if head.n_tracks is not None and head.discover and len(found) != head.n_tracks:
        message = f"{len(found)} tracks found, the whole data set has {head.n_tracks}"
        findings.append(Finding("", "", "missing" if len(found) < head.n_tracks else "extra", message))
    rows: dict[str, list[FileRow]] = {}
    for row in manifest.files:
        rows.setdefault(row.track, []).append(row)
    for number, name in enumerate(names, start=1):
        if name not in found:
            findings.append(Finding(name, "", "missing", "track is missing"))
        else:
            if name in declared and found[name].subset != declared[name].subset:
                message = f"lies in {found[name].subset!r}, the manifest says {declared[name].subset!r}"
                findings.append(Finding(name, "", "wrong subset", message))
            length = declared[name].n_samples if name in declared else None
            findings += _track(found[name], manifest, root, rows.get(name, []), length)
        if progress:
            progress(number, len(names), name)
    return findings


def _track(
    files: TrackFiles, manifest: Manifest, root: Path, rows: list[FileRow], length: int | None
) -> list[Finding]:
    if files.problem:
        return [Finding(files.name, "", "unusable", files.problem), *_files(files, root, rows)]
    findings = list(_files(files, root, rows))
    if not rows:
        absent = lacking(files.sources(), manifest.head)
        findings += [Finding(files.name, stem, "missing", f"{stem} is missing") for stem in absent]
    known: list[tuple[str, str, AudioInfo]] = []
    for stem, source in files.sources().items():
        if stem == MIXTURE and manifest.head.mixture.source == "sum":
            continue
        try:
            known += [
                (stem, replace(source, paths=(path,)).name, info)
                for path, info in zip(source.paths, source.infos(), strict=True)
            ]
        except AudioError as error:
            findings.append(Finding(files.name, stem, "unreadable", str(error)))
    stem_of = {name: stem for stem, name, _ in known}
    infos = [(name, info) for _, name, info in known]
    for name, info in infos:
        if info.n_samples == 0:
            findings.append(Finding(files.name, stem_of[name], "empty", f"{name} holds no samples"))
    for name, what, value, wanted, reason in disagreements(infos, manifest.head, length):
        kind = f"wrong {what}" if reason or what != "n_samples" else "unequal length"
        message = f"{what} is {value}, {reason or f'{infos[0][0]} has'} {wanted}"
        findings.append(Finding(files.name, stem_of[name], kind, message))
    if not findings:
        findings += _content(files, manifest, [info for _, info in infos])
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


def _content(files: TrackFiles, manifest: Manifest, infos: list[AudioInfo]) -> Iterable[Finding]:
    """Decode everything once, block by block: damage behind a good header, silence, the mixture."""
    lengths = [i.n_samples for i in infos]
    shape = (
        min(lengths) if manifest.head.lengths == "cut" else max(lengths),
        max(i.n_channels for i in infos),
    )
    sounds = {s: source_of(place).sound(*shape) for s, place in files.stems.items()}
    mixture: Source | None = files.sources().get(MIXTURE) if manifest.head.mixture.source == "file" else None
    try:
        peaks, relative = _measured(sounds, mixture.sound(*shape) if mixture else None)
    except AudioError as error:
        yield Finding(files.name, "", "unreadable", str(error))
        return
    for stem, peak in peaks.items():
        if not np.isfinite(peak):
            yield Finding(files.name, stem, "not finite", "stem holds NaN or infinite values")
        elif peak == 0:
            yield Finding(files.name, stem, "silent", "stem is digital silence throughout", "note")
    allowed = manifest.head.mixture.relative_rms or DEFAULT_RELATIVE_RMS
    if relative is not None and not relative <= allowed:
        message = (
            f"differs from the sum of stems by {relative:.3g} relative RMS, expected at most {allowed:g}"
        )
        known = [e.defect for e in manifest.errata if (e.track, e.stem) == (files.name, MIXTURE)]
        if known:
            yield Finding(files.name, MIXTURE, "mixture", f"{message}; known defect: {known[0]}", "note")
        else:
            yield Finding(files.name, MIXTURE, "mixture", message)


def _measured(sounds: Mapping[str, Sound], mixture: Sound | None) -> tuple[dict[str, float], float | None]:
    """Return the peak of every stem, and the RMS of mixture − sum of stems relative to the mixture.

    Blocks keep a track of ten minutes and twenty files within some megabytes.
    """
    peaks = dict.fromkeys(sounds, 0.0)
    error = power = 0.0
    n_samples = next(iter(sounds.values())).n_samples
    for start in range(0, n_samples, _BLOCK):
        n = min(_BLOCK, n_samples - start)
        total: Samples | None = None
        for stem, sound in sounds.items():
            block = np.empty((n, sound.n_channels))
            sound.read(start, block)
            peaks[stem] = float(np.maximum(peaks[stem], np.abs(block).max()))  # unlike max, keeps NaN
            total = block if total is None else np.add(total, block, out=total)
        if mixture is not None and total is not None:
            block = np.empty((n, mixture.n_channels))
            mixture.read(start, block)
            power += float(np.vdot(block, block))
            total -= block
            error += float(np.vdot(total, total))
    if mixture is None:
        return peaks, None
    return peaks, float(np.sqrt(error / max(power, 1e-24 * n_samples)))
