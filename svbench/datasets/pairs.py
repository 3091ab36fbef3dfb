"""Folders of references and of estimates, paired by the names of tracks and targets, never by order.

Three layouts of estimates are met in practice, and all are read::

    estimates/<track>/<target>.wav          museval, MUSDB18 (also one subset folder deeper)
    estimates/<track>_<target>.wav          Music-Source-Separation-Training
    estimates/<target>.wav                  one track; its references lie just so
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from svbench.audio import EXTENSIONS
from svbench.errors import DataError
from svbench.printing.visible import shown

Files = dict[str, Path]


@dataclass(frozen=True)
class TrackPair:
    """The files of one track; a target made of several files is their sum.

    Attributes
    ----------
    name : str
    references, estimates : mapping of str to tuple of Path
        By target. No reference means the track does not contain the target.
    mixture : tuple of Path
        Files that add up to the mixture; empty when it is not known.
    """

    name: str
    references: Mapping[str, tuple[Path, ...]]
    estimates: Mapping[str, tuple[Path, ...]]
    mixture: tuple[Path, ...]


@dataclass(frozen=True)
class Pairs:
    """All tracks of the references, in their order, and estimates that belong to none of them."""

    tracks: tuple[TrackPair, ...]
    unpaired: tuple[str, ...]


def pair_folders(references: Path, estimates: Path, targets: Mapping[str, Sequence[str]]) -> Pairs:
    """Pair a folder of references with one of estimates.

    Parameters
    ----------
    references, estimates : Path
    targets : mapping of str to sequence of str
        The targets asked for, each with the stems whose sum it is when it has no file of its own.

    Returns
    -------
    Pairs
        Every track of the references, also those without estimates.

    Raises
    ------
    DataError
        No such folder, no audio in it, two files for one target, or no name in common.
    """
    for folder in (references, estimates):
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder")
    known = {name for target, stems in targets.items() for name in (target, *stems)}
    single = _audio(references)
    if known & single.keys():
        found = _audio(estimates)
        if not known & found.keys():
            raise DataError(
                f"{estimates}: {references} holds the references of one track, and no estimate here is "
                f"named after a target ({', '.join(targets)})"
            )
        return Pairs((_pair(references.resolve().name, single, found, targets),), ())
    tracks = _tracks(references)
    if not tracks:
        raise DataError(
            f"{references}: no folder with audio files in it; expected <track>/<target>.wav, "
            f"with targets {', '.join(targets)}"
        )
    found_by_track = _tracks(estimates) or _flat(estimates, tracks, known)
    common = tracks.keys() & found_by_track.keys()
    if not common:
        theirs = sorted(found_by_track or _audio(estimates)) or ["no audio at all"]
        raise DataError(
            f"{estimates}: no estimate is named after a track of {references} "
            f"(such as {sorted(tracks)[0]!r}); found {', '.join(map(repr, theirs[:3]))}"
        )
    pairs = [_pair(name, files, found_by_track.get(name, {}), targets) for name, files in tracks.items()]
    for pair in pairs:
        if not pair.references:
            names = ", ".join(p.name for p in tracks[pair.name].values())
            raise DataError(f"{references}: track {pair.name!r} has {names}, none of them a reference")
    return Pairs(tuple(pairs), tuple(sorted(found_by_track.keys() - tracks.keys())))


def _pair(name: str, references: Files, estimates: Files, targets: Mapping[str, Sequence[str]]) -> TrackPair:
    stems = tuple(dict.fromkeys(s for parts in targets.values() for s in parts))
    known: dict[str, tuple[Path, ...]] = {}
    given: dict[str, tuple[Path, ...]] = {}
    for target, parts in targets.items():
        if target in references:
            known[target] = (references[target],)
        elif any(p in references for p in parts):
            known[target] = tuple(references[p] for p in parts if p in references)
        if target in estimates:
            given[target] = (estimates[target],)
        elif all(p in estimates for p in parts):
            given[target] = tuple(estimates[p] for p in parts)
    if "mixture" in references:
        mixture: tuple[Path, ...] = (references["mixture"],)
    elif "accompaniment" in references and "vocals" in references:
        mixture = (references["vocals"], references["accompaniment"])
    else:
        mixture = tuple(references[s] for s in stems if s in references)
    return TrackPair(shown(name), known, given, mixture)


def _tracks(root: Path) -> dict[str, Files]:
    """Track folders by name, directly in the root or one subset folder deeper."""
    found: dict[str, Files] = {}
    where: Files = {}
    for folder in _folders(root):
        files = _audio(folder)
        for track, inside in [(folder, files)] if files else [(f, _audio(f)) for f in _folders(folder)]:
            if not inside:
                continue
            if track.name in found:
                raise DataError(f"{track}: {where[track.name]} has the same track name")
            found[track.name], where[track.name] = inside, track
    return found


def _flat(root: Path, tracks: Mapping[str, Files], targets: set[str]) -> dict[str, Files]:
    """Estimates named <track>_<target> in one folder."""
    files = _audio(root)
    named = {t: {k: files[f"{t}_{k}"] for k in sorted(targets) if f"{t}_{k}" in files} for t in tracks}
    return {track: found for track, found in named.items() if found}


def _folders(root: Path) -> list[Path]:
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))


def _audio(folder: Path) -> Files:
    files: Files = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in EXTENSIONS and not path.name.startswith(".") and path.is_file():
            if path.stem in files:
                raise DataError(f"{folder}: both {files[path.stem].name} and {path.name}; keep one of them")
            files[path.stem] = path
    return files
