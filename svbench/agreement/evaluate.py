"""Which measure agrees best with the ratings of each target, and which of the others are surely behind it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from svbench.agreement.ceiling import Ceiling, ceiling
from svbench.agreement.coefficients import (
    FEWEST,
    Coefficient,
    Trio,
    Within,
    per_stimulus,
    per_system,
    spearman_difference,
    within_excerpts,
)
from svbench.agreement.correlation import spearman
from svbench.agreement.stimuli import Measure, Points, points
from svbench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


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
            f"only {', '.join(names) or 'nothing'} has both ratings and scores; a correlation wants at least "
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
            told = ", ".join(f"{n} {status}" for status, n in one.left_out.items())
            n = sum(one.left_out.values())
            notes.append(
                f"{one.measure.label}: {n} of {one.n_stimuli + n} stimuli have no score, left out ({told})."
            )
    return tuple(notes)
