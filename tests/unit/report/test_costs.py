"""Score and cost side by side, as made by hand."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from svbench.errors import DataError
from svbench.report.layouts.costs import cost_of, cost_table
from svbench.report.pages.site import write_report
from svbench.results.scores import Resources
from svbench.results.store import Run
from svbench.specs.report import load_report

STEMS = dict.fromkeys(("vocals", "drums", "bass", "other"), 3.0)


def priced(run: Run, *uses: Resources) -> Run:
    results = tuple(msgspec.structs.replace(r, resources=u) for r, u in zip(run.results, uses, strict=True))
    return msgspec.structs.replace(run, results=results)


def use(rtf: float, memory: int, size: int | None) -> Resources:
    return Resources(
        load_s=0.5, wall_s=10 * rtf, cpu_s=20 * rtf, peak_rss_bytes=memory, rtf=rtf, weights_bytes=size
    )


@pytest.fixture
def pair(make: Any) -> list[Run]:
    """A network with and without 8-bit weights, and a baseline without any weights."""
    one, two = make("net", {"a": STEMS, "b": STEMS, "c": STEMS}), make("net-int8", {"a": STEMS, "b": STEMS})
    two = msgspec.structs.replace(two, record=msgspec.structs.replace(two.record, data=one.record.data))
    return [
        priced(
            one, use(0.1, 10**9, 44_500_000), use(0.2, 2 * 10**9, 44_500_000), use(0.9, 10**9, 44_500_000)
        ),
        priced(two, use(0.125, 5 * 10**8, 1_250_000), use(0.125, 5 * 10**8, 1_250_000)),
        make("floor", {"a": STEMS, "b": STEMS, "c": STEMS}, kind="baseline"),
    ]


def test_medians_over_tracks_and_the_largest_memory(pair: list[Run]) -> None:
    cost = cost_of(pair[0])
    assert cost is not None
    assert (cost.rtf, cost.peak_rss_bytes, cost.weights_bytes) == (0.2, 2 * 10**9, 44_500_000)
    assert cost.cpu_rate == pytest.approx(20 * 1.2 / 30)


def test_markdown_shows_both_side_by_side(pair: list[Run]) -> None:
    lines = cost_table(pair).splitlines()
    assert (
        lines[0] == "| system | uSDR mean | tracks | on disk | real-time factor | × real time | peak memory |"
    )
    assert lines[2:5] == [
        "| net | 3.00 [3.00, 3.00] | 3 of 3 | 44 MB | 0.200 | 5 × | 2000 MB |",
        "| net-int8 | 3.00 [3.00, 3.00] | 2 of 3 | 1.25 MB | 0.125 | 8 × | 500 MB |",
        "| floor (baseline) | 3.00 [3.00, 3.00] | 3 of 3 | – | 0.200 | 5 × | 123 MB |",
    ]
    assert "uSDR in dB, mdx21" in lines[-1]


def test_the_score_is_that_of_the_targets_most_systems_give(make: Any) -> None:
    sung = {"vocals": 3.0, "accompaniment": 5.0}
    two = [make(name, {"a": sung, "b": sung}, target_set="vocals-accompaniment") for name in ("one", "two")]
    four = make("four", {"a": STEMS, "b": STEMS})
    rows = {line.split(" | ")[0]: line.split(" | ")[1] for line in cost_table([*two, four]).splitlines()[2:5]}
    assert rows == {"| one": "4.00 [4.00, 4.00]", "| two": "4.00 [4.00, 4.00]", "| four": "–"}


def test_csv_and_json_hold_unrounded_numbers(pair: list[Run]) -> None:
    rows = list(csv.DictReader(io.StringIO(cost_table(pair, format="csv"))))
    assert [r["weights_bytes"] for r in rows] == ["44500000", "1250000", ""]
    plain = json.loads(cost_table(pair, format="json"))
    assert plain["score"] == "uSDR mean"
    assert plain["rows"][1]["peak_rss_bytes"] == 500_000_000
    assert plain["rows"][2]["weights_bytes"] is None


def test_leaks_defects_and_failures_stand_in_the_table(make: Any) -> None:
    defective = "Al James - Schoolboy Facination"
    run = make(
        "net", {"PR - Happy Daze": STEMS, defective: STEMS | {"vocals": 9.0}}, failed={"PR - Oh No": "x"}
    )
    data = msgspec.structs.replace(run.record.data, id="musdb18-hq", manifest="gone/manifest.toml")
    system = msgspec.structs.replace(run.record.system, training_data=("musdb18/test",))
    run = Run(run.path, msgspec.structs.replace(run.record, data=data, system=system), run.results)
    text = cost_table([run])
    assert "| net 🔴 leak | 3.75 (3.00) [3.00, 4.50] | 2 of 3 |" in text
    assert "Tracks that failed: net 1 of 3." in text
    (row,) = csv.DictReader(io.StringIO(cost_table([run], format="csv")))
    assert (row["n_tracks"], row["n_failed"], row["n_leaked_tracks"]) == ("2", "1", "3")
    assert (row["score"], row["score_without_errata"]) == ("3.75", "3.0")


def test_report_shows_both_side_by_side(pair: list[Run], tmp_path: Path) -> None:
    text = write_report(pair, load_report("default"), tmp_path).read_text(encoding="utf-8")
    table = text[text.index('-resources"') :]
    order = [table.index(t) for t in ("uSDR mean", "peak memory", "44 MB", "2000 MB", "1.25 MB", "500 MB")]
    assert order == sorted(order)


def test_a_run_without_resources_has_no_row(pair: list[Run]) -> None:
    bare = msgspec.structs.replace(
        pair[0], results=tuple(msgspec.structs.replace(r, resources=None) for r in pair[0].results)
    )
    assert cost_of(bare) is None
    assert "| net |" not in cost_table([bare, *pair[1:]])
    assert json.loads(cost_table([bare], format="json"))["rows"] == []


def test_what_cannot_be_tabled(pair: list[Run]) -> None:
    with pytest.raises(DataError, match="markdown, csv or json, not as latex"):
        cost_table(pair, format="latex")
    other = msgspec.structs.replace(
        pair[1], record=msgspec.structs.replace(pair[1].record, protocol_digest="e" * 64)
    )
    with pytest.raises(DataError, match="hold 2 combinations"):
        cost_table([pair[0], other])


def test_runs_that_have_not_begun(make: Any, tmp_path: Path) -> None:
    run = make("net", {}, data_tracks=("a",))
    assert "| system |" in cost_table([run])
    write_report([run], load_report("default"), tmp_path)
