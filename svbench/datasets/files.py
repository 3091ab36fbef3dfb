"""Find the files of each track with a layout, and choose the tracks to measure; nothing is opened yet.

Tracks are chosen before they are checked, so that a problem in another track does not stop a run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

from svbench.audio import shown
from svbench.audio.sounds import Source, source_of
from svbench.errors import DataError, UnknownNameError
from svbench.naming.folders import audio_files
from svbench.naming.names import nfc, target_named
from svbench.specs.library import load_plugin
from svbench.specs.manifest import Manifest, ManifestHead

# A file or folder that only this data set has, what to call it, and a manifest that reads it.
LOOKS = (
    ("*.stem.mp4", "MUSDB18 (*.stem.mp4)", "musdb18", "musdb18"),
    ("*/*.stem.mp4", "MUSDB18 (*.stem.mp4)", "musdb18", "musdb18"),
    ("Mixtures/../Sources", "DSD100 (Mixtures/, Sources/)", "dsd100", "dsd100"),
    ("*/data.json", "MoisesDB (<uuid>/data.json)", "moisesdb", "moisesdb"),
    ("*/*/data.json", "MoisesDB (<uuid>/data.json)", "moisesdb", "moisesdb"),
    ("*/*_STEMS", "MedleyDB (<track>_STEMS/)", "medleydb", "medleydb"),
    ("*/*/*_STEMS", "MedleyDB (<track>_STEMS/)", "medleydb", "medleydb"),
    ("Wavfile/*.wav", "iKala or MIR-1K (Wavfile/)", "channels", "ikala"),
    ("*/*/vocals.wav", "MUSDB18-HQ (<subset>/<track>/vocals.wav)", "folder", "musdb18-hq"),
    ("*/vocals.*", "a plain folder of tracks (<track>/vocals.wav)", "folder", "folder"),
)


@dataclass(frozen=True)
class TrackFiles:
    """What a layout finds: where a track's files lie.

    Attributes
    ----------
    name, subset : str
        The name in Unicode's composed form, or as the manifest writes it.
    stems : mapping of str to Path or Source
        By stem; also by target where one file holds the sum of several stems (see `lumps`).
    mixture : Path, Source or None
    problem : str
        Why the files of the track cannot be used; such a track is never skipped silently.
    unused : tuple of str
        A sentence about each audio file of the track that belongs to no stem.
    no_track : str
        Why a folder that should be a track is not one, for example because copying stopped there; runs leave
        it out and count it.
    redundant : mapping of str to Path
        Files that should be the sum of stems which all have files of their own, by target.
    read_as : tuple of str
        What was read of each file that is not named exactly after its stem.
    """

    name: str
    subset: str
    stems: Mapping[str, Path | Source]
    mixture: Path | Source | None
    problem: str = ""
    unused: tuple[str, ...] = ()
    no_track: str = ""
    redundant: Mapping[str, Path] = field(default_factory=dict)
    read_as: tuple[str, ...] = ()

    def sources(self) -> dict[str, Source]:
        """Return all stems, and the mixture under its name, as sources."""
        mixture = {"mixture": self.mixture} if self.mixture else {}
        return {name: source_of(place) for name, place in {**self.stems, **mixture}.items()}


class Layout(Protocol):
    """A layout plug-in: how a data set's files are arranged on disk."""

    def find(self, root: Path, head: ManifestHead) -> list[TrackFiles]:
        """Return all tracks below a root, sorted by subset and name."""


@dataclass(frozen=True)
class Finding:
    """Something a reader of the results should know about the data."""

    track: str
    stem: str
    kind: str
    message: str
    severity: Literal["error", "note"] = "error"


