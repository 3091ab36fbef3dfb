"""Audio streams of MP4 files such as Native Instruments' stems: PyAV where installed, else ffmpeg.

Both decode AAC to float. A stream is as long as its header says: the encoder fills its last block
of 1024 samples with silence, which is cut off.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from svbench.audio import AudioInfo
from svbench.errors import AudioError
from svbench.installation import install_line

# Decoders may swallow the encoder's delay at the start or at the end: two blocks of AAC at most.
SLACK_SAMPLES = 2048


def stream_infos(path: Path | str) -> tuple[AudioInfo, ...]:
    """Read length, channels and rate of every audio stream of a file from its header.

    Returns
    -------
    tuple of AudioInfo
        In the order of the streams.

    Raises
    ------
    AudioError
        The file is missing or no audio, or neither PyAV nor ffmpeg is there.
    """
    path = Path(path)
    try:
        state = path.stat()
    except OSError:
        raise AudioError(f"{path}: no such file") from None
    return _infos(path, state.st_size, state.st_mtime_ns)


class StreamSound:
    """One audio stream of a file; it is decoded whole when first read.

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

    dtype: np.dtype[Any] = np.dtype(np.float64)

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
        self._samples: NDArray[np.float32] | None = None

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Fill ``out`` from sample ``start`` on."""
        if self._samples is None:
            self._samples = self._decoded()
        out[...] = self._samples[start : start + len(out)]

    def _decoded(self) -> NDArray[np.float32]:
        decode = _decode_av if _has_av() else _decode_ffmpeg
        samples = decode(self.path, self.stream, self.n_channels)
        short = self.n_samples - len(samples)
        if short > SLACK_SAMPLES:
            raise AudioError(
                f"{self.path}: stream {self.stream} ends at sample {len(samples)}, its header promises "
                f"{self.n_samples}; the file is truncated or damaged"
            )
        return np.pad(samples, ((0, max(short, 0)), (0, 0)))[: self.n_samples]


@lru_cache(maxsize=1024)
def _infos(path: Path, n_bytes: int, mtime_ns: int) -> tuple[AudioInfo, ...]:
    """Keep what a header said as long as the file does not change."""
    infos = _infos_av(path) if _has_av() else _infos_ffmpeg(path)
    if not infos:
        raise AudioError(f"{path}: cannot be read as audio (no audio stream in it)")
    return infos


def _has_av() -> bool:
    return importlib.util.find_spec("av") is not None


def _infos_av(path: Path) -> tuple[AudioInfo, ...]:
    import av

    try:
        with av.open(str(path)) as container:
            return tuple(
                AudioInfo(round(s.duration * s.time_base * s.rate), s.channels, s.rate, "AAC")
                for s in container.streams.audio
            )
    except (av.FFmpegError, TypeError) as error:  # a header without a duration multiplies None
        raise AudioError(f"{path}: cannot be read as audio ({error})") from error


def _decode_av(path: Path, stream: int, n_channels: int) -> NDArray[np.float32]:
    import av

    blocks = []
    try:
        with av.open(str(path)) as container:
            resampler = av.AudioResampler(format="fltp")
            for frame in container.decode(audio=stream):
                blocks += [f.to_ndarray().T for f in resampler.resample(frame)]
    except av.FFmpegError as error:
        raise AudioError(f"{path}: cannot be decoded ({error})") from error
    return np.concatenate(blocks) if blocks else np.zeros((0, n_channels), np.float32)


def _infos_ffmpeg(path: Path) -> tuple[AudioInfo, ...]:
    words = ["ffprobe", "-v", "error", "-select_streams", "a", "-show_streams", "-of", "json", str(path)]
    try:
        return tuple(
            AudioInfo(
                round(float(s["duration"]) * int(s["sample_rate"])),
                int(s["channels"]),
                int(s["sample_rate"]),
                "AAC",
            )
            for s in json.loads(_output(words, path))["streams"]
        )
    except KeyError as error:
        raise AudioError(f"{path}: cannot be read as audio (its header tells no {error})") from error


def _decode_ffmpeg(path: Path, stream: int, n_channels: int) -> NDArray[np.float32]:
    words = [
        "ffmpeg",
        "-v",
        "error",
        "-nostdin",
        "-i",
        str(path),
        "-map",
        f"0:a:{stream}",
        "-f",
        "f32le",
        "-",
    ]
    return np.frombuffer(_output(words, path), "<f4").reshape(-1, n_channels)


def _output(words: list[str], path: Path) -> bytes:
    program = shutil.which(words[0])
    if program is None:
        raise AudioError(
            f"{path}: reading MP4 needs PyAV or ffmpeg, and neither is here; install one of them with "
            f"{install_line('stems')}, or your system's package of ffmpeg"
        )
    done = subprocess.run([program, *words[1:]], capture_output=True, check=False)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise AudioError(f"{path}: cannot be read as audio ({lines[-1].rpartition(': ')[2]})")
    return done.stdout
