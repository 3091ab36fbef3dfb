"""Streams of stem.mp4 files as MUSDB18 has them, decoded to 16 bit.

musdb hands museval the samples that ``ffmpeg -f s16le`` gives, and all that was published on MUSDB18 was
computed on them: AAC decoded to float, rounded to the nearest of 65536 steps, clipped, not dithered. Rounding
puts noise into the band that the encoder left empty; without it, ISR, SIR and SAR change by many dB. A stream
is as long as what is decoded, with the silence at the end of the encoder's last block.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from svbench.audio import ffmpeg
from svbench.audio.files import AudioInfo, version
from svbench.audio.mapped import fill
from svbench.errors import AudioError

# A block of AAC. Versions of FFmpeg may cut less than one off the end; a truncated file lacks more.
_BLOCK_SAMPLES = 1024


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
