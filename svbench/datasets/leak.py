"""Find recordings that two folders share, by audio fingerprint, whatever the files are called.

After Wang, "An industrial-strength audio search algorithm" (ISMIR 2003): the strongest peaks of a
spectrogram are joined in pairs, and the two frequencies of a pair and its distance in time form one hash.
Peaks survive gain, cuts and lossy coding. Two recordings of the same music share many hashes, all at one
shift in time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from svbench.audio import AUDIO_SUFFIXES, EXTENSIONS, Audio, read_audio, resample
from svbench.errors import AudioError, DataError

Progress = Callable[[int, int, str], None]
# Different music shares hashes by chance, but hardly ever this many at one shift in time.
MIN_HASHES = 25
MIN_SHARE = 0.04
VERSION = "1"

RATE_HZ = 11025
WINDOW, HOP = 1024, 256

# Below, rumble and hum; above, what low bit rates do not keep.
LOW_HZ, HIGH_HZ = 150.0, 4500.0

# A peak is the largest value within this many bins and frames around it.
NEAR_BINS, NEAR_FRAMES = 9, 7
PEAKS_PER_S = 30
N_PARTNERS, MAX_FRAMES = 6, 63
FLOOR_DB = 70.0  # peaks this far below the loudest one are noise of the coding

Hashes = NDArray[np.int64]


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
    files = [(folder, path) for folder in (a, b) for path in _files(folder)]
    unreadable: list[str] = []
    prints: dict[Path, list[tuple[str, Fingerprint]]] = {a: [], b: []}
    for number, (folder, path) in enumerate(files, start=1):
        try:
            audio = read_audio(path, dtype="float32")
            prints[folder].append((str(path.relative_to(folder)), fingerprint(audio)))
        except AudioError as error:
            unreadable.append(str(error))
        if progress:
            progress(number, len(files), path.name)
    matches = sorted(_matches(prints[a], prints[b]), key=lambda m: -m.n_hashes)
    n_a = sum(folder == a for folder, _ in files)
    return Comparison(tuple(matches), tuple(unreadable), n_a, len(files) - n_a)


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
    for name, fingerprint_a in ours:
        # The hashes of b are sorted, so those equal to one of a's lie between two positions. ``mine`` and
        # ``other`` list all pairs of equal hashes by their numbers in a and in the sorted hashes of b.
        first, last = (np.searchsorted(hashes, fingerprint_a.hashes, side) for side in ("left", "right"))
        counts = last - first
        mine = np.repeat(np.arange(len(counts)), counts)
        other = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[mine]
        for number in np.unique(owner[other]):
            chosen = owner[other] == number
            passage = _common_passage(
                fingerprint_a.frames[mine[chosen]], frames[other[chosen]], fingerprint_a, theirs[number][1]
            )
            if passage:
                yield Match(name, theirs[number][0], *passage)


def _common_passage(
    frames_a: Hashes, frames_b: Hashes, a: Fingerprint, b: Fingerprint
) -> tuple[float, float, float, int, float] | None:
    """Find the shift in time at which most common hashes agree, and the passage that they span.

    A shift counts together with the next one, since a copy need not start on a frame.
    """
    shifts = frames_b - frames_a
    values, counts = np.unique(shifts, return_counts=True)
    if counts.max() < MIN_HASHES // 2:
        return None
    follows = np.append(np.where(np.diff(values) == 1, counts[1:], 0), 0)
    shift = values[np.argmax(counts + follows)]
    agree = (shifts == shift) | (shifts == shift + 1)
    starts = frames_a[agree]
    n_hashes = int(agree.sum())
    low, high = int(starts.min()), int(starts.max())
    inside = min(
        int(np.count_nonzero((f >= low + s) & (f <= high + s)))
        for f, s in ((a.frames, 0), (b.frames, int(shift)))
    )
    share = n_hashes / max(inside, 1)
    if n_hashes < MIN_HASHES or share < MIN_SHARE:
        return None
    seconds = HOP / RATE_HZ
    return low * seconds, (low + int(shift)) * seconds, (high - low) * seconds, n_hashes, min(share, 1.0)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    named = (p for p in folder.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES)
    files = sorted(p for p in named if not p.name.startswith(".") and p.is_file())
    if not files:
        raise DataError(f"{folder}: no audio file in it ({', '.join(EXTENSIONS)})")
    return files


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """Hashes of a recording and the frame each starts at, sorted by frame."""

    hashes: Hashes
    frames: Hashes
    duration_s: float


def fingerprint(audio: Audio) -> Fingerprint:
    """Take the fingerprint of a recording.

    Parameters
    ----------
    audio : Audio
        Any rate, length and number of channels; the channels are averaged.

    Returns
    -------
    Fingerprint
        Without hashes where the recording is silent or shorter than a window.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal((22050, 1))
    >>> loud, soft = (fingerprint(Audio(g * noise, 11025)).hashes for g in (1.0, 0.01))
    >>> len(loud) > 100 and np.array_equal(loud, soft)
    True
    """
    mono = Audio(audio.samples.mean(axis=1, dtype=np.float32)[:, np.newaxis], audio.rate_hz)
    samples = resample(mono, RATE_HZ).samples[:, 0]
    frames, bins = _peaks(_levels_db(samples))
    return Fingerprint(*_pairs(frames, bins), audio.duration_s)


def _levels_db(samples: NDArray[Any]) -> NDArray[np.float32]:
    """Levels of a spectrogram relative to its loudest value, shape (n_frames, n_bins)."""
    low, high = (round(hz * WINDOW / RATE_HZ) for hz in (LOW_HZ, HIGH_HZ))
    if len(samples) < WINDOW or not np.any(samples):
        return np.zeros((0, high - low), np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    taper = np.hanning(WINDOW).astype(np.float32)
    levels = np.empty((len(windows), high - low), np.float32)
    for i in range(0, len(windows), 1024):  # bounds the memory of long recordings
        spectrum = np.fft.rfft(windows[i : i + 1024] * taper, axis=1)[:, low:high]
        levels[i : i + 1024] = 20 * np.log10(np.abs(spectrum) + 1e-30)
    levels -= levels.max()
    return levels


def _peaks(levels: NDArray[np.float32]) -> tuple[Hashes, Hashes]:
    """Frames and bins of the largest values around them, the strongest ones of each second."""
    from scipy.ndimage import maximum_filter

    if not len(levels):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    highest = maximum_filter(levels, size=(2 * NEAR_FRAMES + 1, 2 * NEAR_BINS + 1))
    frames, bins = np.nonzero((levels == highest) & (levels > -FLOOR_DB))
    seconds = frames * HOP // RATE_HZ
    order = np.lexsort((-levels[frames, bins], seconds))
    rank = np.arange(len(order)) - np.searchsorted(seconds[order], seconds[order])
    kept = np.sort(order[rank < PEAKS_PER_S])
    return frames[kept], bins[kept]


def _pairs(frames: Hashes, bins: Hashes) -> tuple[Hashes, Hashes]:
    """Join every peak with the next ones in time; return hashes and the frame of the first peak."""
    hashes, starts = [], []
    for step in range(1, N_PARTNERS + 1):
        apart = frames[step:] - frames[:-step]
        near = (apart > 0) & (apart <= MAX_FRAMES)
        first, second = bins[:-step][near], bins[step:][near]
        # Two bins of 9 bits and a distance of 6 bits: at most 512 bins and MAX_FRAMES = 63 fit.
        hashes.append(((first << 9) | second) << 6 | apart[near])
        starts.append(frames[:-step][near])
    when = np.concatenate(starts)
    order = np.argsort(when, kind="stable")
    return np.concatenate(hashes)[order], when[order]
