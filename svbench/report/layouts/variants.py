"""Boards of variants as tables: for the report, and as text in five formats."""

from __future__ import annotations

from collections.abc import Sequence

from svbench.errors import DataError
from svbench.printing.visible import json_text
from svbench.report.view.caveats import footnotes, leak_sentence, marked_name, overlap_of, unstable_tracks
from svbench.report.view.content import Cell, Row, Table
from svbench.report.view.robustness import batteries, battery_head, battery_note, battery_rows, claims
from svbench.report.view.variants import (
    INSERTION,
    VariantBoard,
    VariantCell,
    below,
    board_caption,
    change_lines,
    first_runs,
    measured,
    score_text,
    shortfalls,
    variant_boards,
)
from svbench.results.store import Run
from svbench.tables.html import html_tables
from svbench.tables.latex import latex
from svbench.tables.markdown import markdown
from svbench.tables.model import Format, text_grid
from svbench.tables.spreadsheet import records_csv


def variant_table(board: VariantBoard, name: str) -> Table:
    """Build the report's table of one board; ``name`` becomes its id.

    Systems are rows, or columns where variants claim something: those are many.
    """
    if claims(board):
        return _turned(board, name)
    rows = []
    for system, found in board.rows:
        record = next(iter(found.values())).run.record
        cells = tuple(_variant_cell(found.get(v)) for v in board.variants)
        leaks = leak_sentence(next(iter(found.values())).run)
        rows.append(Row(system, record.system.kind, cells, imported=record.imported, leaks=leaks))
    return Table(
        name,
        f"{measured(board)}, on each variant",
        board_caption(board),
        _note(board),
        ("system", *board.variants),
        tuple(rows),
    )


def _turned(board: VariantBoard, name: str) -> Table:
    rows = (Row(v, "", tuple(_variant_cell(cells.get(v)) for _, cells in board.rows)) for v in board.variants)
    return Table(
        name,
        f"{board.quantity.name} of {board.target} on each variant",
        board_caption(board),
        _note(board),
        ("variant", *map(marked_name, first_runs(board))),
        tuple(rows),
    )


def _better(board: VariantBoard) -> str:
    if board.quantity.metric == INSERTION:
        return (
            "How much of the inserted clips is in the estimate, relative to the mixture: lower is better "
            "where they are interference, 0 dB is right where they belong to the target."
        )
    return "Higher is better." if board.quantity.higher_is_better else "Lower is better."


def _variant_cell(cell: VariantCell | None) -> Cell:
    if cell is None:
        return Cell("not run", None, muted=True)
    summary = cell.summary
    title = f"{summary.label}, {summary.n_tracks} of {summary.n_tracks_total} tracks"
    return Cell(
        score_text(cell),
        summary.score,
        muted=summary.score is None,
        title=title,
        more=below(cell),
    )


def variant_text(
    group: Sequence[Run],
    format: Format,
    target_set: str | None,
    metrics: Sequence[str] | None,
    intervals: bool = True,
) -> str:
    """Write boards as text: a table per quantity, or one long list as CSV or JSON, always with intervals.

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
            return json_text(rows)
        return records_csv(rows).rstrip("\n")
    found = [] if metrics else batteries(chosen)
    tables = [
        (board_caption(b.headline), battery_head(b), battery_rows(b, intervals), battery_note(b, intervals))
        for b in found
    ] or [(board_caption(b), *_oriented(b, intervals), _note(b, intervals)) for b in chosen]
    write = {"markdown": markdown, "latex": latex, "html": html_tables}[format]
    return "\n\n".join(
        write([text_grid(title, head, rows)], [f"{title}.", note]) for title, head, rows, note in tables
    )


def _oriented(board: VariantBoard, intervals: bool) -> tuple[list[str], list[list[str]]]:
    """Head and rows: systems in rows, or in columns where variants claim something."""
    head, rows = ["system", *board.variants], _texts(board, intervals)
    if not claims(board):
        return head, rows
    turned = [list(column) for column in zip(head, *rows, strict=True)]
    return ["variant", *turned[0][1:]], turned[1:]


def _note(board: VariantBoard, intervals: bool = True) -> str:
    """Say how to read a board, and what speaks against its numbers."""
    changes = any(c.change for _, cells in board.rows for c in cells.values())
    change = "Δ: the change against the original over the tracks that have both"
    beside = ", with its 95 % interval (paired bootstrap over tracks)" if intervals else ""
    found = [_better(board), *([f"{change}{beside}."] if changes else [])]
    if intervals and any(c.interval for _, cells in board.rows for c in cells.values()):
        found.append("Scores of the original stand with their own intervals.")
    return " ".join([*found, *shortfalls(board), *footnotes(first_runs(board))])


def _texts(board: VariantBoard, intervals: bool) -> list[list[str]]:
    def text(cell: VariantCell | None) -> str:
        if cell is None:
            return "not run"
        return " ".join([score_text(cell), *(below(cell) if intervals else change_lines(cell.change)[:1])])

    return [
        [marked_name(run), *(text(cells.get(v)) for v in board.variants)]
        for run, (_, cells) in zip(first_runs(board), board.rows, strict=True)
    ]


def _plain(board: VariantBoard) -> list[dict[str, object]]:
    """One row per system and variant, unrounded."""
    return [
        {
            "target_set": board.target_set,
            "system": system,
            "kind": cell.run.record.system.kind,
            "variant": variant,
            "should_be": cell.run.record.data.expects,
            "target": board.target,
            "metric": board.quantity.name,
            "score": cell.summary.score,
            "status": cell.summary.status,
            "label": cell.summary.label,
            "n_tracks": cell.summary.n_tracks,
            "n_unstable": len(unstable_tracks(cell.run, board.target_set, board.target, board.quantity.name)),
            "score_without_errata": cell.clean and cell.clean.score,
            "change": cell.change and cell.change.value,
            "change_low": cell.change and cell.change.low,
            "change_high": cell.change and cell.change.high,
            "change_n_tracks": cell.change and cell.change.n_tracks,
            "n_leaked_tracks": len(overlap_of(cell.run).tracks),
            "n_failed": len(cell.run.failed),
            "n_left_out": len(cell.run.record.data.left_out),
            "n_data_notes": len(cell.run.data_notes),
        }
        for system, cells in board.rows
        for variant, cell in cells.items()
    ]
