"""Plots of quality against cost: the Pareto front of a group of runs, and the curve of a sweep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from svbench.printing.drawing import COLOURS, INK, drawing, plain, quiet, shortened, svg_text
from svbench.report.layouts.costs import Headline, cost_of
from svbench.report.view.content import Figure
from svbench.report.view.numbers import decibels
from svbench.results.profile import profiles_beside
from svbench.results.store import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Point:
    """One system, what it costs and what it scores."""

    name: str
    kind: str
    cost: float
    score: float


def front(points: Sequence[Point], higher_is_better: bool = True) -> list[Point]:
    """Return the Pareto front, cheapest first: no other point is at least as good in both cost and score.

    Examples
    --------
    >>> cheap, good, bad = Point("a", "", 1, 5), Point("b", "", 9, 7), Point("c", "", 9, 4)
    >>> [p.name for p in front([good, bad, cheap])]
    ['a', 'b']
    """
    sign = 1 if higher_is_better else -1
    unbeaten: list[Point] = []
    best = -math.inf
    for point in sorted(points, key=lambda p: (p.cost, -sign * p.score, p.name)):
        if sign * point.score > best:
            best = sign * point.score
            unbeaten.append(point)
    return unbeaten


def front_plots(runs: Sequence[Run], name: str) -> list[Figure]:
    """Draw the headline against each cost that two or more systems of a group have.

    Time and memory are those of the runs; parameters and multiply-accumulates are known only for systems
    with a profile.
    """
    headline = Headline(runs)
    quantity = next(q for q in runs[0].record.quantities if q.name == runs[0].record.protocol.headline)
    profiles = {p.system.id: p for p in profiles_beside(runs)}
    costs = {run.record.system.id: c for run in runs if (c := cost_of(run))}

    parameters = {s: p.size.parameters / 1e6 for s, p in profiles.items() if p.size.parameters}
    macs = {s: p.macs.per_second / 1e9 for s, p in profiles.items() if p.macs.per_second}
    axes = [
        ("real-time factor", "", {s: c.rtf for s, c in costs.items()}),
        ("peak memory", "MB", {s: c.peak_rss_bytes / 1e6 for s, c in costs.items()}),
        ("parameters", "M", parameters),
        ("multiply-accumulates per second of audio", "G", macs),
    ]
    figures: list[Figure] = []
    for label, unit, costs_of_axis in axes:
        points = []
        for run in runs:
            system, summary = run.record.system, headline.of(run)
            cost = costs_of_axis.get(system.id)
            if cost and summary and summary.score is not None and system.kind != "oracle":
                points.append(Point(system.id, system.kind, cost, summary.score))
        if len(points) < 2:
            continue
        best = front(points, quantity.higher_is_better)
        axis = f"{label} [{unit}]" if unit else label
        svg = _draw(points, best, axis, f"{headline.name} [{quantity.unit}]", f"{name}-front-{len(figures)}")
        names = "; ".join(f"{p.name} {decibels(p.score)} at {p.cost:.3g} {unit}".rstrip() for p in best)
        figures.append(Figure(f"{headline.name} against {label}", svg, f"Not beaten: {names}"))
    return figures


def _draw(points: Sequence[Point], best: Sequence[Point], cost: str, score: str, name: str) -> str:
    with drawing(4.8, 3.2) as figure:
        axes = figure.add_subplot()
        axes.plot([p.cost for p in best], [p.score for p in best], color=INK, lw=1.2, drawstyle="steps-post")
        for number, p in enumerate(sorted(points, key=lambda p: (p.cost, p.name))):
            colour = COLOURS[p.kind]
            filled = colour if p in best else "none"
            axes.plot([p.cost], [p.score], "o", ms=6, mfc=filled, mec=colour)
            # Neighbours take turns below and above, so that their names do not cover each other.
            place = (6, 5) if number % 2 else (6, -11)
            axes.annotate(
                plain(shortened(p.name)), (p.cost, p.score), place, textcoords="offset points", fontsize=8
            )
        axes.margins(x=0.15, y=0.15)
        _label(axes, [p.cost for p in points], cost, score)
        return svg_text(figure, name)


def _label(axes: Axes, costs: Sequence[float], cost: str, score: str) -> None:
    """Label both axes; costs that span more than `WIDE` are on a logarithmic one."""
    if costs and max(costs) > WIDE * min(costs):
        axes.set_xscale("log")
    axes.set_xlabel(plain(cost), color=INK)
    axes.set_ylabel(plain(score), color=INK)
    axes.grid(color=INK, alpha=0.25, lw=0.6)
    quiet(axes)


# Okabe and Ito's colours, dark enough on white and light enough on black.
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKS = "osD^vP"
# Where the largest cost is more than this many times the smallest, a linear axis would crowd cheap systems.
WIDE = 20.0


@dataclass(frozen=True)
class CurvePoint:
    """One system: the line it belongs to, what stands beside it, its cost and its score."""

    line: str
    label: str
    cost: float
    score: float


def cost_curve(points: Sequence[CurvePoint], *, cost: str, score: str, name: str) -> str:
    """Draw one line per group of points, in the order given.

    Parameters
    ----------
    points : sequence of CurvePoint
        Costs are positive. Lines with an empty name are not in the legend.
    cost, score : str
        Labels of the axes, with units.
    name : str
        Ids inside the drawing start with it.

    Returns
    -------
    str
        An ``<svg>`` element; the same points give the same bytes.
    """
    lines = list(dict.fromkeys(p.line for p in points))
    with drawing(5.2, 3.4) as figure:
        axes = figure.add_subplot()
        for number, line in enumerate(lines):
            on_line = [p for p in points if p.line == line]
            axes.plot(
                [p.cost for p in on_line],
                [p.score for p in on_line],
                color=LINES[number % len(LINES)],
                marker=MARKS[number % len(MARKS)],
                ms=5,
                lw=1.2,
                label=plain(line) or None,
            )
            for p in on_line:
                # Below and to the right: lines usually rise, because better systems cost more.
                where = (p.cost, p.score)
                axes.annotate(
                    plain(p.label), where, (6, -11), textcoords="offset points", color=INK, fontsize=8
                )
        axes.margins(x=0.12, y=0.15)
        _label(axes, [p.cost for p in points], cost, score)
        if any(lines):
            legend = axes.legend(frameon=False, fontsize=8)
            for text in legend.get_texts():
                text.set_color(INK)
        return svg_text(figure, name)
