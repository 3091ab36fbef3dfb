from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from svbench.errors import DataError
from svbench.report.layouts.default import paper_table
from svbench.report.pages.site import write_report
from svbench.report.text.terminal import print_leaderboard
from svbench.report.view.numbers import decibels, seconds
from svbench.results.store import Run
from svbench.specs.protocol import load_protocol
from svbench.specs.report import load_report


def test_markdown_holds_rounded_scores_best_in_bold_and_a_footnote(three: list[Run]) -> None:
    lines = paper_table(three, format="markdown").splitlines()
    assert lines[0].startswith("| system | vocals uSDR |")
    assert lines[2].startswith("| net | **7.00** [5.00, 9.00] |")
    assert lines[3].startswith("| floor (baseline) | <ins>−0.67</ins>† [−4.00, 1.00] |")
    assert lines[4].startswith("| ideal (oracle) | 20.00 [20.00, 20.00] |")
    assert f"Protocol mdx21 version 1 (digest {three[0].record.protocol_digest[:8]})" in lines[-1]
    assert "Target set 4-stems." in lines[-1]
    assert "n = 3 tracks (bass: 2; mean: over the 2 tracks with all targets)" in lines[-1]
    assert "mean/mean (mean over frames, mean over tracks)" in lines[-1]
    assert "Frames dropped (uSDR): 0 of 11." in lines[-1]
    assert "Bold: best, underlined: second." in lines[-1]
    assert "In square brackets: 95 % intervals (bootstrap over tracks)" in lines[-1]


def test_intervals_can_be_left_out(three: list[Run]) -> None:
    for format in ("markdown", "latex", "html"):
        text = paper_table(three, format=format, intervals=False)  # type: ignore[arg-type]
        assert "5.00" not in text
        assert "square brackets" not in text
    assert paper_table(three, intervals=False).splitlines()[2].startswith("| net | **7.00** | **7.00** |")
    csv_text = paper_table(three, format="csv", intervals=False)
    assert csv_text == paper_table(three, format="csv")


def test_the_dagger_marks_who_is_not_told_apart_from_the_best(make: Any) -> None:
    tracks = [f"t{i}" for i in range(12)]
    best = {t: even(6.0 + i % 3) for i, t in enumerate(tracks)}
    near = {t: even(5.95 + i % 3 + (-1) ** i) for i, t in enumerate(tracks)}
    below = {t: even(5.5 + i % 3) for i, t in enumerate(tracks)}
    runs = [make("below", below), make("near", near), make("best", best)]
    rows = paper_table(runs, intervals=False).splitlines()[2:5]
    assert rows[0] == f"| best |{' **7.00** |' * 5}"
    assert rows[1] == f"| near |{' <ins>6.95</ins>† |' * 5}"
    assert rows[2] == f"| below |{' 6.50 |' * 5}"  # half a dB, but on every track


def test_who_was_scored_on_fewer_tracks_comes_after_the_others_and_is_never_best(make: Any) -> None:
    runs = [
        make("part", {"a": even(9)}, data_tracks=("a", "b")),
        make("low", {"a": even(1), "b": even(1)}),
        make("high", {"a": even(2), "b": even(2)}),
    ]
    lines = paper_table(runs).splitlines()
    assert [line.split()[1] for line in lines[2:5]] == ["high", "low", "part"]
    assert "| high | **2.00**" in lines[2]
    assert lines[4] == f"| part |{' 9.00 |' * 5}"
    assert "Numbers without one rest on one track." in lines[-1]


def test_systems_that_share_an_id_have_a_row_each(make: Any) -> None:
    first = make("net", {"a": even(1), "b": even(1)})
    second = make("net", {"a": even(2), "b": even(2)})
    second = msgspec.structs.replace(second, path=Path("elsewhere") / second.path.name)
    lines = paper_table([first, second]).splitlines()[2:4]
    assert [line.split(" [")[0].replace("\\", "") for line in lines] == [
        f"| net (elsewhere/{first.path.name}) | **2.00**",
        f"| net (runs/{first.path.name}) | <ins>1.00</ins>",
    ]


EVIL = ("<img src=x onerror=alert(1)>", "a|b", "50%_&#", "🎸 [x](http://y) *z* `w` ~q~")


