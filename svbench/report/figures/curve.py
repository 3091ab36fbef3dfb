"""Quality against cost as a curve, one point per system of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from svbench.printing.drawing import INK, drawing, plain, quiet, svg_text

# Okabe and Ito's colours, dark enough on white and light enough on black.
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKS = "osD^vP"
# Costs that span more than this are told apart on a logarithmic axis only.
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
        Costs are positive. Lines with an empty name take no legend.
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
            own = [p for p in points if p.line == line]
            axes.plot(
                [p.cost for p in own],
                [p.score for p in own],
                color=LINES[number % len(LINES)],
                marker=MARKS[number % len(MARKS)],
                ms=5,
                lw=1.2,
                label=plain(line) or None,
            )
            for p in own:
                # Below and to the right: better mostly costs more, so the line goes the other way.
                where = (p.cost, p.score)
                axes.annotate(
                    plain(p.label), where, (6, -11), textcoords="offset points", color=INK, fontsize=8
                )
        costs = [p.cost for p in points]
        if costs and max(costs) > WIDE * min(costs):
            axes.set_xscale("log")
        axes.margins(x=0.12, y=0.15)
        axes.set_xlabel(plain(cost), color=INK)
        axes.set_ylabel(plain(score), color=INK)
        axes.grid(color=INK, alpha=0.25, lw=0.6)
        quiet(axes)
        if any(lines):
            legend = axes.legend(frameon=False, fontsize=8)
            for text in legend.get_texts():
                text.set_color(INK)
        return svg_text(figure, name)
