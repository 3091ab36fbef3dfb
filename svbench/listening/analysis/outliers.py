"""Single ratings far from what the others gave the same stimulus, by Tukey's hinges (BS.1534-3, § 4.1.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

REACH = 1.5  # times the distance of the hinges
FEWEST = 4  # ratings; hinges of fewer are single ratings


def hinges(values: Sequence[float]) -> tuple[float, float]:
    """Medians of the lower and the upper half; of an odd number the median belongs to both.

    Examples
    --------
    >>> hinges([1, 2, 3, 4, 5]), hinges([4, 3, 2, 1])
    ((2.0, 4.0), (1.5, 3.5))
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    half = (len(ordered) + 1) // 2
    return float(np.median(ordered[:half])), float(np.median(ordered[-half:]))


def outliers(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Mark ratings beyond 1.5 times the distance of the hinges, in each item × condition.

    Parameters
    ----------
    table : DataFrame
        Of a `Panel`.

    Returns
    -------
    array of bool, shape (len(table),)
        Cells of fewer than four ratings have no outliers.

    References
    ----------
    J. Tukey, "Exploratory Data Analysis", 1977.
    """
    marked = np.zeros(len(table), dtype=np.bool_)
    ratings = table["rating"].to_numpy()
    for rows in table.groupby(["item", "condition"]).indices.values():
        if len(rows) < FEWEST:
            continue
        low, high = hinges(ratings[rows])
        reach = REACH * (high - low)
        marked[rows] = (ratings[rows] < low - reach) | (ratings[rows] > high + reach)
    return marked
