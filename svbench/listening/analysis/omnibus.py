"""Tests of all conditions at once: Friedman's, and analysis of variance with repeated measures.

Both take assessors as the random sample. Ratings of one assessor depend on each other, so a one-way analysis
over all ratings would find differences that are not there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
GIRDEN = 0.75  # epsilon below which Greenhouse and Geisser's correction is taken


Basis = Literal["all items", "complete items", "adjusted means"]


@dataclass(frozen=True)
class Blocks:
    """What tests of all conditions rest on: numbers of assessors who rated every condition.

    Attributes
    ----------
    ratings : array, shape (n_assessors, n_conditions, n_items) or (n_assessors, n_conditions)
    basis : str
        ``all items``: every assessor rated all of them under all conditions, ``ratings`` has items.
        ``complete items``: means over the items that the assessor rated under all conditions.
        ``adjusted means``: means over whatever items the assessor rated under a condition, each rating less
        the mean of its item over everybody and all conditions; taken where ``complete items`` would lose
        assessors.
    conditions, assessors : tuple of str
    left_out : tuple of str
        Assessors who lack a condition.
    n_items : int
    """

    ratings: Array
    basis: Basis
    conditions: tuple[str, ...]
    assessors: tuple[str, ...]
    left_out: tuple[str, ...]
    n_items: int

    @property
    def means(self) -> Array:
        """Means of each assessor, shape (n_assessors, n_conditions)."""
        found: Array = self.ratings.mean(axis=2) if self.ratings.ndim == 3 else self.ratings
        return found


@dataclass(frozen=True)
class Friedman:
    """Friedman's test of the assessors' means, and Kendall's W, its effect size from 0 to 1."""

    chi2: float
    df: int
    p: float
    w: float
    n_assessors: int
    mean_ranks: tuple[float, ...]


@dataclass(frozen=True)
class Effect:
    """One effect of the analysis of variance.

    Attributes
    ----------
    name : str
    f : float
        Infinite where assessors agree to the last digit.
    df, df_error : int
        Before correction.
    p : float
        Without correction.
    epsilon_gg, epsilon_hf : float
        Greenhouse and Geisser's, and Huynh and Feldt's, estimate of the departure from sphericity.
    p_gg, p_hf : float
    partial_eta2 : float
        Effect size: SS / (SS + SS of the error).
    """

    name: str
    f: float
    df: int
    df_error: int
    p: float
    epsilon_gg: float
    epsilon_hf: float
    p_gg: float
    p_hf: float
    partial_eta2: float

    @property
    def p_corrected(self) -> float:
        """The p to report: Greenhouse and Geisser's below 0.75, else Huynh and Feldt's (Girden, 1992)."""
        return self.p_gg if self.epsilon_gg < GIRDEN else self.p_hf


def blocks(table: pd.DataFrame, conditions: Sequence[str]) -> Blocks | None:
    """Collect what tests of all conditions may use.

    Parameters
    ----------
    table : DataFrame
        Of a `Panel`.
    conditions : sequence of str
        At least two.

    Returns
    -------
    Blocks or None
        None if fewer than two assessors rated all conditions.
    """
    table = table[table["condition"].isin(conditions)]
    wide = table.pivot(index=["assessor", "item"], columns="condition", values="rating")
    if any(c not in wide.columns for c in conditions):
        return None
    wide = wide[list(conditions)].sort_index()
    known = wide.notna().groupby("assessor").any().all(axis=1)
    assessors, left_out = tuple(known.index[known]), tuple(known.index[~known])
    if len(assessors) < 2:
        return None
    wide = wide.loc[list(assessors)]
    complete = wide.dropna()
    n_items = wide.index.get_level_values("item").nunique()
    basis: Basis
    if len(complete) == len(assessors) * n_items:
        basis = "all items"
        cube = complete.to_numpy().reshape(len(assessors), n_items, len(conditions))
        ratings = cube.transpose(0, 2, 1)
    elif complete.index.get_level_values("assessor").nunique() == len(assessors):
        basis = "complete items"
        ratings = complete.groupby("assessor").mean().to_numpy()
    else:
        basis = "adjusted means"
        by_item = table.groupby("item")["rating"].mean().reindex(wide.index.get_level_values("item"))
        ratings = wide.sub(by_item.to_numpy(), axis=0).groupby("assessor").mean().to_numpy()
    return Blocks(ratings, basis, tuple(conditions), assessors, left_out, n_items)


