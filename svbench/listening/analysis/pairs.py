"""Every two conditions compared: Wilcoxon's test, a permutation test of medians, and how large it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from svbench.listening.analysis.describe import half_interval
from svbench.statistics.signed_rank import hochberg, holm, signed_rank

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Correction = Literal["holm", "hochberg"]
CORRECTIONS = {"holm": holm, "hochberg": hochberg}
PERMUTATIONS = 9999
AT_ONCE = 2_000_000  # counts that are held at a time


@dataclass(frozen=True)
class Pair:
    """Two conditions on the items that each assessor rated under both.

    Attributes
    ----------
    first, second : str
        In the order of the conditions.
    n_assessors, n : int
        Assessors, and assessor × item ratings of each condition.
    median : float
        Difference of the medians of those ratings, first − second.
    mean, half : float
        Mean over assessors of their own mean difference, and half of its 95 % interval.
    p, p_adjusted : float
        Wilcoxon's signed rank test of the assessors' mean differences; corrected for all pairs.
    p_median, p_median_adjusted : float
        Permutation test of the difference of medians; corrected alike.
    rank_biserial : float
        Matched pairs: the share of ranks in favour of the first minus that against, −1 to 1.
    """

    first: str
    second: str
    n_assessors: int
    n: int
    median: float
    mean: float
    half: float
    p: float
    p_adjusted: float
    p_median: float
    p_median_adjusted: float
    rank_biserial: float


def pairs(
    table: pd.DataFrame, conditions: Sequence[str], correction: Correction, seed: int
) -> tuple[Pair, ...]:
    """Compare every two conditions.

    Parameters
    ----------
    table : DataFrame
        Of a `Panel`.
    conditions : sequence of str
    correction : {"holm", "hochberg"}
        Over all pairs with a test.
    seed : int
        Of the permutations, which all pairs share.

    Returns
    -------
    tuple of Pair
        Those that at least one assessor rated under both.
    """
    wide = table.pivot_table(
        index=["assessor", "item"], columns="condition", values="rating", aggfunc="first"
    )
    found = []
    for first, second in combinations([c for c in conditions if c in wide.columns], 2):
        both = wide[[first, second]].dropna()
        if len(both):
            owners = np.unique(both.index.get_level_values("assessor"), return_inverse=True)[1]
            found.append(_pair(first, second, both[first].to_numpy(), both[second].to_numpy(), owners, seed))
    adjust = CORRECTIONS[correction]
    by_rank, by_median = adjust([p.p for p in found]), adjust([p.p_median for p in found])
    together = zip(found, by_rank, by_median, strict=True)
    return tuple(replace(p, p_adjusted=r, p_median_adjusted=m) for p, r, m in together)


def _pair(first: str, second: str, a: Array, b: Array, owners: NDArray[np.intp], seed: int) -> Pair:
    better = np.bincount(owners, a - b) / np.bincount(owners)
    # Rounded: sums of the same ratings in another order differ in the last bit, which is no difference.
    test = signed_rank(better.round(9))
    return Pair(
        first, second, len(better), len(a),
        median=float(np.median(a) - np.median(b)),
        mean=float(better.mean()),
        half=half_interval(better),
        p=test.p,
        p_adjusted=math.nan,
        p_median=permutation_of_medians(a, b, owners, seed=seed),
        p_median_adjusted=math.nan,
        rank_biserial=test.rank_biserial,
    )  # fmt: skip


def permutation_of_medians(
    first: Array, second: Array, owners: NDArray[np.intp], *, seed: int, permutations: int = PERMUTATIONS
) -> float:
    """Test the difference of two medians, by swapping whole assessors.

    If both conditions are alike, an assessor could as well have given each one's ratings to the other: all
    ratings of an assessor are swapped together, or none.

    Parameters
    ----------
    first, second : array, shape (n,)
        Ratings of both conditions by the same assessors on the same items.
    owners : array of int, shape (n,)
        Number of the assessor of each, from 0.
    seed : int
    permutations : int

    Returns
    -------
    float
        (b + 1) / (m + 1): b of m permutations reach the observed difference or more, either way.

    References
    ----------
    B. Phipson, G. Smyth, "Permutation P-values Should Never Be Zero", Stat. Appl. Genet. Mol. Biol. 9, 2010.

    Examples
    --------
    >>> high, low = np.arange(70.0, 90.0), np.arange(30.0, 50.0)
    >>> permutation_of_medians(high, low, np.arange(20), seed=0) < 0.005
    True
    >>> permutation_of_medians(high, high, np.arange(20), seed=0)
    1.0
    """
    observed = abs(np.median(first) - np.median(second)) - 1e-9  # equal ones count, whatever the rounding
    n_owners = int(owners.max()) + 1
    # Raw words: NumPy keeps the stream of PCG64, and may change what Generator makes of it.
    words = np.random.PCG64(seed).random_raw(permutations * n_owners).reshape(permutations, n_owners)
    swaps = (words >> np.uint64(63)).astype(np.bool_)
    # Of each value, how many ratings of the first are no larger, and what that gains if an owner is swapped.
    values, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    own = _counts(places[: len(first)], owners, len(values))
    other = _counts(places[len(first) :], owners, len(values))
    as_given, total, gain = own.sum(axis=0), (own + other).sum(axis=0), other - own
    step = max(1, AT_ONCE // len(values))
    reached = 0
    for start in range(0, permutations, step):
        upto = as_given + swaps[start : start + step].astype(np.float32) @ gain
        difference = _medians(upto, values, len(first)) - _medians(total - upto, values, len(first))
        reached += int(np.sum(np.abs(difference) >= observed))
    return (reached + 1) / (permutations + 1)


def _counts(places: NDArray[np.intp], owners: NDArray[np.intp], n_values: int) -> NDArray[np.float32]:
    """How many ratings of each owner are no larger than each value: whole numbers, exact in float32."""
    counts = np.zeros((int(owners.max()) + 1, n_values), dtype=np.float32)
    np.add.at(counts, (owners, places), 1)
    return np.cumsum(counts, axis=1, dtype=np.float32)


def _medians(upto: NDArray[np.float32], values: Array, n: int) -> Array:
    """Median of n ratings for each row, which says how many of them are no larger than each value."""
    low, high = (values[np.sum(upto <= rank, axis=1)] for rank in ((n - 1) // 2, n // 2))
    found: Array = (low + high) / 2
    return found
