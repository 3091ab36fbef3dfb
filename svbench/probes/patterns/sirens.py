"""Sirens: wail, yelp, hi-lo and air raid; pitch glides like a voice that never breathes."""

from __future__ import annotations

import numpy as np

from svbench.audio.draw import Draw
from svbench.probes.patterns.tones import Signal, cycles, edges, seconds, sine

KINDS = ("wail", "yelp", "hi-lo", "air raid")


def sirens(n_samples: int, draw: Draw, kind: str) -> Signal:
    """Generate one clip of a kind, shape (n_samples,)."""
    t = seconds(n_samples)
    make = {"wail": _wail, "yelp": _yelp, "hi-lo": _hi_lo, "air raid": _air_raid}[kind]
    signal = make(t, draw)
    return signal * edges(n_samples, 0.02, 0.1)


def _wail(t: Signal, draw: Draw) -> Signal:
    """Up and down within some four seconds, as police cars do at a distance."""
    return _horn(_between(draw, _sway(t, draw.between(0.25, 0.5), draw)), draw)


def _yelp(t: Signal, draw: Draw) -> Signal:
    """The same, several times a second."""
    return _horn(_between(draw, _sway(t, draw.between(2.5, 4.5), draw)), draw)


def _hi_lo(t: Signal, draw: Draw) -> Signal:
    """Two notes in turn, a fourth apart, as in Europe; a glide of 20 ms between them."""
    turn_s = draw.between(0.4, 0.7)
    triangle = 1 - np.abs((t / turn_s) % 2 - 1)
    high = np.clip(0.5 + (triangle - 0.5) * turn_s / 0.02, 0, 1)
    return _horn(draw.between(400.0, 520.0) * (4 / 3) ** high, draw)


def _air_raid(t: Signal, draw: Draw) -> Signal:
    """Two rotors with ports in the ratio 5 to 6 on one motor that spins up and down."""
    rate_hz = draw.between(0.12, 0.22)
    speed = _sway(t, rate_hz, draw)
    top = draw.between(380.0, 480.0)
    frequency = top * (0.35 + 0.65 * speed)
    lower = _overtones(cycles(frequency), 8, draw.between(0.75, 0.9))
    upper = _overtones(cycles(1.2 * frequency), 8, draw.between(0.75, 0.9))
    return (0.4 + 0.6 * speed) * (lower + upper)


def _between(draw: Draw, place: Signal) -> Signal:
    """Frequency between a low and a high note, even in musical steps."""
    low, high = draw.between(450.0, 650.0), draw.between(1200.0, 1600.0)
    return np.asarray(low * (high / low) ** place)


def _sway(t: Signal, rate_hz: float, draw: Draw) -> Signal:
    """Swing between 0 and 1, rising and falling like a charging capacitor."""
    phase = (rate_hz * t + draw.between(0.0, 1.0)) % 1
    left = np.exp(-3) / (1 + np.exp(-3))  # of the way, when the swing turns
    rise = 1 - (1 - left) * np.exp(-6 * phase)
    fall = (1 - left) * np.exp(-6 * (phase - 0.5))
    return np.asarray(np.where(phase < 0.5, rise, fall))


def _horn(frequency_hz: Signal, draw: Draw) -> Signal:
    return _overtones(cycles(frequency_hz), 6, draw.between(0.35, 0.65))


def _overtones(phase: Signal, n: int, rolloff: float) -> Signal:
    return np.asarray(sum(rolloff**k * sine((k + 1) * phase) for k in range(n)))
