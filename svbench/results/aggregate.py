"""From frames to the printed number: named reducers over frames, tracks and targets.

Every summary carries the names of its reducers, how many tracks and frames entered it and how many
were dropped, so that a number is never shown without them. A run with missing or failed tracks
is refused unless ``allow_incomplete`` is set.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import islice

import msgspec
import numpy as np

from svbench.errors import DataError
from svbench.results.record import Quantity
from svbench.results.scores import Series, Status, TrackResult, without_value
from svbench.results.store import Run, kept_per_run
from svbench.specs.protocol import Protocol, Reduce, TrackReducer

REDUCERS: dict[str, Callable[[list[float]], float]] = {"mean": statistics.fmean, "median": statistics.median}

NO_SCORE: tuple[Status, ...] = ("no target", "failed", "unknown")
# Above this size a double times a power of ten may have no bits left for a fraction.
LARGEST = 2.0**40
# Nearer to a half than this, the product may have been rounded onto the other side of it.
NEAR = 2.0**-10


class TrackScore(msgspec.Struct, frozen=True):
    """One quantity of one target on one track, reduced over its frames."""

    track: str
    target_set: str
    target: str
    metric: str
    score: float | None
    status: Status
    n_frames: int
    n_dropped: int


class Summary(msgspec.Struct, frozen=True):
    """One printed number.

    ``target`` is ``"mean"`` for the reduction over the targets of a set; its ``n_tracks`` are those
    that have all targets or, if the protocol says ``own tracks``, any of them. ``label`` names the
    reducers over frames and tracks, e.g. ``median/median``.
    """

    target_set: str
    target: str
    metric: str
    score: float | None
    status: Status
    label: str
    n_tracks: int
    n_tracks_total: int
    n_frames: int
    n_dropped: int


def over_tracks(reducer: TrackReducer, values: Sequence[float], durations_s: Sequence[float]) -> float:
    """Reduce one value per track.

    Examples
    --------
    >>> over_tracks("length-weighted mean", [1.0, 4.0], [60.0, 30.0]), over_tracks("mean", [1.0, 4.0], [])
    (2.0, 2.5)
    """
    if reducer != "length-weighted mean":
        return REDUCERS[reducer](list(values))
    weighted = [v * s for v, s in zip(values, durations_s, strict=True)]
    return sum(weighted) / math.fsum(durations_s)


@kept_per_run
def track_scores(run: Run) -> tuple[TrackScore, ...]:
    """Reduce every track's frames by the protocol's rule.

    Returns
    -------
    tuple of TrackScore
        In the order tracks, target sets, targets, quantities. Failed tracks have one row for each
        series that should be there, with status ``failed``.
    """
    return tuple(
        row if result.status == "ok" else msgspec.structs.replace(row, n_dropped=0)
        for result in admitted(run).results
        for row in reduce_track(result.track, result.series, run.record.protocol, run.record.quantities)
    )


def admitted(run: Run) -> Run:
    """Return a run as it may be compared: without any score if its system exceeded the budget.

    One track over a limit disqualifies the system, as in the challenges that set such limits.
    """
    if not run.over_budget:
        return run
    results = [
        msgspec.structs.replace(
            result,
            series=tuple(
                without_value(s.target_set, s.target, s.metric, result.duration_s, "failed")
                for s in result.series
            ),
        )
        for result in run.results
    ]
    return msgspec.structs.replace(run, results=tuple(results))


@kept_per_run
def results_by_track(run: Run) -> dict[str, TrackResult]:
    """Return the results of a run as it may be compared, by track."""
    return {result.track: result for result in admitted(run).results}


def reduce_track(
    track: str, series: Iterable[Series], protocol: Protocol, quantities: Iterable[Quantity]
) -> list[TrackScore]:
    """Reduce the frames of one track's series by a protocol's rule."""
    rules = rules_of(protocol, quantities)
    rows = []
    series = list(series)
    entering = _entering_frames(series, [rules[s.metric] for s in series])
    for s, values in zip(series, entering, strict=True):
        status: Status = "ok" if values else _why(s)
        value = REDUCERS[rules[s.metric].frames](values) if values else None
        if value is not None and not math.isfinite(value):
            value, status = None, "perfect"
        n_frames, n_dropped = len(values), len(s.score) - len(values)
        rows.append(TrackScore(track, s.target_set, s.target, s.metric, value, status, n_frames, n_dropped))
    return rows


def entering_values(
    run: Run, target_set: str, target: str, metric: str, rows: Iterable[TrackScore] | None = None
) -> dict[str, list[float]]:
    """Return the values of each track that enter a summary: its score, or all frames if the rule pools them.

    Tracks without such values are left out; perfect values are +inf if the rule keeps them. ``rows``
    are the run's track scores, or some of them, to save computing them again.
    """
    rule = quantities(run)[metric]
    name = (target_set, target, metric)
    rows = track_scores(run) if rows is None else rows
    if not rule.pooled:
        return {
            row.track: [math.inf if row.score is None else row.score]
            for row in rows
            if (row.target_set, row.target, row.metric) == name and _counts(row, rule)
        }
    tracks = {row.track for row in rows}
    frames = {
        result.track: _entering_frames([s], [rule])[0]
        for result in run.results
        if result.track in tracks
        for s in result.series
        if (s.target_set, s.target, s.metric) == name
    }
    return {track: values for track, values in frames.items() if values}


def summarise(
    run: Run, *, allow_incomplete: bool = False, leave_out: Collection[tuple[str, str]] = ()
) -> list[Summary]:
    """Reduce a run to its printed numbers, per target and as the mean over each set's targets.

    Parameters
    ----------
    run : Run
    allow_incomplete : bool
        Summarise although tracks are missing or failed; compare ``n_tracks`` with ``n_tracks_total``.
    leave_out : collection of (track, target)
        Cells that do not count, e.g. those with known defects. A mean over targets on common tracks
        leaves out every track that has one of them.

    Returns
    -------
    list of Summary

    Raises
    ------
    DataError
        The run is incomplete and that was not allowed.
    """
    if not allow_incomplete and (run.missing or run.failed):
        raise DataError(
            f"{run.path}: {len(run.missing)} tracks missing and {len(run.failed)} failed of "
            f"{len(run.record.data.tracks)}; finish it with `svbench run`, or allow an incomplete summary"
        )
    if not leave_out:
        return list(_complete_summary(run))
    return _of_rows(run, [r for r in track_scores(run) if (r.track, r.target) not in leave_out])


@kept_per_run
def _complete_summary(run: Run) -> tuple[Summary, ...]:
    return tuple(_of_rows(run, track_scores(run)))


def _of_rows(run: Run, rows: Iterable[TrackScore]) -> list[Summary]:
    """Reduce a run's track scores to its printed numbers."""
    run = admitted(run)
    by_column: dict[tuple[str, str], list[TrackScore]] = {}
    for row in rows:
        by_column.setdefault((row.target_set, row.metric), []).append(row)
    return [
        summary
        for target_set in run.record.protocol.target_sets
        for metric, rule in quantities(run).items()
        for summary in _summaries(
            run, by_column.get((target_set.id, metric), []), target_set.id, target_set.targets, metric, rule
        )
    ]


