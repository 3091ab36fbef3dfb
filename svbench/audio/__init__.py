"""The Audio value and the one gate through which samples enter and leave svbench.

Arrays are ``(n_samples, n_channels)`` everywhere, as in soundfile, musdb and
museval. Nothing here pads, cuts or rescales: what differs is reported.
"""

from __future__ import annotations

import math
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
# Defaults of libswresample: ``filter_size``, ``cutoff`` and ``kaiser_beta``.
_FILTER_SIZE, _CUTOFF, _KAISER_BETA = 32, 0.97, 9.0
_BLOCK = 1 << 14  # outputs that `swresample` computes at once; each has a window of its own in memory


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
    """Let `Audio` hold NaN inside this context, for a caller whose check names the signal better."""
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
        kind = getattr(samples, "dtype", type(samples).__name__)
        raise AudioError(f"{name}: expected a float32 or float64 array, found {kind}")
    if samples.ndim != 2:
        raise AudioError(f"{name}: expected shape (n_samples, n_channels), found {samples.shape}")
    if samples.size == 0:
        raise AudioError(f"{name}: empty, shape {samples.shape}")
    if samples.shape[1] > samples.shape[0] and samples.shape[1] > 16:
        raise AudioError(f"{name}: shape {samples.shape} looks transposed; expected (n_samples, n_channels)")
    if values:
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
        Same number of channels and dtype; the same object if it has the rate already.
    """
    if rate_hz == audio.rate_hz:
        return audio
    if resampler == "ffmpeg":
        resampled = swresample(audio.samples.astype(np.float64, copy=False), audio.rate_hz, rate_hz)
        return Audio(resampled.astype(audio.samples.dtype, copy=False), rate_hz)
    import soxr

    return Audio(soxr.resample(audio.samples, audio.rate_hz, rate_hz, quality="VHQ"), rate_hz)


def swresample(samples: NDArray[np.float64], rate_hz: int, new_rate_hz: int) -> NDArray[np.float64]:
    """Change the rate of a signal as ffmpeg does by default, with the windowed sinc of libswresample.

    Rules that were published with ffmpeg's resampling need its filter, not a better one. The filter is short,
    so some energy remains up to the new Nyquist frequency. This keeps the normal equations of BSS Eval
    solvable, where a steeper filter would leave an empty band.

    Parameters
    ----------
    samples : ndarray, shape (n_samples, n_channels)
    rate_hz, new_rate_hz : int

    Returns
    -------
    ndarray, shape (ceil(n_samples * new_rate_hz / rate_hz), n_channels)
        What ``ffmpeg -ar`` gives of float samples: within 1e-7 from 44.1 to 22.05 kHz, where it computes
        in single precision and this in double, and 1e-5 between other rates.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 / 44100 * np.arange(4410))[:, np.newaxis]
    >>> half = swresample(tone, 44100, 22050)
    >>> len(half), bool(np.abs(half[100:-100] - tone[200:-200:2]).max() < 1e-4)
    (2205, True)
    """
    common = math.gcd(rate_hz, new_rate_hz)
    up, down = new_rate_hz // common, rate_hz // common
    taps = _filters(up, min(new_rate_hz * _CUTOFF / rate_hz, 1.0))
    length = taps.shape[1]
    before = (length - 1) // 2
    n_out = -(-len(samples) * up // down)
    # Both ends are mirrored, without repeating the last sample at the start and with it at the end.
    after = length + down
    reflected = np.pad(samples, ((before, 0), (0, 0)), mode="reflect")
    reflected = np.pad(reflected, ((0, after), (0, 0)), mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(reflected, length, axis=0)
    resampled = np.empty((n_out, samples.shape[1]))
    # Every up-th output lies at the same position between two input samples, so one filter (one phase of the
    # polyphase bank) computes all of them.
    for first in range(up):
        start, phase = divmod(first * down, up)
        rows = resampled[first::up]
        inputs = windows[start::down]
        for block in range(0, len(rows), _BLOCK):
            stop = min(block + _BLOCK, len(rows))
            rows[block:stop] = inputs[block:stop] @ taps[phase]
    return resampled


def _filters(up: int, factor: float) -> NDArray[np.float64]:
    """One filter for each place between two samples, shape (up, length); each sums to 1."""
    length = max(math.ceil(_FILTER_SIZE / factor), 1)
    centre = (length - 1) // 2
    distance = np.arange(length) - centre - np.arange(up)[:, np.newaxis] / up
    window = np.i0(_KAISER_BETA * np.sqrt(np.maximum(1 - (2 * distance / length) ** 2, 0)))
    taps: NDArray[np.float64] = np.sinc(distance * factor) * window
    taps /= taps.sum(axis=1, keepdims=True)
    return taps
