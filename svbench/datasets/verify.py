"""Compare a data set on disk with its manifest and report everything that differs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

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
    root, head = Path(root), manifest.head
    findings: list[Finding] = []

    def add(track: str, kind: str, message: str, severity: Literal["error", "note"] = "error") -> None:
        findings.append(Finding(track, "", kind, message, severity))

    listed = find_tracks(root, head, [t.track for t in manifest.tracks])
    lost = {f.name: f.no_track for f in listed if f.no_track}
    tracks: dict[str, TrackFiles] = {}
    for files in (f for f in listed if not f.no_track):
        twin = tracks.setdefault(files.name, files)
        if twin is not files and twin.subset == files.subset:
            add(files.name, "same name", "two tracks whose names differ only in Unicode form; rename one")
        elif twin is not files:
            where = f"in {twin.subset or '.'} and in {files.subset or '.'}"
            add(files.name, "same name", f"two tracks have this name, {where}")
    findings += _names(tracks, head)
    declared = {t.track: t for t in manifest.tracks}
    names = sorted(tracks) if head.discover else list(declared)
    for name in tracks:
        if name not in set(names):
            add(name, "extra", "track is not in the manifest", "note")
    for name, reason in lost.items():
        if name not in {*names, *(t.subset for t in manifest.tracks)}:
            add(name, "no track", reason, "error" if head.discover else "note")
    n_tracks = head.n_tracks if head.discover else None
    if n_tracks is not None and len(tracks) < n_tracks:
        add("", "missing", f"{len(tracks)} of {n_tracks} tracks found")
    elif n_tracks is not None and len(tracks) > n_tracks:
        add("", "extra", f"{len(tracks)} tracks found, the whole data set has {n_tracks}")
    rows = defaultdict[str, list[FileRow]](list)
    for row in manifest.files:
        rows[row.track].append(row)
    for number, name in enumerate(names, start=1):
        row_of_track = declared.get(name)
        if name not in tracks:
            add(name, "missing", f"track is missing{f' ({lost[name]})' if name in lost else ''}")
        else:
            subset = tracks[name].subset
            if row_of_track and subset != row_of_track.subset:
                add(name, "wrong subset", f"lies in {subset!r}, the manifest says {row_of_track.subset!r}")
            length = row_of_track.n_samples if row_of_track else None
            findings += _track(tracks[name], manifest, root, rows[name], length)
        if progress:
            progress(number, len(names), name)
    return findings


def _track(
    files: TrackFiles, manifest: Manifest, root: Path, rows: list[FileRow], length: int | None
) -> list[Finding]:
    """Compare one track with the manifest: its files, their headers, and then what decoding shows."""
    findings = list(_files(files, root, rows))
    if files.problem:
        return [Finding(files.name, "", "unusable", files.problem), *findings]
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
    for name, what, value, expected, reason in disagreements(infos, manifest.head, length):
        kind = f"wrong {what}" if reason or what != "n_samples" else "unequal length"
        message = f"{what} is {value}, {reason or f'{infos[0][0]} has'} {expected}"
        findings.append(Finding(files.name, stem_of[name], kind, message))
    findings += _content(files, manifest, known, is_healthy=not findings)
    findings += [Finding(files.name, "", "unused", message, "note") for message in files.unused]
    return findings


def _names(tracks: Mapping[str, TrackFiles], head: ManifestHead) -> Iterable[Finding]:
    """Report how files of other names were read, and which stems one file may hide."""
    for message in names_read(f.read_as for f in tracks.values()):
        yield Finding("", "", "read as", message, "note")
    hidden = defaultdict[tuple[tuple[str, ...], tuple[str, ...]], list[str]](list)
    for name, files in tracks.items():
        if unknown := unknown_stems(files.stems, head.targets):
            hidden[unknown, lumps(files.stems, head.targets)].append(name)
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
    files: TrackFiles, manifest: Manifest, known: Sequence[tuple[str, Source, AudioInfo]], *, is_healthy: bool
) -> Iterable[Finding]:
    """Report what decoding shows: damage; of a track without other errors also silence and wrong sums."""
    if not is_healthy:
        for stem, message in damaged_files((stem, part) for stem, part, _ in known):
            yield Finding(files.name, stem, "unreadable", message)
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
    mixture = {} if content.relative_rms is None else {MIXTURE: content.relative_rms}
    yield from sum_findings(manifest, files.name, {**mixture, **content.lumps})


def sum_notes(manifest: Manifest, track: str, measured: Mapping[str, float]) -> tuple[str, ...]:
    """Return the findings of `sum_findings` as sentences for whoever reads the scores."""
    return tuple(f"{f.stem} {f.message}" for f in sum_findings(manifest, track, measured))


def sum_findings(manifest: Manifest, track: str, measured: Mapping[str, float]) -> Iterable[Finding]:
    """Report files that are not the sum of their stems: the mixture, or one named after a target.

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
        known = f"; known defect: {defects[0]}" if defects else ""
        yield Finding(track, name, name, message + known, "note" if defects else "error")
