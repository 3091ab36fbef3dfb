"""Leakage and predicted energy in silence (PES): the energy of the estimate where the target is silent."""

from __future__ import annotations

import math

import numpy as np

from svbench.metrics.contract import Metric, MetricResult, QuantityRecord, frame_bounds, in_frames
from svbench.metrics.signals import Floats, check_mixture, check_pair

# As in the paper's code: a silent frame of the estimate is −120 dB, not −inf.
_FLOOR = 1e-12


def leakage(
    references: Floats,
    estimates: Floats,
    *,
    rate_hz: float,
    mixture: Floats,
    window_s: float = 1.0,
    hop_s: float = 1.0,
    silent_below_db: float = -math.inf,
) -> MetricResult:
    """Energy of the estimate in frames in which the reference is silent.

    With sums over all samples and channels of a frame::

        PES     = 10 log10(Σe² + 1e-12)
        leakage = 10 log10((Σe² + 1e-12)/(Σx² + 1e-12))

    where x is the mixture. PES is a sum, not a mean: it rises with window, rate and channels.

    Parameters
    ----------
    references, estimates : ndarray, shape (n_targets, n_samples, n_channels)
        A reference of zeros is a target that the track does not contain; it is scored.
    rate_hz : float
    mixture : ndarray, shape (n_samples, n_channels)
    window_s, hop_s : float
        Length of a frame and distance of two.
    silent_below_db : float
        A frame is silent where the reference's mean square is at most this level in dB re full
        scale; with −inf, where every sample is zero, as in the paper.

    Returns
    -------
    MetricResult
        ``PES`` (dB re one full-scale sample) and ``leakage`` (dB), lower is better. NaN where the
        reference is not silent; leakage also where the mixture is.

    Raises
    ------
    AudioError
        Shapes differ, also from the mixture's, or samples are not finite floats.

    References
    ----------
    K. Schulze-Forster, C. Doire, G. Richard, R. Badeau, "Weakly Informed Audio Source Separation",
    WASPAA 2019, for PES; floor and silence as in schufo/wiass ``silent_frames_evaluation.py``,
    which is mono. Leakage is svbench's own.

    Examples
    --------
    >>> s = np.array([1.0, 1, 0, 0]).reshape(1, 4, 1)
    >>> found = leakage(s, np.full((1, 4, 1), 0.1), rate_hz=2, mixture=np.ones((4, 1))).values
    >>> found["leakage"].round(3).tolist(), found["PES"].round(3).tolist()
    ([[nan, -20.0]], [[nan, -16.99]])
    """
    check_pair(references, estimates)
    check_mixture(references, mixture)
    bounds = frame_bounds(references.shape[1], rate_hz, window_s, hop_s)
    silent = _mean_squares(references, bounds) <= 10 ** (silent_below_db / 10)
    estimated, mixed = _energies(estimates, bounds), _energies(mixture[np.newaxis], bounds)
    values = {
        "PES": np.where(silent, 10 * np.log10(estimated + _FLOOR), np.nan),
        "leakage": np.where(
            silent & (mixed > 0), 10 * np.log10((estimated + _FLOOR) / (mixed + _FLOOR)), np.nan
        ),
    }
    return in_frames(values, bounds, rate_hz)


def _energies(signals: Floats, bounds: np.ndarray) -> Floats:
    """Sums of squares per frame, shape (n_targets, n_frames)."""
    return np.stack([np.sum(np.square(signals[:, a:b], dtype=np.float64), axis=(1, 2)) for a, b in bounds], 1)


def _mean_squares(signals: Floats, bounds: np.ndarray) -> Floats:
    n_samples = bounds[:, 1] - bounds[:, 0]
    return np.asarray(_energies(signals, bounds) / (n_samples * signals.shape[2]))


METRIC = Metric(
    id="leakage",
    label="Energy where the target is silent",
    quantities=(
        QuantityRecord("PES", "dB", False, "energy of the estimate where the reference is silent"),
        QuantityRecord("leakage", "dB", False, "the same relative to the energy of the mixture there"),
    ),
    scope="target",
    version="1",
    citation="Schulze-Forster, Doire, Richard, Badeau 2019, Weakly Informed Audio Source Separation (PES)",
    parameters=("window_s", "hop_s", "silent_below_db"),
    function=leakage,
    needs=("mixture",),
    scores_absent=True,
)
