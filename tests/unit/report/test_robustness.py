"""The robustness table on runs with known scores: changes, claims, and words where there is no number."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from svbench.report.layouts.default import paper_table
from svbench.report.view.robustness import (
    batteries,
    battery_head,
    battery_note,
    battery_rows,
    battery_table,
    claims,
)
from svbench.report.view.variants import variant_boards
from svbench.results.record import Quantity
from svbench.results.scores import series, without_value
from svbench.results.store import Run
from svbench.specs.protocol import load_protocol

PROTOCOL = load_protocol("robustness")
QUANTITIES = tuple(
    Quantity(name=n, unit="dB", higher_is_better=True, metric=m, against=a)  # type: ignore[arg-type]
    for n, m, a in (
        ("uSDR", "sdr", "references"), ("SI-SDR-eq", "si-sdr", "original"), ("uSDR-eq", "sdr", "original"),
    )
)  # fmt: skip
VARIANTS = ("original", "swap", "noise", "mp3-128")


def variant_run(
    make: Callable[..., Run],
    system: str,
    variant: str,
    expects: str,
    usdr: list[float],
    equal: list[float | None],
) -> Run:
    run = make(system, {f"t{i}": {"vocals": v} for i, v in enumerate(usdr)}, protocol=PROTOCOL)
    data = msgspec.structs.replace(run.record.data, variant=variant, variants=VARIANTS, expects=expects)
    results = [
        msgspec.structs.replace(
            result,
            series=(
                *result.series,
                *(
                    without_value("vocals", "vocals", q, 10.0, "failed")
                    if value is None
                    else series("vocals", "vocals", q, [0.0], [10.0], [value])
                    for q in ("SI-SDR-eq", "uSDR-eq")
                ),
            ),
        )
        for result, value in zip(run.results, equal, strict=True)
    ]
    record = msgspec.structs.replace(run.record, data=data, quantities=QUANTITIES)
    return msgspec.structs.replace(run, record=record, results=results)


INF = float("inf")


@pytest.fixture
def runs(make: Callable[..., Run]) -> list[Run]:
    return [
        variant_run(make, "bold", "original", "", [4.0, 6.0], [INF, INF]),
        variant_run(make, "bold", "swap", "equivariant", [3.0, 5.0], [20.0, 30.0]),
        variant_run(make, "bold", "noise", "degraded", [3.0, 6.0], [None, None]),
        variant_run(make, "calm", "original", "", [1.0, 2.0], [INF, INF]),
        variant_run(make, "calm", "swap", "equivariant", [1.0, 2.0], [INF, 150.0]),
    ]


def test_changes_and_equivariance_are_side_by_side(runs: list[Run]) -> None:
    (battery,) = batteries(variant_boards(runs))
    assert battery_head(battery) == [
        "variant", "should be", "bold: uSDR", "bold: SI-SDR-eq", "calm: uSDR", "calm: SI-SDR-eq",
    ]  # fmt: skip
    assert battery_rows(battery) == [
        ["original", "", "5.00 [4.00, 6.00]", "–", "1.50 [1.00, 2.00]", "–"],
        ["swap", "equivariant", "Δ −1.00 [−1.00, −1.00]", "25.00", "Δ 0.00 [0.00, 0.00]", "exact"],
        ["noise", "degraded", "Δ −0.50 [−6.85, +5.85]", "failed", "not run", "not run"],
        ["mp3-128", "", "not run", "not run", "not run", "not run"],
    ]
    note = battery_note(battery)
    assert "bold was not run on mp3-128." in note
    assert "calm was not run on noise, mp3-128." in note
    assert "Second: SI-SDR-eq of vocals in dB" in note
    table = battery_table(battery, "t")
    assert [row.name for row in table.rows] == list(VARIANTS)
    assert {len(row.cells) + 1 for row in table.rows} == {len(table.head)}
    swap = table.rows[1].cells
    assert (swap[1].text, swap[1].sort, swap[1].more) == ("Δ −1.00", -1.0, ("[−1.00, −1.00]",))


def test_quantities_by_name_have_systems_in_columns(runs: list[Run]) -> None:
    text = paper_table(runs, metrics=["uSDR-eq"])
    assert text.splitlines()[0] == "| variant | bold | calm |"
    assert "| noise | failed | not run |" in text
    assert "| variant | should be |" in paper_table(runs)


def test_variants_without_claims_have_no_battery(make: Callable[..., Run]) -> None:
    silent = [variant_run(make, "bold", v, "", [1.0, 2.0], [1.0, 1.0]) for v in ("original", "swap")]
    boards = variant_boards(silent)
    assert batteries(boards) == []
    assert claims(boards[0]) == {}
    assert paper_table(silent).startswith("| system | original |")


@pytest.mark.parametrize("format", ["latex", "html", "json", "csv"])
def test_other_formats(format: str, runs: list[Run]) -> None:
    text = paper_table(runs, format=format)  # type: ignore[arg-type]
    assert "equivariant" in text
