"""How far a difference of two numbers may be chance: the paired bootstrap over tracks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

RESAMPLES = 2000
LEVEL = 0.95
SEED = 42


class Difference(msgspec.Struct, frozen=True):
    """A difference, the bounds of its interval, and how many tracks it rests on.

    ``low`` and ``high`` are None for fewer than two tracks.
    """

    value: float
    low: float | None
    high: float | None
    n_tracks: int


def paired_difference(
    before: Sequence[Sequence[float]], after: Sequence[Sequence[float]], reducer: Literal["mean", "median"]
) -> Difference | None:
    """Difference of two reduced numbers, with a 95 % percentile interval over tracks.

    Parameters
    ----------
    before, after : sequence of sequence of float
        The values of each track, in one order: one per track, or all of its frames where a rule
        pools them. A resample takes whole tracks, the same ones on both sides.
    reducer : {"mean", "median"}
        Over all values of all tracks.

    Returns
    -------
    Difference or None
        ``after`` minus ``before``; None without tracks, or where it is infinite or undefined.
        Resamples whose difference is infinite or undefined do not enter the interval.

    References
    ----------
    B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall 1993, chapter 13.

    Examples
    --------
    >>> paired_difference([[1.0], [2.0], [6.0], [7.0]], [[0.0], [1.0], [5.0], [6.0]], "mean")
    Difference(value=-1.0, low=-1.0, high=-1.0, n_tracks=4)
    """
    n = len(before)
    sides = [[np.asarray(track, dtype=np.float64) for track in side] for side in (before, after)]
    reduce = np.mean if reducer == "mean" else np.median

    def difference(chosen: np.ndarray) -> float:
        first, second = (float(reduce(np.concatenate([side[i] for i in chosen]))) for side in sides)
        return second - first

    with np.errstate(invalid="ignore"):  # the mean of inf and −inf
        value = difference(np.arange(n)) if n else np.nan
    if not np.isfinite(value):
        return None
    if n < 2:
        return Difference(value, None, None, n)
    draws = np.random.Generator(np.random.PCG64(SEED)).integers(0, n, size=(RESAMPLES, n))
    found = [d for chosen in draws if np.isfinite(d := difference(chosen))]
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Difference(value, float(low), float(high), n)
