"""Bleedless, fullness and L1_freq of the separation community, as is and gain-matched."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from svbench.metrics.contract import Metric, MetricResult, QuantityRecord, whole_track
from svbench.metrics.magnitudes import hann, magnitude_blocks, matching_gain, mel_filters
from svbench.metrics.signals import Floats, check_pair

# Fixed in the original; a comparison with published numbers allows no others.
_MEL_FFT, _MEL_HOP, _N_MELS = 4096, 1024, 512
_FLOOR, _RANGE_DB = 1e-10, 80.0
_L1_FFT, _L1_HOP = 2048, 1024


def community_scores(references: Floats, estimates: Floats, *, rate_hz: float) -> MetricResult:
    """Compare magnitude spectrograms as Music-Source-Separation-Training does, on a scale up to 100.

    Bleedless and fullness: 512 mel bands of |STFT| (4096, hop 1024, Hann, zeros beyond the ends)
    in dB, each side limited to 80 dB below its own maximum over bands, frames and channels. With
    d = estimate − reference, bleedless = 100/(1 + mean of d where d > 0) and fullness =
    100/(1 + mean of −d where d < 0); 100 where there is no such d.

    L1_freq = 100/(1 + 10 · mean | |E| − |S| |) with |STFT| of 2048, hop 1024, no window, mirrored ends.

    In ``bleedless_gm``, ``fullness_gm`` and ``L1_freq_gm`` the estimate is first scaled by the
    least-squares gain ⟨e, s⟩/‖e‖² of the whole track.

    Parameters
    ----------
    references, estimates : ndarray, shape (n_targets, n_samples, n_channels)
    rate_hz : float
        The mel bands depend on it; the original takes every file for 44.1 kHz.

    Returns
    -------
    MetricResult
        Six quantities from 0 to 100, higher is better, 100 is perfect. The matched ones are NaN for a
        silent reference.

    Raises
    ------
    AudioError
        Shapes differ, samples are not finite floats, or there are 1024 samples or fewer.

    Notes
    -----
    Blind to phase and, but for the matched ones, not to gain. Fullness rises when noise is added.
    Behaviour matched: ``bleed_full`` and ``L1Freq_metric`` in ZFTurbo/Music-Source-Separation-Training
    ``utils/metrics.py``, which compute in single precision.

    Examples
    --------
    >>> s = np.random.default_rng(0).standard_normal((1, 44100, 2))
    >>> found = community_scores(s, 2 * s, rate_hz=44100).values
    >>> [float(found[name][0, 0].round(2)) for name in ("bleedless", "fullness", "bleedless_gm")]
    [14.24, 100.0, 100.0]
    """
    check_pair(references, estimates)
    filters = mel_filters(rate_hz, _MEL_FFT, _N_MELS)
    rows = []
    for reference, estimate in zip(references, estimates, strict=True):
        # Magnitudes scale with the signal, so one spectrogram serves both gains.
        gains = (1.0, abs(matching_gain(reference, estimate)))
        mels = _mel(reference, filters), _mel(estimate, filters)
        l1_freqs = _l1_freqs(reference, estimate, gains)
        rows.append(
            [
                score
                for gain, l1_freq in zip(gains, l1_freqs, strict=True)
                for score in (*_bleedless_fullness(*mels, gain), l1_freq)
            ]
        )
    values = {q.name: column for q, column in zip(METRIC.quantities, np.array(rows).T, strict=True)}
    return whole_track(values, references.shape[1], rate_hz)


def _mel(signal: Floats, filters: Floats) -> Floats:
    """Mel magnitudes, shape (n_channels, n_frames, n_mels)."""
    blocks = magnitude_blocks(signal, hann(_MEL_FFT), _MEL_HOP)
    return np.concatenate([block @ filters.T for block in blocks], axis=1)


def _bleedless_fullness(reference: Floats, estimate: Floats, gain: float) -> tuple[float, float]:
    if math.isnan(gain):
        return math.nan, math.nan
    floors_db = [_decibels(np.max(side)) - _RANGE_DB for side in (reference, gain * np.max(estimate))]
    sums, counts = np.zeros((2, 2))
    for s, e in zip(reference, estimate, strict=True):  # channel by channel, for memory's sake
        difference_db = np.maximum(_decibels(gain * e), floors_db[1])
        difference_db -= np.maximum(_decibels(s), floors_db[0])
        for k, side in enumerate((difference_db > 0, difference_db < 0)):
            sums[k] += np.sum(np.abs(difference_db), where=side)
            counts[k] += np.count_nonzero(side)
    bleedless, fullness = 100 / (1 + sums / np.maximum(counts, 1))
    return bleedless, fullness


def _decibels(magnitude: ArrayLike) -> Floats:
    return np.asarray(20 * np.log10(np.maximum(magnitude, _FLOOR)))


def _l1_freqs(reference: Floats, estimate: Floats, gains: tuple[float, ...]) -> list[float]:
    window = np.ones(_L1_FFT)
    sides = (magnitude_blocks(signal, window, _L1_HOP, edge="reflect") for signal in (reference, estimate))
    totals, n_cells = np.zeros(len(gains)), 0
    for s, e in zip(*sides, strict=True):
        totals += [np.sum(np.abs(gain * e - s)) for gain in gains]
        n_cells += s.size
    return list(100 / (1 + 10 * totals / n_cells))


def _quantities(suffix: str, note: str) -> tuple[QuantityRecord, ...]:
    return (
        QuantityRecord(f"bleedless{suffix}", "of 100", True, f"how little was added to mel bands{note}"),
        QuantityRecord(f"fullness{suffix}", "of 100", True, f"how little is missing from mel bands{note}"),
        QuantityRecord(f"L1_freq{suffix}", "of 100", True, f"closeness of magnitude spectrograms{note}"),
    )


METRIC = Metric(
    id="community",
    label="Bleedless, fullness and L1_freq",
    quantities=_quantities("", "") + _quantities("_gm", ", after the least-squares gain"),
    scope="target",
    version="1",
    citation="ZFTurbo, Music-Source-Separation-Training, utils/metrics.py",
    parameters=(),
    function=community_scores,
)
