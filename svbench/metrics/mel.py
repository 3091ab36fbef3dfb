"""Triangular filters on Slaney's mel scale."""

from __future__ import annotations

from functools import cache

import numpy as np

from svbench.metrics.result import Floats

# Slaney's Auditory Toolbox: linear below 1 kHz, 27 mels to every factor of 6.4 above.
_HZ_PER_MEL = 200 / 3
_KNEE_HZ = 1000.0
_KNEE_MEL = _KNEE_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27


@cache
def mel_filters(rate_hz: float, n_fft: int, n_mels: int) -> Floats:
    """Build filters of unit area (in Hz, times two) from 0 to half the sample rate.

    Parameters
    ----------
    rate_hz : float
    n_fft, n_mels : int

    Returns
    -------
    ndarray, shape (n_mels, n_fft // 2 + 1)
        Filters narrower than the distance of two bins may be empty. Do not write to it.

    Notes
    -----
    Behaviour matched: ``librosa.filters.mel`` with ``htk=False, norm="slaney"``.

    Examples
    --------
    >>> filters = mel_filters(44100, 4096, 512)
    >>> filters.shape, bool(filters.min() >= 0)
    ((512, 2049), True)
    """
    corners = _hz(np.linspace(0, _mel(rate_hz / 2), n_mels + 2))
    bins = np.arange(n_fft // 2 + 1) * (rate_hz / n_fft)
    low, centre, high = (corners[k : n_mels + k, np.newaxis] for k in range(3))
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    return np.asarray(np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low))


def _mel(hz: float) -> float:
    return hz / _HZ_PER_MEL if hz < _KNEE_HZ else _KNEE_MEL + float(np.log(hz / _KNEE_HZ)) / _LOG_STEP


def _hz(mel: Floats) -> Floats:
    return np.where(mel < _KNEE_MEL, mel * _HZ_PER_MEL, _KNEE_HZ * np.exp(_LOG_STEP * (mel - _KNEE_MEL)))
