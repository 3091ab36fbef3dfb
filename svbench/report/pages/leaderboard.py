"""A board as a table of the report: ranks, scores with their intervals, and what speaks against them."""

from __future__ import annotations

from svbench.printing.numbers import counted
from svbench.report.pages.context import Cell, Row, Table
from svbench.report.text.terminal import tracks
from svbench.report.view import numbers
from svbench.report.view.boards import MARKS, Board, BoardRow
from svbench.report.view.budgets import HEAD, runnable
from svbench.report.view.intervals import Intervals, explained
from svbench.report.view.leak_notes import beside, footnotes, leak_sentence
from svbench.results.aggregate import quantities
from svbench.results.store import slug


def leaderboard(board: Board, group: str, intervals: Intervals) -> Table:
    """Build the ranked table of one target set; ``group`` begins its id."""
    targets = [c for c in board.columns if c != "mean"]
    rows = []
    for row in board.rows:
        n_dropped, n_frames = numbers.dropped(row.cells[c] for c in targets)
        share = n_dropped / n_frames if n_frames else 0.0
        rows.append(
            Row(
                row.run.record.system.id,
                row.run.record.system.kind,
                (
                    *(score_cell(board, c, row, intervals) for c in board.columns),
                    Cell(tracks(row.run), len(row.run.results) - len(row.run.failed), muted=True),
                    Cell(f"{n_dropped} of {n_frames}", share, muted=True),
                    *([Cell(verdict, verdict)] if (verdict := runnable(row.run)) else []),
                ),
                str(row.rank or ""),
                row.run.record.imported,
                leak_sentence(row.run),
            )
        )
    limited = [HEAD] if board.runs[0].record.protocol.limits else []
    head = ("system", *board.columns, "tracks", "frames dropped", *limited)
    return Table(
        f"{group}-board-{slug(board.target_set)}",
        board.target_set,
        about(board, board.columns[0]),
        " ".join(
            [
                *(_better(board), MARKS, *_counts(board), *_fewer(board), *filter(None, [board.unranked])),
                *("Oracles see the references and take no rank.", explained(board.runs[0])),
                *footnotes([r.run for r in board.rows]),
            ]
        ),
        head,
        tuple(rows),
        True,
    )


def about(board: Board, column: str, names: str = "") -> str:
    """Say what a table's numbers are: quantity, reducers, n, and the protocol they belong to."""
    record = board.runs[0].record
    rule = numbers.reducers(board.rows[0].cells[column].label)
    return (
        f"{names or board.quantity.name} in {board.quantity.unit} · {rule} · "
        f"n = {counted(len(record.data.tracks), 'track')} · "
        f"{record.protocol.id} version {record.protocol.version}, {record.protocol_digest[:8]}"
    )


def _better(board: Board) -> str:
    return "Higher is better." if board.quantity.higher_is_better else "Lower is better."


def _most(board: Board, column: str) -> int:
    """Return the most tracks that any row of a column rests on."""
    return max(r.cells[column].n_tracks for r in board.rows)


def _counts(board: Board) -> list[str]:
    """Say where a column rests on fewer tracks than the data set has."""
    total = len(board.runs[0].record.data.tracks)
    most = {c: n for c in board.columns if (n := _most(board, c))}
    sentences = numbers.short_columns(most, total, quantities(board.runs[0])[board.quantity.name])
    return [f"Tracks, where not all {total}: {sentences}."] if sentences else []


def _fewer(board: Board) -> list[str]:
    """Explain the daggers: systems that were not scored on all tracks of a column."""
    sentences = []
    for row in board.rows:
        counts = {c: row.cells[c].n_tracks for c in board.columns if c in row.partial}
        if counts:
            alike = len(counts) == len(board.columns) and len(set(counts.values())) == 1
            short = [f"on {n}" if alike else f"{c} on {n}" for c, n in counts.items()][: 1 if alike else None]
            sentences.append(f"{row.run.record.system.id} {', '.join(short)}")
    return (
        [f"† Not on all tracks that others in the column were scored on: {'; '.join(sentences)}."]
        if sentences
        else []
    )


def score_cell(board: Board, column: str, row: BoardRow, intervals: Intervals) -> Cell:
    """Print one number of a board above its interval, best ones marked; what it rests on is its title."""
    summary = row.cells[column]
    text = beside(numbers.decibels(summary.score, summary.status), row.clean.get(column))
    if summary.score is None:
        return Cell(text, None, muted=True)
    title = (
        f"{summary.label}, {summary.n_tracks} of {summary.n_tracks_total} tracks, "
        f"{summary.n_frames} frames, {summary.n_dropped} dropped"
    )
    return Cell(
        text,
        summary.score,
        best=column in row.best,
        second=column in row.second,
        title=title,
        mark="†" * (column in row.partial),
        more=intervals.below(row.run, summary),
    )
