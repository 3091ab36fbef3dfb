"""How far a change of one system's number may be chance: its paired bootstrap over tracks."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from svbench.specs.protocol import TrackReducer
from svbench.statistics.draws import Array, draw_counts, resampled
from svbench.statistics.intervals import influences, t_quantile, variance

RESAMPLES = 10_000
LEVEL = 0.95
SEED = 42


class Difference(msgspec.Struct, frozen=True):
    """A difference, the bounds of its interval, and how many tracks it rests on.

    ``low`` and ``high`` are None for fewer than two tracks, and where a resample is infinite.
    """

    value: float
    low: float | None
    high: float | None
    n_tracks: int


def paired_difference(
    before: Sequence[Sequence[float]],
    after: Sequence[Sequence[float]],
    reducer: TrackReducer,
    durations_s: Sequence[float] = (),
) -> Difference | None:
    """Difference of two reduced numbers, with its smoothed 95 % interval over tracks.

    Parameters
    ----------
    before, after : sequence of sequence of float
        The values of each track, in one order: one per track, or all of its frames where a rule
        pools them. A resample takes whole tracks, the same ones on both sides.
    reducer : {"mean", "median", "length-weighted mean"}
        Over all values of all tracks.
    durations_s : sequence of float
        Of the tracks, for the length-weighted mean of one value each.

    Returns
    -------
    Difference or None
        ``after`` minus ``before``; None without tracks, or where it is infinite or undefined.

    References
    ----------
    B. Efron, "Estimation and Accuracy After Model Selection", JASA 109(507), 2014; see `intervals`.

    Examples
    --------
    >>> found = paired_difference([[1.0], [2.0], [9.0]], [[0.0], [1.0], [5.0]], "mean")
    >>> found.value, round(found.low, 3), round(found.high, 3)  # −1, −1, −4: −2 ± 4.303
    (-2.0, -6.303, 2.303)
    """
    n = len(before)
    sides = [[np.asarray(track, dtype=np.float64) for track in side] for side in (before, after)]
    if n == 0:
        return None
    with np.errstate(invalid="ignore"):  # the mean of inf and −inf
        first, second = (_reduced(np.concatenate(side), reducer, durations_s) for side in sides)
    if not np.isfinite(second - first):
        return None
    counts = draw_counts(n, RESAMPLES, SEED)
    drawn: list[Array] = [resampled(side, reducer, counts, durations_s) for side in sides] if n > 1 else []
    if n < 2 or not np.all(np.isfinite(drawn)):
        return Difference(second - first, None, None, n)
    moved = drawn[1] - drawn[0]
    slopes, rest = influences(moved, counts)
    error = float(np.sqrt(variance(slopes, float(rest.var()), RESAMPLES)))
    reach = t_quantile(1 - (1 - LEVEL) / 2, n - 1) * error
    value, middle = second - first, float(rest.mean())
    return Difference(value, min(middle - reach, value), max(middle + reach, value), n)


def _reduced(values: Array, reducer: TrackReducer, durations_s: Sequence[float]) -> float:
    if reducer == "length-weighted mean":
        return float(np.average(values, weights=durations_s))
    return float(np.mean(values) if reducer == "mean" else np.median(values))
