"""Layouts with one folder per track (`Folder`, `Dsd100`), and the checks that all layouts share.

Plain folders are <track>/<stem>.wav (or flac, ogg, mp3), with the tracks in the root or one subset folder
deeper; names are understood by the table of `svbench.naming.names`. DSD100 has two trees,
Mixtures/{Dev,Test}/<nnn - name>/mixture.wav and Sources/{Dev,Test}/<nnn - name>/<stem>.wav.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from pathlib import Path

from svbench.audio import EXTENSIONS
from svbench.datasets.content import lumps, overlapping
from svbench.datasets.files import TrackFiles
from svbench.errors import DataError
from svbench.naming.folders import audio_files, folders, is_ignored, read_as, target_files
from svbench.specs.manifest import MIXTURE, ManifestHead


def escapes(path: Path, root: Path) -> str:
    """Return a sentence about a link that leads out of the data set, or nothing.

    Results would depend on files that the data set's folder does not hold.
    """
    return "" if path.resolve().is_relative_to(root.resolve()) else f"{path}: a link that leads out of {root}"


def first_escape(paths: list[Path], root: Path) -> str:
    """Return the sentence about the first link that leads out, or nothing."""
    return next((problem for p in paths if (problem := escapes(p, root))), "")


def unused(there: Iterable[Path], used: Collection[Path], stems: Iterable[str]) -> tuple[str, ...]:
    """Return a sentence about each audio file that belongs to no stem.

    Examples
    --------
    >>> unused([Path("basss.wav"), Path("vocals.wav")], [Path("vocals.wav")], ["bass", "vocals"])
    ("basss.wav belongs to no stem; did you mean 'bass'?",)
    """
    messages = []
    names = list(stems)
    for path in (p for p in there if p not in used):
        near = get_close_matches(path.stem.lower(), names, n=1, cutoff=0.6)
        messages.append(f"{path.name} belongs to no stem{f'; did you mean {near[0]!r}?' if near else ''}")
    return tuple(messages)


def beside(tracks: Collection[Path]) -> list[Path]:
    """Return the folders beside tracks that are not tracks and do not hold any."""
    holders = dict.fromkeys(t.parent for t in tracks)
    return [f for h in holders for f in folders(h) if f not in tracks and f not in holders]


def contents(folder: Path, most: int = 3) -> str:
    """Return what a folder holds, in words: "it is empty", or the first few names."""
    names = sorted(p.name for p in folder.iterdir() if not is_ignored(p.name))
    if not names:
        return "it is empty"
    return f"it has {', '.join(names[:most])}{f' and {len(names) - most} more' if len(names) > most else ''}"


def no_track(folder: Path, expected: str, name: str = "", subset: str = "") -> TrackFiles:
    """Describe a folder that should be a track and lacks what every track has."""
    reason = f"no {expected} in the folder, {contents(folder)}"
    return TrackFiles(name or folder.name, subset, {}, None, no_track=reason)


class Folder:
    """One folder per track; ``mixture.*`` is the mixture and never a stem.

    Sub-folders of the root that hold no audio themselves, but in their folders, are subsets.
    """

    def find(self, root: Path, head: ManifestHead) -> list[TrackFiles]:
        """Return all tracks below a root, sorted by subset and name."""
        return folder_tracks(root, head, root)


def folder_tracks(root: Path, head: ManifestHead, within: Path | None = None) -> list[TrackFiles]:
    """Return the tracks below a root; links must not lead out of ``within``, where it is given."""
    tracks = []
    for folder in folders(root):
        inner = folders(folder)
        if audio_files(folder) or not any(audio_files(f) for f in inner):
            tracks.append(track_files(folder, "", head, within))
        else:
            tracks += [track_files(f, folder.name, head, within) for f in inner]
    return tracks


def track_files(
    folder: Path, subset: str, head: ManifestHead, within: Path | None = None, name: str = ""
) -> TrackFiles:
    """Pair a track folder's files with the stems, the mixture and the sums of stems that a manifest names.

    Parameters
    ----------
    folder : Path
    subset : str
    head : ManifestHead
    within : Path, optional
        Links must not lead out of this folder.
    name : str, optional
        Of the track; by default that of the folder.

    Returns
    -------
    TrackFiles
        With a sentence if it cannot be used: two files for one stem, a link that leads out, no known
        stem at all, or an unknown file where the mixture is the sum of the known ones.
    """
    name = name or folder.name
    there = audio_files(folder)
    if not there:
        return no_track(folder, f"audio file ({', '.join(EXTENSIONS)})", name, subset)
    names = (*head.stems, *(t for t in head.targets if t not in head.stems), MIXTURE)
    try:
        files = target_files(folder, names, name)
    except DataError as error:
        return TrackFiles(name, subset, {}, None, str(error))
    problem = first_escape(list(files.values()), within) if within else ""
    aliased = tuple(read_as(files, name))
    mixture = files.pop(MIXTURE, None)
    stems = {name: files[name] for name in names if name in files}
    # A sum beside all of its stems adds nothing; adding it to the mixture would count the stems twice.
    redundant = {
        lump: stems.pop(lump)
        for lump in lumps(stems, head.targets)
        if all(s in files for s in head.targets[lump])
    }
    notes = unused(there, [*files.values(), *([mixture] if mixture else [])], names) if stems else ()
    crossing = overlapping(stems, head.targets)
    is_sum = mixture is None or head.mixture.source == "sum"
    if not stems:
        names_there = ", ".join(p.name for p in there)
        problem = f"{folder}: has {names_there}, but none of the stems {', '.join(head.stems)}"
    elif is_sum and notes and not problem:
        problem = (
            f"{folder}: {'; '.join(notes)}, and the mixture is the sum of the stems: rename it (stems are "
            f"{', '.join(names)}), move it away, or describe the folder by `svbench manifest make`"
        )
    elif is_sum and crossing and not problem:
        one, other = (files[name].name for name in crossing)
        problem = f"{folder}: {one} and {other} share stems, so no sum of files is the mixture; add a mixture"
    return TrackFiles(name, subset, stems, mixture, problem, notes, redundant=redundant, read_as=aliased)


class Dsd100:
    """Mixtures and sources in two trees of the same shape, paired by subset and name."""

    def find(self, root: Path, head: ManifestHead) -> list[TrackFiles]:
        """Return all tracks below a root, sorted by subset and name."""
        names = {
            (subset.name, track.name)
            for tree in ("Mixtures", "Sources")
            for subset in folders(root / tree)
            for track in folders(subset)
        }
        return [_track(root, subset, name, head) for subset, name in sorted(names)]


def _track(root: Path, subset: str, name: str, head: ManifestHead) -> TrackFiles:
    sources = {p.stem: p for p in audio_files(root / "Sources" / subset / name)}
    mixtures = {p.stem: p for p in audio_files(root / "Mixtures" / subset / name)}
    stems = {s: sources[s] for s in head.stems if s in sources}
    mixture = mixtures.get("mixture")
    problem = first_escape([*stems.values(), *([mixture] if mixture else [])], root)
    left = unused(sources.values(), list(stems.values()), head.stems)
    return TrackFiles(name, subset, stems, mixture, problem, left)
