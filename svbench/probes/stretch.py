"""Changes of tempo and pitch, with one cutting plan for the mixture and all references.

Only the mixture decides where pieces are cut (waveform similarity, WSOLA); the same pieces are then
overlapped in every signal. The change is therefore linear, and references still add up to the mixture. The
plan is searched in integers, whose sums are the same on every machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from svbench.audio import Audio, Samples
from svbench.probes.transforms import References, Track, fitted

# Half the length of a piece, and how far around its nominal place a better match is searched for.
HOP_S, REACH_S = 0.0232, 0.0116
# The search first goes in steps of this many samples, then sample by sample around the best one.
COARSE = 4


@dataclass(frozen=True)
class Tempo:
    """Plays faster (factor above 1) or slower at the same pitch."""

    factor: float

    def __call__(self, mixture: Audio, references: References, seed: int) -> Track:
        """Stretch everything."""
        n_samples = self.length(mixture.n_samples, mixture.rate_hz)
        starts = cutting_plan(mixture, self.factor)

        def stretched(audio: Audio) -> Audio:
            return Audio(fitted(joined(audio, starts), n_samples), audio.rate_hz)

        return stretched(mixture), {t: stretched(a) for t, a in references.items()}

    def length(self, n_samples: int, rate_hz: int) -> int:
        """Return the length of a stretched track."""
        return round(n_samples / self.factor)


@dataclass(frozen=True)
class Pitch:
    """Shifts the pitch by semitones at the same tempo: stretches, then resamples to the old length."""

    semitones: float

    def __call__(self, mixture: Audio, references: References, seed: int) -> Track:
        """Shift everything."""
        import soxr

        ratio = 2 ** (self.semitones / 12)
        starts = cutting_plan(mixture, 1 / ratio)

        def shifted(audio: Audio) -> Audio:
            longer = joined(audio, starts)
            samples = soxr.resample(longer, audio.rate_hz * ratio, audio.rate_hz, quality="VHQ")
            return Audio(fitted(samples, audio.n_samples), audio.rate_hz)

        return shifted(mixture), {t: shifted(a) for t, a in references.items()}


def cutting_plan(guide: Audio, factor: float) -> list[int]:
    """Find where the pieces of a stretched signal begin.

    Parameters
    ----------
    guide : Audio
    factor : float
        The speed; 1 gives a plan that changes nothing.

    Returns
    -------
    list of int
        The first sample of each piece, counted from half a piece before the guide begins. Each piece is the
        best continuation of the one before it: the one with the least squared difference.

    References
    ----------
    W. Verhelst, M. Roelands, "An overlap-add technique based on waveform similarity (WSOLA) for high
    quality time-scale modification of speech", ICASSP 1993.
    """
    hop, reach = round(HOP_S * guide.rate_hz), round(REACH_S * guide.rate_hz)
    signal = _whole_numbers(guide, hop)
    rough = _thinned(signal)
    starts = [0]
    for k in range(1, math.ceil(guide.n_samples / factor / hop) + 1):
        wanted, place = starts[-1] + hop, round(k * hop * factor)
        low, high = max(0, place - reach), place + reach
        near = _best(
            rough, wanted // COARSE, 2 * hop // COARSE, low // COARSE, high // COARSE, place // COARSE
        )
        likely = near * COARSE + wanted % COARSE
        first = min(max(low, likely - COARSE), high)
        starts.append(_best(signal, wanted, 2 * hop, first, max(first, min(high, likely + COARSE)), place))
    return starts


def joined(audio: Audio, starts: list[int]) -> Samples:
    """Overlap the pieces of a plan by half, with Hann windows whose sum is one."""
    hop = round(HOP_S * audio.rate_hz)
    before = np.pad(audio.samples, ((hop, 0), (0, 0)))
    window = np.sin(np.pi * np.arange(2 * hop) / (2 * hop))[:, np.newaxis] ** 2
    total = np.zeros(((len(starts) + 1) * hop, audio.n_channels))
    for k, start in enumerate(starts):
        piece = before[start : start + 2 * hop]
        total[k * hop : k * hop + len(piece)] += window[: len(piece)] * piece
    return total[hop:]


def _whole_numbers(guide: Audio, hop: int) -> NDArray[np.float64]:
    """Return the sum of the channels as 16-bit integers, padded for pieces that reach beyond the ends."""
    total = guide.samples.sum(axis=1, dtype=np.float64)
    peak = float(np.abs(total).max()) or 1.0
    return np.pad(np.rint(total / peak * 2**15), (hop, 5 * hop))


def _thinned(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    n = len(signal) // COARSE
    thinned: NDArray[np.float64] = signal[: n * COARSE].reshape(n, COARSE).sum(axis=1)
    return thinned


def _best(signal: NDArray[np.float64], wanted: int, length: int, first: int, last: int, place: int) -> int:
    """Return the start from first to last whose piece is most like the wanted one; of equals, the nearest."""
    template, around = signal[wanted : wanted + length], signal[first : last + length]
    # |a − b|² = |a|² + |b|² − 2ab, without |a|², which all candidates share. All values are integers below
    # 2**53, exact in float64, so the result does not depend on the order of addition.
    energy = np.concatenate([[0.0], np.cumsum(np.square(around))])
    difference = energy[length:] - energy[:-length] - 2 * np.correlate(around, template, mode="valid")
    equals = first + np.flatnonzero(difference == difference.min())
    return int(equals[np.argmin(np.abs(equals - place))])
