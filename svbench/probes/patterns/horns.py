"""Horns: sections of brass, stabs and long tones, brighter the louder they are, with a scoop at the start.

The level of the overtones follows the envelope, as in real brass (J.-C. Risset); frequency
modulation whose index rises with the level gives just that.

References: J. Chowning, "The synthesis of complex audio spectra by means of frequency
modulation", Journal of the Audio Engineering Society 21(7), 1973.
"""

from __future__ import annotations

import numpy as np

from svbench.audio.draw import Draw
from svbench.probes.patterns.tones import (
    PENTATONIC,
    RATE_HZ,
    Signal,
    cycles,
    place,
    seconds,
    semitones,
    sine,
)

CHORDS = ((0,), (0, 12), (0, 4, 7), (0, 3, 7), (0, 3, 7, 10))


def horns(n_samples: int, draw: Draw) -> Signal:
    """Generate one clip, shape (n_samples,)."""
    base = float(semitones(146.83, draw.below(12)))
    chord = draw.choice(CHORDS)
    index = draw.between(4.0, 7.0)
    beat_s = draw.between(0.22, 0.4)
    total = np.zeros(n_samples)
    start = 0
    while start < n_samples:
        length = round(beat_s * draw.choice((1, 1, 2, 4)) * RATE_HZ)
        if start == 0 or draw.below(5):
            step = draw.choice(PENTATONIC)
            sounding = round(length * draw.between(0.6, 0.95))
            for interval in chord:
                detuned = semitones(base, step + interval + draw.between(-0.08, 0.08))
                place(total, _tone(float(detuned), sounding, index, draw), start)
            start += length
        else:
            start += round(beat_s * RATE_HZ)
    return total


def _tone(frequency_hz: float, n_samples: int, index: float, draw: Draw) -> Signal:
    t = seconds(n_samples)
    attack_s = draw.between(0.03, 0.08)
    level = _level(t, attack_s)
    scoop = -draw.between(0.3, 1.2) * np.exp(-t / 0.03)
    vibrato = 0.2 * np.clip((t - 0.3) / 0.3, 0, 1) * sine(draw.between(4.5, 6.0) * t)
    phase = cycles(semitones(frequency_hz, scoop + vibrato))
    # Brightness lags behind the level in the attack and goes first in the release.
    return level * sine(phase + index * level**2 * sine(phase) / (2 * np.pi))


def _level(t: Signal, attack_s: float) -> Signal:
    """Rise, fall back a little, hold with a slow swell, and close within 60 ms."""
    rise = np.clip(t / attack_s, 0, 1)
    settle = 0.8 + 0.2 * np.exp(-np.maximum(t - attack_s, 0) / 0.1)
    close = np.clip((t[-1] - t) / 0.06, 0, 1)
    return np.asarray(rise * settle * close)
