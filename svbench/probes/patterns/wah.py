"""Wah guitar: plucked strings or a saw lead through a resonance that a foot or the touch sweeps.

The resonance runs through the vowels' first formants, so the guitar seems to speak.
"""

from __future__ import annotations

import numpy as np

from svbench.audio.draw import Draw
from svbench.probes.patterns.tones import (
    PENTATONIC,
    RATE_HZ,
    Signal,
    cycles,
    edges,
    place,
    plucked,
    resonance,
    saw,
    seconds,
    semitones,
    sine,
    swept,
)

LOW_HZ, HIGH_HZ = 350.0, 2200.0


def wah_guitar(n_samples: int, draw: Draw) -> Signal:
    """Generate one clip, shape (n_samples,)."""
    beat_s = draw.between(0.2, 0.34)
    strings, pedal = _riff(n_samples, draw, beat_s)
    driven = strings / (0.05 + np.abs(strings))  # an overdriven amplifier evens out the decay
    centre = LOW_HZ * (HIGH_HZ / LOW_HZ) ** pedal
    wet = swept(driven, resonance(draw.between(5.0, 10.0)), centre)
    return wet + 0.02 * driven


def _riff(n_samples: int, draw: Draw, beat_s: float) -> tuple[Signal, Signal]:
    """Return the notes and where the pedal stands, 0 to 1: swept by foot, or opened by each note."""
    base = float(semitones(82.41, draw.below(13)))
    lead = draw.below(3) == 0
    by_foot = draw.below(2) == 0
    total, touch = np.zeros(n_samples), np.zeros(n_samples)
    start = 0
    while start < n_samples:
        length = round(beat_s * draw.choice((1, 1, 2, 3)) * RATE_HZ)
        if start == 0 or draw.below(6):
            step = draw.choice(PENTATONIC) + 12 * draw.below(2)
            place(total, _note(float(semitones(base, step)), length, lead, draw), start)
            t = seconds(length)
            place(touch, np.minimum(t / 0.05, 1) * np.exp(-t * draw.between(5.0, 10.0)), start)
        start += length
    if not by_foot:
        return total, np.clip(touch, 0, 1)
    rate_hz = np.full(n_samples, draw.between(0.8, 2.5))
    return total, 0.5 - 0.5 * sine(cycles(rate_hz) + draw.between(0.0, 1.0))


def _note(frequency_hz: float, n_samples: int, lead: bool, draw: Draw) -> Signal:
    envelope = edges(n_samples, 0.002, 0.02)
    if lead:
        return 0.6 * saw(np.full(n_samples, frequency_hz)) * envelope
    return plucked(frequency_hz, n_samples, draw) * envelope
