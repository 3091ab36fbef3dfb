"""Correlations of two series over many resamples at once.

A resample is stored as how many times it holds each point, as in `svbench.statistics.draws`; the plain
coefficient is that of the one resample which holds every point once. Where one side does not vary, there
is no correlation: NaN.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Correlation = Callable[[Array, Array, Array], Array]


def pearson(x: Array, y: Array, counts: Array) -> Array:
    """Pearson's product-moment correlation: how well a straight line fits.

    Parameters
    ----------
    x, y : array, shape (n_points,)
    counts : array, shape (n_resamples, n_points)
        How often each resample holds each point.

    Returns
    -------
    array, shape (n_resamples,)

    Examples
    --------
    >>> x, y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 1.0, 4.0, 5.0])
    >>> pearson(x, y, np.array([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0]])).round(4)
    array([ 0.8485, -1.    ])
    """
    return _product_moment(np.broadcast_to(x, counts.shape), np.broadcast_to(y, counts.shape), counts)


def spearman(x: Array, y: Array, counts: Array) -> Array:
    """Spearman's rank correlation, ties sharing their mean rank: how well any rising curve fits.

    Parameters and result are those of `pearson`.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 3.0, 4.0])
    >>> spearman(x, np.exp(x), np.ones((1, 4)))
    array([1.])
    """
    return _product_moment(_ranks(x, counts), _ranks(y, counts), counts)


def kendall(x: Array, y: Array, counts: Array) -> Array:
    """Kendall's tau-b: pairs in the same order less pairs in the other, ties accounted for.

    Parameters and result are those of `pearson`.

    Examples
    --------
    >>> kendall(np.array([1.0, 2.0, 3.0, 3.0]), np.array([1.0, 3.0, 2.0, 4.0]), np.ones((1, 4))).round(4)
    array([0.5477])
    """
    above_x, above_y = (np.sign(v[:, np.newaxis] - v) for v in (x, y))

    def pairs(signs: Array) -> Array:
        found: Array = np.sum((counts @ signs) * counts, axis=1)
        return found

    concordant, untied = pairs(above_x * above_y), pairs(np.abs(above_x)) * pairs(np.abs(above_y))
    found: Array = np.full(len(counts), np.nan)
    np.divide(concordant, np.sqrt(untied), out=found, where=untied > 0)
    return found


def _product_moment(x: Array, y: Array, counts: Array) -> Array:
    """Correlate rows of x with rows of y, both of shape (n_resamples, n_points)."""
    n = counts.sum(axis=1, keepdims=True)
    dx, dy = (v - np.sum(counts * v, axis=1, keepdims=True) / n for v in (x, y))
    varies = _varies(x, counts) & _varies(y, counts)
    scale = np.sqrt(np.sum(counts * dx**2, axis=1) * np.sum(counts * dy**2, axis=1))
    found: Array = np.full(len(counts), np.nan)
    np.divide(np.sum(counts * dx * dy, axis=1), scale, out=found, where=varies & (scale > 0))
    return np.clip(found, -1.0, 1.0)


def _varies(values: Array, counts: Array) -> NDArray[np.bool_]:
    """Whether the points of each resample differ; their variance cannot tell, because of rounding."""
    held = counts > 0
    found: NDArray[np.bool_] = np.max(values, axis=1, initial=-np.inf, where=held) > np.min(
        values, axis=1, initial=np.inf, where=held
    )
    return found


def _ranks(values: Array, counts: Array) -> Array:
    """Rank the points of each resample, a point held twice being two equal ones."""
    different, place = np.unique(values, return_inverse=True)
    held = counts @ (place[:, np.newaxis] == np.arange(len(different))).astype(np.float64)
    ranks: Array = (np.cumsum(held, axis=1) - held + (held + 1) / 2)[:, place]
    return ranks


def of_rows(correlation: Correlation, x: Array, y: Array) -> Array:
    """Correlate each row of x with that row of y, for points that differ between resamples.

    Parameters
    ----------
    correlation : {pearson, spearman, kendall}
    x, y : array, shape (n_resamples, n_points)

    Returns
    -------
    array, shape (n_resamples,)

    Examples
    --------
    >>> x, y = [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], [[1.0, 4.0, 9.0], [3.0, 2.0, 1.0]]
    >>> of_rows(spearman, np.array(x), np.array(y))
    array([ 1., -1.])
    """
    from scipy.stats import rankdata

    if correlation is kendall:
        above_x, above_y = (np.sign(v[:, :, np.newaxis] - v[:, np.newaxis, :]) for v in (x, y))
        untied = np.sum(np.abs(above_x), axis=(1, 2)) * np.sum(np.abs(above_y), axis=(1, 2))
        found: Array = np.full(len(x), np.nan)
        np.divide(np.sum(above_x * above_y, axis=(1, 2)), np.sqrt(untied), out=found, where=untied > 0)
        return found
    if correlation is spearman:
        x, y = rankdata(x, axis=1), rankdata(y, axis=1)
    return _product_moment(x, y, np.ones(x.shape))
