"""Decode audio that libsndfile does not read, with PyAV if installed, otherwise with the ffmpeg program.

Both use FFmpeg's decoders and give the same samples. The delay that an encoder put in front of the signal is
removed where the file states it; the padding of the last block stays. Lossy formats are returned as float,
all others as the integers that they hold.

Decoded samples are kept outside the heap, in an unnamed temporary file that is mapped into memory: eight
stereo files of four minutes take 0.7 GB as float32. The system may drop or write out mapped pages that are
not being read, and nothing is left behind when the process ends, however it ends.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from svbench.errors import AudioError
from svbench.installation import install_line

Format = Literal["s16", "s32", "flt", "dbl"]
DTYPES: dict[Format, type[np.generic]] = {
    "s16": np.int16,
    "s32": np.int32,
    "flt": np.float32,
    "dbl": np.float64,
}
# What decoders give, without the "p" of planar ones, and the format in which all of its values are exact.
_KEPT: dict[str, Format] = {"u8": "s16", "s16": "s16", "s32": "s32", "flt": "flt", "dbl": "dbl"}
# A file must not make FFmpeg open others: no playlists, no protocol but this one.
_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,asf,aac,ac3,eac3,caf,flac,ogg,mp3,wv,tta,ape",
}
# Their headers say how long the signal is; other durations are guessed from the bit rate.
_TIMED = ("mov", "matroska", "asf", "caf", "wv", "tta", "ape")
# How much shorter than its header a stream may be: the delay of an encoder, and the end of its last block.
_SLACK_SAMPLES = 4096


class Stream(NamedTuple):
    """An audio stream as the header of its file describes it.

    Attributes
    ----------
    rate_hz, n_channels : int
    codec : str
    format : str
        The format of the decoder's samples.
    n_samples : int or None
        How many will be decoded: known of AAC whose header counts its packets, all of one length.
    promised : int
        The length that the header states, 0 where it states none.
    """

    rate_hz: int
    n_channels: int
    codec: str
    format: Format
    n_samples: int | None
    promised: int


def streams(path: Path) -> tuple[Stream, ...]:
    """Read what the header says of every audio stream, in their order.

    Raises
    ------
    AudioError
        Not audio, or neither PyAV nor ffmpeg is there.
    """
    audio = _streams_av(path) if has_av() else _streams_program(path)
    if not audio:
        raise AudioError(f"{path}: cannot be read as audio (no audio stream in it)")
    return audio


def decoded(path: Path, number: int, stream: Stream, wanted: Format | None = None) -> NDArray[Any]:
    """Decode one stream from end to end.

    Parameters
    ----------
    path : Path
    number : int
        Of the stream, from 0.
    stream : Stream
    wanted : str, optional
        Convert to this format; by default nothing is converted.

    Returns
    -------
    ndarray, shape (n_samples, n_channels)
        Mapped from a temporary file that is gone with it.

    Raises
    ------
    AudioError
        The file is damaged or truncated, or there is no room for its samples.
    """
    decode = _decode_av if has_av() else _decode_program
    samples = decode(path, number, stream, wanted or stream.format)
    if len(samples) < stream.promised - _SLACK_SAMPLES:
        raise AudioError(
            f"{path}: stream {number} ends at sample {len(samples)}, its header promises {stream.promised}; "
            "the file is truncated or damaged"
        )
    return samples


def has_av() -> bool:
    """Whether PyAV is installed."""
    return importlib.util.find_spec("av") is not None


def _url(path: Path) -> str:
    """Return a path in a form that FFmpeg reads as a plain file name, whatever characters it contains.

    Raises
    ------
    AudioError
        Its name is not UTF-8, which PyAV cannot open.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise AudioError(f"{path}: the name is not UTF-8, and FFmpeg cannot open it; rename it") from None
    return f"file:{path}"


