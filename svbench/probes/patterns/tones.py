"""Building blocks of the generators: oscillators, envelopes and swept filters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from svbench.audio.draw import Draw
from svbench.systems.stft import istft, stft

Signal = NDArray[np.float64]
RATE_HZ = 44100
N_FFT, HOP = 1024, 256
PENTATONIC = (0, 3, 5, 7, 10)


def seconds(n_samples: int) -> Signal:
    """Return the time of every sample."""
    return np.arange(n_samples) / RATE_HZ


def semitones(base_hz: float, steps: float | Signal) -> Signal:
    """Return the frequency some semitones above another.

    Examples
    --------
    >>> float(semitones(440.0, 12))
    880.0
    """
    return np.asarray(base_hz * np.exp2(np.asarray(steps, dtype=np.float64) / 12))


def cycles(frequency_hz: Signal) -> Signal:
    """Return the phase, in cycles from 0, of an oscillator with a frequency for every sample."""
    return np.asarray(np.cumsum(frequency_hz) / RATE_HZ - frequency_hz[0] / RATE_HZ)


def sine(phase: Signal) -> Signal:
    """Return a sine of a phase in cycles."""
    return np.asarray(np.sin(2 * np.pi * phase))


def saw(frequency_hz: Signal) -> Signal:
    """Return a saw tone whose jumps are rounded over two samples to reduce aliasing.

    Notes
    -----
    V. Välimäki, A. Huovilainen, "Antialiasing oscillators in subtractive synthesis", IEEE Signal
    Processing Magazine 24(2), 2007: the polynomial band-limited step. It is continuous at the
    jump, so a phase that differs in its last bit between machines makes no audible difference.
    """
    step = frequency_hz / RATE_HZ
    phase = cycles(frequency_hz) % 1
    after, before = phase / step, (phase - 1) / step
    rounding = np.where(after < 1, 2 * after - after**2 - 1, 0.0)
    rounding = np.where(before > -1, before**2 + 2 * before + 1, rounding)
    return np.asarray(2 * phase - 1 - rounding)


def plucked(frequency_hz: float, n_samples: int, draw: Draw, *, keep: float = 0.996) -> Signal:
    """Return a plucked string: noise that circulates in a delay loop and loses its high frequencies.

    Parameters
    ----------
    frequency_hz : float
        Rounded so that the loop, with half a sample of its averaging filter, has whole samples.
    n_samples : int
    draw : Draw
        Draws the noise of the pluck.
    keep : float
        The share of the tone that each round keeps.

    Notes
    -----
    K. Karplus, A. Strong, "Digital synthesis of plucked-string and drum timbres", Computer Music
    Journal 7(2), 1983.
    """
    from scipy.signal import lfilter

    period = max(2, round(RATE_HZ / frequency_hz - 0.5))
    excitation = np.zeros(n_samples)
    burst = draw.noise(min(period, n_samples))
    excitation[: len(burst)] = burst - burst.mean()
    loop = np.zeros(period + 2)
    loop[0], loop[period], loop[period + 1] = 1, -keep / 2, -keep / 2
    return np.asarray(lfilter([1.0], loop, excitation))


def edges(n_samples: int, rise_s: float, fall_s: float) -> Signal:
    """Return an envelope that rises and falls like a cosine and is 1 in between.

    Examples
    --------
    >>> envelope = edges(44100, 0.01, 0.2)
    >>> float(envelope[0]), float(envelope[20000]), round(float(envelope[-1]), 6)
    (0.0, 1.0, 0.0)
    """
    t = seconds(n_samples)
    up = np.clip(t / rise_s, 0, 1)
    down = np.clip((t[-1] - t) / fall_s, 0, 1)
    return np.asarray(0.25 * (1 - np.cos(np.pi * up)) * (1 - np.cos(np.pi * down)))


def swept(signal: Signal, gain: Callable[[Signal, Signal], Signal], control: Signal) -> Signal:
    """Filter a signal with a frequency response that changes over time.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
    gain : callable
        ``gain(frequency_hz, control) -> gain``, broadcasting (1, n_bins) against (n_frames, 1).
    control : ndarray, shape (n_samples,)
        What changes, e.g. the centre frequency; read in the middle of each frame of 23 ms.
    """
    spectrum = stft(signal[:, np.newaxis], N_FFT, HOP)
    at = np.minimum(np.arange(len(spectrum)) * HOP, len(signal) - 1)
    bins = np.asarray(np.fft.rfftfreq(N_FFT, 1 / RATE_HZ), np.float64)[np.newaxis]
    spectrum *= gain(bins, control[at][:, np.newaxis])[:, :, np.newaxis]
    return istft(spectrum, len(signal), N_FFT, HOP)[:, 0]


def resonance(q: float) -> Callable[[Signal, Signal], Signal]:
    """Return the gain function of a band-pass of second order, 1 at its centre.

    Examples
    --------
    >>> float(resonance(4.0)(np.array(500.0), np.array(500.0)))
    1.0
    """

    def gain(frequency_hz: Signal, centre_hz: Signal) -> Signal:
        ratio = np.maximum(frequency_hz, 1.0) / centre_hz
        return np.asarray(1 / np.sqrt(1 + q**2 * (ratio - 1 / ratio) ** 2))

    return gain


def place(total: Signal, part: Signal, start: int) -> None:
    """Add a part into a longer signal, in place; what extends beyond the end is lost."""
    room = total[start : start + len(part)]
    room += part[: len(room)]
