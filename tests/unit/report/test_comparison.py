"""Comparisons and gates of runs: every number that of the tables, every gap in words."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from svbench.cli.main import main
from svbench.errors import DataError, UnknownNameError
from svbench.report.text.comparison import (
    chosen_pairs,
    comparison_plain,
    comparison_text,
    critical_difference_plot,
    critical_difference_words,
)
from svbench.report.text.gate import gate_junit, gate_markdown, gate_text, unusable_junit, unusable_markdown
from svbench.results.aggregate import summarise
from svbench.results.store import Run, write_run
from svbench.specs.protocol import Reduce, load_protocol
from svbench.statistics.comparison import Comparison, against_best, compare, headline_intervals
from svbench.statistics.gate import gate
from svbench.statistics.track_values import Column, IntervalSettings, columns, group_by_system

FEW = IntervalSettings(resamples=500)
STEMS = ("vocals", "drums", "bass", "other")


def scored(make: Any, name: str, better: float = 0.0, n: int = 12, **more: Any) -> Run:
    """Twelve tracks of one difficulty for all systems, each stem 1 dB from the next."""
    hard = np.random.default_rng(1).normal(5, 3, n)
    own = np.random.default_rng(len(name) + ord(name[-1])).normal(better, 0.3, (n, 4))
    table = {f"track {i}": {s: float(hard[i] + j + own[i, j]) for j, s in enumerate(STEMS)} for i in range(n)}
    table |= more.pop("tracks", {})
    return make(name, table, **more)


def only(runs: list[Run], **more: Any) -> Comparison:
    return compare(runs, columns(runs[0], target_set="4-stems"), FEW, **more)[0]


@pytest.mark.parametrize(
    "rule",
    [
        Reduce(frames="mean", tracks="mean"),
        Reduce(frames="median", tracks="median"),
        Reduce(frames="mean", tracks="median", targets="median"),
        Reduce(frames="median", tracks="mean", pooled=True, infinite="keep"),
    ],
    ids=lambda r: r.label,
)
def test_every_value_is_the_printed_number(make: Any, rule: Reduce) -> None:
    mdx21 = load_protocol("mdx21")
    use = msgspec.structs.replace(mdx21.metrics[0], reduce=rule)
    protocol = msgspec.structs.replace(mdx21, metrics=(use,))
    lacking = {"odd": {**dict.fromkeys(STEMS, 2.0), "bass": None}}
    run = scored(make, "net", tracks=lacking, protocol=protocol)
    wanted = [Column("4-stems", t, "uSDR") for t in (*STEMS, "mean")]
    found = headline_intervals([run], wanted, FEW)
    for summary in summarise(run):
        (estimate,) = found[Column("4-stems", summary.target, "uSDR")]
        assert (estimate.value, estimate.n_tracks) == (summary.score, summary.n_tracks)
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low <= summary.score <= estimate.high
    (alone,) = compare([run], wanted[-1:], FEW)
    assert alone.pairs == alone.ranks == ()
    two = compare([run, scored(make, "second", tracks=lacking, protocol=protocol)], wanted[-1:], FEW)[0]
    scores = [e.value for e in two.numbers]
    assert two.pairs[0].value == pytest.approx(scores[0] - scores[1], abs=1e-12)  # type: ignore[operator]


def test_pairs_are_the_better_first_and_oracles_stand_apart(make: Any) -> None:
    runs = [scored(make, "low"), scored(make, "top", 2.0), scored(make, "ideal", 9.0, kind="oracle")]
    found = only(runs)
    assert [e.system for e in found.numbers] == ["ideal", "top", "low"]
    assert [(p.first, p.second) for p in found.pairs] == [("top", "low")]
    assert [(r.system, r.best, r.worst) for r in found.ranks] == [("top", 1, 1), ("low", 2, 2)]
    assert found.critical is None
    assert against_best(found)["low"].is_significant(0.05)
    assert [(p.first, p.second) for p in only(runs[1:]).pairs] == [("ideal", "top")]


def test_gaps_are_told_and_compared_without(make: Any) -> None:
    whole, other = scored(make, "whole"), scored(make, "other", -1.0)
    broken = scored(make, "broken", 1.0)
    results = (
        msgspec.structs.replace(
            broken.results[0],
            series=tuple(
                msgspec.structs.replace(s, score=[None], status=["undefined"])
                for s in broken.results[0].series
            ),
        ),
        *broken.results[1:-1],
    )
    broken = Run(broken.path, broken.record, results)
    found = only([whole, broken, other])
    assert "broken has no value on track 0 (undefined), track 11 (not run)." in found.notes
    unranked = "Not ranked, since not scored on all of the 12 tracks that any of them was scored on: "
    assert f"{unranked}broken on 10." in found.notes
    assert [r.system for r in found.ranks] == ["whole", "other"]
    assert found.places == {"whole": 1, "other": 2}
    pair = next(p for p in found.pairs if {p.first, p.second} == {"broken", "whole"})
    assert pair.n_tracks == 10
    assert pair.note == "broken lacks track 0 (undefined), track 11 (not run)"
    shared = [r.series for r in whole.results[1:-1]], [r.series for r in broken.results[1:]]
    means = [np.mean([s.score[0] for series in side for s in series]) for side in shared]  # type: ignore[misc]
    assert abs(pair.value or 0) == pytest.approx(abs(means[0] - means[1]))
    assert next(p for p in found.pairs if {p.first, p.second} == {"other", "whole"}).n_tracks == 12


def test_a_system_without_a_number_and_one_track_only(make: Any) -> None:
    even = dict.fromkeys(STEMS, 3.0)
    failed = make("failed", {}, failed={"a": "crash"})
    found = only([make("net", {"a": even}), failed, make("same", {"a": even})])
    assert [(e.system, e.value, e.note) for e in found.numbers] == [
        ("net", 3.0, "one track only: no interval"),
        ("same", 3.0, "one track only: no interval"),
        ("failed", None, "no number (failed): no interval"),
    ]
    assert [(p.value, p.low, p.note) for p in found.pairs] == [(0.0, None, "one track only: no interval")]
    text = comparison_text(found, failed.record)
    assert "no number (failed): no interval" in text
    json.dumps(comparison_plain(found), allow_nan=False)


def test_repeats_and_seeds_are_one_system(make: Any) -> None:
    again = [scored(make, "net"), scored(make, "net", 0.1)]
    assert [(c.name, len(c.runs)) for c in group_by_system(again)] == [("net", 2)]
    seeds = [scored(make, "net-1", 0.5), scored(make, "net-2", 0.1), scored(make, "other")]
    found = only(seeds, seeds={"net": ["net-1", "net-2"]})
    assert {e.system: e.n_repeats for e in found.numbers} == {"net": 2, "other": 1}
    assert "net: 2 repeats, averaged." in found.notes
    of_net = [s.score for r in seeds[:2] for s in summarise(r) if s.target == "mean"]
    assert next(e.value for e in found.numbers if e.system == "net") == pytest.approx(np.mean(of_net))  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="unknown system among these runs 'net-9'"):
        group_by_system(seeds, {"net": ["net-1", "net-9"]})
    two = [scored(make, "net"), scored(make, "net", 1.0, system_digest="6" * 64)]
    assert [c.name for c in group_by_system(two)] == [
        f"net ({two[0].record.system_digest[:8]})",
        "net (66666666)",
    ]


def test_text_is_the_same_again_and_says_how_it_was_made(make: Any) -> None:
    runs = [scored(make, name, i / 2) for i, name in enumerate(("one", "two", "three", "four"))]
    found = only(runs)
    text = comparison_text(found, runs[0].record)
    assert text == comparison_text(only(runs), runs[0].record)
    assert "mdx21" in text.splitlines()[0]
    assert "95 % interval" in text
    assert "500 resamples of tracks, seed 42, alpha 0.05" in text
    assert "p (Holm): corrected for 6 pairs" in text
    assert "critical difference" in text
    assert len(chosen_pairs(found)) == 6
    assert [(p.first, p.second) for p in chosen_pairs(found, "adjacent")] == [
        ("four", "three"), ("three", "two"), ("two", "one"),
    ]  # fmt: skip
    assert {p.first for p in chosen_pairs(found, "best")} == {"four"}


def test_the_diagram_is_xml_with_the_names_as_they_are(make: Any) -> None:
    runs = [scored(make, name, i / 5) for i, name in enumerate(("<b>", "a$b$", "\N{GUITAR}", "net"))]
    critical = only(runs).critical
    assert critical is not None
    svg = critical_difference_plot(critical, "here")
    ET.fromstring(svg)
    assert "<b>" not in svg
    assert "a$b$" in svg
    assert svg == critical_difference_plot(critical, "here")
    assert "Mean ranks over 12 tracks, best first" in critical_difference_words(critical)


WANTED = [Column("4-stems", "mean", "uSDR")]


def test_a_gate_passes_what_is_not_worse_and_fails_what_is(make: Any) -> None:
    base = scored(make, "net")
    assert gate(base, base, WANTED, 0.0, FEW).passes
    worse = gate(base, scored(make, "net", -1.0), WANTED, 0.1, FEW)
    assert not worse.passes
    assert worse.checks[0].reason == "the drop is larger than 0.1 dB"
    assert worse.checks[0].gain == pytest.approx(-1.0, abs=0.2)
    assert len(worse.checks[0].worst) == 5
    assert gate(base, scored(make, "new", 1.0), WANTED, 0.1, FEW).passes


def test_a_gate_does_not_pass_what_it_cannot_tell(make: Any) -> None:
    base = scored(make, "net")
    noisy = np.random.default_rng(3).normal(0.0, 4.0, 12)
    table = {
        r.track: {s.target: (s.score[0] or 0) + noisy[i] - noisy.mean() for s in r.series}
        for i, r in enumerate(base.results)
    }
    (check,) = gate(base, make("net", table), WANTED, 0.1, FEW).checks
    assert check.gain == pytest.approx(0.0, abs=1e-9)
    assert check.verdict == "fail"
    assert "a drop of more than 0.1 dB is not ruled out: 12 tracks can show" in check.reason


def test_the_gate_lets_one_in_twenty_at_the_margin_through(make: Any) -> None:
    draw, passed, n = np.random.default_rng(5), 0, 300
    tracks = [f"t{i}" for i in range(20)]
    hard = draw.normal(5, 3, 20)
    base = make("net", {t: dict.fromkeys(STEMS, float(h)) for t, h in zip(tracks, hard, strict=True)})
    for _ in range(n):
        new = hard - 0.5 + draw.normal(0, 1, 20)
        run = make("net", {t: dict.fromkeys(STEMS, float(v)) for t, v in zip(tracks, new, strict=True)})
        passed += gate(base, run, WANTED, 0.5, IntervalSettings(resamples=100)).passes
    assert 0.02 <= passed / n <= 0.08


def test_what_a_candidate_lost_fails_and_what_a_baseline_lacks_is_unusable(make: Any) -> None:
    even = dict.fromkeys(STEMS, 3.0)
    base = make("net", {"a": even, "b": even, "c": even})
    crashed = make("net", {"a": even, "b": even}, failed={"c": "crash"})
    (check,) = gate(base, crashed, WANTED, 0.1, FEW).checks
    assert (check.verdict, check.reason) == (
        "fail",
        "the candidate has no value on c (failed), the baseline has",
    )
    with pytest.raises(DataError, match="the baseline failed on 1 tracks, first on c \\(crash\\)"):
        gate(crashed, base, WANTED, 0.1, FEW)
    short = Run(base.path, base.record, base.results[:1])
    with pytest.raises(DataError, match="the candidate lacks 2 of 3 tracks \\(b, c\\)"):
        gate(base, short, WANTED, 0.1, FEW)
    other = make("net", {"a": even, "b": even, "c": even}, protocol_digest="7" * 64)
    with pytest.raises(DataError, match="differ in protocol: mdx21"):
        gate(base, other, WANTED, 0.1, FEW)
    one = make("net", {"a": even})
    with pytest.raises(DataError, match="1 track in common"):
        gate(one, one, WANTED, 0.1, FEW)
    with pytest.raises(DataError, match="must be 0 or more"):
        gate(base, base, WANTED, -0.1, FEW)


def test_gate_texts_hold_odd_names_as_text(make: Any) -> None:
    names = ["<script>alert(1)</script>", "a|b", "@all *x* \x07"]
    table = {t: dict.fromkeys(STEMS, 5.0) for t in names}
    worse = {t: dict.fromkeys(STEMS, float(-i)) for i, t in enumerate(names)}
    found = gate(make("net", table), make("net", worse), WANTED, 0.1, FEW)
    markdown = gate_markdown(found)
    assert "<script>" not in markdown
    assert r"a\|b" in markdown
    assert "@" not in markdown
    suite = ET.fromstring(gate_junit(found)).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("1", "1", "0")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == found.checks[0].reason
    assert "lost most: @all" in gate_text(found)


def cases(text: str) -> set[tuple[str | None, str | None]]:
    return {(c.get("classname"), c.get("name")) for c in ET.fromstring(text).iter("testcase")}


def test_two_gates_of_one_pipeline_are_two_cases(make: Any) -> None:
    runs = {n: scored(make, n, i / 2) for i, n in enumerate(("one", "two", "three"))}
    other = load_protocol("msst")
    gates = [
        gate(runs["one"], runs["two"], WANTED, 0.1, FEW),
        gate(runs["one"], runs["three"], WANTED, 0.1, FEW),
        gate(runs["two"], runs["three"], WANTED, 0.1, FEW),
        gate(
            *(replaced_record(runs[n], protocol=other, protocol_digest=other.digest) for n in ("one", "two")),
            WANTED, 0.1, FEW,
        ),
        gate(*(of_variant(runs[n], "drums") for n in ("one", "two")), WANTED, 0.1, FEW),
    ]  # fmt: skip
    texts = [gate_junit(g) for g in gates]
    assert len(set.union(*map(cases, texts))) == sum(len(g.checks) for g in gates)
    suites = {suite.get("name") for text in texts for suite in ET.fromstring(text).iter("testsuite")}
    assert len(suites) == len(gates)
    ((classname, name),) = cases(texts[0])
    assert classname == "svbench.gate.mdx21.two"
    assert name
    assert name.endswith(": two against one, mdx21, set")
    apart = [
        unusable_junit("x", Path("runs/a"), Path("runs/b")),
        unusable_junit("x", Path("runs/a"), Path("runs/c")),
    ]
    assert len(set.union(*map(cases, apart))) == 2


def replaced_record(run: Run, **changes: Any) -> Run:
    return Run(run.path, msgspec.structs.replace(run.record, **changes), run.results)


def of_variant(run: Run, variant: str) -> Run:
    return replaced_record(run, data=msgspec.structs.replace(run.record.data, variant=variant))


def test_hostile_names_leave_junit_valid_and_terminals_alone(make: Any) -> None:
    names = ["\x1b[31mred\x07", "two\nlines", "\udce9 \uffff \u202egpj", "]]>&amp;\x00"]
    table = {t: dict.fromkeys(STEMS, 5.0) for t in names}
    worse = {t: dict.fromkeys(STEMS, float(-i)) for i, t in enumerate(names)}
    found = gate(make("net", table), make("net", worse), WANTED, 0.1, FEW)
    for text in (gate_junit(found), unusable_junit("\n".join(names), Path(names[0]), Path(names[1]))):
        suite = ET.fromstring(text.encode()).find("testsuite")
        assert suite is not None
        assert "\n" not in str(suite.get("name"))
        assert "\x1b" not in text
    plain = gate(*(make("net", {str(i): row for i, row in enumerate(t.values())}) for t in (table, worse)),
                 WANTED, 0.1, FEW)  # fmt: skip
    lines = gate_text(found).splitlines()
    assert len(lines) == len(gate_text(plain).splitlines())
    assert not [line for line in lines if "\x1b" in line or "\u202e" in line]


def test_an_unusable_gate_publishes_no_folder(tmp_path: Path) -> None:
    reason = f"{tmp_path}/runs/hpss: the baseline lacks 2 of 3 tracks (b, c)"
    assert "…/hpss: the baseline" in unusable_junit(reason, tmp_path, tmp_path)
    assert str(tmp_path) not in unusable_junit(reason, tmp_path, tmp_path) + unusable_markdown(reason)


def written(run: Run, folder: Path) -> Path:
    write_run(folder, run.record, run.results)
    return folder


def test_commands(make: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [scored(make, name, i / 2) for i, name in enumerate(("one", "two", "three"))]
    paths = [str(written(r, tmp_path / "runs" / r.record.system.id)) for r in runs]
    few = ["--resamples", "200"]
    assert main(["compare", str(tmp_path / "runs"), *few, "--diagram", str(tmp_path / "cd")]) == 0
    out = capsys.readouterr().out
    assert "three" in out
    assert len(list((tmp_path / "cd").glob("*.svg"))) == 1
    assert main(["compare", *paths, *few, "--json", "--target", "vocals", "--seed", "7"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["comparisons"][0]["target"] == "vocals"
    assert plain["comparisons"][0]["settings"] == {"resamples": 200, "seed": 7, "alpha": 0.05}
    assert len(plain["comparisons"][0]["pairs"]) == 3
    for words, sentence in (
        (["--metric", "SAR"], "unknown quantity of these runs 'SAR'"),
        (["--target", "voice"], "unknown target 'voice'"),
        (["--target-set", "x"], "unknown target set 'x'"),
        (["--seeds", "net=one"], "expected NAME=ID,ID"),
        (["--protocol", "x"], "no run of protocol 'x'"),
        (["--alpha", "0.9"], "alpha is 0.9"),
    ):
        assert main(["compare", *paths, *words]) == 2
        assert sentence in capsys.readouterr().err


def test_gate_command_and_its_files(make: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    low, top = scored(make, "low"), scored(make, "top", 2.0)
    a, b = (str(written(r, tmp_path / "runs" / r.record.system.id)) for r in (low, top))
    files = ["--junit", str(tmp_path / "out/junit.xml"), "--markdown", str(tmp_path / "out/summary.md")]
    assert main(["gate", "--baseline", a, "--candidate", b, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passes"] is True
    assert (
        main(["gate", "--baseline", b, "--candidate", a, "--max-drop", "0.1", "--alpha", "0.05", *files]) == 1
    )
    assert "fails 1 of 1 checks" in capsys.readouterr().out
    assert ET.parse(tmp_path / "out/junit.xml").find("testsuite/testcase/failure") is not None
    assert (
        (tmp_path / "out/summary.md").read_text(encoding="utf-8").startswith("### ❌ low against top fails")
    )
    assert main(["gate", "--baseline", str(tmp_path / "runs"), "--candidate", a, *files]) == 2
    assert "holds 2 runs; name one of them" in capsys.readouterr().err
    assert ET.parse(tmp_path / "out/junit.xml").find("testsuite/testcase/error") is not None
    assert "could not decide" in (tmp_path / "out/summary.md").read_text(encoding="utf-8")


def test_the_gate_asks_for_one_target(make: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A loss in the vocals alone is in the mean, and not in the drums."""
    before = scored(make, "net")
    worse = [
        msgspec.structs.replace(
            r,
            series=tuple(
                msgspec.structs.replace(s, score=[v - 2 for v in s.score if v is not None])
                if s.target == "vocals"
                else s
                for s in r.series
            ),
        )
        for r in before.results
    ]
    paths = []
    for name, results in (("main", before.results), ("branch", tuple(worse))):
        paths.append(tmp_path / name / before.path.name)
        write_run(paths[-1], before.record, results)
    words = ["gate", "--baseline", str(paths[0]), "--candidate", str(paths[1])]
    assert main([*words, "--target-set", "4-stems"]) == 1
    assert main([*words, "--target", "drums"]) == 0
    assert "4-stems, drums uSDR" in capsys.readouterr().out
    assert main([*words, "--target", "vocals"]) == 1
    assert main([*words, "--target", "horns"]) == 2
    assert "no target" in capsys.readouterr().err.replace("unknown target", "no target")


