"""Open audio files: length, channels and sample rate, and whether they can be read piece by piece.

PCM, float and FLAC can be read piece by piece from any position. Other formats are decoded once, from the
first sample to the last, because seeking in Vorbis, Opus or MP3 is inexact and a second reading could differ.
libsndfile decodes the formats it knows, FFmpeg the rest.

Of a file with several audio streams, such as the stem.mp4 files of MUSDB18, each can be read by its number.
It is decoded to 16 bit. musdb hands museval the samples that ``ffmpeg -f s16le`` gives, and all published
results on MUSDB18 were computed on them: AAC decoded to float, rounded to the nearest of 65536 steps,
clipped, not dithered. Rounding puts noise into the band that the encoder left empty; without it, ISR, SIR and
SAR change by many dB. A stream is as long as what is decoded, including the silence at the end of the
encoder's last block.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from svbench.audio import ffmpeg
from svbench.audio.containers import REFUSED, refuse_truncated, signal_length_s
from svbench.audio.ffmpeg import fill, stored
from svbench.errors import AudioError

# The length that libsndfile gives where only decoding can count the samples.
_UNKNOWN = 2**63 - 1
_BLOCK = 1 << 16
# A block of AAC. Versions of FFmpeg may cut less than one off the end; a truncated file lacks more.
_AAC_BLOCK = 1024
# One sample is a fixed number of bytes in all of these, or FLAC's frames say which samples they hold.
_SEEKABLE = ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")


@dataclass(frozen=True)
class AudioInfo:
    """The format and length of an audio file.

    Attributes
    ----------
    n_samples, n_channels, rate_hz : int
    subtype : str
        The sample format as libsndfile calls it, such as ``PCM_16``, or the name of a codec.
    in_pieces : bool
        Whether any stretch can be read by itself; other files are decoded whole.
    """

    n_samples: int
    n_channels: int
    rate_hz: int
    subtype: str
    in_pieces: bool = True

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.rate_hz


def audio_info(path: Path | str, stream: int | None = None) -> AudioInfo:
    """Read a file's length, channels and rate, from its header where that is enough.

    MP3 without a Xing header, FLAC without a total and formats that only FFmpeg reads are decoded to count
    their samples; the result is cached as long as the file does not change.

    Parameters
    ----------
    path : path
    stream : int, optional
        Number of an audio stream, from 0, that is read in 16 bit.

    Raises
    ------
    AudioError
        The file is missing, empty, no audio, of a kind that is not read, or ends early; or it has no such
        stream.
    """
    return _info(stream, *_version(Path(path)))


class FileSound:
    """An audio file, or one stream of it; it is opened when first read and stays open.

    Parameters
    ----------
    path : path
    stream : int, optional
        Number of an audio stream, from 0, that is read in 16 bit.

    Attributes
    ----------
    path : Path
    n_samples, n_channels, rate_hz : int
    dtype : dtype
        int16 of 16-bit files, else float64.

    Raises
    ------
    AudioError
        See `audio_info`; when read, also truncated, damaged, or NaN or infinite values.
    """

    def __init__(self, path: Path | str, stream: int | None = None) -> None:
        self.path, self.stream = Path(path), stream
        self._info = info = audio_info(self.path, stream)
        self.n_samples, self.n_channels, self.rate_hz = info.n_samples, info.n_channels, info.rate_hz
        self.dtype: np.dtype[Any] = np.dtype(np.int16 if info.subtype == "PCM_16" else np.float64)
        self._file: Any = None
        self._samples: NDArray[Any] | None = None
        self._position = 0

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Fill ``out``, shape (n, n_channels) of int16 or floating point, from sample ``start`` on."""
        end = start + (self._read_piece if self._info.in_pieces else self._read_whole)(start, out)
        if end < start + len(out):
            part = "" if self.stream is None else f"stream {self.stream} "
            raise AudioError(
                f"{self.path}: {part}ends at sample {end}, its header promises {self.n_samples}; "
                "the file is truncated or damaged"
            )
        if not self._info.subtype.startswith("PCM_"):
            refuse_non_finite(out, str(self.path), start)

    def _read_piece(self, start: int, out: NDArray[Any]) -> int:
        """Read with libsndfile and return the number of samples; reading forwards never seeks."""
        import soundfile

        try:
            if self._file is None:
                self._file = soundfile.SoundFile(os.fsencode(self.path))
            if start != self._position:
                self._file.seek(start)
            n = len(self._file.read(out=out))
        except Exception as error:
            raise AudioError(unreadable(self.path, error)) from error
        self._position = start + n
        return n

    def _read_whole(self, start: int, out: NDArray[Any]) -> int:
        if self._samples is None:
            self._samples = _decoded(self.stream, *_version(self.path)).samples
        part = self._samples[start : start + len(out)]
        fill(out[: len(part)], part)
        if self.stream is not None and self.n_samples - len(self._samples) < _AAC_BLOCK:
            out[len(part) :] = 0
            return len(out)
        return len(part)


