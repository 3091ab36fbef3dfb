"""The report in order: what a page, a document and a terminal print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from svbench import __version__
from svbench.listening.analysis.describe import Summary
from svbench.listening.analysis.panel import SCALES
from svbench.listening.analysis.pipeline import Analysis
from svbench.listening.listening_test import ListeningTest
from svbench.listening.report import facts, tables
from svbench.listening.report.facts import Section
from svbench.listening.report.participants import taking_part
from svbench.listening.report.table import Table
from svbench.listening.store.state import SessionState
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


@dataclass(frozen=True)
class Report:
    """Everything that is printed, in the order of BS.1534-3, § 10.2; results come first, as they "
    "are asked for."""

    title: str
    summary: str
    figures: tuple[Figure, ...]
    sections: tuple[Section, ...]
    version: str

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables, in order."""
        return tuple(t for s in self.sections for t in s.tables)


def build(
    analysis: Analysis,
    test: ListeningTest | None,
    source: str,
    sessions: Sequence[SessionState] | None = None,
) -> Report:
    """Put the report together.

    Parameters
    ----------
    analysis : Analysis
    test : ListeningTest or None
        None where only ratings are known.
    source : str
        Where the ratings come from, for the reader.
    sessions : sequence of SessionState, optional
        All of the test's database, where it was served by svbench.
    """
    title = test.title if test is not None else f"Listening test: {source}"
    known = [facts.materials(test), facts.levels(test)] if test is not None else []
    sections = [
        results(analysis),
        statistics(analysis),
        screening(analysis),
        *([taking_part(test, sessions)] if test is not None and sessions is not None else []),
        facts.design(analysis, test, source),
        facts.conditions(analysis, test),
        *known,
        facts.training(analysis, test),
    ]
    panel = analysis.panel
    summary = (
        f"{facts.METHODS[panel.method]}. {len(panel.assessors)} assessors, {len(analysis.excluded)} of them "
        f"excluded by post-screening{' but kept' if analysis.settings.keep_excluded else ''}; "
        f"{panel.table['item'].nunique()} items."
    )
    drawn = tuple(figures(analysis))
    return Report(title, summary, drawn, tuple(s for s in sections if s.facts or s.tables), __version__)


def results(analysis: Analysis) -> Section:
    """Numbers of conditions, or of comparisons."""
    found = tables.comparisons(analysis)
    if analysis.summaries:
        found = [tables.conditions(analysis), tables.items(analysis)]
    notes = [n for n in analysis.panel.notes if "of training" not in n]
    split = sum(s.is_split for s in analysis.items)
    if split:
        notes.append(
            f"{split} of {len(analysis.items)} item × condition cells look like two opinions (bimodality)."
        )
    if analysis.preferences and not analysis.strengths:
        notes.append("No common scale: it takes preferences in both directions that link all conditions.")
    return Section("results", "Results", tables=tuple(found), notes=tuple(notes))


def statistics(analysis: Analysis) -> Section:
    """Tests and reliability."""
    found = [tables.effects(analysis), tables.pairs(analysis), tables.reliability(analysis)]
    settings = analysis.settings
    facts = (
        ("tested", ", ".join(analysis.tests.conditions) or "nothing"),
        ("correction", f"{settings.correction.capitalize()}, over all pairs"),
        ("seed of permutations", str(settings.seed)),
    )
    if not analysis.summaries:
        return Section("statistics", "Statistics")
    return Section("statistics", "Statistics", facts, tuple(t for t in found if t.rows), analysis.tests.notes)


def screening(analysis: Analysis) -> Section:
    """Who is excluded and why, and outlying ratings."""
    found = [tables.assessors(analysis)]
    if len(analysis.outlying):
        found += [tables.outlier_table(analysis), tables.outlying(analysis)]
    rule = (
        "An assessor is excluded who rated the hidden reference below 90, or the mid anchor above 90, in "
        "more than 15 % of the items rated (BS.1534-3, § 4.1.2); items whose mid anchor more than 25 % of "
        "the assessors rated above 90 count as none of the latter."
        if analysis.panel.method == "mushra"
        else "The post-screening of BS.1534-3 is that of MUSHRA; nobody is excluded."
    )
    facts = [("rule", rule), ("excluded", ", ".join(analysis.excluded) or "nobody")]
    for role, name in (("reference", "hidden reference"), ("mid_anchor", "mid anchor")):
        if analysis.panel.method == "mushra" and not analysis.panel.of_role(role):
            facts.append((name, "nobody rated one, so its rule says nothing"))
    if analysis.easy_items:
        facts.append(("items with a good mid anchor", ", ".join(analysis.easy_items)))
    if analysis.excluded:
        facts.append(("analysed", "all the same" if analysis.settings.keep_excluded else "without them"))
    return Section("screening", "Assessors and post-screening", tuple(facts), tuple(found))
