"""The short leaderboard printed in a terminal, or as plain lines where there is none."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from svbench.report.boards import Board, boards, comparable
from svbench.report.numbers import decibels
from svbench.results.store import Run


def print_leaderboard(runs: Sequence[Run]) -> None:
    """Print one board per protocol and target set to stdout."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # Where stdout is no terminal its width is unknown; a wide one never wraps a table.
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    for group in comparable(runs):
        for board in boards(group):
            table = Table(
                title=Text(title(board), style="bold"), title_justify="left", box=None, pad_edge=False
            )
            table.add_column("")
            table.add_column("system")
            for column in board.columns:
                table.add_column(column, justify="right")
            table.add_column("tracks", justify="right")
            for row in board.rows:
                cells = [
                    Text(decibels(s.score, s.status), style="bold" if _is_best(board, c, s.score) else "")
                    for c in board.columns
                    for s in [row.cells[c]]
                ]
                marks = ", ".join(row.run.record.marks)
                name = row.run.record.system.id + (f" ({marks})" if marks else "")
                table.add_row(str(row.rank or ""), Text(name), *cells, Text(tracks(row.run)))
            console.print(table)
            console.print()


def title(board: Board) -> str:
    """Return what stands above a board: the numbers' name, rule and unit."""
    record = board.runs[0].record
    label = board.rows[0].cells[board.columns[0]].label
    return (
        f"{record.protocol.id} {record.protocol_digest[:8]} · {board.target_set} · "
        f"{board.quantity.name} [{board.quantity.unit}], {label} over {len(record.data.tracks)} tracks"
    )


def tracks(run: Run) -> str:
    """Return how many tracks were scored, e.g. ``5 of 6``."""
    n_scored = len(run.results) - len(run.failed)
    return f"{n_scored} of {len(run.record.data.tracks)}"


def _is_best(board: Board, column: str, score: float | None) -> bool:
    return score is not None and board.best.get(column) == score
