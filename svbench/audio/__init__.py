"""The Audio value and the one gate through which samples enter and leave svbench.

Arrays are ``(n_samples, n_channels)`` everywhere, as in soundfile, musdb and
museval. Nothing here pads, cuts or rescales: what differs is reported.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from svbench.audio.containers import AUDIO_SUFFIXES as AUDIO_SUFFIXES
from svbench.audio.containers import EXTENSIONS as EXTENSIONS
from svbench.audio.files import AudioInfo as AudioInfo
from svbench.audio.files import FileSound, refuse_non_finite
from svbench.audio.files import audio_info as audio_info
from svbench.audio.files import is_utf8 as is_utf8
from svbench.audio.files import unreadable as unreadable
from svbench.errors import AudioError, WriteError
from svbench.printing.visible import shown as shown

Samples = NDArray[Any]
_CHECKS_VALUES = ContextVar("whether Audio looks for NaN", default=True)


@dataclass(frozen=True, eq=False)
class Audio:
    """Finite samples with their rate.

    Attributes
    ----------
    samples : ndarray, shape (n_samples, n_channels), float32 or float64
    rate_hz : int

    Raises
    ------
    AudioError
        Not two-dimensional, not floating point, empty, or not finite.

    Examples
    --------
    >>> a = Audio(np.zeros((44100, 2)), 44100)
    >>> a.duration_s, a.n_channels
    (1.0, 2)
    """

    samples: Samples
    rate_hz: int

    def __post_init__(self) -> None:
        check_samples(self.samples, "audio", values=_CHECKS_VALUES.get())

    @property
    def n_samples(self) -> int:
        """Number of samples per channel."""
        return int(self.samples.shape[0])

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.rate_hz


@contextmanager
def values_unchecked() -> Iterator[None]:
    """Let `Audio` hold NaN for a while, for a caller that checks the samples by a better name."""
    before = _CHECKS_VALUES.set(False)
    try:
        yield
    finally:
        _CHECKS_VALUES.reset(before)


def check_samples(samples: Any, name: str, *, values: bool = True) -> None:
    """Raise AudioError unless samples are a finite, non-empty 2-D float array.

    Parameters
    ----------
    samples : object
    name : str
        How to call the signal in the message, e.g. ``"estimate of vocals"``.
    values : bool
        Whether to look for NaN and infinity.
    """
    if not isinstance(samples, np.ndarray) or samples.dtype not in (np.float32, np.float64):
        found = getattr(samples, "dtype", type(samples).__name__)
        raise AudioError(f"{name}: expected a float32 or float64 array, found {found}")
    if samples.ndim != 2:
        raise AudioError(f"{name}: expected shape (n_samples, n_channels), found {samples.shape}")
    if samples.size == 0:
        raise AudioError(f"{name}: empty, shape {samples.shape}")
    if samples.shape[1] > samples.shape[0] and samples.shape[1] > 16:
        raise AudioError(f"{name}: shape {samples.shape} looks transposed; expected (n_samples, n_channels)")
    if not values:
        return
    refuse_non_finite(samples, name)


def read_audio(
    path: Path | str,
    *,
    start: int = 0,
    stop: int | None = None,
    dtype: Literal["float32", "float64"] = "float64",
) -> Audio:
    """Read samples ``start`` to ``stop`` of a file.

    Parameters
    ----------
    path : path
        Any suffix of ``EXTENSIONS``; of a file with several audio streams the first is read.
    start, stop : int
        Sample range; the whole file by default.
    dtype : {"float64", "float32"}
        16-bit and 24-bit files are exact in either.

    Returns
    -------
    Audio

    Raises
    ------
    AudioError
        Missing, unreadable, truncated, empty, or with NaN or infinite values.
    """
    sound = FileSound(path)
    first, last, _ = slice(start, stop).indices(sound.n_samples)
    samples = np.empty((max(last - first, 0), sound.n_channels), dtype)
    sound.read(first, samples)
    check_samples(samples, str(sound.path))
    return Audio(samples, sound.rate_hz)


def write_audio(path: Path | str, audio: Audio, *, subtype: str | None = None) -> None:
    """Write audio; by default as float WAV, so that nothing is clipped or re-quantised.

    Parameters
    ----------
    path : path
        The suffix chooses the container.
    audio : Audio
    subtype : str, optional
        A libsndfile subtype such as ``"PCM_16"``. By default ``FLOAT`` for float32 and
        ``DOUBLE`` for float64 samples.

    Raises
    ------
    WriteError
        The file cannot be written.
    AudioError
        PCM is asked for and a sample would clip.
    """
    import soundfile

    path = Path(path)
    if subtype is None:
        subtype = "DOUBLE" if audio.samples.dtype == np.float64 else "FLOAT"
    if subtype.startswith("PCM") and float(np.abs(audio.samples).max()) > 1.0:
        raise AudioError(f"{path}: samples beyond ±1 would clip in {subtype}; write float or scale first")
    try:
        soundfile.write(os.fsencode(path), audio.samples, audio.rate_hz, subtype=subtype)
    except soundfile.LibsndfileError as error:
        raise WriteError(
            f"{path}: cannot be written ({error.error_string.strip().rstrip('.')}); make room, or write to "
            "another folder"
        ) from error


def samples_digest(audio: Audio) -> str:
    """Compute the SHA-256 of the samples in memory, channels interleaved; it depends on the precision.

    Examples
    --------
    >>> samples_digest(Audio(np.zeros((2, 1)), 44100))[:8]
    '374708ff'
    """
    import hashlib

    return hashlib.sha256(np.ascontiguousarray(audio.samples).data).hexdigest()


def resample(audio: Audio, rate_hz: int, resampler: Literal["soxr-vhq", "ffmpeg"] = "soxr-vhq") -> Audio:
    """Change the rate, by default with soxr's very high quality (band-limited, linear phase).

    Parameters
    ----------
    audio : Audio
    rate_hz : int
    resampler : {"soxr-vhq", "ffmpeg"}
        ``ffmpeg`` is the filter of its libswresample, for rules that were published with it.

    Returns
    -------
    Audio
        Same number of channels and dtype; the same object when nothing is to do.
    """
    if rate_hz == audio.rate_hz:
        return audio
    if resampler == "ffmpeg":
        from svbench.audio.swresample import swresample

        resampled = swresample(audio.samples.astype(np.float64, copy=False), audio.rate_hz, rate_hz)
        return Audio(resampled.astype(audio.samples.dtype, copy=False), rate_hz)
    import soxr

    return Audio(soxr.resample(audio.samples, audio.rate_hz, rate_hz, quality="VHQ"), rate_hz)
