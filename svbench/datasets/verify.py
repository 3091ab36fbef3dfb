"""Compare a data set on disk with its manifest: everything that differs, nothing left unsaid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from svbench.audio import AudioInfo
from svbench.audio.sounds import Source, source_of
from svbench.datasets.content import damaged_files, disagreements, lacking, lumps, measure, unknown_stems
from svbench.datasets.files import Finding, TrackFiles, find_tracks, names_read
from svbench.disk import file_sha256
from svbench.errors import AudioError
from svbench.specs.manifest import MIXTURE, FileRow, Manifest, ManifestHead

Progress = Callable[[int, int, str], None]
# 16-bit mixtures of 16-bit stems are off by at most half a step, far below this.
DEFAULT_RELATIVE_RMS = 1e-3


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
    head = manifest.head
    listed = find_tracks(root, head, [t.track for t in manifest.tracks])
    found: dict[str, TrackFiles] = {}
    findings = []
    for files in (f for f in listed if not f.no_track):
        if files.name in found:
            other = found[files.name].subset or "."
            message = f"two tracks have this name, in {other} and in {files.subset or '.'}"
            if found[files.name].subset == files.subset:
                message = "two tracks whose names differ only in Unicode form; rename one"
            findings.append(Finding(files.name, "", "same name", message))
        found.setdefault(files.name, files)
    findings += _names(found, head)
    declared = {t.track: t for t in manifest.tracks}
    names = list(declared) if not head.discover else sorted(found)
    findings += [
        Finding(name, "", "extra", "track is not in the manifest", "note")
        for name in found
        if name not in set(names)
    ]
    lost = {f.name: f.no_track for f in listed if f.no_track}
    findings += [
        Finding(name, "", "no track", reason, "error" if head.discover else "note")
        for name, reason in lost.items()
        if name not in {*names, *(t.subset for t in manifest.tracks)}
    ]
    if head.n_tracks is not None and head.discover and len(found) < head.n_tracks:
        findings.append(Finding("", "", "missing", f"{len(found)} of {head.n_tracks} tracks found"))
    elif head.n_tracks is not None and head.discover and len(found) > head.n_tracks:
        message = f"{len(found)} tracks found, the whole data set has {head.n_tracks}"
        findings.append(Finding("", "", "extra", message))
    rows: dict[str, list[FileRow]] = {}
    for row in manifest.files:
        rows.setdefault(row.track, []).append(row)
    for number, name in enumerate(names, start=1):
        if name not in found:
            reason = f" ({lost[name]})" if name in lost else ""
            findings.append(Finding(name, "", "missing", f"track is missing{reason}"))
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
    known: list[tuple[str, Source, AudioInfo]] = []
    for stem, source in files.sources().items():
        if stem == MIXTURE and manifest.head.mixture.source == "sum":
            continue
        for part in source.files():
            try:
                known.append((stem, part, part.infos()[0]))
            except AudioError as error:
                findings.append(Finding(files.name, stem, "unreadable", str(error)))
    stem_of = {part.name: stem for stem, part, _ in known}
    infos = [(part.name, info) for _, part, info in known]
    for name, what, value, wanted, reason in disagreements(infos, manifest.head, length):
        kind = f"wrong {what}" if reason or what != "n_samples" else "unequal length"
        message = f"{what} is {value}, {reason or f'{infos[0][0]} has'} {wanted}"
        findings.append(Finding(files.name, stem_of[name], kind, message))
    findings += _content(files, manifest, known, sound=not findings)
    findings += [Finding(files.name, "", "unused", message, "note") for message in files.unused]
    return findings


def _names(found: Mapping[str, TrackFiles], head: ManifestHead) -> Iterable[Finding]:
    """Tell what files of other names were read as, and which stems one file hides."""
    for message in names_read(f.read_as for f in found.values()):
        yield Finding("", "", "read as", message, "note")
    hidden: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for name, files in found.items():
        unknown = unknown_stems(files.stems, head.targets)
        if unknown:
            hidden.setdefault((unknown, lumps(files.stems, head.targets)), []).append(name)
    for (unknown, files_named), names in hidden.items():
        message = (
            f"{', '.join(unknown)}: not known in {len(names)} track{'s' if len(names) > 1 else ''}, since "
            f"{' and '.join(files_named)} may hold them"
        )
        yield Finding(names[0] if len(names) == 1 else "", "", "unknown stems", message, "note")


def _files(files: TrackFiles, root: Path, rows: list[FileRow]) -> Iterable[Finding]:
    """Compare files with the digests the manifest lists, if it lists any."""
    for row in rows:
        path = root / row.path
        if not path.is_file():
            yield Finding(files.name, row.stem, "missing", f"{row.path} is missing")
        elif path.stat().st_size != row.n_bytes:
            message = f"{row.path} has {path.stat().st_size} bytes, the manifest says {row.n_bytes}"
            yield Finding(files.name, row.stem, "wrong size", message)
        elif file_sha256(path) != row.sha256:
            yield Finding(files.name, row.stem, "wrong digest", f"{row.path} differs in content")
    listed = {row.stem for row in rows}
    for stem in files.stems:
        if rows and stem not in listed:
            yield Finding(files.name, stem, "extra", "stem is not in the manifest")


def _content(
    files: TrackFiles, manifest: Manifest, known: Sequence[tuple[str, Source, AudioInfo]], *, sound: bool
) -> Iterable[Finding]:
    """Tell what decoding shows: damage behind good headers; of a sound track also silence and mixture."""
    if not sound:
        parts = [(stem, part) for stem, part, _ in known]
        yield from (
            Finding(files.name, stem, "unreadable", message) for stem, message in damaged_files(parts)
        )
        return
    stems = {stem for stem, _, _ in known}
    sources = {stem: source for stem, source in files.sources().items() if stem in stems}
    redundant = {target: source_of(place) for target, place in files.redundant.items()}
    content = measure(sources, [info for _, _, info in known], manifest.head, redundant)
    for stem, message in content.damaged:
        yield Finding(files.name, stem, "unreadable", message)
    for stem, peak in content.peaks.items():
        if peak == 0:
            yield Finding(files.name, stem, "silent", "stem is digital silence throughout", "note")
    if content.relative_rms is not None:
        yield from sum_findings(manifest, files.name, {MIXTURE: content.relative_rms, **content.lumps})
    else:
        yield from sum_findings(manifest, files.name, content.lumps)


def sum_notes(manifest: Manifest, track: str, measured: Mapping[str, float]) -> tuple[str, ...]:
    """Return the findings of `sum_findings` as sentences for whoever reads the scores."""
    return tuple(f"{f.stem} {f.message}" for f in sum_findings(manifest, track, measured))


def sum_findings(manifest: Manifest, track: str, measured: Mapping[str, float]) -> Iterable[Finding]:
    """Tell of files that are not the sum of their stems: the mixture, or one named after a target.

    Parameters
    ----------
    manifest : Manifest
        Says how far a healthy mixture may be from the sum, and which defects are known (those are notes).
    track : str
    measured : mapping of str to float
        RMS of the difference relative to the file, by ``"mixture"`` or target.
    """
    for name, relative in measured.items():
        allowed = DEFAULT_RELATIVE_RMS
        if name == MIXTURE:
            allowed = manifest.head.mixture.relative_rms or allowed
        if relative <= allowed:
            continue
        message = (
            "differs from the sum of "
            f"{'stems' if name == MIXTURE else ', '.join(manifest.head.targets[name])} by {relative:.3g} "
            f"relative RMS, expected at most {allowed:g}"
        )
        defects = [e.defect for e in manifest.errata if (e.track, e.stem) == (track, name)]
        if defects:
            yield Finding(track, name, name, f"{message}; known defect: {defects[0]}", "note")
        else:
            yield Finding(track, name, name, message)
