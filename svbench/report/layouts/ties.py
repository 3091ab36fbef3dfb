"""Which systems are not significantly different from the best: a paired bootstrap over tracks.

Every system's number is resampled once with the same draws of tracks; the difference of two systems is
then a subtraction, so that a table of many systems costs little more than one of two.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from svbench.results.aggregate import entering_values, quantities
from svbench.results.stats import LEVEL, RESAMPLES, SEED
from svbench.results.store import Run
from svbench.specs.protocol import Reducer

Values = NDArray[np.float64]


class Column(NamedTuple):
    """What a number is of; several targets are reduced to their mean by the protocol's rule."""

    target_set: str
    targets: tuple[str, ...]
    metric: str


class Ties:
    """Resampled numbers, each computed once."""

    def __init__(self) -> None:
        self._entering: dict[tuple[int, Column], list[dict[str, list[float]]]] = {}
        self._resampled: dict[tuple[int, Column, tuple[str, ...]], Values] = {}

    def is_tied(self, best: Run, run: Run, column: Column) -> bool:
        """Whether the 95 % interval of the difference holds 0.

        It rests on the tracks that have a value on both sides, for all of the column's targets; fewer
        than two tell nothing, and are no tie.
        """
        sides = [self._values(r, column) for r in (best, run)]
        tracks = tuple(t for t in best.record.data.tracks if all(t in found for s in sides for found in s))
        if len(tracks) < 2:
            return False
        first, second = (self._numbers(r, column, tracks) for r in (best, run))
        with np.errstate(invalid="ignore"):  # inf − inf
            differences = second - first
        differences = differences[np.isfinite(differences)]
        if not differences.size:
            return False
        low, high = np.quantile(differences, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return bool(low <= 0 <= high)

    def _values(self, run: Run, column: Column) -> list[dict[str, list[float]]]:
        key = (id(run), column)
        if key not in self._entering:
            self._entering[key] = [
                entering_values(run, column.target_set, t, column.metric) for t in column.targets
            ]
        return self._entering[key]

    def _numbers(self, run: Run, column: Column, tracks: tuple[str, ...]) -> Values:
        """The printed number of each resample, shape (RESAMPLES,)."""
        key = (id(run), column, tracks)
        if key not in self._resampled:
            rule = quantities(run)[column.metric]
            over = np.mean if rule.targets == "mean" else np.median
            reducer = rule.frames if rule.pooled else rule.tracks
            parts = [resampled([found[t] for t in tracks], reducer) for found in self._values(run, column)]
            with np.errstate(invalid="ignore"):
                self._resampled[key] = over(np.stack(parts), axis=0)
        return self._resampled[key]


def resampled(tracks: list[list[float]], reducer: Reducer) -> Values:
    """Reduce the values of resampled tracks.

    Parameters
    ----------
    tracks : list of list of float
        The values of each track: one, or all of its frames where a rule pools them.
    reducer : {"mean", "median"}
        Over all values of all tracks.

    Returns
    -------
    ndarray, shape (RESAMPLES,)

    Examples
    --------
    >>> sorted({float(v) for v in resampled([[1.0], [3.0]], "median")})
    [1.0, 2.0, 3.0]
    """
    n = len(tracks)
    draws = np.random.Generator(np.random.PCG64(SEED)).integers(0, n, size=(RESAMPLES, n))
    if all(len(t) == 1 for t in tracks):
        values = np.array([t[0] for t in tracks])[draws]
        found = np.mean(values, axis=1) if reducer == "mean" else np.median(values, axis=1)
        return np.asarray(found, dtype=np.float64)
    counts = np.zeros((RESAMPLES, n), dtype=np.int64)
    np.add.at(counts, (np.arange(RESAMPLES)[:, None], draws), 1)
    if reducer == "mean":
        sums, lengths = np.array([sum(t) for t in tracks]), np.array([len(t) for t in tracks])
        return np.asarray(counts @ sums / (counts @ lengths), dtype=np.float64)
    return _pooled_medians(tracks, counts)


def _pooled_medians(tracks: list[list[float]], counts: NDArray[np.int64]) -> Values:
    """Medians of all frames of the tracks, each taken as often as its track was drawn."""
    values = np.concatenate([np.asarray(t, dtype=np.float64) for t in tracks])
    owner = np.repeat(np.arange(len(tracks)), [len(t) for t in tracks])
    order = np.argsort(values, kind="stable")
    values, owner = values[order], owner[order]
    found = np.empty(len(counts))
    for i, drawn in enumerate(counts):
        reached = np.cumsum(drawn[owner])
        total = reached[-1]
        low, high = np.searchsorted(reached, [(total + 1) // 2, total // 2 + 1])
        found[i] = (values[low] + values[high]) / 2
    return found
