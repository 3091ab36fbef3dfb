"""Every writer prints the same bytes as the stored files in tests/data/tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from svbench.listening.report.table import Column, Table
from svbench.tables.html import html_tables
from svbench.tables.latex import latex
from svbench.tables.markdown import markdown
from svbench.tables.model import Grid, GridCell, GridColumn, GridRow, text_grid
from svbench.tables.records import grids_csv, grids_json

STORED = Path(__file__).parents[2] / "data" / "tables"
NOTES = ["Bold: best.", "[1] A & B, 50 %."]
WRITERS: dict[str, Callable[[Sequence[Grid], Sequence[str]], str]] = {
    "tex": latex,
    "md": markdown,
    "html": html_tables,
    "csv": lambda grids, _: grids_csv(grids),
    "json": lambda grids, notes: grids_json(grids, notes, "demo"),
}


def number(text: str, **marks: Any) -> GridCell:
    return GridCell(text, True, detail={"score": float(text.replace("−", "-")), "status": "ok"}, **marks)


def grid(title: str, repeats: int = 1) -> Grid:
    """Make a table with every mark, names that look like markup, and a quoted row."""
    columns = (
        GridColumn("", "Runnable?", "text"),
        GridColumn("vocals", "SDR"),
        GridColumn("vocals", "SIR ↓"),
        GridColumn("mean", "SDR"),
    )
    best = number("−1.25", best=True, extra=" (−1.20)", interval="[−2.00, 0.50]")
    not_run = GridCell("not run", detail={"status": "not run"})
    rows = (
        GridRow(
            "a_b | <i>",
            "system",
            (GridCell("yes"), best, number("10.00", second=True), number("3.10", tied=True)),
        ),
        GridRow(
            "leaky #1 @x (imported)",
            "system",
            (GridCell("–"), number("0.50", second=True, interval="[0.10, ∞]"), number("9.00"), not_run),
            True,
            True,
        ),
        GridRow(
            "few",
            "baseline",
            (
                GridCell("no: 3 GB"),
                number("0.10", partial=True),
                number("−9.00", tied=True, extra=" (1.00)"),
                number("1.00"),
            ),
        ),
        GridRow(
            "Paper (2020)",
            "quoted",
            (GridCell("?", measured=True), number("7.70"), GridCell("–"), number("8.00")),
            quoted="1",
        ),
    )
    return Grid(title, "system", columns, rows * repeats)


GRIDS = {"scores": [grid("A table")], "two": [grid("First $"), grid("Second")], "long": [grid("Long", 11)]}


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("name", GRIDS)
def test_scores(name: str, suffix: str) -> None:
    stored = (STORED / f"{name}.{suffix}").read_text(encoding="utf-8")
    assert WRITERS[suffix](GRIDS[name], NOTES) == stored


@pytest.mark.parametrize("suffix", ["tex", "md", "html"])
def test_ready_texts(suffix: str) -> None:
    rows = [["x|y", "−1.0", "12 %"], ["<z>", "–", "[−0.5, 1.0]"]]
    table = text_grid("Costs", ["system", "on disk", "a_b"], rows)
    stored = (STORED / f"plain.{suffix}").read_text(encoding="utf-8")
    assert WRITERS[suffix]([table], ["n = 1 & more."]) == stored


def test_values() -> None:
    columns = (
        Column("q", "question", "prose"),
        Column("a", "answer"),
        Column("n", "n", "count"),
        Column("m", "mean", "one"),
        Column("p", "p (Holm)", "p"),
        Column("s", "share", "percent"),
    )
    rows = (("How_old?", "=1+1", 3, -1.25, 0.0004, 0.25), ("b", "", None, float("nan"), 0.5, 1.0))
    table = Table("answers", "Questionnaire", "Of complete sessions; 5 %.", columns, rows)
    assert table.latex() == (STORED / "values.tex").read_text(encoding="utf-8")
    assert table.csv() == (STORED / "values.csv").read_text(encoding="utf-8")
