"""Vocal chops: sung vowels, cut into short notes, pitched like an instrument, with shifted formants.

The voice is a source and a filter: a saw tone, softened like the pulse of vocal folds, through
five formants.
"""

from __future__ import annotations

import numpy as np

from svbench.audio.draw import Draw
from svbench.probes.patterns.tones import (
    PENTATONIC,
    RATE_HZ,
    Signal,
    edges,
    place,
    saw,
    seconds,
    semitones,
    sine,
    swept,
)

# Frequency in Hz, level in dB and bandwidth in Hz of five formants: rounded means of adult singers.
VOWELS = {
    "a": ((750, 0, 90), (1200, -6, 100), (2600, -20, 120), (3500, -26, 130), (4600, -40, 140)),
    "e": ((450, 0, 80), (1900, -14, 100), (2600, -18, 120), (3500, -22, 130), (4600, -40, 140)),
    "i": ((300, 0, 60), (2200, -18, 100), (2900, -22, 120), (3600, -26, 130), (4700, -40, 140)),
    "o": ((450, 0, 80), (850, -8, 90), (2600, -26, 120), (3400, -28, 130), (4600, -44, 140)),
    "u": ((330, 0, 60), (700, -14, 80), (2500, -30, 120), (3400, -34, 130), (4600, -48, 140)),
}


def vocal_chops(n_samples: int, draw: Draw) -> Signal:
    """Generate one clip, shape (n_samples,)."""
    base = float(semitones(196.0, draw.below(15)))
    sixteenth_s = draw.between(0.11, 0.16)
    shift = draw.between(0.85, 1.35)
    total = np.zeros(n_samples)
    start = 0
    while start < n_samples:
        length = round(sixteenth_s * draw.choice((1, 1, 2, 2, 3)) * RATE_HZ)
        step = draw.choice(PENTATONIC) + 12 * draw.choice((0, 0, 1))
        vowel = draw.choice(sorted(VOWELS))
        chop = _sung(float(semitones(base, step)), vowel, shift, round(0.8 * length), draw)
        for _ in range(draw.choice((1, 1, 1, 2, 3))):  # a stutter repeats the very same samples
            place(total, chop, start)
            start += length
        if draw.below(4) == 0:
            start += length
    return total


def _sung(pitch_hz: float, vowel: str, shift: float, n_samples: int, draw: Draw) -> Signal:
    t = seconds(n_samples)
    scoop = -draw.between(0.0, 1.0) * np.exp(-t / 0.02)
    vibrato = 0.3 * np.clip(t / 0.2, 0, 1) * sine(draw.between(5.0, 6.5) * t)
    voice = saw(semitones(pitch_hz, scoop + vibrato)) + 0.03 * draw.noise(n_samples)

    def formants(frequency_hz: Signal, shifts: Signal) -> Signal:
        gains = [10 ** (db / 20) * _peak(frequency_hz, hz * shifts, width) for hz, db, width in VOWELS[vowel]]
        total: Signal = np.sum(gains, axis=0) / np.sqrt(1 + (frequency_hz / 2000) ** 2)
        return total

    chop = swept(voice, formants, np.full(n_samples, shift)) * edges(n_samples, 0.006, 0.01)
    return np.asarray(chop / np.abs(chop).max())


def _peak(frequency_hz: Signal, centre_hz: Signal, width_hz: float) -> Signal:
    """Gain of one formant: a bell of the given width, 1 in its middle."""
    return np.asarray(1 / np.sqrt(1 + ((frequency_hz - centre_hz) / (width_hz / 2)) ** 2))
