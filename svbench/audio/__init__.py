"""The Audio value and the one gate through which samples enter and leave svbench.

Arrays are ``(n_samples, n_channels)`` everywhere, as in soundfile, musdb and
museval. Nothing here pads, cuts or rescales: what differs is reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from svbench.audio.chunks import refuse_truncated
from svbench.errors import AudioError, WriteError

Samples = NDArray[Any]
EXTENSIONS = (".wav", ".flac", ".ogg", ".mp3")


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
        check_samples(self.samples, "audio")

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


@dataclass(frozen=True)
class AudioInfo:
    """What a file's header says, without decoding it."""

    n_samples: int
    n_channels: int
    rate_hz: int
    subtype: str

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.rate_hz


def check_samples(samples: Any, name: str) -> None:
    """Raise AudioError unless samples are a finite, non-empty 2-D float array.

    Parameters
    ----------
    samples : object
    name : str
        How to call the signal in the message, e.g. ``"estimate of vocals"``.
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
    finite = np.isfinite(samples)
    if not finite.all():
        first = int(np.argwhere(~finite.all(axis=1))[0, 0])
        raise AudioError(f"{name}: NaN or infinite values, the first at sample {first}")


def audio_info(path: Path | str) -> AudioInfo:
    """Read a file's length, channels and rate from its header.

    Raises
    ------
    AudioError
        The file is missing, no audio, or a WAV or AIFF file that ends early.
    """
    import soundfile

    path = Path(path)
    try:
        info = soundfile.info(str(path))
    except Exception as error:
        raise AudioError(unreadable(path, error)) from error
    refuse_truncated(path)
    return AudioInfo(int(info.frames), int(info.channels), int(info.samplerate), str(info.subtype))


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
        WAV, FLAC, OGG, MP3 or what libsndfile reads besides.
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
    import soundfile

    path = Path(path)
    try:
        samples, rate_hz = soundfile.read(str(path), start=start, stop=stop, dtype=dtype, always_2d=True)
    except Exception as error:
        raise AudioError(unreadable(path, error)) from error
    refuse_truncated(path)
    check_samples(samples, str(path))
    return Audio(samples, int(rate_hz))


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
        soundfile.write(str(path), audio.samples, audio.rate_hz, subtype=subtype)
    except soundfile.LibsndfileError as error:
        raise WriteError(
            f"{path}: cannot be written ({error}); make room, or write to another folder"
        ) from error


def samples_digest(audio: Audio) -> str:
    """SHA-256 of samples in double precision, whatever file or process they come from.

    Examples
    --------
    >>> samples_digest(Audio(np.zeros((2, 1)), 44100))[:8]
    '374708ff'
    """
    import hashlib

    return hashlib.sha256(np.ascontiguousarray(audio.samples).data).hexdigest()


def resample(audio: Audio, rate_hz: int) -> Audio:
    """Change the rate with soxr's very high quality (band-limited, linear phase).

    Parameters
    ----------
    audio : Audio
    rate_hz : int

    Returns
    -------
    Audio
        Same number of channels and dtype; the same object when nothing is to do.
    """
    if rate_hz == audio.rate_hz:
        return audio
    import soxr

    return Audio(soxr.resample(audio.samples, audio.rate_hz, rate_hz, quality="VHQ"), rate_hz)


def unreadable(path: Path, error: Exception) -> str:
    """Say in one sentence why a file cannot be read as audio."""
    if not is_utf8(path):
        return f"{shown(path)}: the name is not UTF-8; rename it"
    if not path.exists():
        return f"{path}: no such file"
    if path.is_dir():
        return f"{path}: a folder, expected an audio file"
    reason = getattr(error, "error_string", None) or str(error)
    return f"{path}: cannot be read as audio ({reason.strip().rstrip('.')})"


def is_utf8(name: Path | str) -> bool:
    """Whether a file name is UTF-8; libsndfile and JSON take no other."""
    try:
        str(name).encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(name: Path | str) -> str:
    r"""Return a file name that can be printed, bytes that are not UTF-8 by their numbers.

    Examples
    --------
    >>> print(shown(b"caf\xe9".decode(errors="surrogateescape")))
    caf\xe9
    """
    return str(name).encode(errors="surrogateescape").decode(errors="backslashreplace")
