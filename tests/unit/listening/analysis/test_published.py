"""Numbers in print come out again."""

from __future__ import annotations

import pandas as pd
import pytest

from svbench.listening.analysis.describe import summarise_items
from svbench.listening.analysis.panel import panel
from svbench.listening.analysis.pipeline import Analysis, Settings, analyse

Rows = list[dict[str, str]]


def test_means_deviations_and_intervals_of_ambiqual(ambiqual: pd.DataFrame, ambiqual_rows: Rows) -> None:
    found = panel(ambiqual)
    by_cell = {(s.item, s.condition): s for s in summarise_items(found.table, found.conditions)}
    assert len(by_cell) == len(ambiqual_rows) == 60
    for row in ambiqual_rows:
        ours = by_cell[f"{row['srcdir']} {row['flag']}", row["enc"]]
        assert ours.n == 17
        assert ours.mean == pytest.approx(float(row["mean"]), abs=1e-6)
        assert ours.deviation == pytest.approx(float(row["std"]), abs=1e-6)
        # They print the normal quantile, 1.96; ours is that of t with 16 degrees of freedom, 2.1199.
        assert ours.half * 1.96 / 2.119905 == pytest.approx(float(row["ci95"]), rel=1e-5, abs=1e-6)


def test_who_is_excluded_from_ambiqual(ambiqual_analysis: Analysis) -> None:
    analysis = ambiqual_analysis
    assert analysis.excluded == ("dit19", "dit8")
    verdicts = {v.assessor: v for v in analysis.verdicts}
    assert verdicts["dit10"].reference_low == verdicts["dit12"].reference_low == 1
    assert verdicts["dit8"].reasons == (
        "rated the hidden reference below 90 in 3 of 12 items (25 %; more than 15 % excludes)",
    )
    assert {s.n for s in analysis.summaries} == {15 * 12}


def test_dmos_of_gensvs(gensvs_analysis: Analysis, gensvs_rows: Rows) -> None:
    analysis = gensvs_analysis
    assert analysis.excluded == ()  # the rules are those of MUSHRA
    means = {s.condition: round(s.mean, 2) for s in analysis.summaries}
    assert means == {
        "htdemucs": 2.03, "melroformer_bigvgan": 3.29, "melroformer_large": 3.28, "melroformer_small": 2.67,
        "sgmsvs": 3.08,
    }  # fmt: skip
    printed = {(r["file_id"], r["model_name"]): float(r["DMOS"]) for r in gensvs_rows}
    assert {(s.item, s.condition): s.mean for s in analysis.items} == pytest.approx(printed)


def test_an_incomplete_design_says_how_it_is_tested(gensvs_analysis: Analysis) -> None:
    tests = gensvs_analysis.tests
    assert tests.blocks is not None
    assert tests.blocks.basis == "adjusted means"
    assert len(tests.blocks.assessors) == 30
    assert any("every rating less the mean of its item" in note for note in tests.notes)
    assert [e.name for e in tests.effects] == ["condition"]


def test_settings_keep_and_drop(ambiqual: pd.DataFrame) -> None:
    assert {s.n for s in analyse(ambiqual, Settings(keep_excluded=True)).summaries} == {17 * 12}
    dropped = analyse(ambiqual, Settings(drop_outliers=True))
    n_outliers = len(dropped.outlying)
    assert n_outliers > 0
    assert sum(s.n for s in dropped.summaries) == 15 * 60 - n_outliers
    assert dropped.summaries == dropped.without_outliers
    assert dropped.tests.blocks is not None
    assert dropped.tests.blocks.basis == "complete items"
