"""What all layouts share: links that must not lead out, files and folders that are not used."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from pathlib import Path

from svbench.naming.listing import folders, is_ignored


def escapes(path: Path, root: Path) -> str:
    """Return a sentence about a link that leads out of the data set, or nothing.

    Results would depend on files that the data set's folder does not hold.
    """
    if path.resolve().is_relative_to(root.resolve()):
        return ""
    return f"{path}: a link that leads out of {root}"


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
    told = []
    names = list(stems)
    for path in (p for p in there if p not in used):
        near = get_close_matches(path.stem.lower(), names, n=1, cutoff=0.6)
        told.append(f"{path.name} belongs to no stem{f'; did you mean {near[0]!r}?' if near else ''}")
    return tuple(told)


def beside(tracks: Collection[Path]) -> list[Path]:
    """Return the folders that lie beside tracks and are none, nor hold any."""
    holders = dict.fromkeys(t.parent for t in tracks)
    return [f for h in holders for f in folders(h) if f not in tracks and f not in holders]


def contents(folder: Path, most: int = 3) -> str:
    """Return what a folder holds, in words: "it is empty", or the first few names."""
    names = sorted(p.name for p in folder.iterdir() if not is_ignored(p.name))
    if not names:
        return "it is empty"
    return f"it has {', '.join(names[:most])}{f' and {len(names) - most} more' if len(names) > most else ''}"
