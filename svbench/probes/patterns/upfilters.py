"""Up-filters: noise, chords or both behind a filter that opens upwards, as before a drop in dance music."""

from __future__ import annotations

import numpy as np

from svbench.audio.draw import Draw
from svbench.probes.patterns.tones import Signal, edges, resonance, saw, seconds, semitones, swept

SOURCES = ("noise", "chord", "both")
CHORDS = ((0, 7, 12), (0, 3, 7, 10), (0, 4, 7, 11), (0, 5, 7, 12))


def up_filter(n_samples: int, draw: Draw, source: str) -> Signal:
    """Generate one clip of a source, shape (n_samples,)."""
    t = seconds(n_samples)
    progress: Signal = t / t[-1]
    signal = np.zeros(n_samples)
    if source != "chord":
        signal += draw.noise(n_samples)
    if source != "noise":
        signal += 0.6 * _chord(n_samples, draw)
    low, high = draw.between(120.0, 300.0), draw.between(6000.0, 12000.0)
    cutoff = low * (high / low) ** progress ** draw.between(0.8, 1.4)
    # A chord has little to offer far above its root, so it goes through a low-pass.
    gain = _low_pass if source == "chord" or draw.below(2) else resonance(draw.between(1.5, 4.0))
    opened = swept(signal, gain, cutoff)
    return opened * (0.15 + 0.85 * progress) * _pulse(t, draw) * edges(n_samples, 0.05, 0.03)


def _low_pass(frequency_hz: Signal, cutoff_hz: Signal) -> Signal:
    """Second order with a peak at the cut-off, as synthesisers have."""
    ratio = frequency_hz / cutoff_hz
    return np.asarray(1 / np.sqrt((1 - ratio**2) ** 2 + (0.4 * ratio) ** 2))


def _chord(n_samples: int, draw: Draw) -> Signal:
    base = float(semitones(110.0, draw.below(12)))
    notes = (float(semitones(base, s + draw.between(-0.1, 0.1))) for s in draw.choice(CHORDS) for _ in (0, 1))
    total: Signal = np.sum([saw(np.full(n_samples, note)) for note in notes], axis=0)
    return total / 4


def _pulse(t: Signal, draw: Draw) -> Signal:
    """Let the level pump with a bass drum that is not there, in half of the clips."""
    if draw.below(2):
        return np.ones_like(t)
    beat = (t / draw.between(0.4, 0.52)) % 1
    return np.asarray(0.35 + 0.65 * np.clip(np.minimum(beat / 0.4, (1 - beat) / 0.04), 0, 1))
