"""The distorted target: the anchor for what separation does to the target itself.

After Emiya, Vincent, Harlander and Hohmann (IEEE TASLP 19(7), 2011): the target is low-passed to
3.5 kHz, and 20 % of the remaining time-frequency coefficients, drawn at random, are set to zero. The
paper leaves the transform open; here it is an STFT of about 46 ms with square-root Hann windows that
overlap by half, and all channels lose the same coefficients, so that the image stays in place.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from svbench.audio.draw import Draw

SHARE = 0.2
WINDOW_S = 0.046


def window_samples(rate_hz: int) -> int:
    """Return the length of the window: the power of two nearest to 46 ms.

    Examples
    --------
    >>> window_samples(44100), window_samples(96000)
    (2048, 4096)
    """
    return 1 << round(math.log2(WINDOW_S * rate_hz))


def without_coefficients(
    samples: NDArray[Any], rate_hz: int, seed: int, share: float = SHARE
) -> NDArray[np.float64]:
    """Set time-frequency coefficients to zero at random.

    Parameters
    ----------
    samples : ndarray, shape (n_samples, n_channels)
    rate_hz : int
    seed : int
    share : float
        The probability of each coefficient to go; with 0 the samples come back as they were.

    Returns
    -------
    ndarray, shape (n_samples, n_channels)

    Examples
    --------
    >>> ones = np.ones((3000, 1))
    >>> bool(np.allclose(without_coefficients(ones, 8000, 1, share=0.0), ones))
    True
    """
    length = window_samples(rate_hz)
    hop = length // 2
    window = np.sin(np.pi * (np.arange(length) + 0.5) / length)[:, np.newaxis]
    n_frames = math.ceil(len(samples) / hop) + 1
    padded = np.zeros(((n_frames + 1) * hop, samples.shape[1]))
    padded[hop : hop + len(samples)] = samples
    out = np.zeros_like(padded)
    draw = Draw(seed)
    for frame in range(n_frames):
        part = slice(frame * hop, frame * hop + length)
        spectrum = np.fft.rfft(padded[part] * window, axis=0)
        keep = draw.noise(len(spectrum)) >= 2 * share - 1
        out[part] += np.fft.irfft(spectrum * keep[:, np.newaxis], length, axis=0) * window
    return out[hop : hop + len(samples)]
