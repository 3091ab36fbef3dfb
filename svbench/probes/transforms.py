"""Changes of a track that a robust system tolerates: level, sign, channels, band, noise, time, lossy coding.

Changes that treat every signal alike (all linear ones, and the limiter, whose gain is computed from the
mixture) are applied to the references too, so that these still add up to the mixture. All others (clipping,
noise, an offset, coding) change the mixture only. Where a change can be reversed exactly, ``undo`` reverses
it in the estimates. All signals have shape (n_samples, n_channels).
"""

from __future__ import annotations

import math
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from svbench.audio import Audio, Samples, resample
from svbench.audio.draw import Draw
from svbench.errors import AudioError

References = Mapping[str, Audio]
Track = tuple[Audio, References]


def decibel_gain(db: float) -> float:
    """Return the factor on samples that changes the level by so many decibels.

    Examples
    --------
    >>> round(decibel_gain(-20.0), 9)
    0.1
    """
    return float(10 ** (db / 20))


@dataclass(frozen=True)
class Gain:
    """Changes the level."""

    db: float

    def __call__(self, mixture: Audio, references: References, seed: int) -> Track:
        """Multiply everything by one factor."""
        return _alike(lambda x: x * decibel_gain(self.db), mixture, references)

    def undo(self, estimates: References) -> References:
        """Divide by the factor."""
        return _each(lambda x: x / decibel_gain(self.db), estimates)


def turned(mixture: Audio, references: References, seed: int) -> Track:
    """Invert the polarity of everything."""
    return _alike(np.negative, mixture, references)


def turned_back(estimates: References) -> References:
    """Invert the polarity of estimates, which undoes `turned`."""
    return _each(np.negative, estimates)


def swapped(mixture: Audio, references: References, seed: int) -> Track:
    """Exchange left and right; mono stays as it is."""
    return _alike(_mirrored, mixture, references)


def swapped_back(estimates: References) -> References:
    """Exchange left and right of estimates, which undoes `swapped`."""
    return _each(_mirrored, estimates)


def _mirrored(samples: Samples) -> Samples:
    return np.ascontiguousarray(samples[:, ::-1])


def mono(mixture: Audio, references: References, seed: int) -> Track:
    """Put the mean of the channels into every channel."""

    def centred(samples: Samples) -> Samples:
        return np.repeat(samples.mean(axis=1, keepdims=True), samples.shape[1], axis=1)

    return _alike(centred, mixture, references)


@dataclass(frozen=True)
class Offset:
    """Adds a constant (direct current) to every channel of the mixture; 1 is full scale."""

    level: float

    def __call__(self, mixture: Audio, references: References, seed: int) -> Track:
        """Add the constant to the mixture."""
        return Audio(mixture.samples + self.level, mixture.rate_hz), references


@dataclass(frozen=True)
class Noise:
    """Adds white noise, independent in each channel, at ``db`` relative to the RMS of the mixture."""

    db: float

    def __call__(self, mixture: Audio, references: References, seed: int) -> Track:
        """Add noise drawn from the seed to the mixture."""
        n_samples, n_channels = mixture.samples.shape
        # Uniform over [−1, 1), so its variance is 1/3.
        noise = Draw(seed).noise(n_samples * n_channels).reshape(n_samples, n_channels)
        level = math.sqrt(3 * np.mean(np.square(mixture.samples))) * decibel_gain(self.db)
        return Audio(mixture.samples + level * noise, mixture.rate_hz), references


@dataclass(frozen=True)
class Clip:
    """Clips the mixture at a level relative to its peak."""

    db: float

    def __call__(self, mixture: Audio, references: References, seed: int) -> Track:
        """Clip the mixture; references stay, since clipping a sum is not clipping its parts."""
        bound = float(np.abs(mixture.samples).max()) * decibel_gain(self.db)
        return Audio(np.clip(mixture.samples, -bound, bound), mixture.rate_hz), references


