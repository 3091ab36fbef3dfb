"""The anchors of a listening test: low-passed as in BS.1534-3, and the distorted target.

The low-pass for 3.5 kHz has a ripple of at most ±0.1 dB and attenuates by 25 dB at 4 kHz and by 50 dB at
4.5 kHz. For 7 kHz, where the recommendation leaves the filter open, the mask is scaled: 25 dB at 8 kHz,
50 dB at 9 kHz. Filters have linear phase and odd length and are applied centred, so they add no delay;
each filter is measured against the mask before it is used.

The distorted target stands for what separation does to the target itself. After Emiya, Vincent, Harlander
and Hohmann (IEEE TASLP 19(7), 2011) it is low-passed to 3.5 kHz, and 20 % of the remaining time-frequency
coefficients, drawn at random, are set to zero. The paper leaves the transform open; here it is an STFT of
about 46 ms with square-root Hann windows that overlap by half. All channels lose the same coefficients, so
that the stereo image stays in place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from svbench.audio.draw import Draw
from svbench.errors import AudioError

MASK_HZ = 3500.0  # the cut-off that the mask is given for
STOPS = ((4000.0, 25.0), (4500.0, 50.0))  # from which frequency on, how much attenuation in dB
RIPPLE_DB = 0.1
DESIGN_DB = 60.0  # Kaiser's attenuation; leaves room to the mask also where images overlap at Nyquist
ZEROED_SHARE = 0.2
WINDOW_S = 0.046


@dataclass(frozen=True, eq=False)
class LowPass:
    """A filter with the measurement that it keeps the mask.

    Attributes
    ----------
    taps : ndarray, shape (n_taps,)
        Symmetric, ``n_taps`` odd.
    measured : dict
        ``cutoff_hz``, ``rate_hz``, ``n_taps``, ``lag_samples`` (of the filter applied centred),
        ``ripple_db`` (the largest deviation up to the cut-off), ``attenuation_db`` (the least from each
        frequency of the mask on; None above Nyquist, where nothing is left).
    """

    taps: NDArray[np.float64]
    measured: dict[str, Any]

    @property
    def reach(self) -> int:
        """How many samples before and after one are heard in it."""
        return len(self.taps) // 2

    def apply(self, samples: NDArray[Any]) -> NDArray[np.float64]:
        """Filter without any lag.

        Parameters
        ----------
        samples : ndarray, shape (n_samples, n_channels)
            With `reach` samples before and after what is wanted.

        Returns
        -------
        ndarray, shape (n_samples - 2 * reach, n_channels)
        """
        n = len(samples) + len(self.taps) - 1
        spectrum = np.fft.rfft(samples, n, axis=0) * np.fft.rfft(self.taps, n)[:, np.newaxis]
        whole = np.fft.irfft(spectrum, n, axis=0)
        return whole[2 * self.reach : len(samples)]


@cache
def low_pass(cutoff_hz: float, rate_hz: int) -> LowPass:
    """Design the anchor's filter and measure it.

    Parameters
    ----------
    cutoff_hz : float
        3500 or 7000.
    rate_hz : int
        At least 8000 for 3500 Hz, 16000 for 7000 Hz: then the stop band begins at Nyquist.

    Raises
    ------
    AudioError
        At that rate there is nothing that the filter could take away, or no filter keeps the mask.

    Examples
    --------
    >>> measured = low_pass(3500, 44100).measured
    >>> measured["n_taps"], measured["ripple_db"] < 0.01, measured["attenuation_db"]["4000"] > 50
    (321, True, True)
    """
    scale = cutoff_hz / MASK_HZ
    stop_hz = STOPS[0][0] * scale
    if rate_hz < 2 * stop_hz:
        raise AudioError(
            f"a low-pass anchor of {cutoff_hz:g} Hz wants recordings of at least {2 * stop_hz:g} Hz, these "
            f"have {rate_hz} Hz; take a protocol without that anchor"
        )
    taps = _kaiser(cutoff_hz, stop_hz, rate_hz)
    measured = measure(taps, cutoff_hz, rate_hz)
    kept = [
        found is None or found >= wanted
        for found, (_, wanted) in zip(measured["attenuation_db"].values(), STOPS, strict=True)
    ]
    if not all(kept) or measured["ripple_db"] > RIPPLE_DB:
        raise AudioError(f"the anchor of {cutoff_hz:g} Hz at {rate_hz} Hz breaks its mask: {measured}")
    return LowPass(taps, measured)


def measure(taps: NDArray[np.float64], cutoff_hz: float, rate_hz: int) -> dict[str, Any]:
    """Measure a filter against the mask on a grid of less than 1 Hz; see `LowPass`."""
    n = 1 << max(18, math.ceil(math.log2(rate_hz)))
    frequencies = np.fft.rfftfreq(n, 1 / rate_hz)
    gain_db = 20 * np.log10(np.maximum(np.abs(np.fft.rfft(taps, n)), 1e-12))
    attenuation: dict[str, float | None] = {}
    for at_hz, _ in STOPS:
        edge = at_hz * cutoff_hz / MASK_HZ
        above = gain_db[frequencies >= edge]
        attenuation[f"{edge:g}"] = round(-float(above.max()), 2) if len(above) else None
    return {
        "cutoff_hz": cutoff_hz,
        "rate_hz": rate_hz,
        "n_taps": len(taps),
        "lag_samples": round(float(taps @ np.arange(len(taps)) / taps.sum()) - len(taps) // 2, 6),
        "ripple_db": round(float(np.abs(gain_db[frequencies <= cutoff_hz]).max()), 4),
        "attenuation_db": attenuation,
    }


def _kaiser(pass_hz: float, stop_hz: float, rate_hz: int) -> NDArray[np.float64]:
    """Windowed sinc after Kaiser (1974), odd and of gain 1 at 0 Hz."""
    width = 2 * np.pi * (stop_hz - pass_hz) / rate_hz
    half = math.ceil((DESIGN_DB - 7.95) / (2.285 * width) / 2)
    beta = 0.1102 * (DESIGN_DB - 8.7)
    edge = (pass_hz + stop_hz) / rate_hz  # twice the middle of the transition, relative to the rate
    taps = edge * np.sinc(edge * np.arange(-half, half + 1)) * np.kaiser(2 * half + 1, beta)
    return np.asarray(taps / taps.sum())


def window_samples(rate_hz: int) -> int:
    """Return the length of the window: the power of two nearest to 46 ms.

    Examples
    --------
    >>> window_samples(44100), window_samples(96000)
    (2048, 4096)
    """
    return 1 << round(math.log2(WINDOW_S * rate_hz))


def without_coefficients(
    samples: NDArray[Any], rate_hz: int, seed: int, share: float = ZEROED_SHARE
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
