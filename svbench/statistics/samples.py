"""Resampled numbers of systems: the same tracks are drawn for all of them, repeats for each separately.

Tracks are the first level: every system is measured on the same ones, so all share a draw of tracks and
differences are paired. Repeats of a system (seeds, runs) are the second level: they are drawn for each system
separately and averaged.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from svbench.statistics.resampling import Array, Counts, draw_counts, influences, resampled
from svbench.statistics.track_values import IntervalSettings, SystemValues, TrackValues


@dataclass(frozen=True)
class Samples:
    """Resampled numbers of one system on some tracks.

    Attributes
    ----------
    drawn : array, shape (n_resamples,)
        Tracks and repeats drawn.
    by_track : array, shape (n_resamples,)
        Only tracks drawn, averaged over repeats; the same array for a single run.
    slopes : array, shape (n_tracks,)
        How much each track moves the number, see `svbench.statistics.resampling.influences`.
    rest : array, shape (n_resamples,)
        The part of ``by_track`` that the slopes do not explain; its mean is the smoothed number.
    seed_variance : float
        Squared standard error of the average over repeats; 0 for a single run.
    n_repeats : int
    """

    drawn: Array
    by_track: Array
    slopes: Array
    rest: Array
    seed_variance: float
    n_repeats: int

    @property
    def is_finite(self) -> bool:
        """Whether no resample is infinite, as those of perfect frames may be."""
        return bool(np.all(np.isfinite(self.drawn)))


class Sampler:
    """Resampled numbers of the systems in one column, each computed once."""

    def __init__(self, settings: IntervalSettings) -> None:
        self.settings = settings
        self._samples: dict[tuple[str, tuple[str, ...]], Samples] = {}
        self._points: dict[tuple[str, tuple[str, ...]], float] = {}

    def counts(self, n: int) -> Counts:
        """Return the draws of tracks that all systems share."""
        return draw_counts(n, self.settings.resamples, self.settings.seed)

    def point(self, system: SystemValues, tracks: tuple[str, ...]) -> float:
        """Reduce some tracks of one system as its printed number does."""
        key = system.name, tracks
        if key not in self._points:
            self._points[key] = system.point(tracks)
        return self._points[key]

    def of(self, system: SystemValues, tracks: tuple[str, ...]) -> Samples:
        """Resample one system on some of its tracks."""
        key = system.name, tracks
        if key not in self._samples:
            self._samples[key] = self._resample(system, tracks)
        return self._samples[key]

    def _resample(self, system: SystemValues, tracks: tuple[str, ...]) -> Samples:
        counts = self.counts(len(tracks))
        repeats = np.array([_resampled(values, tracks, counts) for values in system.repeats])
        n, mean = len(repeats), repeats.mean(axis=0)
        if not np.all(np.isfinite(mean)):
            return Samples(mean, mean, np.zeros(len(tracks)), mean, 0.0, n)
        slopes, rest = influences(mean, counts)
        if n == 1:
            return Samples(mean, mean, slopes, rest, 0.0, 1)
        # The seed depends on the system's name alone, so that its interval does not change with the others.
        drawn = draw_counts(
            n, self.settings.resamples, self.settings.seed + 1 + zlib.crc32(system.name.encode())
        )
        # A bootstrap of R repeats has (R − 1) / R of the variance of their mean; the root makes up for it.
        deviations = math.sqrt(n / (n - 1)) * np.sum((drawn.T - 1) * repeats, axis=0) / n
        seed_variance = float(np.var(repeats.mean(axis=1), ddof=1)) / n
        return Samples(mean + deviations, mean, slopes, rest, seed_variance, n)


def _resampled(values: TrackValues, tracks: Sequence[str], counts: Counts) -> Array:
    """Resample one run's number, with the same draws for all targets."""
    by_target = zip(*(values.values[t] for t in tracks), strict=True)
    durations_s = [values.durations_s[t] for t in tracks]
    parts = [resampled(arrays, values.rule.last, counts, durations_s) for arrays in by_target]
    if len(parts) == 1:
        return parts[0]
    reduced: Array = np.mean(parts, axis=0) if values.rule.targets == "mean" else np.median(parts, axis=0)
    return reduced