def without_mean(run: Run, status: str = "unknown") -> Run:
    """Take vocals, and so the mean, from a run, as imported files do."""
    results = tuple(
        msgspec.structs.replace(
            r,
            series=tuple(
                msgspec.structs.replace(s, score=[None], status=[status]) if s.target == "vocals" else s
                for s in r.series
            ),
        )
        for r in run.results
    )
    return Run(run.path, run.record, results)


def test_unknown_numbers_are_one_line_and_no_rows(make: Any) -> None:
    files = [without_mean(scored(make, name)) for name in ("one", "two", "three")]
    runs = [scored(make, "net"), *files, scored(make, "low", -1.0)]
    wanted = [Column("4-stems", "vocals", "uSDR")]
    (found,) = compare(runs, wanted, FEW)
    text = comparison_text(found, runs[0].record)
    assert text.count("three") == 1
    assert (
        "Unknown for 3 of 5 systems, whose imported files do not hold this number: one, three, two." in text
    )
    assert "No rank: this number is unknown for 3 of 5 systems." in found.notes
    assert found.places == {}
    assert len(found.numbers) == 5
    (alone,) = compare(files, wanted, FEW)
    assert comparison_text(alone, runs[0].record).count("\n") == 0
    json.dumps(comparison_plain(alone), allow_nan=False)