def _stream(
    rate_hz: int,
    n_channels: int,
    codec: str,
    sample_format: str,
    packets: tuple[int, Fraction, Fraction] | None,
    duration_s: Fraction | float | None,
) -> Stream:
    """Describe a stream; ``packets`` are their number, length and first start (both in s)."""
    kept = _KEPT.get(sample_format.removesuffix("p"), "dbl")
    n_samples = None
    if packets and codec == "aac":
        n_packets, length_s, start_s = packets
        # Packets before time 0 hold the encoder's delay, which the decoder drops.
        n_samples = round((n_packets * length_s + min(start_s, Fraction(0))) * rate_hz)
    return Stream(rate_hz, n_channels, codec, kept, n_samples, round((duration_s or 0) * rate_hz))


def _streams_av(path: Path) -> tuple[Stream, ...]:
    import av

    try:
        with av.open(_url(path), options=_OPTIONS) as container:
            audio = container.streams.audio
            timed = container.format.name.split(",")[0] in _TIMED
            alone = len(container.streams) == 1
            container_s = Fraction(container.duration or 0, av.time_base) if timed and alone else None
            first: dict[int, tuple[Fraction, Fraction]] = {}
            if any(s.frames for s in audio):
                for packet in container.demux(audio):
                    if packet.pts is not None and packet.duration:
                        unit = Fraction(packet.time_base)
                        first.setdefault(packet.stream_index, (packet.duration * unit, packet.pts * unit))
                    if len(first) == len(audio):
                        break
            found = []
            for s in audio:
                packets = (s.frames, *first[s.index]) if s.frames and s.index in first else None
                duration_s = s.duration * s.time_base if timed and s.duration and s.time_base else container_s
                codec = s.codec_context
                found.append(_stream(s.rate, s.channels, codec.name, codec.format.name, packets, duration_s))
            return tuple(found)
    except (av.FFmpegError, AttributeError, TypeError, ValueError) as error:
        raise AudioError(f"{path}: cannot be read as audio ({_reason(error)})") from error


def _decode_av(path: Path, number: int, stream: Stream, wanted: Format) -> NDArray[Any]:
    import av

    def blocks() -> Iterator[NDArray[Any]]:
        with av.open(_url(path), options=_OPTIONS) as container:
            convert = av.AudioResampler(format=wanted)  # interleaves, rounds to 16 bit, adds no dither
            for frame in container.decode(audio=number):
                for part in convert.resample(frame):
                    yield part.to_ndarray().reshape(-1, stream.n_channels)

    try:
        return stored(blocks(), DTYPES[wanted], stream.n_channels, path)
    except (av.FFmpegError, ValueError) as error:
        raise AudioError(
            f"{path}: cannot be decoded ({_reason(error)}); the file is truncated or damaged"
        ) from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def _streams_program(path: Path) -> tuple[Stream, ...]:
    asked = "stream=index,codec_name,sample_rate,channels,sample_fmt,nb_frames,duration,time_base"
    words = ["-select_streams", "a", "-show_entries", f"{asked}:format=format_name,duration,nb_streams"]
    probe = json.loads(_output("ffprobe", [*words, "-of", "json"], path))
    container = probe.get("format", {})
    timed = container.get("format_name", "").split(",")[0] in _TIMED
    container_s = container.get("duration") if container.get("nb_streams") == 1 else None
    counted = any("nb_frames" in s for s in probe["streams"])
    units = {s["index"]: Fraction(s["time_base"]) for s in probe["streams"]}
    first = _first_packets(path, units) if counted else {}
    try:
        found = []
        for s in probe["streams"]:
            is_counted = "nb_frames" in s and s["index"] in first
            packets = (int(s["nb_frames"]), *first[s["index"]]) if is_counted else None
            duration_s = float(s.get("duration") or container_s or 0) if timed else None
            rate_hz, n_channels = int(s["sample_rate"]), int(s["channels"])
            found.append(_stream(rate_hz, n_channels, s["codec_name"], s["sample_fmt"], packets, duration_s))
        return tuple(found)
    except (KeyError, ValueError) as error:
        raise AudioError(f"{path}: cannot be read as audio (its header has no {error})") from error