def quantities(run: Run) -> dict[str, Reduce]:
    """Return every quantity of a run's protocol with its reducers, in the order of printing."""
    return rules_of(run.record.protocol, run.record.quantities)


def rules_of(protocol: Protocol, quantities: Iterable[Quantity]) -> dict[str, Reduce]:
    """Return the reducers of each quantity."""
    return {
        q.name: use.reduce
        for q in quantities
        for use in protocol.metrics
        if (use.id, use.improvement, use.against) == (q.metric, q.improvement, q.against)
        and (not use.quantities or q.name in map(use.named, use.quantities))
    }


def _entering_frames(series: Sequence[Series], rules: Sequence[Reduce]) -> list[list[float]]:
    """Return for each series the frame values that enter its reduction, rounded if the rule says so.

    One unstable frame excludes the whole track: a number over the other frames would look like one over all.
    """
    numbers = [
        [] if "unstable" in s.status else [value for value in s.score if value is not None] for s in series
    ]
    # Rounding the numbers of many series together is several times as fast as list by list.
    for quantum_db in {rule.quantum_db for rule in rules if rule.quantum_db}:
        places = [i for i, rule in enumerate(rules) if rule.quantum_db == quantum_db]
        together = [value for i in places for value in numbers[i]]
        left = iter(rounded(together, digits=-round(math.log10(quantum_db))))
        for i in places:
            numbers[i] = list(islice(left, len(numbers[i])))
    for s, rule, values in zip(series, rules, numbers, strict=True):
        if rule.infinite == "keep" and "unstable" not in s.status:
            values += [math.inf] * s.status.count("perfect")
    return numbers


def _why(series: Series) -> Status:
    """Return the status of a series without any defined frame: the most informative one of its frames."""
    order: tuple[Status, ...] = ("failed", "unknown", "no target", "unstable", "perfect", "undefined")
    return next((s for s in order if s in series.status), "undefined")


