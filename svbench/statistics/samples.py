"""Resampled headlines of systems: tracks drawn alike for all of them, repeats drawn for each.

Tracks are the first level: every system is heard on the same ones, so a draw of tracks is shared and
differences are paired. Repeats of a system (seeds, runs) are the second: they are drawn for each system
by itself and averaged. Few repeats vary less than what they stand for; their deviations are widened by
√(R / (R − 1)), which makes the variance right on average.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from svbench.results.aggregate import REDUCERS
from svbench.statistics.material import Column, Contender, Material, Settings, materials
from svbench.statistics.resampling import Array, Counts, draw_counts, influences, resampled, variance


@dataclass(frozen=True)
class Entrant:
    """One system in one column: the materials of its runs, and the tracks that all of them have."""

    contender: Contender
    materials: tuple[Material, ...]
    tracks: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the system."""
        return self.contender.name

    @property
    def is_defined(self) -> bool:
        """Whether there is a printed number in every repeat."""
        return all(m.summary.score is not None for m in self.materials)

    @property
    def value(self) -> float | None:
        """The printed number, averaged over repeats; None where one of them has none."""
        scores = [m.summary.score for m in self.materials if m.summary.score is not None]
        return REDUCERS["mean"](scores) if len(scores) == len(self.materials) else None

    def point(self, tracks: Sequence[str]) -> float:
        """Reduce some tracks as the printed number does, averaged over repeats."""
        return REDUCERS["mean"]([m.point(tracks) for m in self.materials])

    def scores(self, tracks: Sequence[str]) -> Array:
        """Return the score of each track, averaged over repeats."""
        found: Array = np.mean([[m.scores[t] for t in tracks] for m in self.materials], axis=0)
        return found


@dataclass(frozen=True)
class Samples:
    """Resampled headlines of one system on some tracks.

    Attributes
    ----------
    drawn : array, shape (n_resamples,)
        Tracks and repeats drawn.
    by_track : array, shape (n_resamples,)
        Tracks alone drawn, averaged over repeats; the same array for a single run.
    slopes : array, shape (n_tracks,)
        How much each track moves it.
    rest : array, shape (n_resamples,)
        What of ``by_track`` the slopes do not explain; its mean is the smoothed headline.
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


def entrants(found: Sequence[Contender], wanted: Sequence[Column]) -> dict[Column, list[Entrant]]:
    """Read the values of every system in every column; those that do not offer a column are left out."""
    by_column: dict[Column, list[Entrant]] = {c: [] for c in wanted}
    for contender in found:
        read = [materials(run, wanted) for run in contender.runs]
        for column in wanted:
            own = tuple(m[column] for m in read if column in m)
            if own:
                tracks = tuple(t for t in own[0].scores if all(t in m.scores for m in own))
                by_column[column].append(Entrant(contender, own, tracks))
    return by_column


class Sampler:
    """Resampled headlines of the systems in one column, each made once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._made: dict[tuple[str, tuple[str, ...]], Samples] = {}
        self._points: dict[tuple[str, tuple[str, ...]], float] = {}

    def counts(self, n: int) -> Counts:
        """Return the draws of tracks that all systems share."""
        return draw_counts(n, self.settings.resamples, self.settings.seed)

    def point(self, entrant: Entrant, tracks: tuple[str, ...]) -> float:
        """Reduce some tracks of one system as its printed number does."""
        key = entrant.name, tracks
        if key not in self._points:
            self._points[key] = entrant.point(tracks)
        return self._points[key]

    def of(self, entrant: Entrant, tracks: tuple[str, ...]) -> Samples:
        """Resample one system on some of its tracks."""
        key = entrant.name, tracks
        if key not in self._made:
            self._made[key] = self._make(entrant, tracks)
        return self._made[key]

    def _make(self, entrant: Entrant, tracks: tuple[str, ...]) -> Samples:
        counts = self.counts(len(tracks))
        repeats = np.array([headlines(m, tracks, counts) for m in entrant.materials])
        n, mean = len(repeats), repeats.mean(axis=0)
        if not np.all(np.isfinite(mean)):
            return Samples(mean, mean, np.zeros(len(tracks)), mean, 0.0, n)
        slopes, rest = influences(mean, counts)
        if n == 1:
            return Samples(mean, mean, slopes, rest, 0.0, 1)
        # A seed of its own for each system, that does not depend on which others are compared.
        own = draw_counts(
            n, self.settings.resamples, self.settings.seed + 1 + zlib.crc32(entrant.name.encode())
        )
        deviations = math.sqrt(n / (n - 1)) * np.sum((own.T - 1) * repeats, axis=0) / n
        seed_variance = float(np.var(repeats.mean(axis=1), ddof=1)) / n
        return Samples(mean + deviations, mean, slopes, rest, seed_variance, n)


def headlines(material: Material, tracks: Sequence[str], counts: Counts) -> Array:
    """Resample one run's number, its targets on the same draws."""
    columns = zip(*(material.values[t] for t in tracks), strict=True)
    durations_s = [material.durations_s[t] for t in tracks]
    parts = [resampled(arrays, material.reducer, counts, durations_s) for arrays in columns]
    if len(parts) == 1:
        return parts[0]
    together: Array = np.mean(parts, axis=0) if material.rule.targets == "mean" else np.median(parts, axis=0)
    return together


def variances(samples: Mapping[str, Samples], resamples: int) -> tuple[list[str], Array]:
    """Squared standard errors of all differences of systems on the same tracks.

    Returns
    -------
    names : list of str
    variances : array, shape (n_systems, n_systems)
        Of tracks alone; those of repeats come on top.
    """
    names = list(samples)
    slopes = np.array([s.slopes for s in samples.values()]).T
    rest = np.atleast_2d(np.cov([s.rest for s in samples.values()]))
    own = np.diag(rest)
    rows = [
        variance(slopes[:, [i]] - slopes, own[i] + own - 2 * rest[i], resamples) for i in range(len(names))
    ]
    return names, np.array(rows)
