"""Sounds that only headphones reproduce correctly, synthesised anew for each session.

`woods`: which of three tones is quietest? One is 6 dB down, another in antiphase, which loudspeakers
cancel in the air. Woods, Siegel, Traer and McDermott: Headphone screening to facilitate web-based
auditory experiments. Attention, Perception, & Psychophysics 79, 2017.

`huggins`: which of three noises hides a faint tone? In one of them a narrow band is turned by 180° in
the right ear, which is heard as a pitch only where the ears get separate signals. Milne et al.: An
online headphone screening test based on dichotic pitch. Behavior Research Methods 53, 2020.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from svbench.audio import Audio
from svbench.audio.draw import Draw

RATE_HZ = 44100
HeadphoneMethod = Literal["woods", "huggins"]
N_TRIALS = 6
# As each group's own test has it. Who guesses passes with a probability of 1.8 % and 0.14 %.
NEEDED: dict[HeadphoneMethod, int] = {"woods": 5, "huggins": 6}
TONE_S, GAP_S = 1.0, 0.5
WOODS_HZ, WOODS_RAMP_S, WOODS_QUIETER_DB, WOODS_PEAK = 200.0, 0.1, 6.0, 0.15
HUGGINS_HZ, HUGGINS_BAND, HUGGINS_RAMP_S, HUGGINS_PEAK = 600.0, 0.06, 0.01, 0.15

Samples = NDArray[np.float64]


@dataclass(frozen=True)
class HeadphoneTrial:
    """Three intervals in one sound; ``answer`` is the right one, 0 to 2."""

    audio: Audio
    answer: int

    def wav(self) -> bytes:
        """Return the sound as a 16-bit WAV file; all of a kind have one size."""
        import soundfile

        file = io.BytesIO()
        soundfile.write(file, self.audio.samples, self.audio.rate_hz, format="WAV", subtype="PCM_16")
        return file.getvalue()


def headphone_trials(method: HeadphoneMethod, seed: int) -> list[HeadphoneTrial]:
    """Make the trials of a method."""
    return woods(seed) if method == "woods" else huggins(seed)


def passed(method: HeadphoneMethod, trials: Sequence[HeadphoneTrial], answers: Sequence[int]) -> bool:
    """Whether enough answers are right: five of six tones, all six noises.

    Examples
    --------
    >>> trials = woods(1)
    >>> right = [t.answer for t in trials]
    >>> passed("woods", trials, right), passed("woods", trials, [0, 0, 0, 0, 0, 0])
    (True, False)
    """
    return sum(t.answer == a for t, a in zip(trials, answers, strict=True)) >= NEEDED[method]


def woods(seed: int) -> list[HeadphoneTrial]:
    """Make six trials of three 200 Hz tones: at full level, 6 dB down, and in antiphase at full level.

    Parameters
    ----------
    seed : int
        Draws the order of trials; each order of the tones comes once.

    Returns
    -------
    list of HeadphoneTrial
        44.1 kHz, stereo, 4 s; the answer is the tone that is 6 dB down.
    """
    t = np.arange(round(TONE_S * RATE_HZ)) / RATE_HZ
    tone = WOODS_PEAK * np.sin(2 * np.pi * WOODS_HZ * t) * _ramps(len(t), WOODS_RAMP_S)
    full, quieter = np.stack([tone, tone], axis=1), 10 ** (-WOODS_QUIETER_DB / 20)
    kinds = [full, full * quieter, full * [1.0, -1.0]]
    orders = Draw(seed).shuffled(list(permutations(range(3))))
    return [HeadphoneTrial(_in_turn([kinds[k] for k in order]), order.index(1)) for order in orders]


def huggins(seed: int) -> list[HeadphoneTrial]:
    """Make six trials of three white noises, one of them with a Huggins pitch of 600 Hz.

    Parameters
    ----------
    seed : int
        Draws the noises and where the pitch is; each place comes twice.

    Returns
    -------
    list of HeadphoneTrial
        44.1 kHz, stereo, 4 s; both channels of a noise are the same but for the band of ±6 % around
        600 Hz, which in one noise has the opposite sign in the right channel.
    """
    draw, n = Draw(seed), round(TONE_S * RATE_HZ)
    frequencies = np.fft.rfftfreq(n, 1 / RATE_HZ)
    turned = np.where(np.abs(frequencies - HUGGINS_HZ) <= HUGGINS_BAND * HUGGINS_HZ, -1.0, 1.0)
    ramps = _ramps(n, HUGGINS_RAMP_S)[:, np.newaxis]
    trials = []
    for answer in draw.shuffled([0, 1, 2] * (N_TRIALS // 3)):
        noises = []
        for place in range(3):
            left = HUGGINS_PEAK * draw.noise(n)
            right = np.fft.irfft(np.fft.rfft(left) * turned, n) if place == answer else left
            noises.append(np.stack([left, right], axis=1) * ramps)
        trials.append(HeadphoneTrial(_in_turn(noises), answer))
    return trials


def _in_turn(intervals: Sequence[Samples]) -> Audio:
    gap = np.zeros((round(GAP_S * RATE_HZ), 2))
    first, second, third = intervals
    return Audio(np.concatenate([first, gap, second, gap, third]), RATE_HZ)


def _ramps(n: int, ramp_s: float) -> Samples:
    """Raised-cosine ramps up and down, ones between."""
    at = np.minimum(np.arange(n) + 0.5, n - 0.5 - np.arange(n)) / (ramp_s * RATE_HZ)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.clip(at, 0, 1)))
