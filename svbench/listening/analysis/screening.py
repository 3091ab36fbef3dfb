"""Post-screening by ITU-R BS.1534-3, § 4.1.2: assessors to exclude, and single ratings far from the others.

Two rules exclude assessors. Both count the items that the assessor rated, so one low rating of the hidden
reference excludes nobody who rated seven items. Single outlying ratings are found by Tukey's hinges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from svbench.listening.analysis.panel import Panel

if TYPE_CHECKING:
    import pandas as pd

REACH = 1.5  # times the distance of the hinges
FEWEST = 4  # ratings; hinges of fewer are single ratings


def hinges(values: Sequence[float]) -> tuple[float, float]:
    """Return the medians of the lower and the upper half; the median of an odd number of values is in both.

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


BOUND = 90.0  # of the scale; 90 itself is on the good side of both rules
PERCENT = 15  # of the items, beyond which an assessor is excluded
EVERYBODY = 25  # per cent of assessors, beyond which an item's mid anchor is simply that good


@dataclass(frozen=True)
class Verdict:
    """One assessor under the standard's rules.

    Attributes
    ----------
    assessor : str
    reasons : tuple of str
        Why excluded, in sentences; empty for those who stay.
    n_items : int
        Items with a rating of this assessor.
    reference_low, reference_items : int
        Items with the hidden reference below 90, of those where it was rated.
    mid_high, mid_items : int
        Items with the mid anchor above 90 (without items where many did so), of those where it was rated.
    """

    assessor: str
    reasons: tuple[str, ...]
    n_items: int
    reference_low: int
    reference_items: int
    mid_high: int
    mid_items: int

    @property
    def is_excluded(self) -> bool:
        """Whether any rule excludes the assessor."""
        return bool(self.reasons)


def screen(panel: Panel) -> tuple[Verdict, ...]:
    """Apply both rules to every assessor.

    Parameters
    ----------
    panel : Panel
        Of MUSHRA; other methods have no such rules, and nobody is excluded.

    Returns
    -------
    tuple of Verdict
        By assessor.

    References
    ----------
    ITU-R BS.1534-3 (10/2015), § 4.1.2.
    """
    table = panel.table
    is_mushra = panel.method == "mushra"
    reference = table[(table["role"] == "reference") & is_mushra]
    mid = table[(table["role"] == "mid_anchor") & is_mushra]
    good = easy_items(panel)
    verdicts = []
    for assessor, own in table.groupby("assessor"):
        heard = reference.loc[reference["assessor"] == assessor, "rating"]
        anchors = mid[mid["assessor"] == assessor]
        low = int((heard < BOUND).sum())
        high = int(((anchors["rating"] > BOUND) & ~anchors["item"].isin(good)).sum())
        reasons = []
        if is_beyond(low, len(heard)):
            reasons.append(f"rated the hidden reference below 90 in {_share(low, len(heard))}")
        if is_beyond(high, len(anchors)):
            reasons.append(f"rated the mid anchor above 90 in {_share(high, len(anchors))}")
        verdicts.append(
            Verdict(str(assessor), tuple(reasons), own["item"].nunique(), low, len(heard), high, len(anchors))
        )
    return tuple(verdicts)


def easy_items(panel: Panel) -> tuple[str, ...]:
    """Items whose mid anchor more than a quarter of the assessors who rated it put above 90."""
    mid = panel.table[panel.table["role"] == "mid_anchor"]
    shares = (mid["rating"] > BOUND).groupby(mid["item"]).agg(["sum", "count"])
    return tuple(str(i) for i in shares.index[100 * shares["sum"] > EVERYBODY * shares["count"]])


def is_beyond(n: int, of: int) -> bool:
    """Whether so many of an assessor's items are more than 15 %.

    Examples
    --------
    >>> is_beyond(3, 20), is_beyond(1, 8), is_beyond(1, 6), is_beyond(0, 0)
    (False, False, True, False)
    """
    return 100 * n > PERCENT * of


def _share(n: int, of: int) -> str:
    return f"{n} of {of} items ({100 * n / of:.0f} %; more than {PERCENT} % excludes)"
