"""Resampled numbers: what a reducer over tracks gives for ten thousand redrawn sets of tracks.

A resample is stored as how many times it holds each track, so all resamples of a reducer are one matrix
product, also where a rule pools the frames of all tracks. Systems with the same number of tracks get
the same draws: their resampled numbers are paired.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from svbench.specs.protocol import TrackReducer

Array = NDArray[np.float64]
Counts = NDArray[np.float64] | NDArray[np.uint8]
# Above it draws are kept in bytes and worked on in blocks: 5000 tracks would take 400 MB otherwise.
MANY_TRACKS = 1000
BLOCK_BYTES = 2**24


class Same:
    """Counts hashed by identity, so that `lru_cache` can key on them: comparing values would take long."""

    def __init__(self, counts: Counts) -> None:
        self.counts = counts

    def __hash__(self) -> int:
        return id(self.counts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.counts is self.counts


@lru_cache(maxsize=16)
def draw_counts(n: int, resamples: int, seed: int) -> Counts:
    """Draw ``n`` of ``n`` with replacement, again and again.

    Parameters
    ----------
    n : int
        Tracks, or repeats.
    resamples, seed : int

    Returns
    -------
    array, shape (resamples, n)
        How often each one was drawn; every row sums to ``n``. Read-only, since it is shared. Float64, or
        uint8 for more than ``MANY_TRACKS``.

    Examples
    --------
    >>> draw_counts(3, 2, seed=42).sum(axis=1)
    array([3., 3.])
    """
    # Raw words: NumPy keeps the stream of PCG64, and may change what Generator makes of it.
    stream = np.random.PCG64(seed)
    # No count comes near 256: the chance that one of 1000 tracks or more is drawn so often is below 1e-500.
    counts = np.empty((resamples, n), np.uint8 if n > MANY_TRACKS else np.float64)
    for rows in _blocks(resamples, n):
        words = stream.random_raw((rows.stop - rows.start) * n)
        drawn = ((words >> np.uint64(11)).astype(np.float64) * 2.0**-53 * n).astype(np.int64)
        cells = drawn.reshape(-1, n) + n * np.arange(rows.stop - rows.start)[:, None]
        counts[rows] = np.bincount(cells.ravel(), minlength=cells.size).reshape(cells.shape)
    counts.flags.writeable = False
    return counts


def _blocks(resamples: int, n: int) -> list[slice]:
    """Cut resamples into blocks that take little memory; few tracks are one block."""
    size = resamples if n <= MANY_TRACKS else max(1, BLOCK_BYTES // (8 * n))
    return [slice(i, min(i + size, resamples)) for i in range(0, resamples, size)]


def product(counts: Counts, values: Array) -> Array:
    """Return ``counts @ values`` in double precision.

    Parameters
    ----------
    counts : array, shape (n_resamples, n_tracks)
        From `draw_counts`.
    values : array, shape (n_tracks, …)

    Examples
    --------
    >>> product(np.array([[2, 1], [0, 3]], dtype=np.uint8), np.array([0.5, 1.0]))
    array([2., 3.])
    """
    blocks = _blocks(*counts.shape)
    if len(blocks) == 1:
        return np.asarray(counts, dtype=np.float64) @ values
    return np.concatenate([counts[rows].astype(np.float64) @ values for rows in blocks])


def transposed_product(counts: Counts, samples: Array) -> Array:
    """Return ``counts.T @ samples`` in double precision, shape (n_tracks, …)."""
    parts = (counts[rows].T.astype(np.float64) @ samples[rows] for rows in _blocks(*counts.shape))
    total = next(parts)
    for part in parts:
        total += part
    return total


def resampled(
    tracks: Sequence[Array], reducer: TrackReducer, counts: Counts, durations_s: Sequence[float] = ()
) -> Array:
    """Reduce all values of the drawn tracks, for each resample.

    Parameters
    ----------
    tracks : sequence of array
        The values of each track: one, or all of its frames where a rule pools them; none where the
        track lacks the target. Infinite values have a median, but no mean.
    reducer : {"mean", "median", "length-weighted mean"}
    counts : array, shape (n_resamples, n_tracks)
        From `draw_counts`.
    durations_s : sequence of float
        Of the tracks, for the length-weighted mean.

    Returns
    -------
    array, shape (n_resamples,)
        NaN where a resample holds no track with a value.

    Examples
    --------
    >>> twice_and_once = np.array([[2.0, 1.0], [0.0, 3.0]])
    >>> resampled([np.array([1.0, 2.0]), np.array([10.0])], "mean", twice_and_once)
    array([ 3.2, 10. ])
    >>> resampled([np.array([1.0, 2.0]), np.array([10.0])], "median", twice_and_once)
    array([ 2., 10.])
    """
    if reducer == "median":
        return _medians(tracks, counts)
    sizes = np.array([len(t) for t in tracks], dtype=np.float64)
    # A shift of the origin spares digits where the scores are far from zero and close together.
    origin = float(next(t[0] for t in tracks if len(t)))
    sums = np.array([float(np.sum(t - origin)) for t in tracks])
    if reducer == "length-weighted mean":
        sizes, sums = sizes * durations_s, sums * durations_s
    with np.errstate(invalid="ignore"):  # 0 / 0 where no track has a value
        found: Array = origin + product(counts, sums) / product(counts, sizes)
    return found


def _medians(tracks: Sequence[Array], counts: Counts) -> Array:
    values = np.concatenate(tracks)
    sizes = np.array([len(t) for t in tracks])
    order = np.argsort(values, kind="stable")
    if (sizes == 1).all():
        places = _places_of_tracks(order, counts)
    else:
        owner = np.repeat(np.arange(len(tracks)), sizes)[order]
        empty = product(counts, sizes) == 0
        # A resample without any value takes all of them, and is NaN below.
        if empty.any():
            counts = np.where(empty[:, np.newaxis], 1, counts)
        total = product(counts, sizes)
        # Whole numbers below 2**24: exact in float32, and twice as fast.
        small = counts.astype(np.float32)
        places = _place(owner, small, (total - 1) // 2), _place(owner, small, total // 2)
        low, high = (np.where(empty, np.nan, values[order][p]) for p in places)
        return _between(low, high)
    low, high = (values[order][p] for p in places)
    return _between(low, high)


def _between(low: Array, high: Array) -> Array:
    middle: Array = np.where(low == high, low, (low + high) / 2)  # inf is its own middle
    return middle


def _places_of_tracks(
    order: NDArray[np.int64], counts: Counts
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find where, in the sorted tracks of one value each, each resample has its two middle values.

    Track after track is added to all resamples at once; in the smallest numbers that hold the counts
    this is many times faster than a matrix product.
    """
    drawn = _by_track(Same(counts))
    total = drawn.sum(axis=0, dtype=drawn.dtype)
    below, above = (total - 1) // 2, total // 2
    # Places may pass what the counts need: there may be more tracks than draws.
    found = np.zeros((2, len(counts)), dtype=np.min_scalar_type(len(order)))
    reached = np.zeros_like(total)
    for track in order:
        reached += drawn[track]
        found[0] += reached <= below
        found[1] += reached <= above
    return found[0].astype(np.int64), found[1].astype(np.int64)


