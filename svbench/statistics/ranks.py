"""Ranks: between which places a system may stand, and which systems no test tells apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from svbench.statistics.pairs import common_tracks
from svbench.statistics.resampling import Array, t_quantile
from svbench.statistics.samples import Entrant, Sampler, Samples, variances


@dataclass(frozen=True)
class RankInterval:
    """The places a system may have; all systems' intervals hold together at level 1 − alpha."""

    system: str
    rank: int
    best: int
    worst: int


@dataclass(frozen=True)
class CriticalDifference:
    """Friedman's test over tracks, and how far mean ranks must lie apart.

    Attributes
    ----------
    mean_ranks : tuple of (str, float)
        Systems, best first; rank 1 is the best on a track.
    difference : float
        Nemenyi's critical difference of mean ranks at ``alpha``.
    cliques : tuple of tuple of str
        The largest sets of systems that no two of which differ by more than that.
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
    found: Sequence[Entrant], ranks: Sequence[int], sampler: Sampler, *, higher_is_better: bool
) -> list[RankInterval]:
    """Count how many systems are surely better, and how many surely worse.

    The differences of all pairs get intervals that hold together: their reach is the level-1 − alpha
    quantile of the largest studentised difference. A percentile interval of resampled ranks does not
    hold its level where systems are close; this one does.

    Parameters
    ----------
    found : sequence of Entrant
        Systems with a number, best first; all are compared on the tracks that all have.
    ranks : sequence of int
        Their ranks, from `svbench.results.standing`.
    sampler : Sampler
    higher_is_better : bool

    Returns
    -------
    list of RankInterval
        In the order given; empty for fewer than two systems, fewer than two tracks, or where perfect tracks
        leave no finite differences.

    References
    ----------
    M. Mogstad, J. Romano, A. Shaikh, D. Wilhelm, "Inference for Ranks with Applications to Mobility
    across Neighbourhoods and Academic Achievement across Countries", Rev. Econ. Stud. 91(1), 2024.
    """
    tracks = common_tracks(found) if found else ()
    samples = {e.name: sampler.of(e, tracks) for e in found} if len(tracks) > 1 else {}
    if len(samples) < 2 or not all(s.is_finite for s in samples.values()):
        return []
    names, by_track = variances(samples, sampler.settings.resamples)
    seeds = np.array([s.seed_variance for s in samples.values()])
    error = np.sqrt(by_track + seeds[:, None] + seeds)
    middle = np.array([s.rest.mean() for s in samples.values()]) * (1 if higher_is_better else -1)
    better = middle[:, None] - middle  # of the row over the column
    sure = better > _reach(samples, error, sampler, len(tracks)) * error
    return [
        RankInterval(name, rank, 1 + int(sure[:, i].sum()), len(names) - int(sure[i].sum()))
        for i, (name, rank) in enumerate(zip(names, ranks, strict=True))
    ]


def _reach(samples: dict[str, Samples], error: Array, sampler: Sampler, n: int) -> float:
    """Quantile of the largest studentised difference, from linearised resamples."""
    counts, alpha = sampler.counts(n), sampler.settings.alpha
    linear = np.array([(counts - 1) @ s.slopes + s.drawn - s.by_track for s in samples.values()])
    largest = np.zeros(linear.shape[1])
    for i in range(len(linear) - 1):
        apart = error[i, i + 1 :] > 0
        if apart.any():
            others, errors = linear[i + 1 :][apart], error[i, i + 1 :][apart]
            np.maximum(largest, np.max(np.abs(linear[i] - others) / errors[:, None], axis=0), out=largest)
    # As wide as Student's t is beside the normal distribution, for few tracks.
    widened = t_quantile(1 - alpha / 2, n - 1) / t_quantile(1 - alpha / 2, math.inf)
    return float(np.quantile(largest, 1 - alpha)) * widened


def critical_difference(
    found: Sequence[Entrant], alpha: float, *, higher_is_better: bool
) -> CriticalDifference | None:
    """Compare mean ranks over tracks.

    Parameters
    ----------
    found : sequence of Entrant
        At least three systems; Friedman's test needs them.
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

    tracks = common_tracks(found) if found else ()
    k, n = len(found), len(tracks)
    if k < 3 or n < 2:
        return None
    scores = np.array([e.scores(tracks) for e in found])
    ranks = rankdata(-scores if higher_is_better else scores, axis=0)
    mean_ranks = ranks.mean(axis=1)
    # All alike on every track: the statistic is 0 over 0.
    p = 1.0 if np.all(ranks == ranks[0]) else float(friedmanchisquare(*ranks).pvalue)
    quantile = float(studentized_range.ppf(1 - alpha, k, np.inf)) / math.sqrt(2)
    difference = quantile * math.sqrt(k * (k + 1) / (6 * n))
    order = np.argsort(mean_ranks, kind="stable")
    ordered = [(found[i].name, float(mean_ranks[i])) for i in order]
    return CriticalDifference(tuple(ordered), difference, _cliques(ordered, difference), p, n, alpha)


def _cliques(ordered: list[tuple[str, float]], difference: float) -> tuple[tuple[str, ...], ...]:
    """Group neighbours that lie within the difference, leaving out groups inside others.

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