def refuse_non_finite(samples: NDArray[Any], name: str, start: int = 0) -> None:
    """Raise AudioError if samples, of which the first is sample ``start``, hold NaN or infinity.

    Examples
    --------
    >>> refuse_non_finite(np.array([[0.0], [np.inf]]), "a.wav", start=100)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    svbench.errors.AudioError: a.wav: NaN or infinite values, the first (inf) at sample 101 of channel 0...
    """
    finite = np.isfinite(samples)
    if finite.all():
        return
    first = int(np.argmin(finite.all(axis=1)))
    channel = int(np.argmin(finite[first]))
    raise AudioError(
        f"{name}: NaN or infinite values, the first ({samples[first, channel]}) at sample {start + first} "
        f"of channel {channel}, both counted from 0"
    )


def unreadable(path: Path, error: Exception) -> str:
    """Say in one sentence why a file cannot be read as audio."""
    if not path.exists():
        return f"{path}: no such file"
    if path.is_dir():
        return f"{path}: a folder, expected an audio file"
    reason = getattr(error, "error_string", None) or str(error)
    return f"{path}: cannot be read as audio ({reason.strip().rstrip('.')})"


def is_utf8(name: Path | str) -> bool:
    """Whether a file name is UTF-8; JSON and manifests take no other."""
    try:
        str(name).encode()
    except UnicodeEncodeError:
        return False
    return True


def _version(path: Path) -> tuple[Path, int, int, int]:
    """Return a path with its inode, size and modification time, as a cache key that changes with the content.

    Raises
    ------
    AudioError
        No such file.
    """
    try:
        state = path.stat()
    except (OSError, ValueError) as error:
        raise AudioError(unreadable(path, error)) from error
    return path, state.st_ino, state.st_size, state.st_mtime_ns


class _Header(NamedTuple):
    """The header as libsndfile reads it; ``n_samples`` is None where only decoding gives it."""

    n_samples: int | None
    n_channels: int
    rate_hz: int
    subtype: str


class _Decoded(NamedTuple):
    """All samples of a file or of one of its streams."""

    samples: NDArray[Any]
    rate_hz: int
    subtype: str


@lru_cache(maxsize=4096)
def _info(stream: int | None, *key: Any) -> AudioInfo:
    path: Path = key[0]
    if stream is not None:
        streams = ffmpeg.streams(path)
        if stream >= len(streams):
            raise AudioError(
                f"{path}: has {len(streams)} audio streams, expected at least {stream + 1}; "
                "it is not a stem file, or damaged"
            )
        n_samples, one = streams[stream].n_samples, streams[stream]
        if n_samples is None:
            n_samples = len(_decoded(stream, *key).samples)
        return AudioInfo(n_samples, one.n_channels, one.rate_hz, "PCM_16", in_pieces=False)
    suffix = path.suffix.lower()
    if suffix in REFUSED:
        raise AudioError(f"{path}: {suffix} files are not read; convert it to WAV or FLAC")
    header = _header(path)
    if header is not None and header.n_samples is not None:
        in_pieces = header.subtype in _SEEKABLE
        info = AudioInfo(header.n_samples, header.n_channels, header.rate_hz, header.subtype, in_pieces)
    else:
        decoded = _decoded(None, *key)
        n_samples, n_channels = decoded.samples.shape
        info = AudioInfo(n_samples, n_channels, decoded.rate_hz, decoded.subtype, in_pieces=False)
    if not info.n_samples:
        raise AudioError(
            f"{path}: its header says that it holds no samples, and the file has {key[2]} bytes; if there is "
            "music in it, the program that wrote it did not finish the header: write it again"
        )
    return info


