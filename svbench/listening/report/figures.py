"""Box plots of conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from svbench.listening.analysis.describe import Summary
from svbench.listening.analysis.panel import SCALES
from svbench.listening.analysis.pipeline import Analysis
from svbench.printing.drawing import COLOURS, INK, box, drawing, plain, quiet, svg_text

if TYPE_CHECKING:
    import pandas as pd

MOST_ITEMS = 24  # that are drawn each; more would be read by nobody
BANDS = ("Bad", "Poor", "Fair", "Good", "Excellent")


@dataclass(frozen=True)
class Figure:
    """A drawing, and the words for those who do not see it."""

    caption: str
    svg: str
    text: str


def figures(analysis: Analysis) -> list[Figure]:
    """Draw all items together, and each one while they are not too many."""
    if not analysis.summaries:
        return []
    drawn = [_figure(analysis, analysis.table, analysis.summaries, "All items", "all")]
    names = list(dict.fromkeys(s.item for s in analysis.items))
    if 1 < len(names) <= MOST_ITEMS:
        for i, name in enumerate(names):
            rows = analysis.table[analysis.table["item"] == name]
            found = [s for s in analysis.items if s.item == name]
            drawn.append(_figure(analysis, rows, found, title_of(rows), f"item{i}"))
    return drawn


def title_of(rows: pd.DataFrame) -> str:
    """Name an item by its track and target, where they are known."""
    first = rows.iloc[0]
    known = [str(first[k]) for k in ("track", "target") if first[k]]
    return f"{', '.join(known)} ({first['item']})" if known else str(first["item"])


def _figure(
    analysis: Analysis, rows: pd.DataFrame, found: Sequence[Summary], caption: str, name: str
) -> Figure:
    low, high = SCALES[analysis.panel.method]
    with drawing(5.2, 0.8 + 0.32 * len(found)) as figure:
        axes = figure.add_subplot()
        for height, summary in zip(range(len(found), 0, -1), found, strict=True):
            is_system = analysis.panel.roles[summary.condition] == "system"
            colour = COLOURS["system" if is_system else "baseline"]
            values = rows.loc[rows["condition"] == summary.condition, "rating"].tolist()
            box(axes, values, height, colour)
            axes.plot(values, [height] * len(values), "o", ms=2.6, mfc=colour, mec="none", alpha=0.35)
            axes.plot([summary.mean], [height], "D", ms=5, mfc="white", mec=colour)
        axes.set_yticks(range(len(found), 0, -1), labels=[plain(s.condition) for s in found])
        axes.set_ylim(0.4, len(found) + 0.6)
        axes.set_xlim(low - 0.02 * (high - low), high + 0.02 * (high - low))
        axes.set_xlabel("rating", color=INK)
        if analysis.panel.method == "mushra":
            axes.set_xticks(range(0, 101, 20))
            for i, band in enumerate(BANDS):
                axes.text(
                    20 * i + 10, len(found) + 0.7, band, ha="center", va="bottom", color=INK, fontsize=8
                )
        axes.grid(axis="x", color=INK, alpha=0.25, lw=0.6)
        quiet(axes)
        svg = svg_text(figure, name)
    medians = "; ".join(f"{s.condition} {s.median:g} ({s.lower:g} to {s.upper:g})" for s in found)
    return Figure(caption, svg, f"Medians and quartiles: {medians}.")
