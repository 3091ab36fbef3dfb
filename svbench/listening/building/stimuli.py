"""Stimuli as files: plain PCM of one length and size, with noise of their own and nothing besides."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from svbench.audio import Audio, write_audio
from svbench.audio.draw import Draw
from svbench.listening.building.levels import Level, decibels, true_peak
from svbench.listening.building.names import Names
from svbench.listening.listening_test import Stimulus, stimulus_path


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


def new_stimulus(
    folder: Path,
    names: Names,
    what: tuple[str, ...],
    condition: str,
    use: str,
    audio: Audio,
    level: Level,
    bits: int,
) -> Stimulus:
    """Write a condition of a trial at its level, under a name that tells nothing.

    Parameters
    ----------
    folder : Path
        That of the test.
    names : Names
    what : tuple of str
        The trial, for names and noise.
    condition, use : str
        The same condition is a file of its own for each use.
    audio : Audio
        Before any gain.
    level : Level
    bits : int

    Raises
    ------
    WriteError
        There is no room.
    """
    stimulus = Stimulus(
        id=names.opaque(*what, condition, use),
        condition=condition,
        sha256="",
        gain_db=round(level.gain_db, 4),
        peak_dbtp=0.0,
        loudness_lufs=None if level.loudness_lufs is None else round(level.loudness_lufs, 3),
    )
    heard = Audio(audio.samples * 10 ** (level.gain_db / 20), audio.rate_hz)
    seed = names.noise(*what, condition, use)
    sha256, peak_dbtp = write_stimulus(stimulus_path(folder, stimulus), heard, bits, seed)
    return msgspec.structs.replace(stimulus, sha256=sha256, peak_dbtp=round(peak_dbtp, 3))
