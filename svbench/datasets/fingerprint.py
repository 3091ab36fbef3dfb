"""Audio fingerprints: pairs of spectral peaks, which survive gain, cuts and lossy coding.

After Wang, "An industrial-strength audio search algorithm" (ISMIR 2003): the strongest peaks of a
spectrogram are joined in pairs, and a pair's two frequencies and its distance in time are one hash.
Two recordings of the same music share many hashes, all at one shift in time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from svbench.audio import Audio, resample

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
        hashes.append(((first << 9) | second) << 6 | apart[near])
        starts.append(frames[:-step][near])
    every, when = np.concatenate(hashes), np.concatenate(starts)
    order = np.argsort(when, kind="stable")
    return every[order], when[order]
