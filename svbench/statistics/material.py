"""What statistics work on: the values that each track brings to a printed number, and why some bring none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from svbench.errors import DataError, UnknownNameError
from svbench.results.aggregate import (
    REDUCERS,
    Summary,
    TrackScore,
    admitted,
    entering_values,
    over_tracks,
    quantities,
    summarise,
    track_scores,
)
from svbench.results.store import Run
from svbench.specs.protocol import Reduce, TrackReducer
from svbench.statistics.resampling import Array


@dataclass(frozen=True)
class Column:
    """One column of a board: a quantity of one target of a set; ``target`` may be ``mean``."""

    target_set: str
    target: str
    metric: str


@dataclass(frozen=True)
class Settings:
    """How intervals are made; printed with them."""

    resamples: int = 10_000
    seed: int = 42
    alpha: float = 0.05

    def __post_init__(self) -> None:
        if self.resamples < 100:
            raise DataError(f"{self.resamples} resamples are too few for an interval; take 100 or more")
        if not 0 < self.alpha < 0.5:
            raise DataError(f"alpha is {self.alpha:g}; it must lie between 0 and 0.5, e.g. 0.05")
        if self.seed < 0:
            raise DataError(f"the seed is {self.seed}; it must not be negative")


@dataclass(frozen=True)
class Material:
    """One run's values for one column.

    Attributes
    ----------
    summary : Summary
        The printed number.
    rule : Reduce
    values : mapping of track to list of arrays
        One array for each target that enters: one value, or all frames where the rule pools; empty
        where a track lacks a target and each target has its own tracks.
    scores : mapping of track to float
        The track's own score: reduced over its frames, and over the targets of ``mean``.
    durations_s : mapping of track to float
    without : mapping of track to str
        The tracks of the data set that bring nothing, and the status that says why.
    """

    summary: Summary
    rule: Reduce
    values: Mapping[str, Sequence[Array]]
    scores: Mapping[str, float]
    durations_s: Mapping[str, float]
    without: Mapping[str, str]

    @property
    def reducer(self) -> TrackReducer:
        """Name of the reducer over tracks, or over all frames where the rule pools."""
        return self.rule.frames if self.rule.pooled else self.rule.tracks

    def point(self, tracks: Sequence[str]) -> float:
        """Reduce some tracks as the printed number reduces all of them."""
        by_target = zip(*(self.values[t] for t in tracks), strict=True)
        parts = [self._part(arrays, tracks) for arrays in by_target]
        return REDUCERS[self.rule.targets](parts) if len(parts) > 1 else parts[0]

    def _part(self, arrays: Sequence[Array], tracks: Sequence[str]) -> float:
        """Reduce the values of one target; NaN where no track has any."""
        values = [float(v) for a in arrays for v in a]
        durations_s = [self.durations_s[t] for t, a in zip(tracks, arrays, strict=True) for _ in a]
        return over_tracks(self.reducer, values, durations_s) if values else np.nan


@dataclass(frozen=True)
class Contender:
    """One system of a comparison: its run, or several that repeat it (seeds, or the same once more)."""

    name: str
    kind: str
    runs: tuple[Run, ...]


def contenders(group: Sequence[Run], seeds: Mapping[str, Sequence[str]] | None = None) -> list[Contender]:
    """Put the runs of each system together.

    Parameters
    ----------
    group : sequence of Run
        Of one protocol and data set.
    seeds : mapping of name to sequence of system ids, optional
        Systems that are one system trained with several seeds, and what to call it.

    Returns
    -------
    list of Contender
        Runs of one system file are repeats of one another. Two system files with one id are two
        contenders, named with eight digits of their digests.

    Raises
    ------
    DataError
        Runs of several protocols or data sets.
    UnknownNameError
        An id in ``seeds`` that no run has.
    """
    kinds = {(run.record.protocol_digest, run.record.data.digest) for run in group}
    if len(kinds) != 1:
        raise DataError(
            f"these runs hold {len(kinds)} combinations of protocol and data; statistics compare runs of one"
        )
    ids = {run.record.system.id for run in group}
    named: dict[str, str] = {}
    for name, members in (seeds or {}).items():
        for member in members:
            if member not in ids:
                raise UnknownNameError("system among these runs", member, ids)
            named[member] = name
    files: dict[str, set[str]] = {}
    for run in group:
        files.setdefault(run.record.system.id, set()).add(run.record.system_digest)
    found: dict[str, list[Run]] = {}
    for run in group:
        name = run.record.system.id
        twice = len(files[name]) > 1
        own = f"{name} ({run.record.system_digest[:8]})" if twice else name
        found.setdefault(named.get(name, own), []).append(run)
    return [Contender(name, runs[0].record.system.kind, tuple(runs)) for name, runs in found.items()]


def every_column(run: Run) -> list[Column]:
    """Return all that a run's protocol has: quantities of targets and of their mean."""
    return [
        Column(s.id, target, q.name)
        for s in run.record.protocol.target_sets
        for target in (*s.targets, *(["mean"] if len(s.targets) > 1 else []))
        for q in run.record.quantities
    ]


