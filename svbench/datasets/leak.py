"""Recordings that two folders share, found by fingerprint whatever they are called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from svbench.audio import AUDIO_SUFFIXES, EXTENSIONS, read_audio
from svbench.datasets.fingerprint import HOP, RATE_HZ, Fingerprint, Hashes, fingerprint
from svbench.errors import AudioError, DataError

Progress = Callable[[int, int, str], None]
# Different music shares hashes by chance, but hardly ever this many at one shift in time.
MIN_HASHES = 25
MIN_SHARE = 0.04


@dataclass(frozen=True)
class Match:
    """Two files with the same music in them.

    Attributes
    ----------
    a, b : str
        Paths below the two folders.
    a_s, b_s : float
        Where the common passage starts.
    duration_s : float
        How long it is, from the first to the last common hash.
    n_hashes : int
        Hashes in common at this shift.
    share : float
        The same, of all hashes of that passage in the file that has fewer of them.
    """

    a: str
    b: str
    a_s: float
    b_s: float
    duration_s: float
    n_hashes: int
    share: float


@dataclass(frozen=True)
class Comparison:
    """Matches, the strongest first, and files that could not be read, each with the reason."""

    matches: tuple[Match, ...]
    unreadable: tuple[str, ...]
    n_a: int
    n_b: int


def compare_folders(a: Path, b: Path, progress: Progress | None = None) -> Comparison:
    """Compare all audio files below two folders.

    Parameters
    ----------
    a, b : Path
        Of stem.mp4 files the mixture is compared.
    progress : callable, optional
        Called as ``progress(done, total, file)``.

    Raises
    ------
    DataError
        A folder is missing or holds no audio, or both are the same.
    """
    if a.resolve() == b.resolve():
        raise DataError(f"{a} and {b} are the same folder; everything in it would match itself")
    listed = {folder: _files(folder) for folder in (a, b)}
    total = len(listed[a]) + len(listed[b])
    unreadable: list[str] = []
    prints: dict[Path, list[tuple[str, Fingerprint]]] = {a: [], b: []}
    done = 0
    for folder in (a, b):
        for path in listed[folder]:
            try:
                prints[folder].append(
                    (str(path.relative_to(folder)), fingerprint(read_audio(path, dtype="float32")))
                )
            except AudioError as error:
                unreadable.append(str(error))
            done += 1
            if progress:
                progress(done, total, path.name)
    matches = sorted(_matches(prints[a], prints[b]), key=lambda m: -m.n_hashes)
    return Comparison(tuple(matches), tuple(unreadable), len(listed[a]), len(listed[b]))


def _matches(
    ours: Sequence[tuple[str, Fingerprint]], theirs: Sequence[tuple[str, Fingerprint]]
) -> Iterator[Match]:
    """Look up each file's hashes among those of all files of the other folder at once."""
    if not theirs:
        return
    hashes = np.concatenate([p.hashes for _, p in theirs])
    frames = np.concatenate([p.frames for _, p in theirs])
    owner = np.repeat(np.arange(len(theirs)), [len(p.hashes) for _, p in theirs])
    order = np.argsort(hashes, kind="stable")
    hashes, frames, owner = hashes[order], frames[order], owner[order]
    for name, own in ours:
        first, last = (np.searchsorted(hashes, own.hashes, side) for side in ("left", "right"))
        counts = last - first
        mine = np.repeat(np.arange(len(counts)), counts)
        other = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[mine]
        for number in np.unique(owner[other]):
            chosen = owner[other] == number
            found = _aligned(own.frames[mine[chosen]], frames[other[chosen]], own, theirs[number][1])
            if found:
                yield Match(name, theirs[number][0], *found)


def _aligned(
    a: Hashes, b: Hashes, own: Fingerprint, other: Fingerprint
) -> tuple[float, float, float, int, float] | None:
    """Find the shift at which most common hashes agree, and the passage they span.

    A shift counts together with the next one: copies need not start on a frame.
    """
    shifts = b - a
    values, counts = np.unique(shifts, return_counts=True)
    if counts.max() < MIN_HASHES // 2:
        return None
    follows = np.append(np.where(np.diff(values) == 1, counts[1:], 0), 0)
    shift = values[np.argmax(counts + follows)]
    agree = (shifts == shift) | (shifts == shift + 1)
    starts = a[agree]
    n_hashes = int(agree.sum())
    low, high = int(starts.min()), int(starts.max())
    inside = min(
        int(np.count_nonzero((f >= low + s) & (f <= high + s)))
        for f, s in ((own.frames, 0), (other.frames, int(shift)))
    )
    share = n_hashes / max(inside, 1)
    if n_hashes < MIN_HASHES or share < MIN_SHARE:
        return None
    seconds = HOP / RATE_HZ
    return low * seconds, (low + int(shift)) * seconds, (high - low) * seconds, n_hashes, min(share, 1.0)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    files = (
        p for p in folder.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES and not p.name.startswith(".")
    )
    found = sorted(p for p in files if p.is_file())
    if not found:
        raise DataError(f"{folder}: no audio file in it ({', '.join(EXTENSIONS)})")
    return found
