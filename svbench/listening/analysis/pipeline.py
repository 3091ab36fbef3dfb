"""The analysis of one table of ratings, from post-screening to tests."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from svbench.errors import DataError
from svbench.listening.analysis.comparisons import (
    Discrimination,
    Preference,
    Strength,
    discriminations,
    preferences,
    strengths,
)
from svbench.listening.analysis.conduct import Flag, conduct
from svbench.listening.analysis.describe import Summary, summarise, summarise_items
from svbench.listening.analysis.omnibus import Blocks, Effect, Friedman, blocks, friedman, repeated_measures
from svbench.listening.analysis.pairs import Correction, Pair, pairs
from svbench.listening.analysis.panel import Panel, panel
from svbench.listening.analysis.reliability import Reliability, reliability
from svbench.listening.analysis.screening import Verdict, easy_items, outliers, screen

if TYPE_CHECKING:
    import pandas as pd


BASES = {
    "complete items": "Not every assessor rated every item under all tested conditions, so items are no "
    "factor of the analysis of variance: tests of all conditions take each assessor's means over the items "
    "that the assessor rated under all of them.",
    "adjusted means": "Some assessors rated no item under all tested conditions, so items are no factor of "
    "the analysis of variance: tests of all conditions take each assessor's means, every rating less the "
    "mean of its item.",
}


@dataclass(frozen=True)
class Settings:
    """What the user chooses.

    ``anchors`` lets reference and anchors take part in the tests; ``keep_excluded`` analyses everybody,
    ``drop_outliers`` leaves outlying ratings out; ``seed`` is that of permutations.
    """

    correction: Correction = "holm"
    keep_excluded: bool = False
    drop_outliers: bool = False
    anchors: bool = False
    seed: int = 42


@dataclass(frozen=True)
class Tests:
    """Tests of all conditions and of every two; ``notes`` say what could not be tested, and why."""

    conditions: tuple[str, ...] = ()
    blocks: Blocks | None = None
    friedman: Friedman | None = None
    effects: tuple[Effect, ...] = ()
    pairs: tuple[Pair, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Analysis:
    """Everything that is reported.

    Attributes
    ----------
    settings : Settings
    panel : Panel
        Who rated, before anybody is excluded.
    table : DataFrame
        What the numbers below rest on.
    verdicts : tuple of Verdict
    easy_items : tuple of str
        Left out of the mid anchor's rule.
    flags : tuple of Flag
    outlying : DataFrame
        Outlying ratings of those who stay, dropped or not.
    summaries, items : tuple of Summary
        Conditions over all items, and in each.
    with_outliers, without_outliers : tuple of Summary
        Conditions over all items, both ways; one of them is ``summaries``.
    tests : Tests
    reliability : Reliability or None
        None for comparisons, as are summaries and tests; they have the last three.
    """

    settings: Settings
    panel: Panel
    table: pd.DataFrame
    verdicts: tuple[Verdict, ...]
    easy_items: tuple[str, ...]
    flags: tuple[Flag, ...]
    outlying: pd.DataFrame
    summaries: tuple[Summary, ...] = ()
    items: tuple[Summary, ...] = ()
    with_outliers: tuple[Summary, ...] = ()
    without_outliers: tuple[Summary, ...] = ()
    tests: Tests = field(default_factory=Tests)
    reliability: Reliability | None = None
    preferences: tuple[Preference, ...] = ()
    strengths: tuple[Strength, ...] = ()
    discriminations: tuple[Discrimination, ...] = ()

    @property
    def excluded(self) -> tuple[str, ...]:
        """Assessors who are excluded by the standard, whether kept or not."""
        return tuple(v.assessor for v in self.verdicts if v.is_excluded)


def analyse(ratings: pd.DataFrame, settings: Settings | None = None) -> Analysis:
    """Screen assessors, describe conditions and test them.

    Parameters
    ----------
    ratings : DataFrame
        The long table, `svbench.listening.ratings`.
    settings : Settings, optional

    Returns
    -------
    Analysis

    Raises
    ------
    DataError
        A table that cannot be analysed (see `panel`), or all assessors excluded.
    """
    settings = settings or Settings()
    found = panel(ratings)
    verdicts = screen(found)
    excluded = [v.assessor for v in verdicts if v.is_excluded]
    table = found.table
    if not settings.keep_excluded:
        table = table[~table["assessor"].isin(excluded)].reset_index(drop=True)
    if table.empty:
        first = next(v for v in verdicts if v.is_excluded)
        raise DataError(
            f"post-screening excludes all {len(verdicts)} assessors (such as {first.assessor}, who "
            f"{first.reasons[0]}); --keep-excluded analyses them nevertheless"
        )
    whole = Analysis(settings, found, table, verdicts, easy_items(found), conduct(found), table.iloc[:0])
    if found.method == "ab":
        counted = preferences(table, found.conditions, settings.correction)
        return replace(whole, preferences=counted, strengths=strengths(counted))
    if found.method == "abx":
        return replace(whole, discriminations=discriminations(table, settings.correction))
    far = outliers(table)
    kept = table[~far].reset_index(drop=True)
    used = kept if settings.drop_outliers else table
    return replace(
        whole,
        table=used,
        outlying=table[far].reset_index(drop=True),
        summaries=summarise(used, found.conditions),
        items=summarise_items(used, found.conditions),
        with_outliers=summarise(table, found.conditions),
        without_outliers=summarise(kept, found.conditions),
        tests=_tests(found, used, settings),
        reliability=reliability(found, used),
    )


def _tests(panel: Panel, table: pd.DataFrame, settings: Settings) -> Tests:
    tested = tuple(panel.conditions if settings.anchors else panel.of_role("system"))
    if len(tested) < 2:
        return Tests(tested, notes=("Nothing is tested: there are fewer than two systems.",))
    compared = pairs(table, tested, settings.correction, settings.seed)
    complete = blocks(table, tested)
    if complete is None:
        note = (
            "Tests of all conditions need at least two assessors who rated every condition; there are none, "
            "so only pairs are tested."
        )
        return Tests(tested, pairs=compared, notes=(note,))
    return Tests(
        tested,
        complete,
        friedman(complete.means),
        repeated_measures(complete.ratings),
        compared,
        tuple(_notes(panel, complete)),
    )


def _notes(panel: Panel, complete: Blocks) -> list[str]:
    notes = []
    if complete.basis in BASES:
        notes.append(BASES[complete.basis])
    if complete.left_out:
        n, total = len(complete.left_out), len(complete.left_out) + len(complete.assessors)
        notes.append(f"Tests of all conditions leave out {n} of {total} assessors, who lack a condition.")
    if len(complete.conditions) == 2:
        notes.append("Friedman's test needs three conditions; Wilcoxon's compares two.")
    if panel.method != "mushra":
        notes.append(
            "On a scale of five points medians are whole points and rarely move, so the permutation test of "
            "their difference finds little; Wilcoxon's test uses the means of assessors."
        )
    return notes
