"""Reliability of ratings: agreement of an assessor's repeated ratings, and inter-rater agreement."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from svbench.listening.analysis.panel import CELL, Panel

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Repeats:
    """First and second ratings of the same stimuli.

    ``assessor`` is empty for all of them together; ``concordance`` is Lin's coefficient, NaN where nothing
    varies; ``difference`` is the mean absolute difference in points of the scale.
    """

    assessor: str
    n: int
    concordance: float
    difference: float


@dataclass(frozen=True)
class Reliability:
    """Repeats of all assessors together (None without replicates) and of each, and Krippendorff's alpha.

    ``alpha`` takes all conditions, ``alpha_systems`` systems only, without the easy agreement on reference
    and anchors; NaN where no stimulus has two ratings, or nothing varies.
    """

    together: Repeats | None
    each: tuple[Repeats, ...]
    alpha: float
    alpha_systems: float


def reliability(panel: Panel, table: pd.DataFrame) -> Reliability:
    """Measure what replicates and the agreement of assessors say.

    Parameters
    ----------
    panel : Panel
    table : DataFrame
        The ratings of it that are analysed.
    """
    twice = second_ratings(panel, table["assessor"].unique())
    each = tuple(_repeats(str(a), own) for a, own in twice.groupby("assessor"))
    systems = table[table["role"] == "system"]
    return Reliability(
        _repeats("", twice) if len(twice) else None, each, _alpha_of(table), _alpha_of(systems)
    )


def second_ratings(panel: Panel, assessors: Collection[str]) -> pd.DataFrame:
    """Return first (``rating``) and second (``rating_again``) ratings of the same stimuli."""
    second = panel.again[(panel.again["replicate"] == 1) & panel.again["assessor"].isin(assessors)]
    return panel.table.merge(second[[*CELL, "rating"]], on=CELL, suffixes=("", "_again"))


def _repeats(assessor: str, rows: pd.DataFrame) -> Repeats:
    first, again = rows["rating"].to_numpy(), rows["rating_again"].to_numpy()
    return Repeats(assessor, len(rows), concordance(first, again), float(np.mean(np.abs(first - again))))


def _alpha_of(table: pd.DataFrame) -> float:
    if table.empty:
        return math.nan
    units = table.assign(unit=table["item"] + "\t" + table["condition"])
    return krippendorff_alpha(units.pivot(index="assessor", columns="unit", values="rating").to_numpy())


def concordance(first: Array, again: Array) -> float:
    """Lin's concordance correlation: 2 s₁₂ / (s₁² + s₂² + (m₁ − m₂)²), variances with n.

    Returns
    -------
    float
        1 only where all pairs are equal; a shift or another spread lowers it, unlike Pearson's. NaN where
        nothing varies and nothing differs.

    References
    ----------
    L. Lin, "A concordance correlation coefficient to evaluate reproducibility", Biometrics 45, 1989.

    Examples
    --------
    >>> ratings = np.array([10.0, 50.0, 90.0])
    >>> concordance(ratings, ratings), concordance(ratings, 100 - ratings)
    (1.0, -1.0)
    >>> round(concordance(ratings, ratings + 10), 4)
    0.9552
    """
    shift = float(first.mean() - again.mean())
    below = float(first.var() + again.var()) + shift**2
    if below == 0:
        return math.nan
    return 2 * float(np.mean((first - first.mean()) * (again - again.mean()))) / below


def krippendorff_alpha(ratings: Array) -> float:
    """Krippendorff's alpha for interval data: 1 − observed / expected disagreement.

    Parameters
    ----------
    ratings : array, shape (n_assessors, n_units)
        NaN where an assessor did not rate a unit; units with a single rating do not count.

    Returns
    -------
    float
        1 for full agreement, 0 for ratings by chance, below for worse; NaN without two ratings of a unit, or
        where nothing varies.

    References
    ----------
    K. Krippendorff, "Computing Krippendorff's Alpha-Reliability", University of Pennsylvania, 2011.

    Examples
    --------
    >>> krippendorff_alpha(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]))
    1.0
    """
    counts = np.sum(~np.isnan(ratings), axis=0)
    paired = ratings[:, counts > 1]
    counts = counts[counts > 1]
    n = int(counts.sum())
    if not n:
        return math.nan
    # The squared differences of all pairs of m values sum to 2 m times their squared deviations.
    within = np.nansum((paired - np.nanmean(paired, axis=0)) ** 2, axis=0)
    observed = float(np.sum(2 * counts * within / (counts - 1))) / n
    expected = 2 * float(np.nansum((paired - np.nanmean(paired)) ** 2)) / (n - 1)
    return 1 - observed / expected if expected else math.nan
