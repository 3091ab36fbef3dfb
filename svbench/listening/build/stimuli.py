"""Stimuli as files: plain PCM of one length and size, with noise of their own and nothing besides."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from svbench.audio import Audio, write_audio
from svbench.audio.draw import Draw
from svbench.listening.build.levels import decibels, true_peak


def dithered(samples: NDArray[Any], bits: int, seed: int) -> NDArray[np.float64]:
    """Round samples to steps of ``bits`` after adding triangular noise of two steps' width.

    The noise makes the error independent of the signal, and files of one sound differ: a hidden
    reference is not the open one byte for byte.

    Parameters
    ----------
    samples : ndarray, shape (n_samples, n_channels)
        Within ±1.
    bits : int
    seed : int

    Returns
    -------
    ndarray
        Whole multiples of ``2 ** (1 - bits)``, exact in a file of that many bits.

    Examples
    --------
    >>> quiet = dithered(np.zeros((10000, 1)), 16, seed=1) * 2**15
    >>> sorted(set(quiet.ravel().astype(int).tolist()))
    [-1, 0, 1]
    """
    draw, steps = Draw(seed), 2.0 ** (bits - 1)
    noise = (draw.noise(samples.size) + draw.noise(samples.size)).reshape(samples.shape) / 2
    # At 0 dBTP the noise may cross full scale by one step.
    return np.asarray(np.clip(np.round(samples * steps + noise), -steps, steps - 1) / steps)


def write_stimulus(path: Path, audio: Audio, bits: int, seed: int) -> tuple[str, float]:
    """Write a stimulus; return the SHA-256 of its file, and the true peak of what it holds in dBTP.

    Raises
    ------
    WriteError
        There is no room.
    """
    written = Audio(dithered(audio.samples, bits, seed), audio.rate_hz)
    write_audio(path, written, subtype=f"PCM_{bits}")
    return hashlib.sha256(path.read_bytes()).hexdigest(), decibels(true_peak(written))
