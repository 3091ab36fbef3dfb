"""Ranks: the places that a system may have, and the systems that no test distinguishes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from svbench.statistics.resampling import Array, t_quantile, variance
from svbench.statistics.samples import Sampler, Samples
from svbench.statistics.track_values import SystemValues, common_tracks


@dataclass(frozen=True)
class RankInterval:
    """The places that a system may have; the intervals of all systems hold together at level 1 − alpha."""

    system: str
    rank: int
    best: int
    worst: int


@dataclass(frozen=True)
class CriticalDifference:
    """Friedman's test over tracks, and by how much mean ranks must differ to be distinguished.

    Attributes
    ----------
    mean_ranks : tuple of (str, float)
        Systems, best first; rank 1 is the best on a track.
    difference : float
        Nemenyi's critical difference of mean ranks at ``alpha``.
    cliques : tuple of tuple of str
        The largest sets of systems of which no two differ by more than that.
    p : float
        Friedman's test that all systems are alike.
    """

    mean_ranks: tuple[tuple[str, float], ...]
    difference: float
    cliques: tuple[tuple[str, ...], ...]
    p: float
    n_tracks: int
    alpha: float


def rank_intervals(
    systems: Sequence[SystemValues], ranks: Sequence[int], sampler: Sampler, *, higher_is_better: bool
) -> list[RankInterval]:
    """Count, for each system, how many are certainly better and how many certainly worse.

    The differences of all pairs get intervals that hold together: they extend by the level-1 − alpha
    quantile of the largest studentised difference. A percentile interval of resampled ranks does not
    hold its level if systems are close; this one does.

    Parameters
    ----------
    systems : sequence of SystemValues
        Systems with a number, best first; they are compared on the tracks that all of them have.
    ranks : sequence of int
        Their ranks, from `svbench.results.standing`.
    sampler : Sampler
    higher_is_better : bool

    Returns
    -------
    list of RankInterval
        In the order given; empty for fewer than two systems, fewer than two tracks, or if perfect tracks
        leave no finite differences.

    References
    ----------
    M. Mogstad, J. Romano, A. Shaikh, D. Wilhelm, "Inference for Ranks with Applications to Mobility
    across Neighbourhoods and Academic Achievement across Countries", Rev. Econ. Stud. 91(1), 2024.
    """
    tracks = common_tracks(systems) if systems else ()
    samples = [sampler.of(s, tracks) for s in systems] if len(tracks) > 1 else []
    if len(samples) < 2 or not all(s.is_finite for s in samples):
        return []
    seeds = np.array([s.seed_variance for s in samples])
    error = np.sqrt(_variances(samples, sampler.settings.resamples) + seeds[:, None] + seeds)
    middle = np.array([s.rest.mean() for s in samples]) * (1 if higher_is_better else -1)
    better = middle[:, None] - middle  # of the row over the column
    certain = better > _reach(samples, error, sampler, len(tracks)) * error
    return [
        RankInterval(s.name, rank, 1 + int(certain[:, i].sum()), len(systems) - int(certain[i].sum()))
        for i, (s, rank) in enumerate(zip(systems, ranks, strict=True))
    ]


def _variances(samples: Sequence[Samples], resamples: int) -> Array:
    """Return the squared standard errors of all differences over tracks, shape (n_systems, n_systems)."""
    slopes = np.array([s.slopes for s in samples]).T
    rest = np.atleast_2d(np.cov([s.rest for s in samples]))
    own = np.diag(rest)
    return np.array([
        variance(slopes[:, [i]] - slopes, own[i] + own - 2 * rest[i], resamples) for i in range(len(samples))
    ])  # fmt: skip


def _reach(samples: Sequence[Samples], error: Array, sampler: Sampler, n: int) -> float:
    """Return the quantile of the largest studentised difference, over linearised resamples.

    Linearised, since the resampled differences themselves jump where a reducer is a median.
    """
    counts, alpha = sampler.counts(n), sampler.settings.alpha
    linear = np.array([(counts - 1) @ s.slopes + s.drawn - s.by_track for s in samples])
    largest = np.zeros(linear.shape[1])
    # Row by row: all pairs of hundreds of systems at once would not fit into memory.
    for i in range(len(linear) - 1):
        apart = error[i, i + 1 :] > 0
        if apart.any():
            others, errors = linear[i + 1 :][apart], error[i, i + 1 :][apart]
            np.maximum(largest, np.max(np.abs(linear[i] - others) / errors[:, None], axis=0), out=largest)
    # For few tracks Student's t is wider than the normal distribution that the bootstrap assumes.
    widened = t_quantile(1 - alpha / 2, n - 1) / t_quantile(1 - alpha / 2, math.inf)
    return float(np.quantile(largest, 1 - alpha)) * widened


def critical_difference(
    systems: Sequence[SystemValues], alpha: float, *, higher_is_better: bool
) -> CriticalDifference | None:
    """Compare mean ranks over tracks.

    Parameters
    ----------
    systems : sequence of SystemValues
        At least three, which Friedman's test needs.
    alpha : float
    higher_is_better : bool

    Returns
    -------
    CriticalDifference or None
        None for fewer than three systems or two common tracks.

    References
    ----------
    J. Demšar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, 2006.
    """
    from scipy.stats import friedmanchisquare, rankdata, studentized_range

    tracks = common_tracks(systems) if systems else ()
    k, n = len(systems), len(tracks)
    if k < 3 or n < 2:
        return None
    scores = np.array([s.scores(tracks) for s in systems])
    ranks = rankdata(-scores if higher_is_better else scores, axis=0)
    mean_ranks = ranks.mean(axis=1)
    # If all are equal on every track, the statistic is 0 / 0.
    p = 1.0 if np.all(ranks == ranks[0]) else float(friedmanchisquare(*ranks).pvalue)
    # Nemenyi (Demšar, section 3.2.2): q · √(k (k + 1) / 6n), q being the studentised range over √2.
    quantile = float(studentized_range.ppf(1 - alpha, k, np.inf)) / math.sqrt(2)
    difference = quantile * math.sqrt(k * (k + 1) / (6 * n))
    order = np.argsort(mean_ranks, kind="stable")
    ordered = [(systems[i].name, float(mean_ranks[i])) for i in order]
    return CriticalDifference(tuple(ordered), difference, _cliques(ordered, difference), p, n, alpha)


def _cliques(ordered: list[tuple[str, float]], difference: float) -> tuple[tuple[str, ...], ...]:
    """Group neighbours within the difference, leaving out groups inside others.

    Examples
    --------
    >>> _cliques([("a", 1.0), ("b", 1.5), ("c", 2.2), ("d", 4.0)], 1.0)
    (('a', 'b'), ('b', 'c'))
    """
    groups: list[tuple[str, ...]] = []
    reached = 0
    for i, (_, rank) in enumerate(ordered):
        end = max(j for j, (_, other) in enumerate(ordered) if other - rank <= difference) + 1
        if end > reached and end - i > 1:
            groups.append(tuple(name for name, _ in ordered[i:end]))
        reached = max(reached, end)
    return tuple(groups)
