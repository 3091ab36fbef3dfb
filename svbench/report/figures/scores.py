"""Plots of track scores: a box per system, and every system's difference from the leading one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from svbench.printing.drawing import COLOURS, INK, box, drawing, plain, quiet, shortened, svg_text
from svbench.printing.numbers import counted
from svbench.report.view.boards import Board
from svbench.report.view.content import Figure
from svbench.report.view.numbers import decibels, with_sign
from svbench.results.aggregate import TrackScore, entering_values, quantities, track_scores
from svbench.results.store import Run, slug
from svbench.specs.protocol import Reduce
from svbench.statistics.pairs import PairedDifference, paired_difference

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Systems in a drawing with a dot for each track: thousands of dots are slow to draw and cannot be read.
MOST_DRAWN = 40


def only_first(n_systems: int) -> str:
    """Say, behind a caption, that a drawing leaves systems out; empty where it has all."""
    return "" if n_systems <= MOST_DRAWN else f", the first {MOST_DRAWN} of {n_systems} systems"


def box_plot(
    names: Sequence[str], kinds: Sequence[str], scores: Sequence[Sequence[float]], label: str, name: str
) -> str:
    """Draw one horizontal box per system over its tracks, with every track as a dot.

    Parameters
    ----------
    names, kinds : sequence of str
        Systems and their kinds, best first.
    scores : sequence of sequence of float
        One score per track; may be empty.
    label : str
        Label of the axis, with the unit.
    name : str
        Unique on the page: ids inside the drawing start with it.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    with drawing(4.8, 0.7 + 0.3 * len(names)) as figure:
        axes = figure.add_subplot()
        for height, kind, values in zip(range(len(names), 0, -1), kinds, scores, strict=True):
            if not values:
                continue
            colour = COLOURS[kind]
            box(axes, values, height, colour)
            axes.plot(values, [height] * len(values), "o", ms=3.2, mfc=colour, mec="none", alpha=0.75)
        labels = [
            shortened(n) if k == "system" else f"{shortened(n)} ({k})"
            for n, k in zip(names, kinds, strict=True)
        ]
        _label(axes, labels, label)
        return svg_text(figure, name)


def _label(axes: Axes, names: Sequence[str], label: str) -> None:
    """Name the rows of a drawing from top to bottom, and its horizontal axis."""
    axes.set_yticks(range(len(names), 0, -1), labels=[plain(n) for n in names])
    axes.set_ylim(0.4, len(names) + 0.6)
    axes.set_xlabel(plain(label), color=INK)
    axes.grid(axis="x", color=INK, alpha=0.25, lw=0.6)
    quiet(axes)


def difference_plots(board: Board, name: str) -> list[Figure]:
    """Draw, for each target, every system's scores minus the leading one's on the same tracks.

    The leading system is the first of the board. Oracles are left out, and so are systems that share no
    scored track with it.
    """
    competing = [r.run for r in board.rows if r.run.record.system.kind != "oracle"]
    if len(competing) < 2:
        return []
    rows = competing[:MOST_DRAWN]
    first, others = rows[0], rows[1:]
    rule = quantities(first)[board.quantity.name]
    lengths_s = {r.track: r.duration_s for r in first.results}
    figures = []
    for target in board.targets:
        key = (board.target_set, target, board.quantity.name)
        single = {id(run): _scores(run, board, target) for run in rows}
        entering = {
            id(run): entering_values(run, *key) if rule.pooled else _kept(single[id(run)], rule)
            for run in rows
        }
        found: list[tuple[str, str, list[float], PairedDifference]] = []
        for run in others:
            shared = [t for t in entering[id(first)] if t in entering[id(run)]]
            difference = paired_difference(
                [entering[id(first)][t] for t in shared],
                [entering[id(run)][t] for t in shared],
                rule.frames if rule.pooled else rule.tracks,
                [lengths_s[t] for t in shared],
            )
            pairs = [(single[id(first)][t].score, single[id(run)][t].score) for t in shared]
            dots = [b - a for a, b in pairs if a is not None and b is not None]
            if difference and dots:
                found.append((run.record.system.id, run.record.system.kind, dots, difference))
        if not found:
            continue
        leading = first.record.system.id
        label = f"{board.quantity.name} minus that of {shortened(leading)} [{board.quantity.unit}]"
        svg = _difference_plot(found, label, f"{name}-pairs-{slug(board.target_set)}-{slug(target)}")
        text = "; ".join(f"{n} {_interval(d)}" for n, _, _, d in found)
        caption = f"{target} ({board.target_set}): {board.quantity.name} compared with {leading}"
        caption += only_first(len(competing))
        figures.append(Figure(caption, svg, text))
    return figures