@dataclass(frozen=True)
class Limit:
    """A look-ahead peak limiter with a ceiling relative to the mixture's peak.

    The gain is the smallest that any sample within ±2.5 ms needs, then averaged over 5 ms. Every value in
    that average is at most what the sample in its middle needs, so no sample exceeds the ceiling. All
    channels, and the references, get the same gain.
    """

    db: float

    def __call__(self, mixture: Audio, references: References, seed: int) -> Track:
        """Multiply everything by the gain that the mixture needs."""
        from scipy.ndimage import minimum_filter1d, uniform_filter1d

        peak = np.abs(mixture.samples).max(axis=1)
        if not peak.any():
            return mixture, references
        ceiling = float(peak.max()) * decibel_gain(self.db)
        needed = np.minimum(1.0, ceiling / np.maximum(peak, ceiling))
        span = 2 * round(0.0025 * mixture.rate_hz) + 1
        gain = uniform_filter1d(minimum_filter1d(needed, span, mode="nearest"), span, mode="nearest")
        return _alike(lambda x: x * gain[:, np.newaxis], mixture, references)


@dataclass(frozen=True)
class LowPass:
    """A linear-phase low-pass: −6 dB at the cut-off, −80 dB from 500 Hz above it.

    A track whose rate cannot hold such frequencies stays as it is.
    """

    cutoff_hz: float

    def __call__(self, mixture: Audio, references: References, seed: int) -> Track:
        """Filter everything."""
        from scipy.signal import firwin, kaiserord, oaconvolve

        nyquist_hz = mixture.rate_hz / 2
        if self.cutoff_hz + 500 >= nyquist_hz:
            return mixture, references
        n_taps, beta = kaiserord(80.0, 1000 / nyquist_hz)
        taps = firwin(n_taps | 1, self.cutoff_hz, window=("kaiser", beta), fs=mixture.rate_hz)
        half = len(taps) // 2

        def filtered(samples: Samples) -> Samples:
            longer: Samples = oaconvolve(samples, taps[:, np.newaxis], axes=0)
            return longer[half : half + len(samples)]

        return _alike(filtered, mixture, references)


@dataclass(frozen=True)
class Rate:
    """Resamples to another rate and back."""

    rate_hz: int

    def __call__(self, mixture: Audio, references: References, seed: int) -> Track:
        """Resample everything twice."""

        def there_and_back(samples: Samples) -> Samples:
            away = resample(Audio(samples, mixture.rate_hz), self.rate_hz)
            return fitted(resample(away, mixture.rate_hz).samples, len(samples))

        return _alike(there_and_back, mixture, references)


@dataclass(frozen=True)
class Delay:
    """Puts silence before the track: seconds plus single samples."""

    seconds: float = 0.0
    samples: int = 0

    def __call__(self, mixture: Audio, references: References, seed: int) -> Track:
        """Put zeros before everything."""
        n = self._n(mixture.rate_hz)
        return _alike(lambda x: np.pad(x, ((n, 0), (0, 0))), mixture, references)

    def undo(self, estimates: References) -> References:
        """Cut the silence off."""
        return {t: Audio(a.samples[self._n(a.rate_hz) :], a.rate_hz) for t, a in estimates.items()}

    def length(self, n_samples: int, rate_hz: int) -> int:
        """Return the length of a delayed track."""
        return n_samples + self._n(rate_hz)

    def _n(self, rate_hz: int) -> int:
        return round(self.seconds * rate_hz) + self.samples


@dataclass(frozen=True)
class PrimeLength:
    """Cuts the end off so that the number of samples is prime: no block length or hop divides it."""

    def __call__(self, mixture: Audio, references: References, seed: int) -> Track:
        """Cut everything."""
        n = self.length(mixture.n_samples, mixture.rate_hz)
        return _alike(lambda x: x[:n], mixture, references)

    def length(self, n_samples: int, rate_hz: int) -> int:
        """Return the largest prime up to a length; 1 stays as it is.

        Examples
        --------
        >>> PrimeLength().length(44100, 44100)
        44089
        """
        while any(n_samples % d == 0 for d in range(2, math.isqrt(n_samples) + 1)):
            n_samples -= 1
        return n_samples


