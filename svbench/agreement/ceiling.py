"""How reliable the mean ratings are, and so how high any metric can correlate with them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from svbench.agreement.correlation import pearson

if TYPE_CHECKING:
    import pandas as pd

SPLITS = 200
FEWEST = 4  # assessors: halves of two


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
    if n < FEWEST:
        return Ceiling(None, None, n)
    words = np.random.PCG64(seed).random_raw(SPLITS * n).reshape(SPLITS, n)
    halves = np.argsort(words, axis=1) < n // 2
    found = [r for half in halves if math.isfinite(r := _correlation(ratings[half], ratings[~half]))]
    if not found:
        return Ceiling(None, None, n)
    r = max(0.0, float(np.mean(found)))
    reliability = 2 * r / (1 + r)
    return Ceiling(reliability, math.sqrt(reliability), n)


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Correlate the means of two halves over the stimuli that both rated."""
    counts = [np.sum(np.isfinite(half), axis=0) for half in (one, other)]
    both = (counts[0] > 0) & (counts[1] > 0)
    if np.sum(both) < 3:
        return math.nan
    x, y = (np.nansum(h, axis=0)[both] / c[both] for h, c in zip((one, other), counts, strict=True))
    return float(pearson(x, y, np.ones((1, len(x))))[0])
