"""Scores over time: the frames of every system on one track, and each system's worst ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop
from itertools import islice

from svbench.report.pages.context import Curves, Grid, Line, Strip
from svbench.report.view.boards import ranked_metrics
from svbench.results.aggregate import admitted, results_by_track
from svbench.results.rounding import rounded
from svbench.results.scores import Series, TrackResult
from svbench.results.store import Quantity, Run


@dataclass(frozen=True)
class Window:
    """One frame of one target and its score, times in seconds from the track's start."""

    track: str
    target_set: str
    target: str
    start_s: float
    duration_s: float
    score: float


def framed_quantity(runs: Sequence[Run]) -> Quantity | None:
    """Return the first quantity, the headline before others, that has more than one frame on a track."""
    names = {
        s.metric for run in runs for result in run.results for s in result.series if len(s.score) > 1
    }  # fmt: skip
    ordered = [n for n in ranked_metrics(runs[0]) if n in names]
    return next((q for n in ordered[:1] for q in runs[0].record.quantities if q.name == n), None)


def worst_windows(run: Run, quantity: Quantity, n: int) -> list[Window]:
    """Return a system's worst frames over all tracks and targets, the worst first.

    Frames without a value do not count, and of frames that overlap in one track and target only the
    worst does. A target scored in two sets counts in the first.
    """
    sign = 1 if quantity.higher_is_better else -1
    # Plain tuples in a heap: of hundreds of thousands of frames only the first few are looked at. The number
    # comes before what never decides the order.
    found: list[tuple[float, str, str, float, int, float, str]] = []
    for result in admitted(run).results:
        seen: dict[str, str] = {}
        for s in result.series:
            if s.metric == quantity.name and seen.setdefault(s.target, s.target_set) == s.target_set:
                found += [
                    (sign * score, result.track, s.target, at, number, lasting, s.target_set)
                    for number, (at, lasting, score) in enumerate(
                        zip(s.time_s, s.duration_s, s.score, strict=True), len(found)
                    )
                    if score is not None
                ]
    heapify(found)
    chosen: list[Window] = []
    while found and len(chosen) < n:
        signed, track, target, at, _, lasting, target_set = heappop(found)
        window = Window(track, target_set, target, at, lasting, sign * signed)
        if not any(_overlap(window, other) for other in chosen):
            chosen.append(window)
    return chosen


def _overlap(one: Window, other: Window) -> bool:
    if (one.track, one.target) != (other.track, other.target):
        return False
    end, other_end = one.start_s + one.duration_s, other.start_s + other.duration_s
    return one.start_s < other_end and other.start_s < end


def curves(
    runs: Sequence[Run], track: str, target_set: str, target: str, wave: Sequence[float] = ()
) -> Curves | None:
    """Collect the frames of all systems on one target of one track.

    Parameters
    ----------
    runs : sequence of Run
        Comparable ones, by rank; a system's colour is its place among them.
    track, target_set, target : str
    wave : sequence of float
        The envelope of the mixture from 0 to 1, evenly over the track; may be empty.

    Returns
    -------
    Curves or None
        Quantities whose value stands for the whole track are lines of one frame. None where no
        system has a value.
    """
    results = [results_by_track(run).get(track) for run in runs]
    grids: dict[Grid, int] = {}
    known: dict[tuple[int, int], int] = {}  # by identity: a run's series share their lists of times
    strips = []
    for name in ranked_metrics(runs[0]):
        found: list[tuple[str, int, int, Series]] = []
        for number, (run, result) in enumerate(zip(runs, results, strict=True)):
            series = _series(result, target_set, target, name)
            if series is None or all(v is None for v in series.score):
                continue
            lists = id(series.time_s), id(series.duration_s)
            if lists not in known:
                grid = Grid(tuple(_short(series.time_s)), tuple(_short(series.duration_s)))
                known[lists] = grids.setdefault(grid, len(grids))
            found.append((run.record.system.id, number, known[lists], series))
        if found:
            unit = next(q.unit for q in runs[0].record.quantities if q.name == name)
            # All systems at once: rounding many numbers together is several times as fast as list by list.
            short = iter(_short_scores([v for *_, series in found for v in series.score]))
            lines = [
                Line(system, number, grid_number, tuple(islice(short, len(series.score))))
                for system, number, grid_number, series in found
            ]
            strips.append(Strip(name, unit, tuple(lines)))
    if not strips:
        return None
    duration_s = next(r.duration_s for r in results if r is not None)
    (length_s,) = _short([duration_s])
    return Curves(length_s, tuple(_short(wave)), tuple(grids), tuple(strips))


def _series(result: TrackResult | None, target_set: str, target: str, metric: str) -> Series | None:
    name = (target_set, target, metric)
    found = result.series if result else ()
    return next((s for s in found if (s.target_set, s.target, s.metric) == name), None)


def _short(values: Sequence[float]) -> list[float]:
    """Keep what a drawing shows; the exact numbers are in the runs."""
    return rounded(values, digits=3)


def _short_scores(scores: Sequence[float | None]) -> tuple[float | None, ...]:
    numbers = [v for v in scores if v is not None]
    short = _short(numbers)
    if len(short) == len(scores):
        return tuple(short)
    left = iter(short)
    return tuple(None if v is None else next(left) for v in scores)
