"""Comparisons, which have no scale: preference (AB) and discrimination (ABX).

All answers count alike, also several of one assessor; the number of assessors is reported beside them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from svbench.listening.analysis.pairs import CORRECTIONS, Correction

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
STEPS, CLOSE = 10_000, 1e-10  # of the fit


@dataclass(frozen=True)
class Preference:
    """How often the first was preferred to the second.

    ``share`` is wins / (wins + losses) with its exact 95 % interval (Clopper and Pearson), NaN where every
    answer was a tie; ``p`` is two-sided, binomial, without ties.
    """

    first: str
    second: str
    wins: int
    ties: int
    losses: int
    n_assessors: int
    share: float
    low: float
    high: float
    p: float
    p_adjusted: float


@dataclass(frozen=True)
class Strength:
    """Where a condition stands on Bradley and Terry's scale: log strength, mean 0, and its 95 % interval."""

    condition: str
    strength: float
    low: float
    high: float


@dataclass(frozen=True)
class Discrimination:
    """Share of correct answers; ``p`` is one-sided (more than by guessing), binomial, exact."""

    condition: str
    against: str
    correct: int
    n: int
    n_assessors: int
    share: float
    low: float
    high: float
    p: float
    p_adjusted: float


def preferences(
    table: pd.DataFrame, conditions: Sequence[str], correction: Correction
) -> tuple[Preference, ...]:
    """Count the answers of every pair that was compared.

    Parameters
    ----------
    table : DataFrame
        Of a `Panel` of ab: two rows for each answer, 1 for the preferred, 0 for the other, ½ for ties.
    conditions : sequence of str
    correction : {"holm", "hochberg"}
    """
    found = []
    for first, second in combinations(conditions, 2):
        rows = table[(table["condition"] == first) & (table["against"] == second)]
        if rows.empty:
            continue
        wins, losses = int((rows["rating"] > 0.5).sum()), int((rows["rating"] < 0.5).sum())
        share, low, high, p = _binomial(wins, wins + losses, "two-sided")
        people, ties = rows["assessor"].nunique(), len(rows) - wins - losses
        found.append(Preference(first, second, wins, ties, losses, people, share, low, high, p, math.nan))
    adjusted = CORRECTIONS[correction]([f.p for f in found])
    return tuple(replace(f, p_adjusted=p) for f, p in zip(found, adjusted, strict=True))


def discriminations(table: pd.DataFrame, correction: Correction) -> tuple[Discrimination, ...]:
    """Count the right answers of every pair, whichever of the two X was.

    Parameters
    ----------
    table : DataFrame
        Of a `Panel` of abx: one row for each answer, 1 where it is correct.
    correction : {"holm", "hochberg"}
    """
    pair = [tuple(sorted(p)) for p in zip(table["condition"], table["against"], strict=True)]
    found = []
    for (first, second), rows in table.groupby([[p[0] for p in pair], [p[1] for p in pair]]):
        correct = int((rows["rating"] > 0.5).sum())
        share, low, high, p = _binomial(correct, len(rows), "greater")
        people = rows["assessor"].nunique()
        found.append(Discrimination(first, second, correct, len(rows), people, share, low, high, p, math.nan))
    adjusted = CORRECTIONS[correction]([f.p for f in found])
    return tuple(replace(f, p_adjusted=p) for f, p in zip(found, adjusted, strict=True))


def _binomial(hits: int, n: int, alternative: str) -> tuple[float, float, float, float]:
    """Share, its exact 95 % interval (two-sided), and p against ½."""
    from scipy.stats import binomtest

    if n == 0:
        return math.nan, math.nan, math.nan, 1.0
    interval = binomtest(hits, n).proportion_ci(0.95, method="exact")
    p = float(binomtest(hits, n, alternative=alternative).pvalue)
    return hits / n, float(interval.low), float(interval.high), p


def strengths(found: Sequence[Preference]) -> tuple[Strength, ...]:
    """Put all conditions on one scale: P(a preferred to b) = 1 / (1 + exp(s_b − s_a)).

    Parameters
    ----------
    found : sequence of Preference
        A tie counts as half a win of each.

    Returns
    -------
    tuple of Strength
        Best first. Empty where there is no finite answer: some conditions were never preferred to, or never
        compared with, the others.

    References
    ----------
    R. Bradley, M. Terry, Biometrika 39, 1952. D. Hunter, "MM algorithms for generalized Bradley-Terry
    models", Ann. Statist. 32, 2004.

    Examples
    --------
    >>> twice = Preference("a", "b", 20, 0, 10, 5, 2 / 3, 0, 1, 1, 1)
    >>> best, worst = strengths([twice])
    >>> round(best.strength - worst.strength, 6), round(math.log(2), 6)
    (0.693147, 0.693147)
    """
    names = list(dict.fromkeys(n for f in found for n in (f.first, f.second)))
    wins = np.zeros((len(names), len(names)))
    for f in found:
        i, j = names.index(f.first), names.index(f.second)
        wins[i, j] += f.wins + f.ties / 2
        wins[j, i] += f.losses + f.ties / 2
    if not names or not _is_finite(wins):
        return ()
    scale = _fit(wins)
    share = 1 / (1 + np.exp(scale - scale[:, None]))
    information = -(wins + wins.T) * share * (1 - share)
    np.fill_diagonal(information, -information.sum(axis=1))
    error = np.sqrt(np.diag(np.linalg.pinv(information, hermitian=True)))
    ordered = np.argsort(-scale, kind="stable")
    return tuple(
        Strength(
            names[i], float(scale[i]), float(scale[i] - 1.96 * error[i]), float(scale[i] + 1.96 * error[i])
        )
        for i in ordered
    )


def _is_finite(wins: Array) -> bool:
    """Whether every condition was preferred to every other, at least by way of third ones (Ford, 1957)."""
    from scipy.sparse.csgraph import connected_components

    parts, _ = connected_components(wins, directed=True, connection="strong")
    return bool(parts == 1)


def _fit(wins: Array) -> Array:
    """Log strengths of highest likelihood, mean 0."""
    played, own = wins + wins.T, wins.sum(axis=1)
    worth = np.ones(len(wins))
    for _ in range(STEPS):
        new = own / np.sum(played / (worth + worth[:, None]), axis=1)
        new /= np.exp(np.mean(np.log(new)))
        done = bool(np.max(np.abs(np.log(new / worth))) < CLOSE)
        worth = new
        if done:
            break
    found: Array = np.log(worth)
    return found
