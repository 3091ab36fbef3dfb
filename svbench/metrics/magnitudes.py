"""Magnitude spectrograms in blocks, and the gain that fits an estimate to its reference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from scipy import fft

from svbench.errors import AudioError
from svbench.metrics.result import Floats

# Frames transformed at once: some megabytes, whatever the track's length.
_BLOCK = 64


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
    n_fft = len(window)
    reach = n_fft // 2
    if edge == "reflect" and len(signal) <= reach:
        raise AudioError(f"the spectrogram needs more than {reach} samples, and there are {len(signal)}")
    padded = np.pad(signal.T.astype(np.float64), ((0, 0), (reach, reach)), mode=edge)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft, axis=1)[:, ::hop]
    for start in range(0, frames.shape[1], _BLOCK):
        yield np.abs(fft.rfft(frames[:, start : start + _BLOCK] * window, axis=2))


def gain_matched(reference: Floats, estimate: Floats) -> Floats:
    """Scale the estimate by the gain α = ⟨e, s⟩/‖e‖² that brings it closest to the reference.

    A silent estimate stays as it is.

    Parameters
    ----------
    reference, estimate : ndarray, shape (n_samples, n_channels)

    Examples
    --------
    >>> s = np.array([[1.0], [2.0]])
    >>> gain_matched(s, -4 * s).tolist()
    [[1.0], [2.0]]
    """
    wide = estimate.astype(np.float64)
    energy = float(np.sum(wide**2))
    return wide * (float(np.sum(wide * reference)) / energy) if energy > 0 else wide