def _first_packets(path: Path, units: dict[int, Fraction]) -> dict[int, tuple[Fraction, Fraction]]:
    """Return the length and the start, in seconds, of each stream's first packet."""
    words = ["-select_streams", "a", "-show_entries", "packet=stream_index,pts,duration"]
    first: dict[int, tuple[Fraction, Fraction]] = {}
    for interval in ("%+2", "%"):  # some files keep each stream in long pieces
        output = _output("ffprobe", [*words, "-read_intervals", interval, "-of", "json"], path)
        for packet in json.loads(output).get("packets", []):
            if "pts" in packet and "duration" in packet:
                unit = units[packet["stream_index"]]
                first.setdefault(packet["stream_index"], (packet["duration"] * unit, packet["pts"] * unit))
        if len(first) == len(units):
            break
    return first


def _decode_program(path: Path, number: int, stream: Stream, wanted: Format) -> NDArray[Any]:
    raw = {"s16": "s16", "s32": "s32", "flt": "f32", "dbl": "f64"}[wanted] + "le"
    with tempfile.TemporaryFile(prefix="svbench-") as file:
        words = ["-map", f"0:a:{number}", "-c:a", f"pcm_{raw}", "-f", raw, "-"]
        _output("ffmpeg", words, path, file)
        return mapped(file, DTYPES[wanted], stream.n_channels)


def _output(name: str, words: list[str], path: Path, file: IO[bytes] | None = None) -> bytes:
    """Run ffmpeg or ffprobe on a file; return what it prints, or write that into ``file``."""
    program = shutil.which(name)
    if program is None:
        raise AudioError(
            f"{path}: reading {path.suffix.lower()} files of this kind needs PyAV or ffmpeg, and neither is "
            f"installed; install one of them: {install_line('stems')}, or ffmpeg from your system's packages"
        )
    options = [word for key, value in _OPTIONS.items() for word in (f"-{key}", value)]
    before = ["-nostdin", "-xerror"] if name == "ffmpeg" else []
    done = subprocess.run(
        [program, "-v", "error", *before, *options, "-i", _url(path), *words],
        stdin=subprocess.DEVNULL,
        stdout=file or subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise AudioError(f"{path}: cannot be read as audio ({lines[-1].rpartition(': ')[2]})")
    return done.stdout or b""


def stored(
    blocks: Iterable[NDArray[Any]], dtype: type[np.generic], n_channels: int, path: Path
) -> NDArray[Any]:
    """Write blocks of samples one after the other and map them.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (n, n_channels)
    dtype : type
    n_channels : int
    path : Path
        What is decoded, for the message.

    Returns
    -------
    ndarray, shape (n_samples, n_channels), read-only

    Raises
    ------
    AudioError
        The disk is full.
    """
    with tempfile.TemporaryFile(prefix="svbench-") as file:
        for block in blocks:
            samples = np.ascontiguousarray(block, dtype)
            try:
                file.write(samples.data)
            except OSError as error:
                raise AudioError(
                    f"{path}: its decoded samples do not fit into {tempfile.gettempdir()} "
                    f"({error.strerror}); free disk space, or set TMPDIR to another folder"
                ) from error
        return mapped(file, dtype, n_channels)


def mapped(file: IO[bytes], dtype: type[np.generic], n_channels: int) -> NDArray[Any]:
    """Map a file of interleaved samples; the array stays when the file is closed."""
    file.flush()
    n_samples = file.seek(0, 2) // (np.dtype(dtype).itemsize * n_channels)
    if not n_samples:  # an empty file cannot be mapped
        return np.zeros((0, n_channels), dtype)
    return np.memmap(file, dtype, "r", shape=(n_samples, n_channels))


def fill(out: NDArray[Any], samples: NDArray[Any]) -> None:
    """Copy samples; whole numbers become fractions of full scale where ``out`` is floating point.

    Examples
    --------
    >>> out = np.empty(2)
    >>> fill(out, np.array([-32768, 16384], np.int16)); out
    array([-1. ,  0.5])
    """
    if samples.dtype.kind == "i" and out.dtype.kind == "f":
        np.multiply(samples, 2.0 ** (1 - 8 * samples.dtype.itemsize), out=out, casting="same_kind")
    else:
        out[...] = samples
