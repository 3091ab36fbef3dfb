from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from svbench.errors import DataError
from svbench.report.numbers import decibels, seconds
from svbench.report.render import write_report
from svbench.report.tables import paper_table
from svbench.report.terminal import print_leaderboard
from svbench.results.store import Run
from svbench.specs.protocol import load_protocol
from svbench.specs.report import load_report


def test_markdown_holds_rounded_scores_best_in_bold_and_a_footnote(three: list[Run]) -> None:
    lines = paper_table(three, format="markdown").splitlines()
    assert lines[0].startswith("| system | vocals uSDR |")
    assert lines[2].startswith("| net | **7.00** |")
    assert lines[3].startswith("| floor (baseline) | −0.67 |")
    assert lines[4].startswith("| ideal (oracle) | 20.00 |")
    assert three[0].record.protocol_digest[:8] in lines[-1]
    assert "n = 3 tracks (bass: 2; mean: 2)" in lines[-1]
    assert "mean/mean (mean over frames, mean over tracks)" in lines[-1]
    assert "Frames dropped: 0 of 11." in lines[-1]


def test_csv_and_json_hold_unrounded_scores(three: list[Run]) -> None:
    rows = list(csv.DictReader(io.StringIO(paper_table(three, format="csv"))))
    floor = next(r for r in rows if r["system"] == "floor" and r["target"] == "vocals")
    assert float(floor["score"]) == pytest.approx((1 + 1.004 - 4) / 3, abs=1e-12)
    net = next(r for r in rows if r["system"] == "net" and r["target"] == "vocals")
    assert (float(net["low"]), float(net["high"])) == (5.0, 9.0)  # three tracks: all that there is
    plain = json.loads(paper_table(three, format="json"))
    assert plain[0]["intervals"] == {
        "resamples": 10_000, "seed": 42, "alpha": 0.05, "level": 0.95, "over": "tracks",
    }  # fmt: skip
    assert (plain[0]["rows"][0]["scores"][0]["low"], plain[0]["rows"][0]["scores"][0]["high"]) == (5.0, 9.0)
    assert plain[0]["rows"][0]["scores"][0]["score"] == 7.0
    assert plain[0]["rows"][0]["scores"][0]["label"] == "mean/mean"


def test_latex_is_escaped_and_balanced(make: Any) -> None:
    stems = dict.fromkeys(("vocals", "drums", "bass", "other"), -3.0)
    text = paper_table([make("net_1.0", {"a": stems})], format="latex")
    assert r"net\_1.0 & $-$3.00" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    assert r"\footnotesize Protocol mdx21" in text
    widths = {line.count("&") for line in text.splitlines() if line.endswith(r"\\")}
    assert widths == {5}


def test_html_is_a_real_table(three: list[Run]) -> None:
    text = paper_table(three, format="html")
    assert "<caption>Protocol mdx21 version 1" in text
    assert '<th scope="row">net</th><td><b>7.00</b></td>' in text


def test_refusals(three: list[Run]) -> None:
    with pytest.raises(DataError, match="no quantity 'SAR' in these runs; there are uSDR"):
        paper_table(three, metrics=["SAR"])
    with pytest.raises(DataError, match="no target set '5-stems'"):
        paper_table(three, target_set="5-stems")
    with pytest.raises(DataError, match="hold 0 combinations"):
        paper_table([])


@pytest.mark.parametrize(
    ("value", "text"), [(-0.004, "0.00"), (-0.006, "−0.01"), (2.675, "2.67"), (1234.5, "1234.50")]
)
def test_rounding(value: float, text: str) -> None:
    assert decibels(value) == text


def test_words_for_what_has_no_number() -> None:
    assert [decibels(None, s) for s in ("undefined", "no target", "failed", "perfect")] == [
        "undefined",
        "no target",
        "failed",
        "perfect",
    ]
    assert seconds(1.234) == "1.23 s"


def test_pooled_rules_are_named_as_such_everywhere(
    make: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stems = dict.fromkeys(("vocals", "drums", "bass", "other"), 3.0)
    mdx21 = load_protocol("mdx21")
    (use,) = mdx21.metrics
    pooled = msgspec.structs.replace(use.reduce, frames="median", pooled=True)
    protocol = msgspec.structs.replace(mdx21, metrics=(msgspec.structs.replace(use, reduce=pooled),))
    run = make("net", {"a": stems, "b": {**stems, "bass": None}}, protocol=protocol)
    words = "pooled median (over all frames of all tracks together)"
    note = paper_table([run]).splitlines()[-1]
    assert words in note
    assert "n = 2 tracks (bass: 1; mean: 1)" in note
    report = write_report([run], load_report("default"), tmp_path / "report").read_text(encoding="utf-8")
    assert words in report
    print_leaderboard([run])
    printed = " ".join(capsys.readouterr().out.split())
    assert "uSDR [dB], pooled median, n = 2 tracks (bass: 1; mean: 1)" in printed
    assert printed.endswith("2 of 2 0 of 7")


def test_one_track_has_no_interval_and_says_so(make: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run = make("net", {"a": dict.fromkeys(("vocals", "drums", "bass", "other"), 3.0)})
    (score, *_) = json.loads(paper_table([run], format="json"))[0]["rows"][0]["scores"]
    assert (score["low"], score["high"], score["no_interval"]) == (None, None, "one track only: no interval")
    print_leaderboard([run])
    assert "[" not in capsys.readouterr().out.split("95 %")[1].split("frames dropped")[1]


def test_the_board_prints_the_interval_of_the_number_that_ranks(
    three: list[Run], capsys: pytest.CaptureFixture[str]
) -> None:
    print_leaderboard(three)
    line = next(line for line in capsys.readouterr().out.splitlines() if " net " in line)
    assert "6.00 [5.00, 7.00]" in " ".join(line.split())