def columns(
    run: Run, metric: str | None = None, target_set: str | None = None, target: str | None = None
) -> list[Column]:
    """Return the column that ranks each target set: its mean, or its only target.

    Parameters
    ----------
    run : Run
    metric : str, optional
        Another quantity than the protocol's headline.
    target_set : str, optional
        Only this one.
    target : str, optional
        This one in its place, of the sets that have it.

    Raises
    ------
    UnknownNameError
    """
    name = metric or run.record.protocol.headline
    if name not in quantities(run):
        raise UnknownNameError("quantity of these runs", name, quantities(run))
    sets = {s.id: s.targets for s in run.record.protocol.target_sets}
    if target_set is not None and target_set not in sets:
        raise UnknownNameError("target set", target_set, sets)
    found = [
        Column(s, "mean" if len(targets) > 1 else targets[0], name)
        for s, targets in sets.items()
        if target_set in (None, s)
    ]
    if target is None:
        return found
    having = [c for c in found if target in (*sets[c.target_set], c.target)]
    if not having:
        raise UnknownNameError("target", target, {t for c in found for t in sets[c.target_set]})
    return [Column(c.target_set, target, c.metric) for c in having]


def materials(run: Run, wanted: Sequence[Column]) -> dict[Column, Material]:
    """Read the values of several columns from a run; columns that its system does not offer are left out."""
    run = admitted(run)
    summaries = {(s.target_set, s.target, s.metric): s for s in summarise(run, allow_incomplete=True)}
    rows = {(r.target_set, r.target, r.metric, r.track): r for r in track_scores(run)}
    found = {}
    for column in wanted:
        summary = summaries.get((column.target_set, column.target, column.metric))
        if summary is not None:
            found[column] = _material(run, column, summary, rows)
    return found


def _material(
    run: Run, column: Column, summary: Summary, rows: dict[tuple[str, str, str, str], TrackScore]
) -> Material:
    rule = quantities(run)[column.metric]
    sets = {s.id: s.targets for s in run.record.protocol.target_sets}
    targets = sets[column.target_set] if column.target == "mean" else (column.target,)
    values = [entering_values(run, column.target_set, t, column.metric, rows.values()) for t in targets]
    needed = any if rule.targets_over == "own tracks" else all
    tracks = [t for t in run.record.data.tracks if needed(t in v for v in values)]
    scores = {}
    for track in tracks:
        having = [t for t, v in zip(targets, values, strict=True) if track in v]
        own = [rows[column.target_set, t, column.metric, track].score for t in having]
        parts = [np.inf if s is None else s for s in own]
        scores[track] = REDUCERS[rule.targets](parts) if len(parts) > 1 else parts[0]
    without = {}
    for track in run.record.data.tracks:
        if track not in scores:
            found = [rows.get((column.target_set, t, column.metric, track)) for t in targets]
            why = [r.status for r, v in zip(found, values, strict=True) if r is not None and track not in v]
            without[track] = cast(str, why[0]) if why else "not run"
    return Material(
        summary,
        rule,
        {track: [np.asarray(v.get(track, ()), dtype=np.float64) for v in values] for track in tracks},
        scores,
        {result.track: result.duration_s for result in run.results},
        without,
    )
