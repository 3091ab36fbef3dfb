"""The page of an agreement, which opens from disk: table of metrics, ceiling and scatter plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from svbench import __version__
from svbench.agreement.coefficients import Coefficient
from svbench.agreement.evaluate import (
    ANCHORS,
    WARNING,
    WITH_ANCHORS,
    Agreement,
    MeasureAgreement,
    TargetAgreement,
)
from svbench.agreement.stimuli import Points
from svbench.printing.drawing import INK, drawing, plain, quiet, svg_text
from svbench.printing.numbers import signed
from svbench.printing.pages import templates

TEMPLATES = Path(__file__).with_name("templates")
NONE = "–"
NAMED = 3  # ties; more of them are counted, and the table has the daggers
SCALES = {
    "mushra": "mean rating, 0 to 100",
    "acr": "mean opinion, 1 to 5",
    "dcr": "mean opinion of the degradation, 1 to 5",
    "ab": "share of comparisons won",
}
HEAD = (
    "Spearman", "Pearson", "Kendall τ-b", "Spearman within excerpts", "Spearman of system means",
    "Pearson of system means", "behind the best",
)  # fmt: skip
# Okabe and Ito's colours but black and yellow, which a dark or a light page would swallow.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
SHAPES = ("o", "s", "^", "D", "v", "P", "X", "p", "h", "*", "<", ">")


@dataclass(frozen=True)
class Cell:
    """A coefficient as text, with its interval below it."""

    value: str
    interval: str


@dataclass(frozen=True)
class MeasureRow:
    """One measure: its name, where its numbers come from, and its cells in the order of the head."""

    rank: int
    metric: str
    rule: str
    mark: str
    cells: tuple[Cell, ...]
    n: str


@dataclass(frozen=True)
class ScatterPlot:
    """A scatter plot with what it shows in words."""

    caption: str
    text: str
    svg: str


@dataclass(frozen=True)
class Section:
    """One target."""

    id: str
    target: str
    best: str
    ceiling: str
    rows: tuple[MeasureRow, ...]
    plots: tuple[ScatterPlot, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """What the template is filled with."""

    title: str
    summary: str
    version: str
    warning: str
    anchors: str
    head: tuple[str, ...]
    sections: tuple[Section, ...]
    excluded: tuple[str, ...]
    notes: tuple[str, ...]


def page_text(found: Agreement) -> str:
    """Return the page as HTML; an undefined name is an error, and names of systems are escaped."""
    return templates(TEMPLATES).get_template("agreement.html").render(page=_page(found))


def cell(found: Coefficient) -> Cell:
    """Print a coefficient with two digits, an open bound as infinity is printed elsewhere.

    Examples
    --------
    >>> cell(Coefficient(0.5, -0.104, 0.9)), cell(Coefficient(None))
    (Cell(value='0.50', interval='−0.10 to 0.90'), Cell(value='–', interval=''))
    """
    if found.value is None:
        return Cell(NONE, "")
    interval = ""
    if found.low is not None and found.high is not None:
        interval = f"{signed(found.low, 2)} to {signed(found.high, 2)}"
    return Cell(signed(found.value, 2), interval)


def best_sentence(target: TargetAgreement) -> str:
    """Say which measure agrees best here, and which ones cannot be distinguished from it."""
    best = target.measures[0]
    value = best.stimuli.spearman.value
    if value is None:
        return "No metric has a correlation with these ratings."
    tied = [m.measure.label for m in target.measures if m.is_tied]
    unknown = [m.measure.label for m in target.measures[1:] if m.is_tied is None]
    sentence = f"{best.measure.label} agrees best here: Spearman {signed(value, 2)}"
    if tied:
        names = ", ".join(tied) if len(tied) <= NAMED else f"{len(tied)} others"
        sentence += f"; {names} cannot be told from it (†)"
    elif unknown:
        sentence += "; whether others are behind it by more than chance cannot be told"
    elif len(target.measures) > 1:
        sentence += "; all others are surely behind it"
    return f"{sentence}."


def ceiling_sentence(target: TargetAgreement) -> str:
    """Say how high any metric can get."""
    found = target.ceiling
    if found.reliability is None or found.reachable is None:
        return f"{found.n_assessors} assessors are too few to tell how reliable their means are."
    return (
        f"The ceiling: the mean ratings of {found.n_assessors} assessors have a reliability of "
        f"{found.reliability:.2f} (split halves, Spearman–Brown), so a metric that knew the true quality "
        f"would correlate with them by {found.reachable:.2f} on average."
    )


def _page(found: Agreement) -> Page:
    systems = sorted(found.conditions)
    names = ", ".join(systems)
    return Page(
        title=f"Agreement of metrics with ratings: {found.title}",
        summary=f"{found.method}, {found.n_assessors} assessors, {len(systems)} conditions: {names}",
        version=__version__,
        warning=WARNING,
        anchors=WITH_ANCHORS if found.with_anchors else ANCHORS,
        head=HEAD,
        sections=tuple(_section(t, i, found, systems) for i, t in enumerate(found.targets)),
        excluded=tuple(f"{v.assessor}: {'; '.join(v.reasons)}" for v in found.excluded),
        notes=found.notes,
    )


def _section(target: TargetAgreement, number: int, found: Agreement, systems: list[str]) -> Section:
    plots = [
        ScatterPlot(
            caption=one.measure.label,
            text=f"Spearman {cell(one.stimuli.spearman).value} over {one.n_stimuli} stimuli",
            svg=scatter(own, systems, SCALES[found.method], f"plot-{number}-{i}"),
        )
        for i, (one, own) in enumerate(zip(target.measures, target.points, strict=True))
    ]
    return Section(
        id=f"target-{number}",
        target=target.target or "all",
        best=best_sentence(target),
        ceiling=ceiling_sentence(target),
        rows=tuple(map(_row, target.measures)),
        plots=tuple(plots),
        notes=target.notes,
    )


def _row(one: MeasureAgreement) -> MeasureRow:
    measure = one.measure
    direction = "" if measure.higher_is_better else ", less is better: turned"
    targets = f", {measure.target_set}" if measure.target_set else ""
    same = f"; the same as {', '.join(measure.same)}" if measure.same else ""
    return MeasureRow(
        rank=one.rank,
        metric=measure.metric,
        rule=f"{measure.protocol}{targets}{direction}{same}",
        mark="†" if one.is_tied else "",
        cells=tuple(
            map(cell, (
                one.stimuli.spearman, one.stimuli.pearson, one.stimuli.kendall, one.within.spearman,
                one.systems.spearman, one.systems.pearson, one.behind,
            ))
        ),
        n=f"{one.n_stimuli} / {one.n_tracks} / {one.n_systems}",
    )  # fmt: skip


def scatter(found: Points, systems: Sequence[str], scale: str, name: str) -> str:
    """Draw one measure against the mean ratings.

    Parameters
    ----------
    found : Points
    systems : sequence of str
        All of the page, so that each looks the same in every plot.
    scale : str
        What the axis of the ratings says.
    name : str
        Unique on the page: ids inside the drawing start with it.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    measure = found.measure
    unit = f", {measure.unit}" if measure.unit else ""
    sign = 1.0 if measure.higher_is_better else -1.0
    with drawing(3.6, 3.1 + 0.16 * ((len(systems) + 1) // 2)) as figure:
        axes = figure.add_subplot()
        for number, system in enumerate(systems):
            own = found.systems == system
            if not own.any():
                continue
            scores, ratings = sign * found.scores[own], found.ratings[own]
            style: Any = {"marker": SHAPES[number % len(SHAPES)], "color": PALETTE[number % len(PALETTE)]}
            axes.plot(scores, ratings, ls="", ms=4, mec="none", alpha=0.75, label=plain(system), **style)
            axes.plot([np.mean(scores)], [np.mean(ratings)], ls="", ms=10, mfc="none", mew=1.6, **style)
        if not measure.higher_is_better:
            axes.invert_xaxis()
        axes.set_xlabel(plain(f"{measure.metric}{unit}"), color=INK)
        axes.set_ylabel(plain(scale), color=INK)
        axes.grid(color=INK, alpha=0.25, lw=0.6)
        quiet(axes)
        if len(found.scores):
            figure.legend(
                loc="outside lower center",
                ncols=2,
                frameon=False,
                labelcolor=INK,
                fontsize=8,
                handletextpad=0.2,
            )
        return svg_text(figure, name)
