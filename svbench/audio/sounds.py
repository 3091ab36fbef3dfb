"""Sounds: audio read piece by piece, from files or arrays, in the format in which it is stored.

A 16-bit file is handed on as integers: half the bytes of float32, a quarter of float64, and sums
of their squares are exact. A `Source` says where the samples of a stem are: in files to be added, in one
stream of a file, or in one channel of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from svbench.audio import Audio, AudioInfo, audio_info, check_samples
from svbench.audio.files import FileSound as FileSound
from svbench.errors import AudioError

BLOCK = 1 << 18  # samples at once: 6 s, and 4 MB of stereo in double precision


class Shape(Protocol):
    """Length, number of channels and rate of a signal; Audio and Sound both have them."""

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
        more = np.empty(out.shape, _common_dtype(self._parts))
        out[...] = 0
        for part in self._parts:
            part.read(start, more)
            out += more
        if more.dtype == np.int16:
            out *= 2.0**-15


def _common_dtype(sounds: Sequence[Sound]) -> DTypeLike:
    dtypes = {sound.dtype for sound in sounds}
    return dtypes.pop() if len(dtypes) == 1 else np.float64


class Stack:
    """Several sounds of one shape side by side, as metrics read them (`SignalBlocks`).

    Parameters
    ----------
    sounds : sequence of Sound
    role : str
        What they are, for errors: ``"reference"`` or ``"estimate"``.
    targets : sequence of str
        Their names, for errors; their numbers by default.
    see : callable, optional
        Called as ``see(start, block)`` with every block that is read.
    """

    def __init__(
        self,
        sounds: Sequence[Sound],
        role: str = "signal",
        targets: Sequence[str] = (),
        see: Callable[[int, NDArray[Any]], None] | None = None,
    ) -> None:
        self._sounds, self.targets, self._see = sounds, targets, see
        self._names = [f"{role} of {t}" for t in targets or range(len(sounds))]
        first = sounds[0]
        self.n_signals, self.rate_hz = len(sounds), float(first.rate_hz)
        self.n_samples, self.n_channels = first.n_samples, first.n_channels
        self._dtype = _common_dtype(sounds)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Read samples ``start`` to ``stop`` of all sounds, shape (n_signals, stop - start, n_channels)."""
        out = np.empty((self.n_signals, stop - start, self.n_channels), self._dtype)
        return self._filled(start, out)

    def samples(self) -> NDArray[np.float64]:
        """Read and check all samples of all sounds, shape (n_signals, n_samples, n_channels)."""
        out = np.empty((self.n_signals, self.n_samples, self.n_channels))
        for name, signal in zip(self._names, self._filled(0, out), strict=True):
            check_samples(signal, name)
        return out

    def _filled(self, start: int, out: NDArray[Any]) -> NDArray[Any]:
        for name, sound, signal in zip(self._names, self._sounds, out, strict=True):
            try:
                sound.read(start, signal)
            except AudioError as error:  # which names the file
                raise AudioError(f"{name}: {error}") from error
        if self._see:
            self._see(start, out)
        return out


@dataclass(frozen=True)
class Source:
    """The files of one stem.

    Attributes
    ----------
    paths : tuple of Path
        Added up when there are several.
    stream : int or None
        Number of the audio stream in an MP4 file.
    channel : int or None
        The only channel that belongs to the stem, from 0.
    """

    paths: tuple[Path, ...]
    stream: int | None = None
    channel: int | None = None

    @property
    def name(self) -> str:
        """Return how a message calls the source.

        Examples
        --------
        >>> Source((Path("a.stem.mp4"),), stream=4).name
        'a.stem.mp4 (stream 4)'
        """
        more = f" and {len(self.paths) - 1} more files" if len(self.paths) > 1 else ""
        part = f" (stream {self.stream})" if self.stream is not None else ""
        part += f" (channel {self.channel})" if self.channel is not None else ""
        return f"{self.paths[0]}{part}{more}"

    def files(self) -> list[Source]:
        """Return each file as a source of its own."""
        return [replace(self, paths=(path,)) for path in self.paths]

    def infos(self) -> list[AudioInfo]:
        """Read the header of every file; a single channel counts as mono.

        Raises
        ------
        AudioError
            A file is missing or no audio, or has no such stream or channel.
        """
        infos = []
        for path in self.paths:
            info = audio_info(path, self.stream)
            if self.channel is not None:
                if self.channel >= info.n_channels:
                    raise AudioError(
                        f"{path}: has {info.n_channels} channels, expected at least {self.channel + 1}"
                    )
                info = replace(info, n_channels=1)
            infos.append(info)
        return infos

    def sound(self, n_samples: int, n_channels: int) -> Sound:
        """Return the stem in a given shape: longer files are cut, shorter ones end in silence.

        Parameters
        ----------
        n_samples, n_channels : int
            Mono files are copied into every channel.
        """
        parts = [self._part(path, n_samples, n_channels) for path in self.paths]
        return parts[0] if len(parts) == 1 else SumSound(parts)

    def _part(self, path: Path, n_samples: int, n_channels: int) -> Sound:
        sound: Sound = FileSound(path, self.stream)
        if self.channel is not None:
            sound = ChannelSound(sound, self.channel)
        if (sound.n_samples, sound.n_channels) == (n_samples, n_channels):
            return sound
        return FittedSound(sound, n_samples, n_channels)


class ChannelSound:
    """One channel of a sound, as mono."""

    n_channels = 1

    def __init__(self, sound: Sound, channel: int) -> None:
        self._sound, self._channel = sound, channel
        self.n_samples, self.rate_hz, self.dtype = sound.n_samples, sound.rate_hz, sound.dtype

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Fill ``out``, shape (n, 1), from sample ``start`` on."""
        samples = np.empty((len(out), self._sound.n_channels), out.dtype)
        self._sound.read(start, samples)
        out[:, 0] = samples[:, self._channel]


class FittedSound:
    """A sound cut, or filled up with silence, to a length; mono may become several channels."""

    def __init__(self, part: Sound, n_samples: int, n_channels: int) -> None:
        self._part = part
        self.n_samples, self.n_channels = n_samples, n_channels
        self.rate_hz, self.dtype = part.rate_hz, part.dtype

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Fill ``out`` from sample ``start`` on."""
        n_there = min(max(self._part.n_samples - start, 0), len(out))
        out[n_there:] = 0
        if n_there:
            samples = np.empty((n_there, self._part.n_channels), out.dtype)
            self._part.read(start, samples)
            out[:n_there] = samples


def source_of(place: Path | Source) -> Source:
    """Return a plain path as a source."""
    return place if isinstance(place, Source) else Source((place,))


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
