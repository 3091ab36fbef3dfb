"""The values that every track contributes to a printed number, for each system of each column.

Statistics resample and test these values. Where a track contributes nothing, the status says why.
"""

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
from svbench.specs.protocol import Reduce
from svbench.statistics.resampling import Array


@dataclass(frozen=True)
class Column:
    """One column of a board: a quantity of one target of a set; ``target`` may be ``mean``."""

    target_set: str
    target: str
    metric: str


@dataclass(frozen=True)
class IntervalSettings:
    """How intervals are computed; printed together with them."""

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
class TrackValues:
    """The values of one run for one column.

    Attributes
    ----------
    summary : Summary
        The printed number.
    rule : Reduce
    values : mapping of track to list of arrays
        One array for each target that enters: one value, or all frames if the rule pools them; empty
        if the track lacks the target and each target has its own tracks.
    scores : mapping of track to float
        The track's own score: reduced over its frames, and over the targets for ``mean``.
    durations_s : mapping of track to float
    without : mapping of track to str
        The tracks of the data set that contribute nothing, with the status that says why.
    """

    summary: Summary
    rule: Reduce
    values: Mapping[str, Sequence[Array]]
    scores: Mapping[str, float]
    durations_s: Mapping[str, float]
    without: Mapping[str, str]

    def point(self, tracks: Sequence[str]) -> float:
        """Reduce some tracks as the printed number reduces all of them."""
        by_target = zip(*(self.values[t] for t in tracks), strict=True)
        parts = [self._part(arrays, tracks) for arrays in by_target]
        return REDUCERS[self.rule.targets](parts) if len(parts) > 1 else parts[0]

    def _part(self, arrays: Sequence[Array], tracks: Sequence[str]) -> float:
        """Reduce the values of one target; NaN if no track has any."""
        values = [float(v) for a in arrays for v in a]
        durations_s = [self.durations_s[t] for t, a in zip(tracks, arrays, strict=True) for _ in a]
        return over_tracks(self.rule.last, values, durations_s) if values else np.nan