def _kept(scores: Mapping[str, TrackScore], rule: Reduce) -> dict[str, list[float]]:
    """Return the scores that enter a number over tracks, a perfect one as +inf where the rule keeps it."""
    values = {
        t: math.inf if s.status == "perfect" and rule.infinite == "keep" else s.score
        for t, s in scores.items()
    }
    return {t: [v] for t, v in values.items() if v is not None}


def _interval(difference: PairedDifference) -> str:
    if difference.low is None or difference.high is None:
        return f"{with_sign(difference.value)} on one track, so without an interval"
    low, high = with_sign(difference.low), with_sign(difference.high)
    return f"{with_sign(difference.value)}, interval {low} to {high}, {counted(difference.n_tracks, 'track')}"


def _difference_plot(
    found: Sequence[tuple[str, str, list[float], PairedDifference]], label: str, name: str
) -> str:
    with drawing(4.8, 0.7 + 0.34 * len(found)) as figure:
        axes = figure.add_subplot()
        axes.axvline(0.0, color=INK, lw=1.2)
        for height, (_, kind, dots, difference) in zip(range(len(found), 0, -1), found, strict=True):
            colour = COLOURS[kind]
            finite = [d for d in dots if math.isfinite(d)]
            axes.plot(finite, [height - 0.16] * len(finite), "o", ms=3, mfc=colour, mec="none", alpha=0.55)
            if difference.low is not None and difference.high is not None:
                axes.plot([difference.low, difference.high], [height + 0.14] * 2, color=colour, lw=2)
            axes.plot([difference.value], [height + 0.14], "D", ms=5, color=colour)
        _label(axes, [shortened(n) for n, _, _, _ in found], label)
        return svg_text(figure, name)


def score_plots(board: Board, group: str) -> list[Figure]:
    """Draw, for each target of a board, a box per system over its track scores."""
    figures = []
    rows = board.rows[:MOST_DRAWN]
    for target in board.targets:
        values = [
            [s.score for s in _scores(r.run, board, target).values() if s.score is not None] for r in rows
        ]
        names = [r.run.record.system.id for r in rows]
        unit = board.quantity.unit
        caption = (
            f"{target} ({board.target_set}): {board.quantity.name} of each track{only_first(len(board.rows))}"
        )
        ranges = [
            f"{n}: {decibels(min(v))} to {decibels(max(v))} {unit} over {counted(len(v), 'track')}"
            for n, v in zip(names, values, strict=True)
            if v
        ]
        svg = box_plot(
            names,
            [r.run.record.system.kind for r in rows],
            values,
            f"{board.quantity.name} [{unit}]",
            f"{group}-{slug(board.target_set)}-{slug(target)}",
        )
        figures.append(Figure(caption, svg, "; ".join(ranges)))
    return figures


def _scores(run: Run, board: Board, target: str) -> dict[str, TrackScore]:
    """Return a run's scores of one target of a board, by track."""
    key = (board.target_set, target, board.quantity.name)
    return {s.track: s for s in track_scores(run) if (s.target_set, s.target, s.metric) == key}
