"""Folders of references and of estimates, paired by the names of tracks and targets, never by order.

References lie as in the layout ``folder`` of data sets; estimates as `svbench.naming.folders` says.
Where one folder holds the references of a single track, another one holds its estimates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from svbench.datasets.api import Track, track_of
from svbench.datasets.files import TrackFiles, named, names_read
from svbench.datasets.layouts.folder import folder_tracks, track_files
from svbench.errors import DataError
from svbench.naming.folders import EstimateFolder, audio_files, read_as, target_files
from svbench.specs.manifest import ManifestHead


@dataclass(frozen=True)
class TrackPair:
    """One track of the references, and the files of its estimates by target."""

    track: Track
    estimates: Mapping[str, Path]


@dataclass(frozen=True)
class Pairs:
    """All tracks of the references in their order, with what a reader must know of the two folders.

    Attributes
    ----------
    tracks : tuple of TrackPair
        Also those without estimates.
    left_out : tuple of str
        What lies in the folders and is not used.
    read_as : tuple of str
        What files are that are not named exactly after their targets.
    """

    tracks: tuple[TrackPair, ...]
    left_out: tuple[str, ...]
    read_as: tuple[str, ...]


def pair_folders(references: Path, estimates: Path, head: ManifestHead) -> Pairs:
    """Pair a folder of references with one of estimates.

    Parameters
    ----------
    references, estimates : Path
    head : ManifestHead
        Its stems and targets are looked for on both sides.

    Returns
    -------
    Pairs

    Raises
    ------
    DataError
        No such folder, no audio in it, two files for one target, files of a track that do not fit
        together, or no name in common.
    """
    for folder in (references, estimates):
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder")
    known = tuple(dict.fromkeys((*head.stems, *head.targets)))
    if target_files(references, known):
        return _single(references, estimates, head, known)
    found = [named(files, {}) for files in folder_tracks(references, head)]
    tracks = [files for files in found if not files.no_track]
    if not tracks:
        raise DataError(
            f"{references}: no folder with audio files in it; expected <track>/<target>.wav, "
            f"with targets {', '.join(head.targets)}"
        )
    names = [files.name for files in tracks]
    for files in tracks:
        if names.count(files.name) > 1:
            raise DataError(f"{references}: two tracks are called {files.name!r}; rename one")
    given = EstimateFolder(estimates, known)
    by_track = {name: given.of(name) for name in names}
    if not any(by_track.values()):
        theirs = given.strangers(names) or [n for name in names for n in given.unread(name)]
        raise DataError(
            f"{estimates}: no estimate is named after a track of {references} (such as {names[0]!r}) and a "
            f"target ({', '.join(known)}); found {', '.join(map(repr, theirs[:3])) or 'no audio at all'}"
        )
    left_out = [f"{files.name}: {files.no_track}" for files in found if files.no_track]
    left_out += [f"{name}: no reference has this name" for name in given.strangers(names)]
    unread = Counter(name for track in names for name in given.unread(track))
    left_out += [f"estimate {name} is named after no target ({n} tracks)" for name, n in unread.items()]
    return _pairs(tracks, {name: files or {} for name, files in by_track.items()}, head, left_out)


def _single(references: Path, estimates: Path, head: ManifestHead, known: tuple[str, ...]) -> Pairs:
    """Pair the files of one track that lie directly in the two folders."""
    track = references.resolve().name
    found = target_files(estimates, known, track)
    if not found:
        there = ", ".join(p.name for p in audio_files(estimates)[:3]) or "no audio at all"
        raise DataError(
            f"{estimates}: {references} holds the references of one track, and no estimate here is "
            f"named after a target ({', '.join(known)}); found {there}"
        )
    files = named(track_files(references, "", head, name=track), {})
    return _pairs([files], {files.name: found}, head, [])


def _pairs(
    tracks: list[TrackFiles], by_track: Mapping[str, dict[str, Path]], head: ManifestHead, left_out: list[str]
) -> Pairs:
    problem = next((files.problem for files in tracks if files.problem), "")
    if problem:
        raise DataError(problem)
    unused = [f"{files.name}: {message}" for files in tracks for message in files.unused]
    counts = Counter(message for name, files in by_track.items() for message in read_as(files, name))
    theirs = [f"estimate {message} in {n} track{'s' if n > 1 else ''}" for message, n in counts.items()]
    return Pairs(
        tuple(TrackPair(track_of(files, head), by_track[files.name]) for files in tracks),
        (*left_out, *unused),
        (*(f"reference {message}" for message in names_read(tracks)), *theirs),
    )
