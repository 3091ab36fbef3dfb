"""Coefficients of one measure with their intervals: per stimulus, per system, within excerpts.

Excerpts of one track are alike, and so are the systems' estimates of one excerpt: whole tracks are drawn,
with all their excerpts and systems. Systems are not drawn; what is said holds for these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from svbench.agreement.stimuli import Points
from svbench.statistics.resampling import (
    NONE,
    Counts,
    Interval,
    draw_counts,
    expanded_percentile,
    influences,
    resampled,
    t_quantile,
    variance,
)

RESAMPLES = 4000
ALPHA = 0.05
FEWEST = 3  # tracks, below which there is no interval; systems or stimuli, below which no correlation
DEFINED = 0.9  # of the resamples: an interval of fewer would be that of the lucky ones
Array = NDArray[np.float64]
Correlation = Callable[[Array, Array, Array], Array]


@dataclass(frozen=True)
class Coefficient:
    """A correlation and its 95 % interval; None where there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Trio:
    """Three correlations of the same points."""

    pearson: Coefficient
    spearman: Coefficient
    kendall: Coefficient


@dataclass(frozen=True)
class Within:
    """Spearman's correlation over the systems of one excerpt, averaged over ``n`` excerpts."""

    spearman: Coefficient
    n: int


def per_stimulus(found: Points, seed: int) -> Trio:
    """Correlate over all stimuli, excerpt × system."""
    tracks, owner = np.unique(found.tracks, return_inverse=True)

    def one(correlation: Correlation) -> Coefficient:
        if len(found.scores) < FEWEST:
            return Coefficient(None)
        plain = correlation(found.scores, found.ratings, np.ones((1, len(owner))))
        if len(tracks) < FEWEST:
            return _coefficient(plain, None, len(tracks))
        drawn = correlation(
            found.scores, found.ratings, _by_owner(draw_counts(len(tracks), RESAMPLES, seed), owner)
        )
        return _coefficient(plain, drawn, len(tracks))

    return Trio(one(pearson), one(spearman), one(kendall))


def per_system(found: Points, seed: int) -> tuple[Trio, int]:
    """Correlate the systems' means over the excerpts where all of them have a score and a rating.

    Returns
    -------
    Trio
        No correlations for fewer than three systems: two points always lie on a line.
    int
        How many excerpts there are.
    """
    systems = np.unique(found.systems)
    items, place = np.unique(found.items, return_inverse=True)
    shape = (len(items), len(systems))
    scores, ratings = np.full(shape, np.nan), np.full(shape, np.nan)
    column = np.searchsorted(systems, found.systems)
    scores[place, column], ratings[place, column] = found.scores, found.ratings
    whole = np.all(np.isfinite(scores), axis=1)
    if len(systems) < FEWEST or not whole.any():
        return Trio(Coefficient(None), Coefficient(None), Coefficient(None)), int(whole.sum())
    owners = np.empty(len(items), dtype=found.tracks.dtype)
    owners[place] = found.tracks
    tracks, owner = np.unique(owners[whole], return_inverse=True)
    counts = _by_owner(draw_counts(len(tracks), RESAMPLES, seed), owner)

    def means(values: Array, held: Array) -> Array:
        total: Array = held @ values[whole] / held.sum(axis=1, keepdims=True)
        return total

    def one(correlation: Correlation) -> Coefficient:
        once = np.ones((1, len(owner)))
        plain = of_rows(correlation, means(scores, once), means(ratings, once))
        if len(tracks) < FEWEST:
            return _coefficient(plain, None, len(tracks))
        return _coefficient(
            plain, of_rows(correlation, means(scores, counts), means(ratings, counts)), len(tracks)
        )

    return Trio(one(pearson), one(spearman), one(kendall)), int(whole.sum())


def within_excerpts(found: Points, seed: int) -> Within:
    """Correlate the ranks of the systems in each excerpt, and average.

    Easy and difficult excerpts do not help a measure here: it must distinguish the systems.
    """
    by_track: dict[str, list[float]] = {}
    for item in np.unique(found.items):
        own = found.only(found.items == item)
        if len(own.scores) < FEWEST:
            continue
        value = float(spearman(own.scores, own.ratings, np.ones((1, len(own.scores))))[0])
        if np.isfinite(value):
            by_track.setdefault(str(own.tracks[0]), []).append(value)
    values = [np.array(v) for v in by_track.values()]
    if not values:
        return Within(Coefficient(None), 0)
    plain = np.array([np.mean(np.concatenate(values))])
    n = sum(len(v) for v in values)
    if len(values) < FEWEST:
        return Within(_coefficient(plain, None, len(values)), n)
    drawn = resampled(values, "mean", draw_counts(len(values), RESAMPLES, seed))
    return Within(_coefficient(plain, drawn, len(values)), n)


def spearman_difference(better: Points, other: Points, seed: int) -> Coefficient:
    """By how much one measure's Spearman correlation is above another's, on the stimuli that have both.

    Returns
    -------
    Coefficient
        With the smoothed interval of paired resamples (see `svbench.statistics.resampling`).
    """
    keys = [list(zip(p.items.tolist(), p.systems.tolist(), strict=True)) for p in (better, other)]
    common = set(keys[0]) & set(keys[1])
    if len(common) < FEWEST:
        return Coefficient(None)
    a, b = (
        p.only(np.array([k in common for k in key])) for p, key in zip((better, other), keys, strict=True)
    )
    order = {k: i for i, k in enumerate(k for k in keys[0] if k in common)}
    place = np.argsort([order[k] for k in keys[1] if k in common])
    tracks, owner = np.unique(a.tracks, return_inverse=True)

    def difference(counts: Array) -> Array:
        return spearman(a.scores, a.ratings, counts) - spearman(b.scores[place], a.ratings, counts)

    value = float(difference(np.ones((1, len(owner))))[0])
    if not np.isfinite(value):
        return Coefficient(None)
    if len(tracks) < FEWEST:
        return Coefficient(value)
    counts = draw_counts(len(tracks), RESAMPLES, seed)
    drawn = difference(_by_owner(counts, owner))
    if not np.all(np.isfinite(drawn)):
        return Coefficient(value)
    slopes, rest = influences(drawn, counts)
    error = float(np.sqrt(variance(slopes, float(rest.var()), RESAMPLES)))
    reach = t_quantile(1 - ALPHA / 2, len(tracks) - 1) * error
    middle = float(rest.mean())
    return Coefficient(value, min(middle - reach, value), max(middle + reach, value))


def _by_owner(counts: Counts, owner: NDArray[np.int64]) -> Array:
    """How often each point was drawn, from how often its track was."""
    return np.asarray(counts[:, owner], dtype=np.float64)


def _coefficient(plain: Array, drawn: Array | None, n_tracks: int) -> Coefficient:
    value = float(plain[0])
    if not np.isfinite(value):
        return Coefficient(None)
    interval: Interval = NONE
    if drawn is not None and np.mean(np.isfinite(drawn)) >= DEFINED:
        interval = expanded_percentile(drawn[np.isfinite(drawn)], n_tracks, ALPHA)
    return Coefficient(value, interval.low, interval.high)


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
    """Whether the points of each resample differ; rounding can make the variance of equal points positive."""
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
