"""A system over a limit has a verdict and no scores, wherever its numbers would stand."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from svbench.api.results import long_table
from svbench.report.layouts.default import paper_table
from svbench.report.pages.groups import groups
from svbench.report.text.terminal import print_leaderboard
from svbench.report.view.boards import runnable
from svbench.results.aggregate import summarise, track_scores
from svbench.results.store import Run
from svbench.specs.protocol import load_protocol

EVEN = dict.fromkeys(("vocals", "drums", "bass", "other"), 3.0)
BROKEN = "memory: 17.2 GB of 16 GB"


@pytest.fixture
def pair(make: Any) -> list[Run]:
    """A system within the budget of sdx23 and one that broke it on its second track."""
    protocol = load_protocol("sdx23")
    within = make("within", {"a": EVEN, "b": EVEN}, protocol=protocol)
    beyond = make("beyond", {"a": EVEN}, failed={"b": "over"}, data_tracks=("a", "b"), protocol=protocol)
    last = msgspec.structs.replace(beyond.results[1], over_budget=BROKEN)
    return [within, msgspec.structs.replace(beyond, results=(beyond.results[0], last))]


def test_verdicts(pair: list[Run], make: Any) -> None:
    assert [runnable(r) for r in pair] == ["yes", f"no ({BROKEN})"]
    assert runnable(make("free", {"a": EVEN})) is None
    sdx23 = load_protocol("sdx23")
    assert runnable(make("late", {"a": EVEN}, data_tracks=("a", "b"), protocol=sdx23)) == "not known"
    assert runnable(make("broken", {"a": EVEN}, failed={"b": "crash"}, protocol=sdx23)) == "not known"


def test_over_a_limit_means_no_scores_at_all(pair: list[Run]) -> None:
    within, beyond = pair
    assert all(s.score == 3.0 for s in summarise(within))
    assert {(s.score, s.status) for s in track_scores(beyond)} == {(None, "failed")}
    assert all(s.score is None for s in summarise(beyond, allow_incomplete=True))
    assert long_table([beyond])["score"].isna().all()
    assert beyond.results[0].series[0].score == [3.0]  # what was measured stays in the run


def test_tables_have_the_column_only_under_a_budget(pair: list[Run], make: Any) -> None:
    lines = paper_table(pair).splitlines()
    assert lines[0].endswith("| mean uSDR | Runnable? |")
    assert lines[1].endswith("| ---: | --- |")
    assert lines[2].endswith("| yes |")
    assert lines[3] == f"| beyond | failed | failed | failed | failed | failed | no ({BROKEN}) |"
    assert "Runnable" not in paper_table([make("free", {"a": EVEN})])
    rows = list(csv.DictReader(io.StringIO(paper_table(pair, format="csv"))))
    assert {(r["system"], r["runnable"]) for r in rows} == {("within", "yes"), ("beyond", f"no ({BROKEN})")}
    plain = json.loads(paper_table(pair, format="json"))[0]["rows"]
    assert [r["runnable"] for r in plain] == ["yes", f"no ({BROKEN})"]
    latex = [line for line in paper_table(pair, format="latex").splitlines() if line.endswith(r"\\")]
    assert {line.count("&") for line in latex} == {6}
    assert f"<td>no ({BROKEN})</td>" in paper_table(pair, format="html")


def test_leaderboards_have_it_too(pair: list[Run], capsys: pytest.CaptureFixture[str]) -> None:
    board = groups(pair)[0].leaderboards[0]
    assert board.head[-1] == "Runnable?"
    assert [(r.name, r.rank, r.cells[-1].text) for r in board.rows] == [
        ("within", "1", "yes"),
        ("beyond", "", f"no ({BROKEN})"),
    ]
    print_leaderboard(pair)
    printed = capsys.readouterr().out
    assert "Runnable?" in printed
    assert f"no ({BROKEN})" in printed


def test_scores_of_a_run_under_a_budget_survive_the_disk(pair: list[Run], tmp_path: Path) -> None:
    from svbench.results.store import load_run, write_run

    write_run(tmp_path / "run", pair[1].record, pair[1].results)
    assert load_run(tmp_path / "run").over_budget == BROKEN
