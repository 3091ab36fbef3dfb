"""The short-time Fourier transform of baselines, oracles and the pattern generators."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[Any]
Spectrum = NDArray[np.complex128]


@cache
def _window(n_fft: int) -> NDArray[np.float64]:
    # Periodic, and its squares at half overlap add up to at least 0.5 everywhere inside the signal.
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)


def stft(samples: Samples, n_fft: int, hop: int) -> Spectrum:
    """Transform to shape (n_frames, n_bins, n_channels); the first frame is centred on the first sample.

    Parameters
    ----------
    samples : ndarray, shape (n_samples, n_channels)
    n_fft, hop : int
        Window length and hop, in samples.
    """
    n_frames = 1 + -(-len(samples) // hop)
    padded = np.zeros((n_fft // 2 + (n_frames - 1) * hop + n_fft, samples.shape[1]))
    padded[n_fft // 2 : n_fft // 2 + len(samples)] = samples
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft, axis=0)[::hop][:n_frames]
    return np.fft.rfft(frames * _window(n_fft), axis=2).transpose(0, 2, 1)


def istft(spectrum: Spectrum, n_samples: int, n_fft: int, hop: int) -> NDArray[np.float64]:
    """Invert `stft` by weighted overlap-add; exact when the spectrum was not changed.

    Returns
    -------
    ndarray, shape (n_samples, n_channels)

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((1000, 2))
    >>> bool(np.allclose(istft(stft(x, 256, 128), 1000, 256, 128), x))
    True
    """
    n_frames, _, n_channels = spectrum.shape
    frames = np.fft.irfft(spectrum, n_fft, axis=1) * _window(n_fft)[:, np.newaxis]
    total = np.zeros(((n_frames - 1) * hop + n_fft, n_channels))
    weight = np.zeros(((n_frames - 1) * hop + n_fft, 1))
    for i, frame in enumerate(frames):
        total[i * hop : i * hop + n_fft] += frame
        weight[i * hop : i * hop + n_fft, 0] += _window(n_fft) ** 2
    start = n_fft // 2
    return (total / np.maximum(weight, 1e-12))[start : start + n_samples]
