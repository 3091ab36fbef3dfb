"""Wilcoxon's signed-rank test over tracks, corrections for many tests, and the effect that the test is about.

The test asks whether one system is better than another on the typical track, which is not what the difference
of two headlines says. It tests the pseudo-median of the paired differences; `typical_difference`
estimates that, so that a p value is never printed only beside another quantity.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from svbench.statistics.resampling import Array

TIE = 0.005  # half of the last printed digit
MOST_EXACT = 50  # differences that have an exact distribution; that of more is nearly normal


@dataclass(frozen=True)
class SignedRank:
    """The signed-rank test of paired differences over tracks, and effect sizes.

    Attributes
    ----------
    p : float
        Two-sided, of Wilcoxon's signed-rank test; 1 if no track differs.
    rank_biserial : float
        From −1 (worse on every track) to 1; the share of ranks in favour minus the share against.
    standardised : float or None
        Mean difference over its standard deviation (Cohen's d_z); None if all differences are equal.
    wins, ties, losses : int
        Numbers of tracks; a difference below 0.005 is a tie.
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
        test, as Wilcoxon did.

    Returns
    -------
    SignedRank

    References
    ----------
    F. Wilcoxon, Biometrics Bulletin 1(6), 1945. D. Kerby, "The Simple Difference Formula", 2014.

    Examples
    --------
    >>> test = signed_rank(np.array([1.0, 2.0, 3.0, -0.5, 0.0]))
    >>> test.p, test.rank_biserial, test.wins, test.ties, test.losses
    (0.25, 0.8, 3, 1, 1)
    """
    from scipy.stats import rankdata, wilcoxon

    nonzero = better[better != 0]
    p, biserial = 1.0, 0.0
    if len(nonzero):
        # Signed ranks replace the differences, since infinite ones cannot be subtracted; these rank highest.
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
        None if it is infinite, which perfect tracks may cause.
    median : float or None
        The plain median of the differences, to compare with papers that print it.
    low, high : float or None
        A bound is None if it is infinite, and both are if there are too few tracks for the level: fewer
        than six at 95 %.
    """

    value: float | None
    median: float | None
    low: float | None
    high: float | None


def typical_difference(differences: Array, alpha: float) -> TypicalDifference:
    """Estimate the pseudo-median of paired differences, which is what Wilcoxon's signed-rank test tests.

    It is the median of the averages of every two differences, including each with itself (Walsh averages).
    Its interval contains the shifts that the signed-rank test does not reject: exact up to 50 differences,
    by the normal approximation beyond. Ties among the differences make it wider than necessary.

    Parameters
    ----------
    differences : array, shape (n_tracks,)
        At least one; zeros count, and infinite ones are allowed.
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
        bounds = np.partition(averages, ends)[ends].tolist()  # faster than sorting millions of averages
    numbers = (value, float(np.median(differences)), *bounds)
    return TypicalDifference(*(v if math.isfinite(v) else None for v in numbers))


@lru_cache(maxsize=64)  # all pairs of a comparison ask for the same few
def _n_outside(n: int, alpha: float) -> int:
    """Return the position, from each end of the sorted averages, of the interval's bound.

    It is the largest k with P(rank sum < k) ≤ alpha / 2 under random signs; 0 if there is none
    (Hollander and Wolfe 1999, section 3.3).
    """
    if n > MOST_EXACT:
        from scipy.special import ndtri

        deviation = math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        # Mean and variance of the rank sum; the half corrects for the continuity of the normal distribution.
        return max(0, math.floor(n * (n + 1) / 4 + float(ndtri(alpha / 2)) * deviation + 0.5))
    below = np.cumsum(_ways(range(1, n + 1))) / 2.0**n
    return int(np.sum(below <= alpha / 2))


def _ways(ranks: Sequence[int]) -> Array:
    """Count, for each possible sum of the ranks with sign +, the choices of signs that give it.

    Each rank either adds to the sum or does not: one convolution with (1, 0, …, 0, 1) per rank. Counts stay
    below 2**50, so they are exact in float64.
    """
    ways = np.zeros(sum(ranks) + 1)
    ways[0] = 1.0
    for rank in ranks:
        ways[rank:] += ways[:-rank].copy()
    return ways


def _exact_p(signed: Array) -> float:
    """Return the exact two-sided p of signed ranks: the share of all choices of signs that are as extreme.

    scipy has no exact p if there are ties. For four equal differences its normal approximation gives
    p = 0.046, although one of eight choices of signs is as one-sided: p = 0.125.
    """
    # Tied ranks are multiples of a half; twice them are whole numbers, which `_ways` needs.
    doubled = np.rint(2 * np.abs(signed)).astype(int)
    plus = int(doubled[signed > 0].sum())
    as_far = _ways(doubled.tolist())[: min(plus, int(doubled.sum()) - plus) + 1].sum()
    return min(1.0, 2 * float(as_far) / 2.0 ** len(doubled))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values by Holm's method: the chance of any false rejection among them is at most alpha.

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
    # From the smallest up, each times the number of tests left; the maximum keeps their order.
    for place, i in enumerate(np.argsort(p_values, kind="stable")):
        worst = max(worst, min(1.0, (n - place) * p_values[i]))
        adjusted[i] = worst
    return adjusted


def hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjust p values as Holm does, but from the largest down, which gives values never larger than Holm's.

    Valid if the tests are independent or positively dependent, as those of pairs mostly are.

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