def test_markdown_obeys_no_name(make: Any) -> None:
    runs = [make(name, {"a": even(i), "b": even(i)}) for i, name in enumerate(EVIL)]
    lines = paper_table(runs).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:6]] == [
        r"| 🎸 \[x\](http://y) \*z\* \`w\` \~q\~",
        r"| 50%\_&amp;#",
        r"| a\|b",
        "| &lt;img src=x onerror=alert(1)&gt;",
    ]
    unescaped = [line.replace(r"\|", "") for line in lines[:6]]
    assert {line.count("|") for line in unescaped} == {7}


def test_latex_and_html_obey_no_name(make: Any) -> None:
    runs = [make(name, {"a": even(i), "b": even(i)}) for i, name in enumerate(EVIL)]
    latex = paper_table(runs, format="latex")
    assert latex.isascii()
    for name in (
        r"\texttt{U+1F3B8} [x](http://y) *z* `w` \textasciitilde{}q\textasciitilde{} & ",
        r"50\%\_\&\# & ",
        r"a\textbar{}b & ",
        r"\textless{}img src=x onerror=alert(1)\textgreater{} & ",
    ):
        assert f"\n{name}" in latex
    page = paper_table(runs, format="html")
    assert "<img" not in page
    assert '<th scope="row">&lt;img src=x onerror=alert(1)&gt;</th>' in page
    assert '<th scope="row">50%_&amp;#</th>' in page


def even(value: float) -> dict[str, float]:
    return dict.fromkeys(("vocals", "drums", "bass", "other"), value)


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
    assert r"net\_1.0 & -3.00" in text
    assert r"S[table-format=-1.2" in text
    assert r"\multicolumn{1}{c}{vocals}" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    assert r"\footnotesize Protocol mdx21" in text
    assert "One track has no interval" in text
    widths = {line.count("&") for line in text.splitlines() if line.endswith(r"\\")}
    assert widths == {5}


def test_html_is_a_real_table(three: list[Run]) -> None:
    text = paper_table(three, format="html")
    assert "<caption>4-stems</caption>" in text
    assert '<th scope="colgroup" colspan="1">vocals</th>' in text
    below = '<br><small style="color:#6b6b6b">[5.00, 9.00]</small>'
    assert f'<th scope="row">net</th><td><b>7.00</b>{below}</td>' in text
    assert "<p><small>Protocol mdx21 version 1" in text


def test_latex_has_the_interval_below_its_number(three: list[Run]) -> None:
    lines = paper_table(three, format="latex").splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("net &"))
    assert lines[at].startswith(r"net & {\boldmath$7.00$\rlap{}\hphantom{$^\dagger$}} & ")
    assert lines[at].endswith(r"\\*")
    assert lines[at + 1].startswith(r" & {\scriptsize\textcolor{darkgray}{$[5.00, 9.00]$}} & ")
    assert lines[at + 2] == r"\addlinespace[2pt]"
    assert lines[at + 3].startswith(r"floor (baseline) & {\underline{$-0.67$}\rlap{$^\dagger$}")


def test_refusals(three: list[Run]) -> None:
    with pytest.raises(DataError, match="no quantity 'SAR' in these runs; there are uSDR"):
        paper_table(three, metrics=["SAR"])
    with pytest.raises(DataError, match="no target set '5-stems'"):
        paper_table(three, target_set="5-stems")
    many = [
        msgspec.structs.replace(r, record=msgspec.structs.replace(r.record, protocol_digest=f"{i:064}"))
        for i, r in enumerate(three * 3)
    ]
    with pytest.raises(DataError, match=r"hold 9 combinations .*; 3 more\); a table takes one"):
        paper_table(many)
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
    assert "n = 2 tracks (bass: 1; mean: over the 1 track with all targets)" in note
    report = write_report([run], load_report("default"), tmp_path / "report").read_text(encoding="utf-8")
    assert words in report
    print_leaderboard([run])
    printed = " ".join(capsys.readouterr().out.split())
    assert (
        "uSDR [dB], pooled median, n = 2 tracks (bass: 1; mean: over the 1 track with all targets)" in printed
    )
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