def friedman(means: Array) -> Friedman | None:
    """Test whether the conditions are ranked alike, as by chance.

    Parameters
    ----------
    means : array, shape (n_assessors, n_conditions)

    Returns
    -------
    Friedman or None
        None for fewer than three conditions: Wilcoxon's test compares two.

    References
    ----------
    M. Friedman, JASA 32, 1937. M. Kendall, B. Babington Smith, Ann. Math. Statist. 10, 1939: W.

    Examples
    --------
    >>> found = friedman(np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0], [2.0, 3.0, 4.0]]))
    >>> found.chi2, found.w, found.mean_ranks
    (6.0, 1.0, (1.0, 2.0, 3.0))
    """
    from scipy.stats import friedmanchisquare, rankdata

    n, k = means.shape
    if k < 3:
        return None
    means = means.round(9)  # equal means of unequal items differ in the last bit, which is no rank
    ranks = rankdata(means, axis=1)
    if np.ptp(means, axis=1).max() == 0:  # nobody tells any two apart: 0 / 0
        chi2, p = 0.0, 1.0
    else:
        chi2, p = (float(v) for v in friedmanchisquare(*means.T))
    return Friedman(chi2, k - 1, p, chi2 / (n * (k - 1)), n, tuple(float(r) for r in ranks.mean(axis=0)))


def repeated_measures(ratings: Array) -> tuple[Effect, ...]:
    """Analysis of variance, all factors within assessors.

    Each effect is a set of orthonormal contrasts; an assessor's values of them are one row. Their mean is the
    effect, their covariance is what sphericity is about: the same variance in all directions.

    Parameters
    ----------
    ratings : array, shape (n_assessors, n_conditions) or (n_assessors, n_conditions, n_items)
        Complete; at least two of everything.

    Returns
    -------
    tuple of Effect
        ``condition``; with items also ``item`` and ``condition × item``.

    References
    ----------
    S. Greenhouse, S. Geisser, Psychometrika 24, 1959. H. Huynh, L. Feldt, J. Educ. Stat. 1, 1976.

    Examples
    --------
    >>> (effect,) = repeated_measures(np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]))  # t = 2√3, squared
    >>> round(effect.f, 6), effect.df, effect.df_error, effect.epsilon_gg
    (12.0, 1, 2, 1.0)
    """
    n, k = ratings.shape[:2]
    if ratings.ndim == 2 or ratings.shape[2] == 1:
        return (_effect("condition", ratings.reshape(n, k), _contrasts(k)),)
    m = ratings.shape[2]
    rows = ratings.reshape(n, k * m)
    every: dict[str, Array] = {
        "condition": _both(_contrasts(k), _average(m)),
        "item": _both(_average(k), _contrasts(m)),
        "condition × item": _both(_contrasts(k), _contrasts(m)),
    }
    return tuple(_effect(name, rows, contrasts) for name, contrasts in every.items())


def epsilons(covariance: Array, n: int) -> tuple[float, float]:
    """Estimate the departure from sphericity: Greenhouse and Geisser's epsilon, and Huynh and Feldt's.

    Parameters
    ----------
    covariance : array, shape (df, df)
        Of orthonormal contrasts.
    n : int
        Assessors.

    Returns
    -------
    float, float
        From 1/df (one direction has it all) to 1 (all are alike).

    Examples
    --------
    >>> epsilons(np.eye(3), 20), epsilons(np.diag([1.0, 0.0, 0.0]), 20)[0]
    ((1.0, 1.0), 0.3333333333333333)
    """
    df = len(covariance)
    squared = float(np.sum(covariance**2))
    if df == 1 or squared == 0:
        return 1.0, 1.0
    gg = min(1.0, float(np.trace(covariance)) ** 2 / (df * squared))
    below = df * (n - 1 - df * gg)
    hf = (n * df * gg - 2) / below if below > 0 else 1.0
    return gg, min(1.0, max(gg, hf))


def _effect(name: str, rows: Array, contrasts: Array) -> Effect:
    """One effect from the assessors' ratings (n_assessors, n_cells) and its contrasts (df, n_cells)."""
    from scipy.stats import f as distribution

    values = rows @ contrasts.T
    n, df = values.shape
    middle = values.mean(axis=0)
    between, within = n * float(middle @ middle), float(np.sum((values - middle) ** 2))
    df_error = df * (n - 1)
    rounding = 1e-24 * float(np.sum(rows**2))
    if within <= rounding:  # all assessors alike
        ratio = math.inf if between > rounding else 0.0
        between = between if ratio else 0.0
        gg, hf = 1.0, 1.0
    else:
        ratio = (between / df) / (within / df_error)
        gg, hf = epsilons(np.atleast_2d(np.cov(values, rowvar=False)), n)
    p, p_gg, p_hf = (float(distribution.sf(ratio, e * df, e * df_error)) for e in (1.0, gg, hf))
    total = between + within
    return Effect(name, ratio, df, df_error, p, gg, hf, p_gg, p_hf, between / total if between else 0.0)


def _contrasts(k: int) -> Array:
    """Orthonormal contrasts of k levels, shape (k − 1, k)."""
    from scipy.linalg import helmert

    found: Array = helmert(k)
    return found


def _both(first: Array, second: Array) -> Array:
    """Contrasts of conditions and of items as contrasts of cells."""
    return np.kron(first, second).astype(np.float64)


def _average(k: int) -> Array:
    return np.full((1, k), 1 / math.sqrt(k))