@dataclass(frozen=True)
class SystemRuns:
    """One system of a comparison: its run, or several repeats of it (seeds, or the same run once more)."""

    name: str
    kind: str
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class SystemValues:
    """One system in one column: the values of each repeat, and the tracks that all repeats have."""

    system: SystemRuns
    repeats: tuple[TrackValues, ...]
    tracks: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the system."""
        return self.system.name

    @property
    def is_defined(self) -> bool:
        """Whether every repeat has a printed number."""
        return all(r.summary.score is not None for r in self.repeats)

    @property
    def value(self) -> float | None:
        """The printed number, averaged over repeats; None if one of them has none."""
        scores = [r.summary.score for r in self.repeats if r.summary.score is not None]
        return REDUCERS["mean"](scores) if len(scores) == len(self.repeats) else None

    def point(self, tracks: Sequence[str]) -> float:
        """Reduce some tracks as the printed number does, averaged over repeats."""
        return REDUCERS["mean"]([r.point(tracks) for r in self.repeats])

    def scores(self, tracks: Sequence[str]) -> Array:
        """Return the score of each track, averaged over repeats."""
        scores: Array = np.mean([[r.scores[t] for t in tracks] for r in self.repeats], axis=0)
        return scores

    def reason(self, track: str) -> str:
        """Return the status that says why a track contributes nothing."""
        return next((r.without[track] for r in self.repeats if track in r.without), "not run")


def common_tracks(systems: Sequence[SystemValues]) -> tuple[str, ...]:
    """Return the tracks that all systems have, in the order of the data set."""
    others = [set(s.tracks) for s in systems[1:]]
    return tuple(t for t in systems[0].tracks if all(t in tracks for tracks in others))


def listed(tracks: Sequence[str], n: int = 3) -> str:
    """Join the first few names, and count the others.

    Examples
    --------
    >>> listed(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    return ", ".join(tracks[:n]) + (f" and {len(tracks) - n} more" if len(tracks) > n else "")


def group_by_system(
    group: Sequence[Run], seeds: Mapping[str, Sequence[str]] | None = None
) -> list[SystemRuns]:
    """Group runs by system.

    Parameters
    ----------
    group : sequence of Run
        Of one protocol and data set.
    seeds : mapping of name to sequence of system ids, optional
        Systems that are one system trained with several seeds, and the name to give it.

    Returns
    -------
    list of SystemRuns
        Runs of one system file are repeats of one another. Two system files with the same id are two
        systems, named with eight digits of their digests.

    Raises
    ------
    DataError
        The runs have several protocols or data sets.
    UnknownNameError
        No run has an id that ``seeds`` names.
    """
    kinds = {(run.record.protocol_digest, run.record.data.digest) for run in group}
    if len(kinds) != 1:
        raise DataError(
            f"these runs hold {len(kinds)} combinations of protocol and data; statistics compare runs of one"
        )
    ids = {run.record.system.id for run in group}
    names: dict[str, str] = {}
    for name, members in (seeds or {}).items():
        for member in members:
            if member not in ids:
                raise UnknownNameError("system among these runs", member, ids)
            names[member] = name
    files: dict[str, set[str]] = {}
    for run in group:
        files.setdefault(run.record.system.id, set()).add(run.record.system_digest)
    by_name: dict[str, list[Run]] = {}
    for run in group:
        system, digest = run.record.system.id, run.record.system_digest
        default = f"{system} ({digest[:8]})" if len(files[system]) > 1 else system
        by_name.setdefault(names.get(system, default), []).append(run)
    return [SystemRuns(name, runs[0].record.system.kind, tuple(runs)) for name, runs in by_name.items()]


def every_column(run: Run) -> list[Column]:
    """Return all columns that a run's protocol has: every quantity of every target and of their mean."""
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
        A quantity other than the protocol's headline.
    target_set : str, optional
        Only this set.
    target : str, optional
        This target instead of the mean, of the sets that have it.

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
    chosen = [
        Column(s, "mean" if len(targets) > 1 else targets[0], name)
        for s, targets in sets.items()
        if target_set in (None, s)
    ]
    if target is None:
        return chosen
    having = [c for c in chosen if target in (*sets[c.target_set], c.target)]
    if not having:
        raise UnknownNameError("target", target, {t for c in chosen for t in sets[c.target_set]})
    return [Column(c.target_set, target, c.metric) for c in having]


def values_by_column(
    systems: Sequence[SystemRuns], wanted: Sequence[Column]
) -> dict[Column, list[SystemValues]]:
    """Read the values of every system in every column; systems that do not have a column are left out."""
    by_column: dict[Column, list[SystemValues]] = {c: [] for c in wanted}
    for system in systems:
        by_run = [track_values(run, wanted) for run in system.runs]
        for column in wanted:
            repeats = tuple(values[column] for values in by_run if column in values)
            if repeats:
                tracks = tuple(t for t in repeats[0].scores if all(t in r.scores for r in repeats))
                by_column[column].append(SystemValues(system, repeats, tracks))
    return by_column


def track_values(run: Run, wanted: Sequence[Column]) -> dict[Column, TrackValues]:
    """Read the values of several columns from a run; columns that its system does not have are left out."""
    run = admitted(run)
    summaries = {(s.target_set, s.target, s.metric): s for s in summarise(run, allow_incomplete=True)}
    rows = {(r.target_set, r.target, r.metric, r.track): r for r in track_scores(run)}
    return {
        column: _of_column(run, column, summary, rows)
        for column in wanted
        if (summary := summaries.get((column.target_set, column.target, column.metric)))
    }


def _of_column(
    run: Run, column: Column, summary: Summary, rows: dict[tuple[str, str, str, str], TrackScore]
) -> TrackValues:
    rule = quantities(run)[column.metric]
    sets = {s.id: s.targets for s in run.record.protocol.target_sets}
    targets = sets[column.target_set] if column.target == "mean" else (column.target,)
    values = [entering_values(run, column.target_set, t, column.metric, rows.values()) for t in targets]
    needed = any if rule.targets_over == "own tracks" else all
    tracks = [t for t in run.record.data.tracks if needed(t in v for v in values)]
    scores, without = {}, {}
    for track in run.record.data.tracks:
        cells = [
            (rows.get((column.target_set, t, column.metric, track)), track in v)
            for t, v in zip(targets, values, strict=True)
        ]
        if needed(enters for _, enters in cells):
            entering = [row.score for row, enters in cells if row is not None and enters]
            parts = [np.inf if score is None else score for score in entering]
            scores[track] = REDUCERS[rule.targets](parts) if len(parts) > 1 else parts[0]
        else:
            why = [row.status for row, enters in cells if row is not None and not enters]
            without[track] = cast(str, why[0]) if why else "not run"
    return TrackValues(
        summary,
        rule,
        {track: [np.asarray(v.get(track, ()), dtype=np.float64) for v in values] for track in tracks},
        scores,
        {result.track: result.duration_s for result in run.results},
        without,
    )