def find_tracks(root: Path, head: ManifestHead, declared: Collection[str] = ()) -> list[TrackFiles]:
    """Return what the layout finds below a root: at least one track, and folders that hold none.

    Parameters
    ----------
    root : Path
    head : ManifestHead
    declared : collection of str
        Track names as the manifest writes them; the same name in another Unicode form is the same track.

    Raises
    ------
    DataError
        Not a folder, no track in it, or another layout.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    layout: Layout = load_plugin("layout", head.layout)()
    found = layout.find(root, head)
    looks = "" if any(f.stems for f in found) else other_layout(root, head)
    if looks or all(f.no_track for f in found):
        lost = f"; {found[0].name}: {found[0].no_track}" if found else hint(root, head)
        raise DataError(f"{root}: no track of layout {head.layout!r} in it{looks or shown(lost)}")
    written = {nfc(name): name for name in (*declared, *(n for s in head.named_subsets.values() for n in s))}
    return [named(files, written) for files in found]


def named(files: TrackFiles, written: Mapping[str, str]) -> TrackFiles:
    """Name a track as the manifest does, in text that JSON can hold; its files keep their names."""
    name = shown(nfc(files.name))
    return replace(
        files,
        name=written.get(name, name),
        subset=shown(files.subset),
        problem=shown(files.problem),
        unused=tuple(map(shown, files.unused)),
        no_track=shown(files.no_track),
    )


def names_read(read_as: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """Return how files of other names were read, and in how many tracks.

    Parameters
    ----------
    read_as : iterable of iterable of str
        For each track what `svbench.naming.folders.read_as` returns.

    Examples
    --------
    >>> names_read([["Bass.wav read as bass"], ["Bass.wav read as bass"]])
    ('Bass.wav read as bass in 2 tracks',)
    """
    counts = Counter(message for messages in read_as for message in messages)
    return tuple(f"{message} in {n} track{'s' if n > 1 else ''}" for message, n in counts.items())


def choose(
    manifest: Manifest, found: Sequence[TrackFiles], root: Path, subset: str | None, tracks: Sequence[str]
) -> tuple[list[TrackFiles], list[Finding]]:
    """Return the tracks of a subset or by their names, and what a reader must know was left out.

    Parameters
    ----------
    manifest : Manifest
    found : sequence of TrackFiles
    root : Path
    subset : str or None
        Only this one; also one that the manifest names beside those of its tracks.
    tracks : sequence of str
        Only these; all where empty.

    Returns
    -------
    list of TrackFiles
        In the manifest's order, or as found where the manifest lists no tracks.
    list of Finding

    Raises
    ------
    UnknownNameError
        No such subset or track.
    DataError
        Of what is chosen, a track is missing, cannot be used or is there twice.
    """
    head = manifest.head
    there = [f for f in found if not f.no_track]
    lost = {f.name: f.no_track for f in found if f.no_track}
    rows = (
        {f.name: f.subset for f in there} if head.discover else {t.track: t.subset for t in manifest.tracks}
    )
    names = _names(manifest, there, rows, subset)
    written = {nfc(n): n for n in (*rows, *lost)}
    tracks = [written.get(nfc(n), n) for n in tracks]
    for name in tracks:
        if name not in names and head.discover and name in lost:
            raise DataError(f"{root}: track {name!r}: {lost[name]}")
        if name not in names:
            raise UnknownNameError("track", name, names)
    names = [n for n in names if not tracks or n in tracks]
    missing = [n for n in names if n not in {f.name for f in there}]
    if missing:
        data = f"{head.id}/{subset}" if subset else head.id
        reason = f" ({lost[missing[0]]})" if missing[0] in lost else ""
        raise DataError(
            f"{root}: {len(missing)} of {len(names)} tracks of {data} are missing, the first is "
            f"{missing[0]!r}{reason}; `svbench verify {head.id}={root}` lists them"
        )
    chosen = [_only([f for f in there if f.name == n], root, subset) for n in names]
    broken = next((f for f in chosen if f.problem), None)
    if broken:
        raise DataError(f"{broken.problem}; `svbench verify {head.id}={root}` lists all such findings")
    skipped = [] if tracks else _left_out(manifest, found, rows, subset)
    skipped += [Finding(f.name, "", "unused", message, "note") for f in chosen for message in f.unused]
    if not head.discover:
        chosen = [replace(f, subset=rows[f.name]) for f in chosen]
    return chosen, skipped


def _names(
    manifest: Manifest, there: Sequence[TrackFiles], rows: dict[str, str], subset: str | None
) -> list[str]:
    """Return the names of all tracks of a subset, whether they are there or not."""
    named = manifest.head.named_subsets
    if subset is None:
        return list(rows)
    if subset in named:
        gone = [n for n in named[subset] if n not in rows] if manifest.head.discover else []
        return [*(n for n in rows if n in named[subset]), *gone]
    # A name that stands twice is in two subsets, though it can have one row only.
    pairs = [(f.name, f.subset) for f in there] if manifest.head.discover else list(rows.items())
    names = [n for n, s in pairs if s == subset]
    if not names:
        # The empty name is that of tracks that lie in no subset.
        raise UnknownNameError("subset", subset, ({s for _, s in pairs} | set(named)) - {""})
    return list(dict.fromkeys(names))


def _only(twins: Sequence[TrackFiles], root: Path, subset: str | None) -> TrackFiles:
    """Return the one track of a name, by its folder where a subset was chosen."""
    twins = [f for f in twins if f.subset == subset] or twins
    if len(twins) > 1:
        raise DataError(
            f"{root}: two tracks are called {twins[0].name!r} (in {twins[0].subset or '.'} and "
            f"{twins[1].subset or '.'}); names must be unique, also in two Unicode forms; choose one "
            "--subset folder or rename"
        )
    return twins[0]


def _left_out(
    manifest: Manifest, found: Sequence[TrackFiles], rows: dict[str, str], subset: str | None
) -> list[Finding]:
    """Report what is there but is not a track of the manifest, and how many tracks are missing altogether."""
    head = manifest.head
    notes = [
        Finding(f.name, "", "no track", f.no_track) if f.no_track
        else Finding(f.name, "", "extra", "not in the manifest", "note")
        for f in found
        if (f.no_track or f.name not in rows) and subset in (None, f.subset)
    ]  # fmt: skip
    if head.discover and head.n_tracks and len(rows) < head.n_tracks and subset is None:
        notes.append(Finding("", "", "missing", f"{len(rows)} of {head.n_tracks} tracks found"))
    return notes


def other_layout(root: Path, head: ManifestHead) -> str:
    """Say which other layout the folder looks like; empty where it looks like none."""
    for pattern, looks, layout, manifest in LOOKS:
        if layout != head.layout and _has(root, pattern):
            return f"; it looks like {looks}: use the manifest {manifest}"
    return ""


def hint(root: Path, head: ManifestHead) -> str:
    """Say what is in the folder instead of tracks."""
    if not any(root.iterdir()):
        return "; the folder is empty"
    here = [p.name for p in audio_files(root) if target_named(p.stem, head.stems)]
    if here:
        return f"; {here[0]} lies directly in it: give the folder above, which holds one folder per track"
    stems = ", ".join(head.stems)
    return f"; expected one folder per track with audio files named after the stems ({stems})"


def _has(root: Path, pattern: str) -> bool:
    first, both, second = pattern.partition("/../")
    if both:
        return (root / first).is_dir() and (root / second).is_dir()
    return next(root.glob(pattern), None) is not None