def test_equal_systems_share_a_rank_here_as_on_a_board(make: Any) -> None:
    even = dict.fromkeys(STEMS, 3.0)
    less = dict.fromkeys(STEMS, 2.0)
    runs = [make(n, {"a": v, "b": v}) for n, v in (("zeta", even), ("low", less), ("alpha", even))]
    found = only(runs)
    assert found.places == {"alpha": 1, "zeta": 1, "low": 3}
    assert [(r.system, r.rank) for r in found.ranks] == [("alpha", 1), ("zeta", 1), ("low", 3)]
    assert {s["system"]: s["rank"] for s in comparison_plain(found)["systems"]} == found.places
    one_track = only([make(n, {"a": v}) for n, v in (("top", even), ("low", less))])
    assert (one_track.places, one_track.ranks) == ({"top": 1, "low": 2}, ())  # no interval, but a place
    apart = [make("x", {"a": even}, data_tracks=("a", "b")), make("y", {"b": less}, data_tracks=("a", "b"))]
    assert only(apart).places == {}
    assert only(apart).notes[0].startswith("No rank: no system was scored on all of the 2 tracks")


def test_opposite_signs_are_said_in_words(make: Any) -> None:
    use = load_protocol("mdx21").metrics[0]
    medians = msgspec.structs.replace(
        load_protocol("mdx21"),
        metrics=(msgspec.structs.replace(use, reduce=Reduce(frames="median", tracks="median")),),
    )
    first, second = [1, 2, 4.75, 5, 8, 9, 10], [2.5, 3.5, 4.5, 4.875, 9.5, 10.5, 11.5]
    runs = [
        make(n, {f"t{i}": dict.fromkeys(STEMS, float(v)) for i, v in enumerate(values)}, protocol=medians)
        for n, values in (("a", first), ("b", second))
    ]
    found = compare(runs, [Column("4-stems", "vocals", "uSDR")], FEW)[0]
    text = comparison_text(found, runs[0].record)
    assert (
        "a and b +0.12 of medians, −1.50 paired (plain median −1.50), p 0.062." in text
    )  # 8 of 128 draws of signs
    (pair,) = comparison_plain(found)["pairs"]
    assert pair["signs_differ"] is True
    assert pair["typical"] == {"value": -1.5, "median": -1.5, "low": -1.5, "high": 0.125}