# Enough for the references and estimates of one track, which are read together.
@lru_cache(maxsize=16)
def _decoded(number: int | None, *key: Any) -> _Decoded:
    import soundfile

    path: Path = key[0]
    header = _header(path) if number is None else None
    if header is None:
        stream = ffmpeg.streams(path)[number or 0]
        samples = ffmpeg.decoded(path, number or 0, stream, None if number is None else "s16")
        if number is None and stream.codec == "aac" and (length_s := signal_length_s(path)):
            samples = samples[: round(length_s * stream.rate_hz)]
        return _Decoded(samples, stream.rate_hz, "PCM_16" if samples.dtype == np.int16 else stream.codec)
    # ALAC holds whole numbers of up to 32 bits; what the lossy decoders give is float32.
    dtype = np.int32 if header.subtype.startswith("ALAC") else np.float32
    try:
        with _piped(path) if header.n_samples is None else soundfile.SoundFile(os.fsencode(path)) as file:
            samples = stored(_blocks(file, dtype), dtype, header.n_channels, path)
    except soundfile.LibsndfileError as error:
        reason = error.error_string.strip().rstrip(".")
        raise AudioError(f"{path}: cannot be decoded ({reason}); the file is truncated or damaged") from error
    return _Decoded(samples, header.rate_hz, header.subtype)


def _header(path: Path) -> _Header | None:
    """Read a header by libsndfile; None of a file that only FFmpeg can read to its end."""
    import soundfile

    try:
        refuse_truncated(path)
        info = soundfile.info(os.fsencode(path))
    except AudioError:
        raise
    except Exception as error:
        if isinstance(error, OSError) or not path.stat().st_size:
            raise AudioError(unreadable(path, error)) from error
        return None
    n_samples: int | None = int(info.frames)
    if info.format == "MP3":
        # Without a Xing header libsndfile guesses the length from the file's size, wrong by a factor for
        # variable bit rates. And whatever is called .mp3 is MPEG audio to it, until a pipe hides the name.
        try:
            with _piped(path) as file:
                n_samples = None if file.frames == _UNKNOWN else n_samples
        except soundfile.LibsndfileError:
            return None
    elif n_samples == _UNKNOWN:
        # FLAC without a total: the Python module seeks behind every block, which libsndfile cannot do there.
        return None
    return _Header(n_samples, int(info.channels), int(info.samplerate), str(info.subtype))


@contextmanager
def _piped(path: Path) -> Iterator[Any]:
    """Open MPEG audio through a pipe: libsndfile then guesses no length but reads to the end."""
    import soundfile

    reading, writing = os.pipe()

    def feed() -> None:
        with suppress(BrokenPipeError), path.open("rb") as source, os.fdopen(writing, "wb") as pipe:
            _skip_id3(source)
            shutil.copyfileobj(source, pipe)

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    try:
        with soundfile.SoundFile(reading) as file:  # closes its end of the pipe, which ends the feeder
            yield file
    finally:
        feeder.join()


def _skip_id3(file: BinaryIO) -> None:
    """Skip a tag at the start, which may hold a picture; through a pipe libsndfile does not get past it."""
    head = file.read(10)
    if head[:3] == b"ID3":
        size = sum((byte & 127) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        file.seek(10 + size)
    else:
        file.seek(0)


def _blocks(file: Any, dtype: type[np.generic]) -> Iterator[NDArray[Any]]:
    while len(block := file.read(_BLOCK, dtype=np.dtype(dtype).name, always_2d=True)):
        yield block
