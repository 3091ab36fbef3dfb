"""Rank the metrics by their agreement with the ratings of each target, and estimate the ceiling."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from svbench.agreement.coefficients import (
    FEWEST,
    Coefficient,
    Trio,
    Within,
    pearson,
    per_stimulus,
    per_system,
    spearman,
    spearman_difference,
    within_excerpts,
)
from svbench.agreement.stimuli import Measure, Points, points
from svbench.errors import DataError
from svbench.listening.analysis.screening import Verdict

if TYPE_CHECKING:
    import pandas as pd

SPLITS = 200
FEWEST_ASSESSORS = 4  # so that each half holds two
WARNING = (
    "Studies disagree on which metric listeners agree with: it changes with the target, the systems, the "
    "music and the question that was asked. This order is one of these excerpts and these systems, and "
    "no ranking of metrics in general; quote it with its intervals and with n."
)
ANCHORS = (
    "Reference and anchors are left out: they are so much better or worse than any system that every metric "
    "puts them in order, which raises all correlations and levels out their differences."
)
WITH_ANCHORS = (
    "Anchors count as systems here, as asked for. They are so much worse than systems that every metric puts "
    "them in order: correlations are higher than among systems, and metrics more alike."
)


@dataclass(frozen=True)
class Ceiling:
    """Split-half reliability of the mean ratings.

    Attributes
    ----------
    reliability : float or None
        Correlation of these means with those of another panel of the same size; None for fewer than four
        assessors, or where nothing varies.
    reachable : float or None
        Its square root: what a metric that knew the true quality would reach on average.
    n_assessors : int
    """

    reliability: float | None
    reachable: float | None
    n_assessors: int


@dataclass(frozen=True)
class MeasureAgreement:
    """One measure beside the ratings of one target.

    Attributes
    ----------
    rank : int
        By Spearman's correlation per stimulus, from 1; measures without one share the last place.
    n_stimuli, n_tracks, n_systems : int
        What the correlations per stimulus rest on.
    left_out : dict of str to int
        Rated stimuli without a score, by status.
    stimuli : Trio
        Over all stimuli, excerpt × system.
    systems : Trio
        Over the systems' means on ``n_common`` excerpts.
    within : Within
    spearman_of_medians : float or None
        As ``stimuli.spearman``, with median ratings instead of means.
    behind : Coefficient
        The best measure's correlation less this one's, paired; no value for the best itself.
    is_tied : bool or None
        Whether chance explains that it is behind; None where there is no interval.
    """

    rank: int
    measure: Measure
    n_stimuli: int
    n_tracks: int
    n_systems: int
    left_out: dict[str, int]
    stimuli: Trio
    systems: Trio
    n_common: int
    within: Within
    spearman_of_medians: float | None
    behind: Coefficient
    is_tied: bool | None


@dataclass(frozen=True)
class TargetAgreement:
    """All measures of one target, best first, with the points that they rest on in the same order."""

    target: str
    measures: tuple[MeasureAgreement, ...]
    points: tuple[Points, ...]
    ceiling: Ceiling
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Agreement:
    """Agreement of metrics with the ratings of one test.

    Attributes
    ----------
    title, test, digest, method : str
    n_assessors : int
        Who count.
    excluded : tuple of Verdict
        By post-screening.
    conditions : tuple of str
        Those that are correlated.
    with_anchors : bool
    targets : tuple of TargetAgreement
    notes : tuple of str
    seed : int
    table : DataFrame
        From `joined`, anchors included.
    """

    title: str
    test: str
    digest: str
    method: str
    n_assessors: int
    excluded: tuple[Verdict, ...]
    conditions: tuple[str, ...]
    with_anchors: bool
    targets: tuple[TargetAgreement, ...]
    notes: tuple[str, ...]
    seed: int
    table: pd.DataFrame


def evaluate(
    table: pd.DataFrame, ratings: pd.DataFrame, conditions: Sequence[str], seed: int
) -> tuple[TargetAgreement, ...]:
    """Correlate every measure with the ratings of every target.

    Parameters
    ----------
    table : DataFrame
        From `svbench.agreement.stimuli.joined`.
    ratings : DataFrame
        The ratings themselves: columns assessor, item, condition, target, rating.
    conditions : sequence of str
        Those that are correlated: systems, or anchors too.
    seed : int

    Returns
    -------
    tuple of TargetAgreement

    Raises
    ------
    DataError
        Fewer than two conditions have both ratings and scores.
    """
    chosen = table[table["condition"].isin(conditions)]
    names = sorted(chosen["condition"].unique())
    if len(names) < 2:
        raise DataError(
            f"only {', '.join(names) or 'nothing'} has both ratings and scores; a correlation needs at least "
            "two systems, give the runs of the others"
        )
    heard = ratings[ratings["condition"].isin(names)]
    return tuple(
        _target(str(target), rows, heard[heard["target"] == target], seed)
        for target, rows in chosen.groupby("target", sort=False)
    )


def _target(target: str, table: pd.DataFrame, ratings: pd.DataFrame, seed: int) -> TargetAgreement:
    found = [(_measured(p, seed), p) for p in points(table)]
    found.sort(key=lambda pair: -_height(pair[0]))
    best = found[0][1]
    ranked = []
    for place, (one, own) in enumerate(found):
        rank = place + 1 if one.stimuli.spearman.value is not None else len(found)
        behind = Coefficient(None) if place == 0 else spearman_difference(best, own, seed)
        tied = None if behind.low is None else behind.low <= 0
        ranked.append(dataclasses.replace(one, rank=rank, behind=behind, is_tied=tied))
    return TargetAgreement(
        target, tuple(ranked), tuple(p for _, p in found), ceiling(ratings, seed), _notes(table, ranked)
    )


def _measured(found: Points, seed: int) -> MeasureAgreement:
    systems, n_common = per_system(found, seed)
    of_medians = np.array([np.nan])
    if len(found.scores) >= FEWEST:
        of_medians = spearman(found.scores, found.medians, np.ones((1, len(found.scores))))
    return MeasureAgreement(
        rank=0,
        measure=found.measure,
        n_stimuli=len(found.scores),
        n_tracks=len(np.unique(found.tracks)),
        n_systems=len(np.unique(found.systems)),
        left_out=found.left_out,
        stimuli=per_stimulus(found, seed),
        systems=systems,
        n_common=n_common,
        within=within_excerpts(found, seed),
        spearman_of_medians=float(of_medians[0]) if np.isfinite(of_medians[0]) else None,
        behind=Coefficient(None),
        is_tied=None,
    )


def _height(one: MeasureAgreement) -> float:
    value = one.stimuli.spearman.value
    return -2.0 if value is None else value


def _notes(table: pd.DataFrame, ranked: Sequence[MeasureAgreement]) -> tuple[str, ...]:
    """Say what the numbers lack."""
    n_tracks, n_systems = table["track"].nunique(), table["condition"].nunique()
    notes = []
    if n_tracks < FEWEST:
        notes.append(
            f"{n_tracks} track{'s' * (n_tracks > 1)}: too few for intervals; they draw whole tracks."
        )
    if n_systems < FEWEST:
        notes.append(
            f"{n_systems} systems: two points lie on a line, so means of systems are not correlated."
        )
    for one in ranked:
        if one.left_out:
            causes = ", ".join(f"{n} {status}" for status, n in one.left_out.items())
            n = sum(one.left_out.values())
            notes.append(
                f"{one.measure.label}: {n} of {one.n_stimuli + n} stimuli have no score, left out ({causes})."
            )
    return tuple(notes)


def ceiling(table: pd.DataFrame, seed: int) -> Ceiling:
    """Split the assessors in halves again and again, and correlate the halves' means.

    Parameters
    ----------
    table : DataFrame
        Columns assessor, item, condition, rating; the stimuli that metrics are correlated on.
    seed : int

    Returns
    -------
    Ceiling
        The mean correlation r of 200 random splits, stepped up from half the panel to all of it:
        2r / (1 + r). An r below zero counts as none.

    References
    ----------
    C. Spearman, "Correlation calculated from faulty data", British Journal of Psychology 3, 1910.
    W. Brown, "Some experimental results in the correlation of mental abilities", the same volume.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [(a, "t", c, r) for a in "abcd" for c, r in (("x", 10.0), ("y", 50.0), ("z", 80.0))]
    >>> ceiling(pd.DataFrame(rows, columns=["assessor", "item", "condition", "rating"]), 42)
    Ceiling(reliability=1.0, reachable=1.0, n_assessors=4)
    """
    ratings = table.pivot_table(index="assessor", columns=["item", "condition"], values="rating").to_numpy()
    n = len(ratings)
    if n < FEWEST_ASSESSORS:
        return Ceiling(None, None, n)
    words = np.random.PCG64(seed).random_raw(SPLITS * n).reshape(SPLITS, n)
    halves = np.argsort(words, axis=1) < n // 2
    found = [r for half in halves if math.isfinite(r := _half_correlation(ratings[half], ratings[~half]))]
    if not found:
        return Ceiling(None, None, n)
    r = max(0.0, float(np.mean(found)))
    reliability = 2 * r / (1 + r)
    return Ceiling(reliability, math.sqrt(reliability), n)


def _half_correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Correlate the means of two halves over the stimuli that both rated."""
    counts = [np.sum(np.isfinite(half), axis=0) for half in (one, other)]
    both = (counts[0] > 0) & (counts[1] > 0)
    if np.sum(both) < 3:
        return math.nan
    x, y = (np.nansum(h, axis=0)[both] / c[both] for h, c in zip((one, other), counts, strict=True))
    return float(pearson(x, y, np.ones((1, len(x))))[0])
