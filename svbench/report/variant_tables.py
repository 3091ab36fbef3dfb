"""Boards of variants as tables: for the report, and as text in five formats."""

from __future__ import annotations

from svbench.report import numbers
from svbench.report.context import Cell, Row, Table
from svbench.report.variants import VariantBoard, VariantCell, change_text, shortfalls, told


def variant_table(board: VariantBoard, name: str) -> Table:
    """Build the report's table of one board; ``name`` becomes its id."""
    rows = []
    for system, found in board.rows:
        record = next(iter(found.values())).run.record
        cells = tuple(_variant_cell(found.get(v)) for v in board.variants)
        rows.append(Row(system, record.system.kind, cells, imported=record.imported))
    better = "Higher is better." if board.quantity.higher_is_better else "Lower is better."
    return Table(
        name,
        f"{board.quantity.name} of {board.target} on each variant",
        told(board),
        " ".join(
            [
                better,
                "Smaller: the change against the original over the tracks that have both, with its 95 % "
                "interval (paired bootstrap over tracks).",
                *shortfalls(board),
            ]
        ),
        ("system", *board.variants),
        tuple(rows),
    )


def _variant_cell(cell: VariantCell | None) -> Cell:
    if cell is None:
        return Cell("not run", None, muted=True)
    summary = cell.summary
    text = numbers.decibels(summary.score, summary.status)
    title = f"{summary.label}, {summary.n_tracks} of {summary.n_tracks_total} tracks"
    return Cell(text, summary.score, muted=summary.score is None, title=title, more=change_text(cell.change))
