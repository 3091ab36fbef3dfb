"""The short leaderboard printed in a terminal, or as plain lines where there is none."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from svbench.report.boards import Board, boards, comparable
from svbench.report.numbers import decibels, dropped
from svbench.results.aggregate import Summary, TrackScore, quantities, summarise, track_scores
from svbench.results.store import Run

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text


def print_leaderboard(runs: Sequence[Run]) -> None:
    """Print one board per protocol and target set to stdout."""
    from rich.text import Text

    for group in comparable(runs):
        for board in boards(group):
            console, table = _table()
            table.add_column("")
            table.add_column("system")
            for column in board.columns:
                table.add_column(column, justify="right")
            table.add_column("tracks", justify="right")
            table.add_column("frames dropped", justify="right")
            for row in board.rows:
                cells = [
                    Text(decibels(s.score, s.status), style="bold" if _is_best(board, c, s.score) else "")
                    for c in board.columns
                    for s in [row.cells[c]]
                ]
                kind = row.run.record.system.kind
                name = row.run.record.system.id + ("" if kind == "system" else f" ({kind})")
                n_dropped, n_frames = dropped(s for c, s in row.cells.items() if c != "mean")
                table.add_row(
                    str(row.rank or ""), Text(name), *cells, Text(tracks(row.run)),
                    Text(f"{n_dropped} of {n_frames}"),
                )  # fmt: skip
            _print(console, title(board), table)


def print_scores(run: Run, *, with_tracks: bool = False) -> None:
    """Print every quantity of one run, a table per target set, to stdout.

    Parameters
    ----------
    run : Run
    with_tracks : bool
        Also a row per track and target.
    """
    summaries = summarise(run, allow_incomplete=True)
    by_track = track_scores(run) if with_tracks else []
    record = run.record
    for target_set in record.protocol.target_sets:
        rows: dict[str, list[TrackScore | Summary]] = {}
        for score in by_track:
            if score.target_set == target_set.id:
                rows.setdefault(f"{score.track} · {score.target}", []).append(score)
        for summary in summaries:
            if summary.target_set == target_set.id:
                rows.setdefault(summary.target, []).append(summary)
        if rows:
            rule = f"{record.protocol.id} {record.protocol_digest[:8]}"
            _print_rows(run, f"{rule} · {target_set.id}, {tracks(run)} tracks", rows)


def _print_rows(run: Run, heading: str, rows: Mapping[str, Sequence[TrackScore | Summary]]) -> None:
    console, table = _table()
    table.add_column("")
    units = {q.name: q.unit for q in run.record.quantities}
    for name, rule in quantities(run).items():
        unit = f" [{units[name]}]" if units[name] else ""
        table.add_column(_plain(f"{name}{unit}\n{rule.label}"), justify="right")
    for column in ("tracks", "frames", "dropped"):
        table.add_column(column, justify="right")
    for label, scores in rows.items():
        first = scores[0]
        n_tracks = str(first.n_tracks) if isinstance(first, Summary) else ""
        cells = [decibels(s.score, s.status) for s in scores]
        # As text, since a track may be called [bold].
        table.add_row(*map(_plain, (label, *cells, n_tracks, str(first.n_frames), str(first.n_dropped))))
    _print(console, heading, table)


def title(board: Board) -> str:
    """Return what stands above a board: the numbers' name, rule and unit."""
    record = board.runs[0].record
    label = board.rows[0].cells[board.columns[0]].label
    most = {c: max(row.cells[c].n_tracks for row in board.rows) for c in board.columns}
    fewer = "; ".join(f"{c}: {n}" for c, n in most.items() if n < len(record.data.tracks))
    short = f" ({fewer})" if fewer else ""
    return (
        f"{record.protocol.id} {record.protocol_digest[:8]} · {board.target_set} · "
        f"{board.quantity.name} [{board.quantity.unit}], {label}, n = {len(record.data.tracks)} tracks{short}"
    )


def tracks(run: Run) -> str:
    """Return how many tracks were scored, e.g. ``5 of 6``."""
    n_scored = len(run.results) - len(run.failed)
    return f"{n_scored} of {len(run.record.data.tracks)}"


def _table() -> tuple[Console, Table]:
    from rich.console import Console
    from rich.table import Table

    # Where stdout is no terminal its width is unknown; a wide one never wraps a table.
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    return console, Table(box=None, pad_edge=False)


def _print(console: Console, heading: str, table: Table) -> None:
    from rich.text import Text

    console.print(Text(heading, style="bold"))  # a table's own title is broken to the table's width
    console.print(table)
    console.print()


def _plain(text: str) -> Text:
    from rich.text import Text

    return Text(text)


def _is_best(board: Board, column: str, score: float | None) -> bool:
    return score is not None and board.best.get(column) == score
