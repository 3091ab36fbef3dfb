"""Tests over tracks: Wilcoxon's signed rank with Holm's correction, and the quantities that go with it.

They ask whether one system beats another on the typical track, which the difference of two headlines
need not say. What the test tests is the pseudo-median of the paired differences; `typical_difference`
estimates it, so that a p value never stands beside another quantity alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from svbench.statistics.resampling import Array

TIE = 0.005  # less than half of the last printed digit
MOST_EXACT = 50  # differences; more need no exact distribution


@dataclass(frozen=True)
class SignedRank:
    """What the paired differences of tracks say.

    Attributes
    ----------
    p : float
        Two-sided, Wilcoxon's signed rank test; 1 where no track differs.
    rank_biserial : float
        From −1 (worse on every track) to 1; the share of ranks in favour minus that against.
    standardised : float or None
        Mean difference over its standard deviation (Cohen's d_z); None where they are all equal.
    wins, ties, losses : int
        Tracks; a tie differs by less than 0.005.
    """

    p: float
    rank_biserial: float
    standardised: float | None
    wins: int
    ties: int
    losses: int


def signed_rank(better: Array) -> SignedRank:
    """Test paired differences against zero.

    Parameters
    ----------
    better : array, shape (n_tracks,)
        By how much the first is better on each track; may be infinite. Zeros are dropped from the
        test as Wilcoxon did.

    Returns
    -------
    SignedRank

    References
    ----------
    F. Wilcoxon, Biometrics Bulletin 1(6), 1945. D. Kerby, "The Simple Difference Formula", 2014.

    Examples
    --------
    >>> found = signed_rank(np.array([1.0, 2.0, 3.0, -0.5, 0.0]))
    >>> found.p, found.rank_biserial, found.wins, found.ties, found.losses
    (0.25, 0.8, 3, 1, 1)
    """
    from scipy.stats import rankdata, wilcoxon

    nonzero = better[better != 0]
    p, biserial = 1.0, 0.0
    if len(nonzero):
        # Infinities have no differences of their own: as ranks they are the largest.
        signed = np.sign(nonzero) * rankdata(np.abs(nonzero))
        few = len(signed) <= MOST_EXACT
        p = _exact_p(signed) if few else float(wilcoxon(signed, method="asymptotic").pvalue)
        biserial = float(signed.sum() / np.abs(signed).sum())
    finite = bool(np.all(np.isfinite(better)))
    deviation = float(np.std(better, ddof=1)) if finite and len(better) > 1 else 0.0
    return SignedRank(
        p=p,
        rank_biserial=biserial,
        standardised=float(np.mean(better)) / deviation if deviation > 0 else None,
        wins=int(np.sum(better >= TIE)),
        ties=int(np.sum(np.abs(better) < TIE)),
        losses=int(np.sum(better <= -TIE)),
    )


@dataclass(frozen=True)
class TypicalDifference:
    """The Hodges–Lehmann estimate of a paired difference and its interval.

    Attributes
    ----------
    value : float or None
        None where it is infinite, as perfect tracks may make it.
    median : float or None
        The plain median of the differences, to compare with papers that print it.
    low, high : float or None
        None where a bound is infinite, and both where there are too few tracks for the level: no
        interval at 95 % below six.
    """

    value: float | None
    median: float | None
    low: float | None
    high: float | None


def typical_difference(differences: Array, alpha: float) -> TypicalDifference:
    """PrintedNumber the pseudo-median of paired differences: what Wilcoxon's signed rank test tests.

    It is the median of the averages of every two differences, each also with itself (Walsh averages).
    Its interval holds the shifts that the signed rank test does not reject: exact up to 50 differences,
    by the normal approximation beyond. Differences that are tied make it wider than it need be.

    Parameters
    ----------
    differences : array, shape (n_tracks,)
        At least one; zeros count, and infinite ones may be there.
    alpha : float
        Probability outside the interval, both sides together.

    Returns
    -------
    TypicalDifference

    References
    ----------
    J. Hodges, E. Lehmann, "Estimates of Location Based on Rank Tests", Ann. Math. Statist. 34(2), 1963.
    M. Hollander, D. Wolfe, "Nonparametric Statistical Methods", 2nd ed., 1999, sections 3.2 and 3.3.

    Examples
    --------
    >>> typical_difference(np.array([1.0, 2.0, 6.0]), 0.05)  # averages 1, 1.5, 2, 3.5, 4, 6
    TypicalDifference(value=2.75, median=2.0, low=None, high=None)
    >>> typical_difference(np.arange(1.0, 9.0), 0.05)
    TypicalDifference(value=4.5, median=4.5, low=2.0, high=7.0)
    """
    n = len(differences)
    with np.errstate(invalid="ignore"):  # the average of inf and −inf
        averages = np.concatenate([(d + differences[i:]) / 2 for i, d in enumerate(differences)])
    if np.any(np.isnan(averages)):
        return TypicalDifference(None, None, None, None)
    value, bounds = float(np.median(averages)), [math.nan, math.nan]
    if outside := _n_outside(n, alpha):
        ends = [outside - 1, len(averages) - outside]
        bounds = np.partition(averages, ends)[ends].tolist()  # thousands of tracks have millions of averages
    numbers = (value, float(np.median(differences)), *bounds)
    return TypicalDifference(*(v if math.isfinite(v) else None for v in numbers))


@lru_cache(maxsize=64)  # all pairs of a comparison ask for the same few
def _n_outside(n: int, alpha: float) -> int:
    """Count, from each end of the sorted averages, up to the one that is the interval's bound.

    It is the largest k with P(rank sum < k) ≤ alpha / 2 where signs are drawn at random; 0 where there is
    none.
    """
    if n > MOST_EXACT:
        from scipy.special import ndtri

        deviation = math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        # The half is the correction for a sum that goes in steps of one.
        return max(0, math.floor(n * (n + 1) / 4 + float(ndtri(alpha / 2)) * deviation + 0.5))
    below = np.cumsum(_ways(range(1, n + 1))) / 2.0**n
    return int(np.sum(below <= alpha / 2))


def _ways(steps: Iterable[int]) -> Array:
    """Count the choices of signs that give each sum of the ranks whose sign is +."""
    every = list(steps)
    ways = np.zeros(sum(every) + 1)
    ways[0] = 1.0
    for step in every:
        ways[step:] += ways[:-step].copy()
    return ways


def _exact_p(signed: Array) -> float:
    """Two-sided p of signed ranks among all their signs. Tied ranks are halves, so twice them are counted.

    scipy has no exact p where there are ties; its normal approximation calls four equal differences
    p = 0.046, though one of eight draws of their signs is as one-sided.
    """
    steps = np.rint(2 * np.abs(signed)).astype(int)
    plus = int(steps[signed > 0].sum())
    as_far = _ways(steps.tolist())[: min(plus, int(steps.sum()) - plus) + 1].sum()
    return min(1.0, 2 * float(as_far) / 2.0 ** len(steps))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values so that the chance of any false finding among them stays below alpha.

    References
    ----------
    S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scand. J. Statist. 6, 1979.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    n = len(p_values)
    adjusted, worst = [0.0] * n, 0.0
    for place, i in enumerate(np.argsort(p_values, kind="stable")):
        worst = max(worst, min(1.0, (n - place) * p_values[i]))
        adjusted[i] = worst
    return adjusted


def hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjust p values as Holm does, but from the largest down: never larger than Holm's.

    Valid where tests are independent or hang together positively, as those of pairs mostly do.

    References
    ----------
    Y. Hochberg, "A Sharper Bonferroni Procedure for Multiple Tests of Significance", Biometrika 75, 1988.

    Examples
    --------
    >>> hochberg([0.01, 0.04, 0.03])
    [0.03, 0.04, 0.04]
    """
    adjusted, best = [0.0] * len(p_values), 1.0
    for place, i in enumerate(np.argsort(p_values, kind="stable")[::-1]):
        best = min(best, (place + 1) * p_values[i])
        adjusted[i] = best
    return adjusted
