"""Where the samples of a stem are: files to be added, one stream of a file, or one channel of it.

Streams of stem.mp4 files, as MUSDB18 has them, are decoded to 16 bit. musdb hands museval the samples that
``ffmpeg -f s16le`` gives, and all published results on MUSDB18 were computed on them: AAC decoded to float,
rounded to the nearest of 65536 steps, clipped, not dithered. Rounding puts noise into the band that the
encoder left empty; without it, ISR, SIR and SAR change by many dB. A stream is as long as what is decoded,
including the silence at the end of the encoder's last block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from svbench.audio import audio_info, ffmpeg
from svbench.audio.ffmpeg import fill
from svbench.audio.files import AudioInfo, version
from svbench.audio.sounds import FileSound, Sound, SumSound
from svbench.errors import AudioError

# A block of AAC. Versions of FFmpeg may cut less than one off the end; a truncated file lacks more.
_BLOCK_SAMPLES = 1024


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
            if self.stream is not None:
                StreamSound(path, self.stream)  # refuses a stream that is not there
                info = stream_infos(path)[self.stream]
            else:
                info = audio_info(path)
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
        sound: Sound = FileSound(path) if self.stream is None else StreamSound(path, self.stream)
        if self.channel is not None:
            sound = ChannelSound(sound, self.channel)
        if (sound.n_samples, sound.n_channels) == (n_samples, n_channels):
            return sound
        return FittedSound(sound, n_samples, n_channels)


class ChannelSound:
    """One channel of a sound, as mono."""

    n_channels = 1

    def __init__(self, whole: Sound, channel: int) -> None:
        self._whole, self._channel = whole, channel
        self.n_samples, self.rate_hz, self.dtype = whole.n_samples, whole.rate_hz, whole.dtype

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Fill ``out``, shape (n, 1), from sample ``start`` on."""
        samples = np.empty((len(out), self._whole.n_channels), out.dtype)
        self._whole.read(start, samples)
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


def paths_of(sources: Sequence[Source]) -> tuple[Path, ...]:
    """Return all files of several sources, once each, in order.

    Examples
    --------
    >>> paths_of([Source((Path("a.mp4"),), stream=1), Source((Path("a.mp4"),), stream=2)])
    (PosixPath('a.mp4'),)
    """
    return tuple(dict.fromkeys(p for s in sources for p in s.paths))


def stream_infos(path: Path | str) -> tuple[AudioInfo, ...]:
    """Read length, channels and rate of every audio stream of a file.

    Returns
    -------
    tuple of AudioInfo
        In the order of the streams.

    Raises
    ------
    AudioError
        The file is missing or no audio, or neither PyAV nor ffmpeg is there.
    """
    return _infos(*version(Path(path)))


class StreamSound:
    """One audio stream of a file in 16 bit; it is decoded whole when first read.

    Parameters
    ----------
    path : path
    stream : int
        Number among the audio streams, from 0.

    Raises
    ------
    AudioError
        No such stream; when read, also a stream that ends early.
    """

    dtype: np.dtype[Any] = np.dtype(np.int16)

    def __init__(self, path: Path | str, stream: int) -> None:
        self.path, self.stream = Path(path), stream
        infos = stream_infos(self.path)
        if stream >= len(infos):
            raise AudioError(
                f"{self.path}: has {len(infos)} audio streams, expected at least {stream + 1}; "
                "it is no stem file or damaged"
            )
        info = infos[stream]
        self.n_samples, self.n_channels, self.rate_hz = info.n_samples, info.n_channels, info.rate_hz
        self._samples: NDArray[np.int16] | None = None

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Fill ``out``, of int16 or floating point, from sample ``start`` on."""
        if self._samples is None:
            self._samples = _decoded(self.stream, *version(self.path))
        part = self._samples[start : start + len(out)]
        fill(out[: len(part)], part)
        short = self.n_samples - len(self._samples)
        if len(part) < len(out) and short >= _BLOCK_SAMPLES:
            raise AudioError(
                f"{self.path}: stream {self.stream} ends at sample {len(self._samples)}, its header promises "
                f"{self.n_samples}; the file is truncated or damaged"
            )
        out[len(part) :] = 0


@lru_cache(maxsize=1024)
def _infos(*key: Any) -> tuple[AudioInfo, ...]:
    path = key[0]
    infos = []
    for number, stream in enumerate(ffmpeg.streams(path)):
        n_samples = stream.n_samples
        if n_samples is None:
            n_samples = len(_decoded(number, *key))
        infos.append(AudioInfo(n_samples, stream.n_channels, stream.rate_hz, "PCM_16", in_pieces=False))
    return tuple(infos)


# The streams of one track, and as many estimates that came in such a file.
@lru_cache(maxsize=8)
def _decoded(number: int, *key: Any) -> NDArray[np.int16]:
    path = key[0]
    return ffmpeg.decoded(path, number, ffmpeg.streams(path)[number], "s16")
