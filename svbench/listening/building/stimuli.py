"""Write stimuli: levels, dither and opaque names.

All stimuli of a trial are plain PCM files of one length and size. Loudness is measured as in ITU-R BS.1770
Annex 1, true peak as in its Annex 2. Each name is a keyed hash (HMAC-SHA-256) of what it stands for, so the
order of writing does not matter. The key is random, or made from a seed and the runs, for a build that can be
repeated; then names are as hard to guess as the seed together with the runs' estimates.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from svbench.audio import Audio, Samples, resample, write_audio
from svbench.audio.draw import Draw
from svbench.errors import AudioError
from svbench.listening.listening_test import Stimulus, stimulus_path
from svbench.specs.listening import Levels
from svbench.specs.records import digest

BLOCK_S = 0.4  # of BS.1770's gating; nothing shorter has a loudness
OVERSAMPLING = 4
NOISE_STEPS = 4  # what dither and rounding may add to a true peak


def dithered(samples: NDArray[Any], bits: int, seed: int) -> NDArray[np.float64]:
    """Round samples to steps of ``bits`` after adding triangular noise of two steps' width.

    The noise makes the rounding error independent of the signal. It also makes two files of one sound differ,
    so that the hidden reference cannot be found by comparing bytes with the open one.

    Parameters
    ----------
    samples : ndarray, shape (n_samples, n_channels)
        Within ±1.
    bits : int
    seed : int

    Returns
    -------
    ndarray
        Whole multiples of ``2 ** (1 - bits)``, exact in a file of that many bits.

    Examples
    --------
    >>> quiet = dithered(np.zeros((10000, 1)), 16, seed=1) * 2**15
    >>> sorted(set(quiet.ravel().astype(int).tolist()))
    [-1, 0, 1]
    """
    draw, steps = Draw(seed), 2.0 ** (bits - 1)
    noise = (draw.noise(samples.size) + draw.noise(samples.size)).reshape(samples.shape) / 2
    # A stimulus at 0 dBTP plus noise may exceed full scale by one step.
    return np.asarray(np.clip(np.round(samples * steps + noise), -steps, steps - 1) / steps)


def write_stimulus(path: Path, audio: Audio, bits: int, seed: int) -> tuple[str, float]:
    """Write a stimulus; return the SHA-256 of its file, and the true peak of what it holds in dBTP.

    Raises
    ------
    WriteError
        Usually because the disk is full.
    """
    written = Audio(dithered(audio.samples, bits, seed), audio.rate_hz)
    write_audio(path, written, subtype=f"PCM_{bits}")
    return hashlib.sha256(path.read_bytes()).hexdigest(), decibels(true_peak(written))


def new_stimulus(
    folder: Path,
    names: Names,
    what: tuple[str, ...],
    condition: str,
    use: str,
    audio: Audio,
    level: Level,
    bits: int,
) -> Stimulus:
    """Write a condition of a trial at its level, under an opaque name.

    Parameters
    ----------
    folder : Path
        That of the test.
    names : Names
    what : tuple of str
        The trial, for names and noise.
    condition, use : str
        The same condition is a file of its own for each use.
    audio : Audio
        Before any gain.
    level : Level
    bits : int

    Raises
    ------
    WriteError
        Usually because the disk is full.
    """
    stimulus = Stimulus(
        id=names.opaque(*what, condition, use),
        condition=condition,
        sha256="",
        gain_db=round(level.gain_db, 4),
        peak_dbtp=0.0,
        loudness_lufs=None if level.loudness_lufs is None else round(level.loudness_lufs, 3),
    )
    heard = Audio(audio.samples * 10 ** (level.gain_db / 20), audio.rate_hz)
    seed = names.noise(*what, condition, use)
    sha256, peak_dbtp = write_stimulus(stimulus_path(folder, stimulus), heard, bits, seed)
    return msgspec.structs.replace(stimulus, sha256=sha256, peak_dbtp=round(peak_dbtp, 3))


def loudness_lufs(audio: Audio) -> float | None:
    """Measure the integrated loudness of a mono or stereo signal.

    Parameters
    ----------
    audio : Audio

    Returns
    -------
    float or None
        In LUFS; None where every block is below −70 LUFS, as in silence.

    Raises
    ------
    AudioError
        Shorter than 0.4 s, or of more channels than two.

    Examples
    --------
    >>> t = np.arange(48000) / 48000
    >>> round(loudness_lufs(Audio(np.sin(2 * np.pi * 997 * t)[:, np.newaxis], 48000)), 1)
    -3.0
    >>> loudness_lufs(Audio(np.zeros((48000, 2)), 48000)) is None
    True
    """
    from pyloudnorm import Meter

    if audio.duration_s < BLOCK_S:
        raise AudioError(f"{audio.duration_s:g} s have no loudness; BS.1770 wants at least {BLOCK_S:g} s")
    if audio.n_channels > 2:
        raise AudioError(f"listening tests take mono and stereo, not {audio.n_channels} channels")
    found = float(Meter(audio.rate_hz, filter_class="DeMan").integrated_loudness(audio.samples))
    return found if math.isfinite(found) else None


def true_peak(audio: Audio) -> float:
    """Return the largest magnitude between samples too, found by fourfold oversampling.

    Examples
    --------
    >>> t = np.arange(4800) / 48000
    >>> wave = Audio(np.sin(2 * np.pi * 12000 * t + np.pi / 4)[:, np.newaxis], 48000)
    >>> round(float(np.abs(wave.samples).max()), 2), round(true_peak(Audio(wave.samples, 48000)), 1)
    (0.71, 1.0)
    """
    finer = resample(audio, OVERSAMPLING * audio.rate_hz)
    return float(max(np.abs(finer.samples).max(), np.abs(audio.samples).max()))


def decibels(amplitude: float) -> float:
    """Return an amplitude relative to full scale in dB, −200 for silence.

    Examples
    --------
    >>> decibels(0.5), decibels(0.0)
    (-6.020599913279624, -200.0)
    """
    return 20 * math.log10(max(amplitude, 1e-10))


@dataclass(frozen=True)
class Level:
    """What was measured of a stimulus before any gain, and the gain it gets, in dB."""

    loudness_lufs: float | None
    gain_db: float


def levelled(signals: Mapping[str, Samples], reference: str, rate_hz: int, rule: Levels) -> dict[str, Level]:
    """Find the gains of all stimuli of a trial.

    Parameters
    ----------
    signals : mapping of str to ndarray, shape (n_samples, n_channels)
        By condition, as they will be heard but for their level.
    reference : str
        The one whose loudness the others get.
    rate_hz : int
    rule : Levels

    Returns
    -------
    dict of str to Level
        A signal without loudness keeps its level. A gain below 0 dB that no true peak crosses the limit
        with is then common to all, whichever needs it.

    Raises
    ------
    AudioError
        The reference is too short or too quiet to have a loudness.
    """
    loud = {name: loudness_lufs(Audio(s, rate_hz)) for name, s in signals.items()}
    own = loud[reference]
    if own is None:
        raise AudioError("the target is silent there (below −70 LUFS throughout)")
    gains = {}
    for name, found in loud.items():
        wanted = found if rule.align else own
        gains[name] = 0.0 if found is None or wanted is None else rule.reference_lufs - wanted
    peaks = [decibels(true_peak(Audio(s, rate_hz))) + gains[name] for name, s in signals.items()]
    noise = NOISE_STEPS * 2.0 ** (1 - rule.bits)
    common = min(0.0, decibels(10 ** (rule.peak_dbtp / 20) - noise) - max(peaks))
    return {name: Level(found, gains[name] + common) for name, found in loud.items()}


class Names:
    """Opaque names and noise seeds of one test.

    Parameters
    ----------
    secret : bytes

    Examples
    --------
    >>> names = Names(b"secret")
    >>> names.opaque("trial", "a"), names.opaque("trial", "a") == names.opaque("trial", "b")
    ('0fd44314827b043b', False)
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def opaque(self, *what: str) -> str:
        """Return 16 hex digits that stand for something."""
        return self._hash("name", what)[:16]

    def noise(self, *what: str) -> int:
        """Return the seed of the noise of something; no part of its name."""
        return int(self._hash("noise", what)[:16], 16)

    def _hash(self, use: str, what: Sequence[str]) -> str:
        return hmac.new(self._secret, digest([use, *what]).encode(), hashlib.sha256).hexdigest()


def names_of(seed: str | None, sources: Sequence[str]) -> Names:
    """Make the names of a test.

    Parameters
    ----------
    seed : str or None
        None draws a secret that nobody can repeat.
    sources : sequence of str
        Digests of what the test is built from; they belong to the secret of a seeded build.
    """
    if seed is None:
        return Names(secrets.token_bytes(32))
    return Names(digest([seed, *sources]).encode())