def _summaries(
    run: Run, rows: list[TrackScore], target_set: str, targets: tuple[str, ...], metric: str, rule: Reduce
) -> list[Summary]:
    """Summarise one quantity over one target set: each target, then the mean of the set."""
    if not rows and run.results:
        return []  # the system does not offer this set; a run without any result appears in all sets
    by_target = {t: [r for r in rows if r.target == t] for t in targets}
    summaries = [_summary(run, target_set, t, metric, rule, by_target[t]) for t in targets]
    if len(targets) == 1:
        return summaries
    entering = [
        {r.track for r in of_target if _counts(r, rule) or _spreads(r, rule)}
        for of_target in by_target.values()
    ]
    if rule.targets_over == "own tracks":
        parts, tracks = summaries, set.union(*entering)
    else:
        tracks = set.intersection(*entering)
        parts = [
            _summary(run, target_set, t, metric, rule, [r for r in by_target[t] if r.track in tracks])
            for t in targets
        ]
    scores = [math.inf if p.status == "perfect" else p.score for p in parts]
    values = [s for s in scores if s is not None]
    value = REDUCERS[rule.targets](values) if len(values) == len(targets) else math.nan
    reasons: tuple[Status, ...] = ("failed", "unknown", "unstable")
    status = next((r for r in reasons if any(s.status == r for s in summaries)), _status(value))
    mean = Summary(
        target_set=target_set,
        target="mean",
        metric=metric,
        score=value if math.isfinite(value) else None,
        status=status,
        label=f"{rule.label}/{rule.targets}",
        n_tracks=len(tracks),
        n_tracks_total=len(run.record.data.tracks),
        n_frames=sum(p.n_frames for p in parts),
        n_dropped=sum(p.n_dropped for p in parts),
    )
    return [*summaries, mean]


def _summary(
    run: Run, target_set: str, target: str, metric: str, rule: Reduce, rows: list[TrackScore]
) -> Summary:
    """Reduce one target's tracks; perfect and undefined tracks are counted, not averaged."""
    entering = entering_values(run, target_set, target, metric, rows)
    values = [value for of_track in entering.values() for value in of_track]
    lengths_s = {r.track: r.duration_s for r in run.results}
    durations_s = [lengths_s[track] for track, of_track in entering.items() for _ in of_track]
    value = over_tracks(rule.last, values, durations_s) if values else math.nan
    if any(_spreads(r, rule) for r in rows):
        value = math.nan
    status = _status(value)
    for reason in NO_SCORE:
        if not values and rows and all(r.status == reason for r in rows):
            status = reason
    if not values and any(r.status == "unstable" for r in rows):
        status = "unstable"
    if not run.results:
        status = "unknown"
    return Summary(
        target_set=target_set,
        target=target,
        metric=metric,
        score=value if math.isfinite(value) else None,
        status=status,
        label=rule.label,
        n_tracks=sum(_counts(r, rule) for r in rows),
        n_tracks_total=len(run.record.data.tracks),
        n_frames=sum(r.n_frames for r in rows),
        n_dropped=sum(r.n_dropped for r in rows if r.status not in ("no target", "unknown")),
    )


def _status(value: float) -> Status:
    return "ok" if math.isfinite(value) else "perfect" if value == math.inf else "undefined"


def _counts(row: TrackScore, rule: Reduce) -> bool:
    """Whether a track has a number, or infinity where the rule keeps it."""
    return row.score is not None or (row.status == "perfect" and rule.infinite == "keep")


def _spreads(row: TrackScore, rule: Reduce) -> bool:
    """Whether a track without a value makes the number over all tracks undefined, as NaN does in a mean."""
    return row.status == "undefined" and rule.undefined == "spread"


def rounded(values: Sequence[float], digits: int) -> list[float]:
    """Round many finite numbers to some decimals, bit for bit as Python's ``round(value, digits)`` does.

    `numpy.round` does not: it multiplies by a power of ten, and the product may land on a half. Here such
    products are recognised, and only those values are rounded by Python.

    Parameters
    ----------
    values : sequence of float
    digits : int
        From 0 to 22 it is fast, since such powers of ten are exact.

    Returns
    -------
    list of float

    Examples
    --------
    >>> rounded([2.675, 0.1234567, -0.001], digits=2)  # the double 2.675 is a little below the decimal
    [2.67, 0.12, -0.0]
    >>> float(np.round(2.675, 2))
    2.68
    """
    if not 0 <= digits <= 22:
        return [round(v, digits) for v in values]
    with np.errstate(over="ignore", invalid="ignore"):  # products that overflow are redone below
        scaled = np.asarray(values, dtype=np.float64) * 10.0**digits
        # A whole number divided by an exact power of ten is the double nearest to that decimal.
        fast: list[float] = (np.rint(scaled) / 10.0**digits).tolist()
        doubtful = (np.abs(scaled - np.floor(scaled) - 0.5) < NEAR) | (np.abs(scaled) > LARGEST)
    for i in np.flatnonzero(doubtful).tolist():
        fast[i] = round(values[i], digits)
    return fast
