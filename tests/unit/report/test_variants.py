"""Boards of variants, from runs whose scores are known."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from svbench.errors import DataError
from svbench.report.layouts.default import paper_table
from svbench.report.pages.site import write_report
from svbench.report.text.terminal import print_leaderboard
from svbench.report.view.variants import probed_groups, variant_boards
from svbench.results.record import Quantity
from svbench.results.scores import series, without_value
from svbench.results.store import Run
from svbench.specs.protocol import MetricUse
from svbench.specs.report import load_report

MakeRun = Callable[..., Run]
STEMS = ("vocals", "drums", "bass", "other")
BEFORE = {"a": 5.0, "b": 7.0, "c": 9.0}
AFTER = {"a": 4.0, "b": 6.0, "c": 5.0}


@pytest.fixture
def varied(make: MakeRun) -> Any:
    """Make a run of a variant: one score per track for all stems."""

    def run(system: str, variant: str, scores: dict[str, float], **changes: Any) -> Run:
        done = make(
            system, {t: dict.fromkeys(STEMS, v) for t, v in scores.items()}, data_tracks=tuple(BEFORE)
        )
        data = msgspec.structs.replace(
            done.record.data, digest=f"{variant:x<64}", variant=variant, variants=("original", "loud", "odd"),
            **changes,
        )  # fmt: skip
        return Run(
            Path(f"{done.path}-{variant}"), msgspec.structs.replace(done.record, data=data), done.results
        )

    return run


@pytest.fixture
def pair(varied: Any) -> list[Run]:
    return [varied("net", "original", BEFORE), varied("net", "loud", AFTER)]


def test_a_change_is_paired_and_has_an_interval(pair: list[Run]) -> None:
    board = variant_boards(pair)[0]
    cells = board.rows[0][1]
    assert cells["original"].change is None
    change = cells["loud"].change
    assert change is not None
    assert (change.value, change.n_tracks) == (pytest.approx(-2), 3)
    # The t interval of −1, −1, −4: the mean −2, its standard error 1, and 4.303 for two degrees of freedom.
    assert (change.low, change.high) == (pytest.approx(-6.303, abs=0.001), pytest.approx(2.303, abs=0.001))


def test_only_tracks_with_both_values_are_compared(varied: Any) -> None:
    runs = [varied("net", "original", BEFORE), varied("net", "loud", {"a": 4.0, "b": 6.0})]
    cell = variant_boards(runs)[0].rows[0][1]["loud"]
    assert cell.summary.score == 5.0
    assert cell.change is not None
    assert (cell.change.value, cell.change.n_tracks) == (pytest.approx(-1), 2)
    text = paper_table(runs)
    assert "| net | 7.00 [5.00, 9.00] | 5.00 Δ −1.00 [−1.00, −1.00] | not run |" in text
    assert "Values on fewer than 3 tracks: loud 2." in text
    assert "net was not run on odd." in text


def test_a_note_names_a_system_with_fewer_tracks(pair: list[Run], varied: Any) -> None:
    fewer = [varied("poor", "original", BEFORE), varied("poor", "loud", {"a": 4.0})]
    text = paper_table([*pair, *fewer])
    assert "poor has fewer tracks than others: loud 1." in text
    assert "| poor | 7.00 [5.00, 9.00] | 4.00 Δ −1.00 | not run |" in text


def test_without_the_original_there_is_no_change(pair: list[Run]) -> None:
    text = paper_table(pair[1:])
    assert "| net | not run | 5.00 | not run |" in text
    assert "Δ" not in text


def test_every_table_lists_what_was_left_out(varied: Any) -> None:
    everywhere = [
        varied("net", v, BEFORE, left_out=(f"{v}: horns: x.m4a not used",)) for v in ("original", "loud")
    ]
    assert "Left out: horns: x.m4a not used." in paper_table(everywhere)
    there = [varied("net", "original", BEFORE), varied("net", "loud", BEFORE, left_out=("loud: too short",))]
    assert "Left out of loud: too short." in paper_table(there)


def test_five_formats_hold_the_same(pair: list[Run]) -> None:
    rows = list(csv.DictReader(io.StringIO(paper_table(pair, format="csv"))))
    vocals = next(r for r in rows if (r["target"], r["variant"]) == ("vocals", "loud"))
    assert (float(vocals["score"]), float(vocals["change"]), vocals["n_tracks"]) == (5.0, -2.0, "3")
    plain = json.loads(paper_table(pair, format="json"))
    assert [str(r["score"]) for r in plain] == [r["score"] for r in rows]
    latex = paper_table(pair, format="latex")
    assert "| net | 7.00 | 5.00 Δ −2.00 | not run |" in paper_table(pair, intervals=False)
    assert "interval" not in paper_table(pair, intervals=False)
    assert r"net & 7.00 [5.00, 9.00] & 5.00 $\Delta$ $-$2.00 [$-$6.30, +2.30]" in latex
    assert '<th scope="row">net</th><td>7.00 [5.00, 9.00]</td>' in paper_table(pair, format="html")
    with pytest.raises(DataError, match="no quantity 'SAR' in these runs; there are uSDR"):
        paper_table(pair, metrics=["SAR"])
    with pytest.raises(DataError, match="no target set 'x' in these runs"):
        paper_table(pair, target_set="x")


def test_leaks_are_marked(pair: list[Run], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    leaky = []
    for run in pair:
        system = msgspec.structs.replace(run.record.system, training_data=("set",))
        leaky.append(Run(run.path, msgspec.structs.replace(run.record, system=system), run.results))
    text = paper_table(leaky)
    assert "| net 🔴 leak | 7.00 [5.00, 9.00] |" in text
    assert "leak: net was trained on set, which holds 3 of the 3 tracks." in text
    print_leaderboard(leaky)
    printed = capsys.readouterr().out
    assert "net leak" in printed
    assert "was trained on set" in printed
    index = write_report(leaky, load_report("default"), tmp_path / "out")
    assert 'class="badge leak"' in index.read_text(encoding="utf-8")


def test_other_protocols_and_tracks_are_other_groups(pair: list[Run], varied: Any, make: MakeRun) -> None:
    plain = make("net", {"a": dict.fromkeys(STEMS, 1.0)})
    other = varied("net", "original", BEFORE, id="other")
    assert [len(g) for g in probed_groups([*pair, plain, other])] == [2, 1]


def test_failed_tracks_are_listed_and_counted(pair: list[Run], varied: Any) -> None:
    lost = varied("net", "odd", {"a": 5.0, "b": 5.0})
    lost = Run(lost.path, lost.record, (*lost.results, msgspec.structs.replace(
        pair[0].results[2], status="failed", reason="x", series=(), resources=None)))  # fmt: skip
    assert "Tracks on which net failed: odd 1." in paper_table([*pair, lost])
    rows = csv.DictReader(io.StringIO(paper_table([*pair, lost], format="csv")))
    assert {r["variant"]: r["n_failed"] for r in rows} == {"original": "0", "loud": "0", "odd": "1"}


def test_a_variant_with_nothing_in_it_proves_nothing(pair: list[Run]) -> None:
    def measured(run: Run, values: dict[str, float]) -> Run:
        quantity = Quantity(name="pattern", unit="dB", higher_is_better=False, metric="insertion")
        use = MetricUse(id="insertion", reduce=run.record.protocol.metrics[0].reduce)
        protocol = msgspec.structs.replace(run.record.protocol, metrics=(*run.record.protocol.metrics, use))
        record = msgspec.structs.replace(
            run.record, protocol=protocol, quantities=(*run.record.quantities, quantity)
        )
        results = [
            msgspec.structs.replace(
                r,
                series=(
                    *r.series,
                    *(
                        series("4-stems", t, "pattern", [0.0], [1.0], [values[r.track]])
                        if r.track in values
                        else without_value("4-stems", t, "pattern", 1.0, "undefined")
                        for t in STEMS
                    ),
                ),
            )
            for r in run.results
        ]
        return Run(run.path, record, tuple(results))

    original, loud = pair
    odd = Run(
        original.path,
        msgspec.structs.replace(
            original.record,
            data=msgspec.structs.replace(original.record.data, variant="odd", digest="o" * 64),
        ),
        original.results,
    )
    text = paper_table([measured(original, {}), measured(loud, {"a": -3.0}), measured(odd, {})])
    assert "| net | 7.00 [5.00, 9.00] | 5.00 Δ −2.00 [−6.30, +2.30] | no clips |" in text
    assert "Tracks with clips, of 3: loud 1, odd 0;" in text
