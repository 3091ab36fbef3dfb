"""The recordings and estimates behind a group of comparable runs, for ears and eyes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from svbench.audio import Audio, Samples, read_audio
from svbench.datasets.api import Recorded, Track
from svbench.results.foreign import inside, manifest_of
from svbench.results.store import Run, result_of

# 16 bit holds no sample above 32767/32768.
HEADROOM = 0.99


class Recordings:
    """Mixtures, references and kept estimates, cut alike.

    Parameters
    ----------
    runs : sequence of Run
        Of one protocol and data set.

    Raises
    ------
    SvbenchError
        The recordings are not where the runs found them.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        data = runs[0].record.data
        self._recorded = Recorded(manifest_of(data), data.root)
        self.runs = [r for r in runs if any(t.estimates for t in r.results)]

    def track(self, name: str) -> Track:
        """Return a track whose files are those that were measured.

        Raises
        ------
        DataError
            It is gone, or has changed since.
        """
        found = [result_of(run, name) for run in self.runs]
        return self._recorded.track(name, [r.track_digest for r in found if r])

    def estimate(self, run: Run, track: str, target: str, start: int, stop: int) -> Samples | None:
        """Read samples ``start`` to ``stop`` of an estimate; None where none was kept.

        The mixture as its own estimate counts as none: it can be heard already.
        """
        result = result_of(run, track)
        if result is None or target not in result.estimates or run.record.system.adapter == "mixture":
            return None
        return read_audio(inside(run.path, result.estimates[target]), start=start, stop=stop).samples


def common_gain(signals: Sequence[Samples]) -> float:
    """Return the gain by which no signal clips, 1 where none would."""
    peak = max(float(np.abs(s).max()) for s in signals)
    return min(1.0, HEADROOM / peak) if peak > HEADROOM else 1.0


def loudest(mixture: Audio, excerpt_s: float) -> tuple[int, int]:
    """Return the sample range of the excerpt with most energy, on a grid of half seconds.

    Examples
    --------
    >>> samples = np.zeros((40, 1)); samples[20:30] = 1.0
    >>> loudest(Audio(samples, 10), 1.0)
    (20, 30)
    """
    length = round(excerpt_s * mixture.rate_hz)
    if length >= mixture.n_samples:
        return 0, mixture.n_samples
    total = np.concatenate([[0.0], np.cumsum(np.sum(np.square(mixture.samples), axis=1))])
    starts = np.arange(0, mixture.n_samples - length + 1, max(1, mixture.rate_hz // 2))
    start = int(starts[np.argmax(total[starts + length] - total[starts])])
    return start, start + length


def envelope(samples: Samples, n: int) -> list[float]:
    """Return the largest magnitude in each of ``n`` equal stretches, over all channels.

    Examples
    --------
    >>> envelope(np.array([[0.1], [-0.5], [0.2], [0.3]]), 2)
    [0.5, 0.3]
    """
    edges = np.linspace(0, len(samples), n + 1).astype(int)
    mono = np.abs(samples).max(axis=1)
    return [float(mono[a : max(b, a + 1)].max()) for a, b in pairwise(edges)]


def waveform(samples: Samples, n: int = 300) -> str:
    """Return a closed SVG path of a signal's envelope in a box of ``n`` × 40 units."""
    peaks = envelope(samples, n)
    upper = [f"{x} {20 - 19 * min(p, 1.0):.1f}" for x, p in enumerate(peaks)]
    lower = [f"{x} {20 + 19 * min(p, 1.0):.1f}" for x, p in reversed(list(enumerate(peaks)))]
    return "M" + "L".join([*upper, *lower]) + "Z"
