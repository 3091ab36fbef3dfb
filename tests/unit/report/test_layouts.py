"""Tables by layout, from runs whose scores are known."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from svbench.errors import DataError
from svbench.report.layouts.grid import Ties
from svbench.report.layouts.table import layout_table
from svbench.results.aggregate import entering_values
from svbench.results.store import Run
from svbench.specs.protocol import load_protocol
from svbench.specs.report import Published, QuotedRow, load_layout
from svbench.statistics.pairs import paired_difference
from svbench.statistics.track_values import Column

STEMS = ("vocals", "drums", "bass", "other")
FORMATS = ("markdown", "csv", "latex", "html", "json")
TRACKS = tuple(f"t{i:02}" for i in range(12))
NOISE = np.random.default_rng(3).normal(0, 1, len(TRACKS))


def even(value: float) -> dict[str, float]:
    return dict.fromkeys(STEMS, value)


def laid_out(runs: list[Run], layout: str = "challenge", **options: Any) -> str:
    spec, table, _ = load_layout(layout)
    return layout_table(runs, spec, table, **options)


@pytest.fixture
def four(make: Any) -> list[Run]:
    """The best, one as good but for chance, one always 0.5 dB below the best, and an oracle."""
    best = {t: even(6 + i % 3) for i, t in enumerate(TRACKS)}
    near = {
        t: even(6 + i % 3 - 0.05 + n)
        for i, (t, n) in enumerate(zip(TRACKS, NOISE - NOISE.mean(), strict=True))
    }
    below = {t: even(5.5 + i % 3) for i, t in enumerate(TRACKS)}
    return [
        make("below", below),
        make("near", near),
        make("best", best),
        make("ideal", {t: even(20) for t in TRACKS}, kind="oracle"),
    ]


def test_best_second_and_ties_with_the_best(four: list[Run]) -> None:
    lines = laid_out(four).splitlines()
    assert (
        lines[0]
        == "| system | Runnable? | parameters | SDR vocals | SDR drums | SDR bass | SDR other | SDR Avg |"
    )
    assert lines[2] == f"| best | – | – |{' **7.000** |' * 5}"
    assert lines[3] == f"| near | – | – |{' <ins>6.950</ins>† |' * 5}"
    assert lines[4] == f"| below | – | – |{' 6.500 |' * 5}"  # less than half a dB, but on every track
    assert lines[5] == f"| ideal (oracle) | – | – |{' 20.000 |' * 5}"
    note = lines[-1]
    assert f"Protocol mdx21 version 1 (digest {four[0].record.protocol_digest[:8]})" in note
    assert "uSDR in dB, mean/mean (mean over frames, mean over tracks)" in note
    assert "set 1, n = 12 tracks." in note
    assert "Frames dropped (uSDR): 0 of 48." in note
    assert "† not significantly different from the best" in note
    assert "Oracles see the references and are not ranked." in note


def test_ties_agree_with_the_interval_of_the_paired_difference(make: Any) -> None:
    draw = np.random.default_rng(5)
    first = make("first", {t: even(float(v)) for t, v in zip(TRACKS, draw.normal(7, 2, 12), strict=True)})
    seen = set()
    for shift in np.linspace(-1.5, 0.5, 9):
        scores = {
            r.track: even(float(r.series[0].score[0] + shift + draw.normal(0, 1))) for r in first.results
        }
        other = make("other", scores)
        name = ("4-stems", "vocals", "uSDR")
        values = [list(entering_values(r, *name).values()) for r in (first, other)]
        known = paired_difference(*values, "mean")
        assert known is not None
        assert known.low is not None
        assert known.high is not None
        tied = Ties().is_tied(first, other, Column("4-stems", "vocals", "uSDR"))
        assert tied == (known.low <= 0 <= known.high)
        seen.add(tied)
    assert seen == {True, False}


def test_a_single_track_tells_nothing_of_chance(make: Any) -> None:
    text = laid_out(
        [make("one", {"a": even(5)}), make("two", {"a": even(5)}), make("low", {"a": even(4.99)})]
    )
    assert "†" not in text
    assert "n = 1 track. One track has no interval" in text
    assert text.count("**5.000**") == 10  # two are best


def test_fewer_tracks_failures_and_infinite_numbers_are_never_best(make: Any) -> None:
    runs = [
        make("whole", {"a": even(1), "b": even(1)}),
        make("other", {"a": even(0), "b": even(0)}),
        make("broken", {"a": even(9)}, failed={"b": "out of memory"}, data_tracks=("a", "b")),
        make("late", {"a": even(9)}, data_tracks=("a", "b")),
        make("mixed", {"a": even(150), "b": even(150)}),
    ]
    text = laid_out(runs)
    assert "| whole | – | – |" + " **1.000** |" * 5 in text
    assert "**9" not in text
    assert "**150" not in text
    assert "broken lacks b (failed: out of memory)." in text
    assert "late lacks b (not run)." in text


def test_no_defined_score_at_all(make: Any) -> None:
    text = laid_out([make("none", {}, failed={"a": "crashed"})])
    assert f"| none | – | – |{' failed |' * 5}" in text
    assert "**" not in text
    for format in FORMATS:
        assert laid_out([make("none", {}, failed={"a": "crashed"})], format=format)


def test_quoted_rows_stand_below_in_grey_and_are_never_ranked(four: list[Run]) -> None:
    quoted = [
        Published(
            schema=1, id="q", title="t",
            rows=(
                QuotedRow(system="Wonder", source="Doe 2030", rule="mdx21", data="hidden",
                          scores={"SDR": {"vocals": 99.0, "mean": 98.7654}}, facts={"parameters": "1 M"}),
                QuotedRow(system="Marvel", source="Doe 2030", rule="mdx21", data="hidden"),
                QuotedRow(system="Other", source="Roe 2031", rule="mdx21", data="set"),
            ),
        )
    ]  # fmt: skip
    with_them, without = (laid_out(four, published=p) for p in (quoted, ()))
    assert with_them.splitlines()[:6] == without.splitlines()[:6]
    lines = with_them.splitlines()
    assert lines[6] == r"| *Wonder* \[1\] | *–* | *1 M* | *99.000* | *–* | *–* | *–* | *98.765* |"
    assert lines[7].startswith(r"| *Marvel* \[1\] |")
    assert lines[8].startswith(r"| *Other* \[2\] |")
    assert (
        r"In italics: quoted, not measured here, and never ranked: \[1\] Doe 2030 (mdx21; hidden); \[2\] Roe"
        in with_them
    )
    assert "The quoted rows were measured on hidden, the others on set: they cannot be compared." in with_them
    text = laid_out(four, format="latex", published=quoted)
    assert (
        r"\textcolor{gray}{Wonder [1]} & \textcolor{gray}{--} & \textcolor{gray}{1 M} & {\textcolor{gray}{$99.000$}"
        in text
    )
    rows = json.loads(laid_out(four, format="json", published=quoted))["tables"][0]["rows"]
    wonder = next(r for r in rows if r["system"] == "Wonder")
    assert (wonder["kind"], wonder["quoted"]) == ("quoted", "1")
    assert not any(c["best"] or c["second"] or c["tied"] for c in wonder["cells"])


def test_a_quoted_number_is_found_by_target_or_quantity() -> None:
    row = QuotedRow(
        system="s", source="p", rule="r", data="d",
        scores={"cSDR": {"vocals": 1.0}, "vocals": {"SIR": 2.0}, "stems": {"SIR": {"bass": 3.0}}},
    )  # fmt: skip
    assert row.score("cSDR", "SDR", "vocals") == 1.0
    assert row.score("vocals", "SIR", "vocals") == 2.0
    assert row.score("stems", "SIR", "bass") == 3.0
    assert [
        row.score(*n) for n in (("stems", "SIR", "drums"), ("vocals", "SDR", "vocals"), ("x", "y", "z"))
    ] == [None] * 3


def test_two_protocols_side_by_side_each_in_its_columns(make: Any) -> None:
    def run(system: str, protocol: str, value: float) -> Run:
        made = make(system, {t: even(value) for t in TRACKS}, protocol=load_protocol(protocol))
        name = {"dttnet-csdr": "SDR", "dttnet-usdr": "uSDR"}[protocol]
        results = tuple(
            msgspec.structs.replace(
                r, series=tuple(msgspec.structs.replace(s, metric=name) for s in r.series)
            )
            for r in made.results
        )
        metric = {"SDR": "complement-sdr", "uSDR": "sdr"}[name]
        quantity = msgspec.structs.replace(made.record.quantities[0], name=name, metric=metric)
        record = msgspec.structs.replace(made.record, quantities=(quantity,))
        return Run(made.path, record, results)

    runs = [run("one", "dttnet-csdr", 5), run("one", "dttnet-usdr", 4), run("two", "dttnet-csdr", 6)]
    lines = laid_out(runs, "csdr-usdr").splitlines()
    assert lines[2] == f"| two |{' **6.00** |' * 5}{' not run |' * 5} – |"
    assert lines[3] == f"| one |{' <ins>5.00</ins> |' * 5}{' 4.00 |' * 5} – |"
    assert "Protocol dttnet-csdr" in lines[-1]
    assert "Protocol dttnet-usdr" in lines[-1]
    assert "pooled median" in lines[-1]
    only = laid_out(runs[:1], "csdr-usdr")
    assert "uSDR" not in only.splitlines()[0]
    assert "Not run, so not shown: uSDR (dttnet-usdr)." in only


def test_signs_turn_where_lower_is_better(make: Any) -> None:
    svc = load_protocol("svc-stereo")
    from svbench.scoring.bound import bind

    def run(system: str, value: float) -> Run:
        made = make(system, {t: {"vocals": value, "accompaniment": value} for t in TRACKS}, protocol=svc)
        quantities = bind(svc).quantities
        results = tuple(
            msgspec.structs.replace(
                r,
                series=tuple(msgspec.structs.replace(s, metric=q.name) for s in r.series for q in quantities),
            )
            for r in made.results
        )
        return Run(made.path, msgspec.structs.replace(made.record, quantities=quantities), results)

    lines = laid_out([run("even", 1.0), run("odd", 3.0)], "stereo").splitlines()
    assert "vocals SSA ↓ | vocals SSA track ↓ | vocals SI-SDR\\_left |" in lines[0]
    assert lines[2].startswith("| even | **1.00** | **1.00** | <ins>1.00</ins> |")
    assert lines[3].startswith("| odd | <ins>3.00</ins> | <ins>3.00</ins> | **3.00** |")


def test_patterns_are_rows_and_systems_compared_within_each(make: Any) -> None:
    names = ("original", "siren", "horns")
    generalisation = load_protocol("generalisation")

    def run(system: str, variant: str, value: float, kind: str = "system") -> Run:
        made = make(system, {t: {"vocals": value} for t in TRACKS}, protocol=generalisation, kind=kind)
        data = msgspec.structs.replace(
            made.record.data, variant=variant, variants=names, digest=f"{variant:x<64}"
        )
        return Run(
            Path(f"{made.path}-{variant}"), msgspec.structs.replace(made.record, data=data), made.results
        )

    runs = [
        run("one", "original", 7), run("two", "original", 6), run("ideal", "original", 20, "oracle"),
        run("one", "siren", 1), run("two", "siren", 5),
    ]  # fmt: skip
    lines = laid_out(runs, "patterns").splitlines()
    assert lines[0] == "| pattern | one | two | ideal (oracle) |"
    assert lines[2] == "| original | **7.00** | <ins>6.00</ins> | 20.00 |"
    assert lines[3] == "| siren | <ins>1.00</ins> | **5.00** | not run |"
    assert lines[4] == "| horns | not run | not run | not run |"
    assert "Frames dropped (uSDR): 0 of 12." in lines[-1]
    with pytest.raises(DataError, match="both runs of 'one' on the same protocol and data"):
        laid_out([*runs, run("one", "original", 3)], "patterns")
    with pytest.raises(DataError, match="layout patterns needs runs of generalisation or generalisation-nvc"):
        laid_out([make("net", {"a": even(1)})], "patterns")


def test_over_the_budget_has_a_verdict_and_no_scores(make: Any) -> None:
    sdx23 = load_protocol("sdx23")
    within = make("within", {"a": even(3), "b": even(3)}, protocol=sdx23)
    beyond = make("beyond", {"a": even(9)}, failed={"b": "over"}, data_tracks=("a", "b"), protocol=sdx23)
    last = msgspec.structs.replace(beyond.results[1], over_budget="memory: 17.2 GB of 16 GB")
    text = laid_out([within, msgspec.structs.replace(beyond, results=(beyond.results[0], last))])
    assert "| within | yes | – | 3.000 |" in text
    assert f"| beyond | no (memory: 17.2 GB of 16 GB) | – |{' failed |' * 5}" in text
    assert "beyond broke the budget (memory: 17.2 GB of 16 GB): no scores." in text


def test_costs_stand_beside_the_mean(make: Any) -> None:
    lines = laid_out([make("net", {"a": even(3), "b": even(4)})], "resources").splitlines()
    assert lines[2] == "| net | 3.50 [3.00, 4.00] | – | – | – | 0.500 s | 0.200 | 123 MB |"
    assert "Times and memory without a profile were measured during runs" in lines[-1]


def test_a_layout_has_intervals_where_it_says_so_or_where_they_are_wanted(four: list[Run]) -> None:
    bare = laid_out(four)
    assert "[" not in bare.splitlines()[2]
    text = laid_out(four, intervals=True)
    assert text.splitlines()[2] == f"| best | – | – |{' **7.000** [6.500, 7.500] |' * 5}"
    assert "In square brackets: 95 % intervals" in text
    rows = [r for r in csv.DictReader(io.StringIO(laid_out(four, format="csv"))) if r["row"] == "best"]
    assert {(round(float(r["low"]), 3), round(float(r["high"]), 3)) for r in rows if r["low"]} == {(6.5, 7.5)}
    assert laid_out(four, "resources", intervals=False).splitlines()[2].startswith("| best | **7.00** | – |")


def test_leaks_and_defects_are_marked(make: Any) -> None:
    tracks = ("Zeno - Signs", "Al James - Schoolboy Facination", "PR - Oh No")
    runs = []
    for name, value, training in (("clean", 5.0, ()), ("leaky", 9.0, ("dsd100",))):
        made = make(name, {t: even(value + i) for i, t in enumerate(tracks)})
        data = msgspec.structs.replace(made.record.data, id="musdb18-hq", version="1")
        system = msgspec.structs.replace(made.record.system, training_data=training)
        data = msgspec.structs.replace(data, manifest="gone/manifest.toml")
        runs.append(
            Run(made.path, msgspec.structs.replace(made.record, data=data, system=system), made.results)
        )
    text = laid_out(runs)
    assert "| leaky 🔴 leak | – | – | **10.000** (9.000) |" in text
    assert "leaky was trained on dsd100, which holds 2 of the 3 tracks" in text
    assert "In round brackets: without the" in text
    assert r"leaky \textcolor{red}{leak}" in laid_out(runs, format="latex")
    assert 'leaky <b style="color:#b00020">leak</b>' in laid_out(runs, format="html")


def test_csv_and_json_hold_unrounded_numbers(make: Any) -> None:
    runs = [make("net", {"a": even(1 / 3), "b": even(0)}), make("low", {"a": even(-1), "b": even(0)})]
    rows = list(csv.DictReader(io.StringIO(laid_out(runs, format="csv"))))
    (vocals,) = (r for r in rows if r["row"] == "net" and r["target"] == "vocals")
    assert (float(vocals["score"]), vocals["best"], vocals["protocol"]) == (1 / 6, "True", "mdx21")
    content = json.loads(laid_out(runs, format="json"))
    assert content["layout"] == "challenge"
    assert content["tables"][0]["rows"][0]["cells"][2]["score"] == 1 / 6
    assert content["tables"][0]["rows"][0]["cells"][2]["text"] == "0.167"


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_runs_give_the_same_bytes(four: list[Run], format: Any) -> None:
    assert laid_out(four, format=format) == laid_out(list(reversed(four)), format=format)


def test_html_is_a_real_table(four: list[Run]) -> None:
    text = laid_out(four, format="html")
    assert '<th scope="colgroup" colspan="5">SDR</th>' in text
    assert '<th scope="row">near</th><td>–</td><td>–</td><td><u>6.950</u><sup>†</sup></td>' in text
    assert text.count("<table>") == text.count("</table>") == 1
    for row in re.findall(r"<tr.*?>(.*?)</tr>", text)[1:]:
        assert len(re.findall(r"<t[hd]", row)) == 8


def test_markup_in_names_is_no_markup(make: Any) -> None:
    evil = "<script>alert(1)</script> | \\input{x} **b** 🎸"
    run = make("net", {evil: even(5)}, failed={f"{evil}2": evil})
    data = msgspec.structs.replace(run.record.data, id=evil, left_out=(evil,))
    run = msgspec.structs.replace(run, record=msgspec.structs.replace(run.record, data=data))
    quoted = [
        Published(
            schema=1, id="q", title="t", rows=(QuotedRow(system=evil, source=evil, rule=evil, data=evil),)
        )
    ]
    for format in ("markdown", "html"):
        text = laid_out([run], format=format, published=quoted)
        assert "<script>" not in text
        assert "🎸" in text
    lines = laid_out([run], published=quoted).splitlines()
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines[:4]} == {9}
    assert r"\input" not in laid_out([run], format="latex", published=quoted)
    assert r"U+1F3B8" in laid_out([run], format="latex", published=quoted)


def test_two_hundred_systems(make: Any) -> None:
    draw = np.random.default_rng(0)
    runs = [
        make(f"net-{i:03}", {t: {s: float(draw.normal(i / 50)) for s in STEMS} for t in TRACKS})
        for i in range(200)
    ]
    start = time.monotonic()
    text = laid_out(runs, format="latex")
    assert time.monotonic() - start < 30
    assert r"\begin{longtable}" in text
    assert text.count("net-") == 200


def test_refusals(make: Any) -> None:
    one = make("net", {"a": even(5)})
    with pytest.raises(
        DataError, match=r"layout sisec18-table needs runs of sisec18; these runs are of mdx21"
    ):
        laid_out([one], "sisec18-table")
    with pytest.raises(DataError, match=r"needs runs of .*; there are none"):
        laid_out([])
    with pytest.raises(
        DataError, match="both runs of 'net' on the same protocol and data; a table takes one"
    ):
        laid_out([one, make("net", {"a": even(5)})])
    other = make("flat", {"a": even(5)}, protocol=load_protocol("sdx23"))
    with pytest.raises(
        DataError, match=r"SDR of layout challenge take one protocol, these runs have mdx21 .*, sdx23"
    ):
        laid_out([one, other])
    moved = msgspec.structs.replace(make("flat", {"b": even(5)}).record.data, digest="e" * 64)
    elsewhere = make("flat", {"b": even(5)}, data=moved)
    with pytest.raises(
        DataError, match=r"2 sets of tracks: set 1 \(d+\), set 1 \(e+\); layout challenge takes one"
    ):
        laid_out([one, elsewhere])
    spec, table, _ = load_layout("challenge")
    group = msgspec.structs.replace(table.groups[0], targets=("guitar", "mean"))
    with pytest.raises(
        DataError, match="SDR of layout challenge are of guitar scored together; mdx21 has vocals"
    ):
        layout_table([one], spec, msgspec.structs.replace(table, groups=(group,)))
    group = msgspec.structs.replace(table.groups[0], metrics=("SAR",))
    with pytest.raises(DataError, match="layout challenge shows 'SAR'; mdx21 gives uSDR"):
        layout_table([one], spec, msgspec.structs.replace(table, groups=(group,)))


def sisec18(make: Any, system: str, pair: dict[str, float], stems: dict[str, float]) -> Run:
    """A run under sisec18: SDR of both target sets; None where the system does not give a set."""
    protocol = load_protocol("sisec18")
    made = make(system, {t: even(0) for t in TRACKS}, protocol=protocol)
    quantity = msgspec.structs.replace(made.record.quantities[0], name="SDR", metric="bss-eval-v4")
    record = msgspec.structs.replace(made.record, quantities=(quantity,))
    (vocals, *_) = made.results[0].series
    results = tuple(
        msgspec.structs.replace(
            r,
            series=tuple(
                msgspec.structs.replace(
                    vocals,
                    target_set=name,
                    target=t,
                    metric="SDR",
                    score=[v],
                    status=["unknown" if v is None else "ok"],
                )
                for name, scores in (("4-stems", stems), ("vocals-accompaniment", pair))
                for t, v in scores.items()
            ),
        )
        for r in made.results
    )
    return Run(made.path, record, results)


def test_a_row_of_sisec_2018_takes_vocals_from_their_pair_and_the_rest_from_four_stems(make: Any) -> None:
    unknown: Any = {"vocals": None, "drums": 7.0, "bass": 6.0, "other": 5.0}
    runs = [
        sisec18(make, "files", {"vocals": 6.6, "accompaniment": 12.8}, unknown),
        sisec18(make, "lab", {"vocals": 6.5, "accompaniment": 12.9}, even(4.5)),
        sisec18(make, "pair", {"vocals": 3.0, "accompaniment": 9.0}, {}),
    ]
    lines = laid_out(runs, "sisec18-paper").splitlines()
    assert lines[0] == "| system | vocals | accompaniment | drums | bass | other |"
    second = "<ins>{}</ins>"
    assert (
        lines[2] == "| files | **6.60** | " + second.format("12.80") + " | **7.00** | **6.00** | **5.00** |"
    )
    assert lines[3] == f"| lab | {second.format('6.50')} | **12.90** |" + f" {second.format('4.50')} |" * 3
    assert lines[4] == "| pair | 3.00 | 9.00 | not given | not given | not given |"
    note = "Scored in the target sets: vocals, accompaniment in vocals-accompaniment; drums, bass, other in 4-stems."
    assert note in lines[-1]
    for format in FORMATS:
        assert "12.8" in laid_out(runs, "sisec18-paper", format=format)


def test_a_table_names_who_lacks_tracks_that_others_were_scored_on(make: Any) -> None:
    runs = [
        make("one", {t: even(7) for t in TRACKS[:4]}, data_tracks=TRACKS),
        make("other", {t: even(6) for t in TRACKS[4:8]}, data_tracks=TRACKS),
    ]
    text = laid_out(runs)
    assert "**" not in text
    assert "<ins>" not in text
    columns = "SDR vocals, SDR drums, SDR bass, SDR other, SDR Avg"
    assert (
        "Neither best nor second, since not scored on all tracks that others in the column were scored on: "
        f"one ({columns}); other ({columns})."
    ) in text
    rows = json.loads(laid_out(runs, format="json"))["tables"][0]["rows"]
    assert all(cell["partial"] for row in rows for cell in row["cells"] if "score" in cell)
