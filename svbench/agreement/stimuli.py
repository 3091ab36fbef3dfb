"""Join the mean rating of each stimulus with all of its scores."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from svbench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from svbench.listening.analysis.panel import Panel

Array = NDArray[np.float64]
STIMULUS = ["trial", "track", "target", "condition", "role"]
MEASURE = ["protocol", "target_set", "metric", "unit", "higher_is_better"]
SCORED = ["trial", "condition", *MEASURE, "score", "status"]


@dataclass(frozen=True)
class Measure:
    """One quantity by one rule.

    Attributes
    ----------
    metric : str
        The quantity as the protocol names it, such as ``SDR``.
    protocol : str
        Whose rule it is, frames included.
    target_set : str
        The targets that were scored together; empty where there is no such thing.
    unit : str
    higher_is_better : bool
    same : tuple of str
        Other measures whose scores of all stimuli are the same: this one stands for them.
    """

    metric: str
    protocol: str
    target_set: str = ""
    unit: str = ""
    higher_is_better: bool = True
    same: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Name with the rule, as tables print it.

        Examples
        --------
        >>> Measure("SDR", "sisec18").label
        'SDR (sisec18)'
        """
        return f"{self.metric} ({self.protocol})" if self.protocol else self.metric


@dataclass(frozen=True, eq=False)
class Points:
    """One measure beside the ratings; only stimuli that have both.

    Attributes
    ----------
    tracks, items, systems : array of str, shape (n_points,)
        ``items`` are excerpts: a track may have several.
    ratings, medians : array, shape (n_points,)
        Mean and median over assessors.
    scores : array, shape (n_points,)
        Turned where lower is better, so that more is always better.
    left_out : dict of str to int
        How many stimuli have a rating and no score, by the status that says why.
    """

    measure: Measure
    tracks: NDArray[np.str_]
    items: NDArray[np.str_]
    systems: NDArray[np.str_]
    ratings: Array
    medians: Array
    scores: Array
    left_out: dict[str, int]

    def only(self, chosen: NDArray[np.bool_]) -> Points:
        """Return some of the points."""
        return Points(
            self.measure, self.tracks[chosen], self.items[chosen], self.systems[chosen],
            self.ratings[chosen], self.medians[chosen], self.scores[chosen], self.left_out,
        )  # fmt: skip


def rated_stimuli(panel: Panel, without: tuple[str, ...] = ()) -> pd.DataFrame:
    """Average the ratings of each stimulus over assessors.

    Parameters
    ----------
    panel : Panel
    without : tuple of str
        Assessors that do not count, such as those that post-screening excludes.

    Returns
    -------
    DataFrame
        trial, track, target, condition, role, mean, median, n_assessors; one row a stimulus.

    Raises
    ------
    DataError
        Nobody is left, or the ratings do not measure quality.
    """
    if panel.method == "abx":
        raise DataError(
            "abx ratings say what can be distinguished, not what is better; metrics need mushra, acr, dcr or "
            "ab"
        )
    table = panel.table[~panel.table["assessor"].isin(without)]
    if table.empty:
        raise DataError(
            f"post-screening excludes all {len(without)} assessors; nothing is left to agree with"
        )
    averaged: pd.DataFrame = (
        table.groupby(["item", *STIMULUS[1:]], sort=False)
        .agg(
            mean=("rating", "mean"), median=("rating", "median"), n_assessors=("assessor", "nunique")
        )
    )  # fmt: skip
    return averaged.reset_index().rename(columns={"item": "trial"})


def joined(rated: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Put every score beside the ratings of its stimulus.

    Parameters
    ----------
    rated : DataFrame
        From `rated_stimuli`.
    scores : DataFrame
        The columns `SCORED`, one row for each stimulus and measure; ``score`` is NaN where ``status`` is
        not ``ok``.

    Returns
    -------
    DataFrame
        Columns of both; stimuli without ratings or without scores are not in it.

    Raises
    ------
    DataError
        No stimulus has both.
    """
    found = rated.merge(scores[SCORED], on=["trial", "condition"], how="inner", validate="one_to_many")
    if found.empty:
        raise DataError(
            "no stimulus has both ratings and scores; do the ratings, the test and the runs belong together?"
        )
    return found


def points(table: pd.DataFrame) -> list[Points]:
    """Take the measures apart, measures with equal scores as one.

    Parameters
    ----------
    table : DataFrame
        From `joined`, of one target and of the conditions that are to be correlated.

    Returns
    -------
    list of Points
        In the order of the table.
    """
    found: list[Points] = []
    for key, rows in table.groupby(MEASURE, sort=False):
        metric = dict(zip(MEASURE, key, strict=True))
        measure = Measure(
            str(metric["metric"]), str(metric["protocol"]), str(metric["target_set"]), str(metric["unit"]),
            bool(metric["higher_is_better"]),
        )  # fmt: skip
        scores = rows["score"].to_numpy(dtype=np.float64)
        there = np.isfinite(scores)
        statuses = rows.loc[~there, "status"].value_counts()
        one = Points(
            measure=measure,
            tracks=rows["track"].to_numpy(dtype=np.str_),
            items=rows["trial"].to_numpy(dtype=np.str_),
            systems=rows["condition"].to_numpy(dtype=np.str_),
            ratings=rows["mean"].to_numpy(dtype=np.float64),
            medians=rows["median"].to_numpy(dtype=np.float64),
            scores=scores if measure.higher_is_better else -scores,
            left_out={str(k): int(n) for k, n in sorted(statuses.items())},
        )
        _add(found, one.only(there))
    return found


def _add(found: list[Points], new: Points) -> None:
    """Add a measure, or its name to one whose scores are the same."""
    for i, old in enumerate(found):
        if _are_same(old, new):
            same = (*old.measure.same, new.measure.label)
            found[i] = dataclasses.replace(old, measure=dataclasses.replace(old.measure, same=same))
            return
    found.append(new)


def _are_same(a: Points, b: Points) -> bool:
    return (
        len(a.scores) == len(b.scores) > 0
        and np.array_equal(a.items, b.items)
        and np.array_equal(a.systems, b.systems)
        and bool(np.allclose(a.scores, b.scores, rtol=0, atol=1e-9))
    )
