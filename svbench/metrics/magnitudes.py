"""Magnitude spectrograms in blocks, Slaney's mel filters, and the gain that best fits an estimate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Literal

import numpy as np
from scipy import fft

from svbench.errors import AudioError
from svbench.metrics.signals import Floats

# Frames transformed at once: some megabytes, whatever the track's length.
_BLOCK = 64

# Slaney's Auditory Toolbox: linear below 1 kHz, 27 mels to every factor of 6.4 above.
_HZ_PER_MEL = 200 / 3
_KNEE_HZ = 1000.0
_KNEE_MEL = _KNEE_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27


def hann(n: int) -> Floats:
    """Periodic Hann window of n samples.

    Examples
    --------
    >>> hann(4).round(3).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n))


def magnitude_blocks(
    signal: Floats, window: Floats, hop: int, edge: Literal["constant", "reflect"] = "constant"
) -> Iterator[Floats]:
    """Yield |STFT| of centred frames, a few frames at a time.

    Frame k is centred on sample k·hop; there are ``1 + n_samples // hop``. Not normalised: a
    full-scale sine has the height half the sum of the window.

    Parameters
    ----------
    signal : ndarray, shape (n_samples, n_channels)
    window : ndarray, shape (n_fft,)
    hop : int
    edge : {"constant", "reflect"}
        What is read beyond the ends: zeros, or the signal mirrored.

    Yields
    ------
    ndarray, shape (n_channels, n_frames, n_fft // 2 + 1)

    Raises
    ------
    AudioError
        The signal is too short to be mirrored.
    """
    n_fft, n_samples = len(window), len(signal)
    reach = n_fft // 2
    if edge == "reflect" and n_samples <= reach:
        raise AudioError(f"the spectrogram needs more than {reach} samples, and there are {n_samples}")
    n_frames = 1 + n_samples // hop
    for first in range(0, n_frames, _BLOCK):
        last = min(first + _BLOCK, n_frames) - 1
        samples = _read(signal, first * hop - reach, last * hop - reach + n_fft, edge)
        frames = np.lib.stride_tricks.sliding_window_view(samples, n_fft, axis=1)[:, ::hop]
        yield np.abs(fft.rfft(frames * window, axis=2))


def _read(signal: Floats, start: int, end: int, edge: str) -> Floats:
    """Read samples from start to end, also beyond the signal's, shape (n_channels, end - start)."""
    last = len(signal) - 1
    wanted = np.arange(start, end)
    mirrored = last - np.abs(last - np.abs(wanted))
    samples = signal[np.clip(mirrored, 0, last)].astype(np.float64)
    if edge == "constant":
        samples[(wanted < 0) | (wanted > last)] = 0
    return np.ascontiguousarray(samples.T)


def matching_gain(reference: Floats, estimate: Floats) -> float:
    """Find the gain α = ⟨e, s⟩/‖e‖² that brings an estimate closest to its reference.

    A silent estimate has gain 1. A silent reference has none (NaN): α = 0 would make any estimate perfect.

    Parameters
    ----------
    reference, estimate : ndarray, shape (n_samples, n_channels)

    Examples
    --------
    >>> s = np.array([[1.0], [2.0]])
    >>> matching_gain(s, -4 * s)
    -0.25
    """
    if not np.any(reference):
        return math.nan
    energy, product = (
        float(np.einsum("nc,nc->", estimate, other, dtype=np.float64)) for other in (estimate, reference)
    )
    return product / energy if energy > 0 else 1.0


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
