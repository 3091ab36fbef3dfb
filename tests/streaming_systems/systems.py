"""Systems whose look-ahead, latency, deadlines and drift are known by construction; numpy only.

Each gives vocals. Names say what is known of them; all are factories of the python adapter.
"""

from __future__ import annotations

import time

import numpy as np

from svbench.audio import Audio
from svbench.systems.api import SystemInfo


def vocals(function):
    """A whole-track system from a function on arrays (n_samples, n_channels)."""
    return lambda mixture: {"vocals": Audio(function(mixture.samples), mixture.rate_hz)}


def fir_delay(n_samples):
    """An FIR filter with one tap: look-ahead 0, latency exactly n_samples."""
    return vocals(lambda x: np.concatenate([np.zeros((n_samples, x.shape[1])), x])[: len(x)])


def causal():
    """A one-pole low-pass: look-ahead 0, latency 0."""

    def function(x):
        y = np.empty_like(x)
        state = np.zeros(x.shape[1])
        for k, sample in enumerate(x):
            state = 0.9 * state + 0.1 * sample
            y[k] = state
        return y

    return vocals(function)


def acausal_fir(n_ahead, n_behind):
    """A running mean over n_behind samples of the past and n_ahead of the future."""
    taps = np.full(n_ahead + n_behind + 1, 1 / (n_ahead + n_behind + 1))

    def function(x):
        return np.stack([np.convolve(c, taps)[n_ahead : n_ahead + len(x)] for c in x.T], axis=1)

    return vocals(function)


def normaliser():
    """Divides by the peak of the whole track."""
    return vocals(lambda x: x / max(np.abs(x).max(), 1e-9))


def blocks(n_samples):
    """Divides each block by its own energy: hears to the end of the block, n_samples - 1 ahead."""

    def function(x):
        parts = [x[i : i + n_samples] for i in range(0, len(x), n_samples)]
        return np.concatenate([p / (1 + np.sum(p**2)) for p in parts])

    return vocals(function)


def silent():
    """Gives nothing, so nothing can be traced."""
    return vocals(np.zeros_like)


def dithered(amplitude):
    """Adds fresh noise at every call."""
    return vocals(lambda x: x + amplitude * np.random.default_rng().standard_normal(x.shape))


class Streaming:
    """A filter y[k] = (x[k] + x[k + n_ahead]) / 2 as a whole and as a stream, with flaws to choose.

    Parameters
    ----------
    hop : int
    n_ahead : int
        Look-ahead; the stream holds back so many samples.
    gain : float
        Of the stream's output only: a gap of known size.
    slow_every, slow_s : int, float
        Every so many pushes, one that takes so long.
    leak_bytes : int
        Kept at every push.
    tiring_s : float
        Every push takes so much longer than the one before.
    short : bool
        Forgets what it held back.
    stale : bool
        Is louder in every stream than in the one before.
    """

    def __init__(
        self,
        hop=256,
        n_ahead=0,
        gain=1.0,
        slow_every=0,
        slow_s=0.0,
        leak_bytes=0,
        tiring_s=0.0,
        short=False,
        stale=False,
    ):
        self.info = SystemInfo("streaming", ("vocals",), rate_hz=16000, streaming=True)
        self.hop_samples, self.n_ahead, self.gain, self.short = hop, n_ahead, gain, short
        self.slow_every, self.slow_s = slow_every, slow_s
        self.leak_bytes, self.tiring_s = leak_bytes, tiring_s
        self.stale, self.n_streams = stale, 0

    def separate(self, mixture):
        later = np.concatenate(
            [mixture.samples[self.n_ahead :], np.zeros((self.n_ahead, mixture.n_channels))]
        )
        return {"vocals": Audio((mixture.samples + later) / 2, mixture.rate_hz)}

    def stream(self, rate_hz, n_channels):
        self.buffer = np.zeros((0, n_channels))
        self.n_pushed, self.leak = 0, []
        self.n_streams += 1
        return self

    def push(self, block):
        self.n_pushed += 1
        if self.slow_every and self.n_pushed % self.slow_every == 0:
            time.sleep(self.slow_s)
        if self.tiring_s:
            time.sleep(self.tiring_s * self.n_pushed)
        if self.leak_bytes:
            self.leak.append(np.ones(self.leak_bytes // 8))
        self.buffer = np.concatenate([self.buffer, block * self.n_streams if self.stale else block])
        n = max(0, len(self.buffer) - self.n_ahead)
        given = (self.buffer[:n] + self.buffer[self.n_ahead : self.n_ahead + n]) / 2
        self.buffer = self.buffer[n:]
        return {"vocals": self.gain * given}

    def finish(self):
        return {} if self.short else {"vocals": self.gain * self.buffer / 2}


class OnlySaysSo:
    """Promises a stream and has none."""

    def __init__(self):
        self.info = SystemInfo("says-so", ("vocals",), streaming=True)

    def separate(self, mixture):
        return {"vocals": mixture}
