"""Sounds: audio read piece by piece, from files or arrays, in the format in which it is stored.

A 16-bit file is handed on as integers: half the bytes of float32, a quarter of float64, and sums
of their squares are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from svbench.audio import Audio, check_samples
from svbench.audio.files import FileSound as FileSound
from svbench.errors import AudioError

BLOCK = 1 << 18  # samples at once: 6 s, and 4 MB of stereo in double precision


class Shape(Protocol):
    """How long, wide and fast a signal is; Audio and Sound both tell."""

    @property
    def n_samples(self) -> int:
        """Number of samples per channel."""

    @property
    def n_channels(self) -> int:
        """Number of channels."""

    @property
    def rate_hz(self) -> int:
        """Sample rate."""


class Sound(Shape, Protocol):
    """Samples of one signal on demand.

    Attributes
    ----------
    dtype : dtype
        The narrowest format that holds every sample exactly: int16 or float64.
    """

    dtype: np.dtype[Any]

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Fill ``out``, shape (n, n_channels) of int16 or float64, from sample ``start`` on."""


class ArraySound:
    """Samples in memory, or mapped from an ``.npy`` file.

    Parameters
    ----------
    samples : ndarray, shape (n_samples, n_channels), floating point
    rate_hz : int
    """

    dtype: np.dtype[Any] = np.dtype(np.float64)

    def __init__(self, samples: NDArray[Any], rate_hz: int) -> None:
        self._samples = samples
        self.n_samples, self.n_channels = samples.shape
        self.rate_hz = rate_hz

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Copy from sample ``start`` on."""
        out[...] = self._samples[start : start + len(out)]


class SumSound:
    """The sum of sounds of one shape, in double precision, which is exact for PCM files."""

    dtype: np.dtype[Any] = np.dtype(np.float64)

    def __init__(self, parts: Sequence[Sound]) -> None:
        self._parts = parts
        first = parts[0]
        self.n_samples, self.n_channels, self.rate_hz = first.n_samples, first.n_channels, first.rate_hz

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Add all parts from sample ``start`` on; 16-bit ones as the whole numbers they are."""
        stored = {part.dtype for part in self._parts}
        more = np.empty(out.shape, stored.pop() if len(stored) == 1 else np.float64)
        out[...] = 0
        for part in self._parts:
            part.read(start, more)
            out += more
        if more.dtype == np.int16:
            out *= 2.0**-15


class Stack:
    """Several sounds of one shape side by side, as metrics read them (`SignalBlocks`).

    Parameters
    ----------
    sounds : sequence of Sound
    role : str
        What they are, for errors: ``"reference"`` or ``"estimate"``.
    targets : sequence of str
        Their names, for errors; their numbers by default.
    """

    def __init__(self, sounds: Sequence[Sound], role: str = "signal", targets: Sequence[str] = ()) -> None:
        self._sounds, self._role, self.targets = sounds, role, targets
        first = sounds[0]
        self.n_signals, self.rate_hz = len(sounds), float(first.rate_hz)
        self.n_samples, self.n_channels = first.n_samples, first.n_channels
        stored = {s.dtype for s in sounds}
        self._dtype: DTypeLike = stored.pop() if len(stored) == 1 else np.float64

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Samples ``start`` to ``stop`` of all sounds, shape (n_signals, stop - start, n_channels)."""
        out = np.empty((self.n_signals, stop - start, self.n_channels), self._dtype)
        for index, (sound, signal) in enumerate(zip(self._sounds, out, strict=True)):
            self._read(index, sound, start, signal)
        return out

    def samples(self) -> NDArray[np.float64]:
        """All sounds whole, shape (n_signals, n_samples, n_channels), finite."""
        out = np.empty((self.n_signals, self.n_samples, self.n_channels))
        for index, (sound, signal) in enumerate(zip(self._sounds, out, strict=True)):
            self._read(index, sound, 0, signal)
            check_samples(signal, self._name(index))
        return out

    def _read(self, index: int, sound: Sound, start: int, out: NDArray[Any]) -> None:
        try:
            sound.read(start, out)
        except AudioError as error:  # which names the file
            raise AudioError(f"{self._name(index)}: {error}") from error

    def _name(self, index: int) -> str:
        return f"{self._role} of {self.targets[index] if self.targets else index}"


def sound_of(paths: Sequence[Path | str]) -> Sound:
    """Return one file, or the sum of several.

    Raises
    ------
    AudioError
        A file cannot be read, or the files differ in length, rate or channels.
    """
    files = [FileSound(p) for p in paths]
    first = files[0]
    for other in files[1:]:
        for what in ("n_samples", "rate_hz", "n_channels"):
            a, b = getattr(first, what), getattr(other, what)
            if a != b:
                raise AudioError(f"{first.path} and {other.path} differ in {what}: {a} and {b}")
    return files[0] if len(files) == 1 else SumSound(files)


def whole(sound: Sound) -> Audio:
    """Read a sound from end to end, float64.

    Examples
    --------
    >>> whole(ArraySound(np.ones((4, 1)), 8000)).samples.ravel().tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    samples = np.empty((sound.n_samples, sound.n_channels))
    sound.read(0, samples)
    return Audio(samples, sound.rate_hz)


def block_at(sound: Sound, start: int, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Read the block of ``BLOCK`` samples that begins at a sample; the last block of a sound is shorter."""
    block = np.empty((min(BLOCK, sound.n_samples - start), sound.n_channels), dtype)
    sound.read(start, block)
    return block


def is_silent(sound: Sound) -> bool:
    """Whether every sample is zero; reading stops at the first that is not.

    Examples
    --------
    >>> is_silent(ArraySound(np.zeros((9, 2)), 8000)), is_silent(ArraySound(np.eye(2), 8000))
    (True, False)
    """
    return not any(block_at(sound, start, sound.dtype).any() for start in range(0, sound.n_samples, BLOCK))