def fitted(samples: Samples, n_samples: int) -> Samples:
    """Cut the end off, or fill it up with silence, so that there are ``n_samples``."""
    return np.pad(samples[:n_samples], ((0, max(n_samples - len(samples), 0)), (0, 0)))


def _alike(change: Callable[[Samples], Samples], mixture: Audio, references: References) -> Track:
    """Apply a change to the mixture and to every reference."""
    return Audio(change(mixture.samples), mixture.rate_hz), _each(change, references)


def _each(change: Callable[[Samples], Samples], signals: References) -> References:
    return {t: Audio(change(a.samples), a.rate_hz) for t, a in signals.items()}


# Encoder, container and rate (None: the track's own) of each lossy format. All three containers record the
# delay that the encoder added, so the decoder's output is aligned with its input.
FORMATS: dict[str, tuple[str, str, int | None]] = {
    "mp3": ("libmp3lame", "mp3", None),
    "aac": ("aac", "m4a", None),
    "opus": ("libopus", "ogg", 48000),
}


@dataclass(frozen=True)
class Coded:
    """Encodes and decodes the mixture with ffmpeg; the references stay."""

    format: str
    kbps: int

    def __call__(self, mixture: Audio, references: References, seed: int) -> Track:
        """Encode and decode the mixture.

        Raises
        ------
        AudioError
            ffmpeg cannot code it.
        """
        encoder, container, rate_hz = FORMATS[self.format]
        given = mixture if rate_hz is None else resample(mixture, rate_hz)
        raw = ["-f", "f32le", "-ar", str(given.rate_hz), "-ac", str(given.n_channels)]
        with tempfile.TemporaryDirectory() as folder:
            coded = str(Path(folder) / f"coded.{container}")
            # One thread and no date, so that coding twice gives the same bytes.
            how = ["-threads", "1", "-c:a", encoder, "-b:a", f"{self.kbps}k", "-fflags", "+bitexact"]
            _ffmpeg([*raw, "-i", "-", *how, coded], given.samples.astype("<f4").tobytes())
            back = _ffmpeg(["-i", coded, *raw, "-"], b"")
        samples: Samples = np.frombuffer(back, "<f4").reshape(-1, given.n_channels).astype(np.float64)
        there = resample(Audio(samples, given.rate_hz), mixture.rate_hz)
        return Audio(fitted(there.samples, mixture.n_samples), mixture.rate_hz), references


def coder_version(format: str) -> str:
    """Return the version of ffmpeg; empty where it is missing or lacks the format's encoder.

    It is part of a variant's version, since another version of an encoder gives other samples.
    """
    return _ffmpeg_version() if FORMATS[format][0] in _encoders() else ""


@lru_cache(maxsize=1)
def _ffmpeg_version() -> str:
    return _ffmpeg(["-version"], b"").decode(errors="replace").split()[2]


@lru_cache(maxsize=1)
def _encoders() -> frozenset[str]:
    if shutil.which("ffmpeg") is None:
        return frozenset()
    lines = _ffmpeg(["-encoders"], b"").decode(errors="replace").splitlines()
    return frozenset(words[1] for line in lines if len(words := line.split()) > 1)


def _ffmpeg(words: list[str], given: bytes) -> bytes:
    program = shutil.which("ffmpeg")
    if program is None:
        raise AudioError("coding needs ffmpeg, which is not installed; install the package of your system")
    done = subprocess.run(
        [program, "-v", "error", "-hide_banner", *words], input=given, capture_output=True, check=False
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise AudioError(f"ffmpeg cannot code the mixture ({lines[-1]})")
    return done.stdout
