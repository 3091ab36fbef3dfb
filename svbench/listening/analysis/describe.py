"""Numbers of conditions: medians, quartiles, means with intervals, and whether opinions split."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from svbench.statistics.resampling import t_quantile

if TYPE_CHECKING:
    import pandas as pd

BIMODAL = 5 / 9  # what a uniform distribution has
FEWEST = 4  # ratings, below which the coefficient is not defined


@dataclass(frozen=True)
class Summary:
    """What one condition got, over all items or in one of them.

    Attributes
    ----------
    condition : str
    item : str
        Empty for all items together.
    n, n_assessors, n_items : int
        Ratings, and who and what they are from. With several items ``n`` pools assessors × items.
    median, lower, upper : float
        Median and quartiles (linear interpolation).
    mean, deviation : float
        ``deviation`` with n − 1; NaN for one rating.
    half : float
        Half of the mean's 95 % interval, t with n − 1; NaN for one rating.
    half_assessors : float
        The same of the assessors' own means, t with assessors − 1: several ratings of one assessor are not
        taken for those of several. NaN for one assessor.
    bimodality : float
        Sarle's coefficient; NaN where it is not defined.
    """

    condition: str
    item: str
    n: int
    n_assessors: int
    n_items: int
    median: float
    lower: float
    upper: float
    mean: float
    deviation: float
    half: float
    half_assessors: float
    bimodality: float

    @property
    def is_split(self) -> bool:
        """Whether the ratings look like two groups: bimodality above 5/9."""
        return self.bimodality > BIMODAL


def summarise(table: pd.DataFrame, conditions: Sequence[str]) -> tuple[Summary, ...]:
    """Describe every condition over all items."""
    groups = dict(tuple(table.groupby("condition")))
    return tuple(_summary(c, "", groups[c]) for c in conditions if c in groups)


def summarise_items(table: pd.DataFrame, conditions: Sequence[str]) -> tuple[Summary, ...]:
    """Describe every condition in every item."""
    groups = dict(tuple(table.groupby(["item", "condition"])))
    items = sorted(table["item"].unique())
    return tuple(_summary(c, i, groups[i, c]) for i in items for c in conditions if (i, c) in groups)


def _summary(condition: str, item: str, rows: pd.DataFrame) -> Summary:
    values = rows["rating"].to_numpy(dtype=np.float64)
    own = rows.groupby("assessor")["rating"].mean().to_numpy(dtype=np.float64)
    lower, median, upper = (float(q) for q in np.quantile(values, [0.25, 0.5, 0.75]))
    return Summary(
        condition=condition,
        item=item,
        n=len(values),
        n_assessors=len(own),
        n_items=rows["item"].nunique(),
        median=median,
        lower=lower,
        upper=upper,
        mean=float(values.mean()),
        deviation=float(values.std(ddof=1)) if len(values) > 1 else math.nan,
        half=half_interval(values),
        half_assessors=half_interval(own),
        bimodality=bimodality(values),
    )


def half_interval(values: NDArray[np.float64]) -> float:
    """Half of the 95 % interval of a mean: t(0.975, n − 1) · s / √n.

    Examples
    --------
    >>> round(half_interval(np.array([1.0, 2.0, 3.0])), 4)  # 4.3027 · 1 / √3
    2.4841
    """
    n = len(values)
    return t_quantile(0.975, n - 1) * float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan


def bimodality(values: NDArray[np.float64]) -> float:
    """Sarle's coefficient b = (g² + 1) / (k + 3(n − 1)² / ((n − 2)(n − 3))).

    Parameters
    ----------
    values : array, shape (n,)

    Returns
    -------
    float
        g and k are the sample's skewness and excess kurtosis, corrected for bias. NaN for fewer than four
        ratings and for equal ones. Ten ratings, five of them at each end, are the fewest equal halves that it
        calls bimodal.

    References
    ----------
    R. Pfister et al., "Good things peak in pairs: a note on the bimodality coefficient", Front. Psychol. 4,
    2013.

    Examples
    --------
    >>> round(bimodality(np.repeat([10.0, 90.0], 10)), 2)
    0.77
    >>> round(bimodality(np.linspace(0.0, 100.0, 10_001)), 2)  # uniform: 5/9
    0.56
    """
    from scipy.stats import kurtosis, skew

    n = len(values)
    if n < FEWEST or np.ptp(values) == 0:
        return math.nan
    g, k = float(skew(values, bias=False)), float(kurtosis(values, bias=False))
    return (g**2 + 1) / (k + 3 * (n - 1) ** 2 / ((n - 2) * (n - 3)))
