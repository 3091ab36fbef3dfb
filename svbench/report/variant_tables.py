"""Boards of variants as tables: for the report, and as text in five formats."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from svbench.errors import DataError
from svbench.report import numbers
from svbench.report.context import Cell, Row, Table
from svbench.report.plain import Format, text_table
from svbench.report.variants import VariantBoard, VariantCell, change_lines, shortfalls, told, variant_boards
from svbench.results.store import Run


def variant_table(board: VariantBoard, name: str) -> Table:
    """Build the report's table of one board; ``name`` becomes its id."""
    rows = []
    for system, found in board.rows:
        record = next(iter(found.values())).run.record
        cells = tuple(_variant_cell(found.get(v)) for v in board.variants)
        rows.append(Row(system, record.system.kind, cells, imported=record.imported))
    return Table(
        name,
        f"{board.quantity.name} of {board.target} on each variant",
        told(board),
        " ".join(
            [
                _better(board),
                "Smaller: the change against the original over the tracks that have both, with its 95 % "
                "interval (paired bootstrap over tracks).",
                *shortfalls(board),
            ]
        ),
        ("system", *board.variants),
        tuple(rows),
    )


def _better(board: VariantBoard) -> str:
    if board.quantity.metric == "insertion":
        return "Lower is better where the pattern is interference; 0 dB is right where the target holds it."
    return "Higher is better." if board.quantity.higher_is_better else "Lower is better."


def _variant_cell(cell: VariantCell | None) -> Cell:
    if cell is None:
        return Cell("not run", None, muted=True)
    summary = cell.summary
    text = numbers.decibels(summary.score, summary.status)
    title = f"{summary.label}, {summary.n_tracks} of {summary.n_tracks_total} tracks"
    return Cell(text, summary.score, muted=summary.score is None, title=title, more=change_lines(cell.change))


def variant_text(
    group: Sequence[Run], format: Format, target_set: str | None, metrics: Sequence[str] | None
) -> str:
    """Write boards as text: a table per quantity, or one long list as CSV or JSON.

    Raises
    ------
    DataError
        An unknown target set or quantity.
    """
    boards = variant_boards(group)
    for name, known, what in (
        *((m, {b.quantity.name for b in boards}, "quantity") for m in metrics or ()),
        *([(target_set, {b.target_set for b in boards}, "target set")] if target_set else []),
    ):
        if name not in known:
            raise DataError(f"no {what} {name!r} in these runs; there are {', '.join(sorted(known))}")
    chosen = [
        b
        for b in boards
        if target_set in (None, b.target_set) and (not metrics or b.quantity.name in metrics)
    ]
    if format == "json" or format == "csv":
        rows = [row for board in chosen for row in _plain(board)]
        if format == "json":
            return json.dumps(rows, indent=2, ensure_ascii=False, allow_nan=False)
        out = io.StringIO()
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue().rstrip("\n")
    return "\n\n".join(text_table(format, ["system", *b.variants], _texts(b), _note(b)) for b in chosen)


def _note(board: VariantBoard) -> str:
    interval = (
        "In parentheses the change against the original over the tracks that have both, in brackets its 95 % "
        "interval (paired bootstrap over tracks)."
    )
    changes = any(c.change for _, cells in board.rows for c in cells.values())
    told_first = [f"{told(board)}.", _better(board), *([interval] if changes else [])]
    return " ".join([*told_first, *shortfalls(board)])


def _texts(board: VariantBoard) -> list[list[str]]:
    def text(cell: VariantCell | None) -> str:
        if cell is None:
            return "not run"
        score = numbers.decibels(cell.summary.score, cell.summary.status)
        return " ".join(
            [score, *(f"({line})" if i == 0 else line for i, line in enumerate(change_lines(cell.change)))]
        )

    def name(system: str, cells: dict[str, VariantCell]) -> str:
        marks = next(iter(cells.values())).run.record.marks
        return f"{system} ({', '.join(marks)})" if marks else system

    return [[name(s, cells), *(text(cells.get(v)) for v in board.variants)] for s, cells in board.rows]


def _plain(board: VariantBoard) -> list[dict[str, object]]:
    """One row per system and variant, unrounded."""
    return [
        {
            "target_set": board.target_set,
            "system": system,
            "kind": cell.run.record.system.kind,
            "variant": variant,
            "target": board.target,
            "metric": board.quantity.name,
            "score": cell.summary.score,
            "status": cell.summary.status,
            "label": cell.summary.label,
            "n_tracks": cell.summary.n_tracks,
            "change": cell.change and cell.change.value,
            "change_low": cell.change and cell.change.low,
            "change_high": cell.change and cell.change.high,
            "change_n_tracks": cell.change and cell.change.n_tracks,
        }
        for system, cells in board.rows
        for variant, cell in cells.items()
    ]
