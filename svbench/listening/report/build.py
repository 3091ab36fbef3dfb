"""The report in order: what a page, a document and a terminal print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from svbench import __version__
from svbench.listening.analysis.pipeline import Analysis
from svbench.listening.listening_test import ListeningTest
from svbench.listening.report import facts, tables
from svbench.listening.report.facts import Section
from svbench.listening.report.figures import Figure, figures
from svbench.listening.report.participants import taking_part
from svbench.listening.report.table import Table
from svbench.listening.store.state import SessionState


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
