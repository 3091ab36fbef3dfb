"""The frame rule that every framewise metric of svbench shares."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from svbench.errors import AudioError

# 0.29 s * 100 Hz is 28.999999999999996 in floating point and 29 samples to everybody.
_ROUNDING = 1e-6


def frame_bounds(n_samples: int, rate_hz: float, window_s: float, hop_s: float) -> NDArray[np.int64]:
    """Cut a track into evaluation frames.

    ``floor((n_samples - window + hop) / hop)`` frames start at multiples of the hop; the
    samples after the last one belong to no frame. A track no longer than one window is one
    frame. Window and hop in samples are rounded down.

    Parameters
    ----------
    n_samples : int
        Length of the track, at least 1.
    rate_hz : float
        Sample rate.
    window_s, hop_s : float
        Length of a frame and distance between two starts, in seconds; infinity is allowed.

    Returns
    -------
    ndarray of int, shape (n_frames, 2)
        First sample of each frame and the one after its last.

    Raises
    ------
    AudioError
        If the track is empty, or a window or hop is shorter than one sample.

    Notes
    -----
    The rule of ``Framing`` in sigsep/sigsep-mus-eval ``museval/metrics.py``.

    Examples
    --------
    >>> frame_bounds(25, 10, window_s=1.0, hop_s=0.5).tolist()
    [[0, 10], [5, 15], [10, 20], [15, 25]]
    >>> frame_bounds(7, 10, window_s=1.0, hop_s=1.0).tolist()
    [[0, 7]]
    """
    if n_samples < 1:
        raise AudioError("a track without samples has no frames to score")
    window, hop = (
        _whole_samples(name, seconds, rate_hz) for name, seconds in (("window", window_s), ("hop", hop_s))
    )
    if window >= n_samples:
        return np.array([[0, n_samples]], dtype=np.int64)
    n_frames = int((n_samples - window + hop) // hop) if math.isfinite(hop) else 1
    starts = np.arange(n_frames, dtype=np.int64) * (int(hop) if n_frames > 1 else 0)
    return np.stack([starts, starts + int(window)], axis=1)


def _whole_samples(name: str, seconds: float, rate_hz: float) -> float:
    if not (math.isfinite(rate_hz) and rate_hz > 0):
        raise AudioError(f"the sample rate must be positive and finite, not {rate_hz} Hz")
    if seconds == math.inf:
        return seconds
    samples = math.floor(seconds * rate_hz + _ROUNDING) if math.isfinite(seconds) else 0
    if samples < 1:
        raise AudioError(f"the {name} of {seconds} s is shorter than one sample at {rate_hz} Hz")
    return samples
