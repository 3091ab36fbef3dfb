"""Levels: loudness by ITU-R BS.1770 Annex 1, true peak by its Annex 2, and the gains of a trial."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from svbench.audio import Audio, Samples, resample
from svbench.errors import AudioError
from svbench.specs.listening import Levels

BLOCK_S = 0.4  # of BS.1770's gating; nothing shorter has a loudness
OVERSAMPLING = 4
NOISE_STEPS = 4  # what dither and rounding may add to a true peak


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
