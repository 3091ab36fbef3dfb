"""Every system against the leading one, track by track."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from svbench.printing.drawing import COLOURS, INK, drawing, plain, quiet, shortened, svg_text
from svbench.printing.numbers import counted
from svbench.report.figures.box_plots import MOST_DRAWN, only_first
from svbench.report.pages.context import Figure
from svbench.report.view.boards import Board
from svbench.report.view.numbers import with_sign
from svbench.results.aggregate import TrackScore, entering_values, quantities
from svbench.results.store import slug
from svbench.specs.protocol import Reduce
from svbench.statistics.paired import Difference, paired_difference


def difference_plots(board: Board, name: str, scores: Mapping[int, Sequence[TrackScore]]) -> list[Figure]:
    """Draw, for each target, every system's scores minus the leading one's on the same tracks.

    The leading system is the first of the board. Oracles are left out; so are systems that share no
    scored track with it. ``scores`` are all of each run's, by its ``id()``: reducing them takes long.
    """
    every = [r.run for r in board.rows if r.run.record.system.kind != "oracle"]
    if len(every) < 2:
        return []
    rows = every[:MOST_DRAWN]
    first, others = rows[0], rows[1:]
    rule = quantities(first)[board.quantity.name]
    lengths_s = {r.track: r.duration_s for r in first.results}
    figures = []
    for target in board.columns:
        if target == "mean":
            continue
        key = (board.target_set, target, board.quantity.name)
        single = {
            id(run): {s.track: s for s in scores[id(run)] if (s.target_set, s.target, s.metric) == key}
            for run in rows
        }
        entering = {
            id(run): entering_values(run, *key) if rule.pooled else _kept(single[id(run)], rule)
            for run in rows
        }
        found: list[tuple[str, str, list[float], Difference]] = []
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
        svg = _draw(found, label, f"{name}-pairs-{slug(board.target_set)}-{slug(target)}")
        told = "; ".join(f"{n} {_told(d)}" for n, _, _, d in found)
        caption = f"{target} ({board.target_set}): {board.quantity.name} compared with {leading}"
        caption += only_first(len(every))
        figures.append(Figure(caption, svg, told))
    return figures


def _kept(scores: Mapping[str, TrackScore], rule: Reduce) -> dict[str, list[float]]:
    """Return the scores that enter a number over tracks, a perfect one as +inf where the rule keeps it."""
    values = {
        t: math.inf if s.status == "perfect" and rule.infinite == "keep" else s.score
        for t, s in scores.items()
    }
    return {t: [v] for t, v in values.items() if v is not None}


def _told(difference: Difference) -> str:
    if difference.low is None or difference.high is None:
        return f"{with_sign(difference.value)} on one track, so without an interval"
    low, high = with_sign(difference.low), with_sign(difference.high)
    return f"{with_sign(difference.value)}, interval {low} to {high}, {counted(difference.n_tracks, 'track')}"


def _draw(found: Sequence[tuple[str, str, list[float], Difference]], label: str, name: str) -> str:
    with drawing(4.8, 0.7 + 0.34 * len(found)) as figure:
        axes = figure.add_subplot()
        axes.axvline(0.0, color=INK, lw=1.2)
        heights = list(range(len(found), 0, -1))
        for height, (_, kind, dots, difference) in zip(heights, found, strict=True):
            colour = COLOURS[kind]
            finite = [d for d in dots if math.isfinite(d)]
            axes.plot(finite, [height - 0.16] * len(finite), "o", ms=3, mfc=colour, mec="none", alpha=0.55)
            if difference.low is not None and difference.high is not None:
                axes.plot([difference.low, difference.high], [height + 0.14] * 2, color=colour, lw=2)
            axes.plot([difference.value], [height + 0.14], "D", ms=5, color=colour)
        axes.set_yticks(heights, labels=[plain(shortened(n)) for n, _, _, _ in found])
        axes.set_ylim(0.4, len(found) + 0.6)
        axes.set_xlabel(plain(label), color=INK)
        axes.grid(axis="x", color=INK, alpha=0.25, lw=0.6)
        quiet(axes)
        return svg_text(figure, name)