@lru_cache(maxsize=4)
def _by_track(draws: Same) -> NDArray[np.unsignedinteger[Any]]:
    """Turn draws around: a row for each track, in the smallest numbers that hold a resample's total."""
    largest = int(draws.counts.sum(axis=1).max())
    return np.ascontiguousarray(draws.counts.T.astype(np.min_scalar_type(largest)))


def _place(owner: NDArray[np.int64], counts: NDArray[np.float32], rank: Array) -> NDArray[np.int64]:
    """Find where, in the sorted values, each resample has its value of the given rank (from 0).

    Thousands of pooled frames are looked at in blocks: first the block of each resample, then the
    place within it.
    """
    n, n_tracks = len(owner), counts.shape[1]
    block = max(64, math.isqrt(n))
    edges = np.arange(0, n, block)
    per_block = np.zeros((n_tracks, len(edges)), dtype=np.float32)
    np.add.at(per_block, (owner, np.arange(n) // block), 1)
    reached = counts @ np.cumsum(per_block, axis=1)
    chosen = np.sum(reached <= rank[:, None], axis=1)
    place = np.empty(len(counts), dtype=np.int64)
    for i in np.unique(chosen):
        rows = np.flatnonzero(chosen == i)
        before = reached[rows, i - 1] if i else 0.0
        inside = owner[edges[i] : edges[i] + block]
        upto = np.cumsum(np.arange(n_tracks)[:, None] == inside, axis=1, dtype=np.float32)
        passed = counts[rows] @ upto <= (rank[rows] - before)[:, None]
        place[rows] = edges[i] + np.sum(passed, axis=1)
    return place


@dataclass(frozen=True)
class Interval:
    """Bounds of an interval; None where there is none on that side."""

    low: float | None
    high: float | None


NONE = Interval(None, None)


def expanded_percentile(samples: Array, n: int, alpha: float) -> Interval:
    """Quantiles of resampled numbers, moved outwards for few tracks.

    Parameters
    ----------
    samples : array, shape (n_resamples,)
    n : int
        Tracks, at least two.
    alpha : float
        Probability outside, both sides together.

    Returns
    -------
    Interval
        A bound is None where it is infinite.

    Examples
    --------
    >>> from svbench.statistics.resampling import draw_counts, resampled
    >>> tracks = [np.array([v]) for v in (1.0, 2.0, 4.0, 9.0)]
    >>> expanded_percentile(resampled(tracks, "median", draw_counts(4, 1000, 42)), 4, 0.05)
    Interval(low=1.0, high=9.0)
    """
    from scipy.special import ndtr, stdtrit

    share = float(ndtr(math.sqrt(n / (n - 1)) * stdtrit(n - 1, alpha / 2)))
    # Between two order statistics, without arithmetic on infinite ones.
    low, high = np.quantile(samples, [share, 1 - share], method="closest_observation")
    return Interval(*(float(b) if np.isfinite(b) else None for b in (low, high)))


def influences(samples: Array, counts: Counts) -> tuple[Array, Array]:
    """How much each track moves a resampled number: its slope over how often the track is drawn.

    With endless draws the slope is the covariance that the infinitesimal jackknife asks for; with few
    it is exact for a mean, where a covariance would be noisy. Of more than ``MANY_TRACKS`` tracks the
    covariance itself is taken: a regression on thousands of counts takes minutes, and nearly as many counts
    as draws explain noise. What the covariance's own noise adds, `variance` takes off; at 5000 tracks
    its square root is then off by less than one percent.

    Parameters
    ----------
    samples : array, shape (n_resamples, …)
    counts : array, shape (n_resamples, n_tracks)

    Returns
    -------
    slopes : array, shape (n_tracks, …)
        Those of a difference are the difference of the slopes.
    rest : array, shape (n_resamples, …)
        What of each sample the slopes do not explain; its mean is the smoothed number.
    """
    if counts.shape[1] > MANY_TRACKS:
        covariances: Array = transposed_product(counts, samples - samples.mean(axis=0)) / len(samples)
        return covariances, samples
    moved, centred, inverse = _prepared(Same(counts))
    slopes: Array = inverse @ (centred.T @ samples)
    return slopes, samples - moved @ slopes


@lru_cache(maxsize=4)
def _prepared(draws: Same) -> tuple[Array, Array, Array]:
    """Do what depends on the draws alone."""
    moved = np.asarray(draws.counts, dtype=np.float64) - 1
    centred = moved - moved.mean(axis=0)
    # Counts sum to n, so their covariance has no inverse along that direction, and needs none.
    return moved, centred, np.linalg.pinv(centred.T @ centred, rcond=1e-9, hermitian=True)


def variance(slopes: Array, rest: Array | float, resamples: int) -> Array:
    """Variance of smoothed numbers by the infinitesimal jackknife.

    Parameters
    ----------
    slopes : array, shape (n_tracks, …)
        From `influences`.
    rest : array, shape (…)
        Variance of what they do not explain: in finite draws it makes slopes out of nothing, which
        is taken off.
    resamples : int

    Returns
    -------
    array, shape (…)
        Of the mean it is the squared standard error, with n − 1 degrees of freedom.

    Examples
    --------
    >>> from svbench.statistics.resampling import draw_counts, resampled
    >>> counts = draw_counts(3, 1000, 42)
    >>> means = resampled([np.array([v]) for v in (1.0, 2.0, 6.0)], "mean", counts)
    >>> slopes, rest = influences(means, counts)
    >>> round(float(variance(slopes, rest.var(), 1000)), 9)  # of 1, 2, 6: 7 / 3
    2.333333333
    """
    n = len(slopes)
    raw = np.sum(slopes**2, axis=0) - (n - 1) / resamples * rest
    found: Array = np.maximum(raw, 0.0) * n / (n - 1)
    return found


def degrees(parts: list[tuple[float, int]]) -> float:
    """Degrees of freedom of a sum of variances, by Welch and Satterthwaite.

    Parameters
    ----------
    parts : list of (variance, degrees of freedom)

    Examples
    --------
    >>> round(degrees([(1.0, 49)]), 6), round(degrees([(1.0, 49), (1.0, 2)]), 2)
    (49.0, 7.69)
    """
    total = sum(v for v, _ in parts)
    if total == 0:
        return float(parts[0][1])
    return total**2 / sum(v**2 / df for v, df in parts)


def t_quantile(probability: float, df: float) -> float:
    """Quantile of Student's t distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(df, probability))
