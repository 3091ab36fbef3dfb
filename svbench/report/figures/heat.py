"""Tables of tracks × systems whose cells are coloured by the rank of their score."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from svbench.report.view.boards import Board
from svbench.report.view.content import Cell, Row, Table
from svbench.report.view.numbers import decibels
from svbench.results.aggregate import TrackScore, track_scores
from svbench.results.store import slug

STEPS = 9  # report.css has classes h0 to h8


def heat_map(board: Board, name: str, caption: str, about: str, folder: str, *, target: str = "") -> Table:
    """Build a table of track scores: a row for each track, a column for each system.

    Parameters
    ----------
    board : Board
    name : str
        The table's id.
    caption : str
    about : str
        Description of its numbers.
    folder : str
        Path to the pages of the tracks, empty where there are none.
    target : str
        The target to show; by default a row for each target, which a second column names.
    """
    systems = [row.run.record.system.id for row in board.rows]
    scores = {
        (row.run.record.system.id, s.track, s.target): s
        for row in board.rows
        for s in track_scores(row.run)
        if (s.metric, s.target_set) == (board.quantity.name, board.target_set)
    }
    rows = [
        Row(
            track,
            "",
            (
                *([] if target else [Cell(t, t)]),
                *(track_cell(scores.get((system, track, t))) for system in systems),
            ),
            href=f"{folder}{slug(track)}.html" if folder else "",
        )
        for track in board.runs[0].record.data.tracks
        for t in ((target,) if target else board.targets)
    ]
    head = ("track", *(() if target else ("target",)), *systems)
    return Table(name, caption, about, "", head, tuple(coloured(rows, board.quantity.higher_is_better)))


def coloured(rows: Sequence[Row], higher_is_better: bool) -> list[Row]:
    """Colour cells by the rank of their number: by value, one outlier would make all others look alike."""
    values = sorted({c.sort for row in rows for c in row.cells if isinstance(c.sort, float)})

    def step(cell: Cell) -> int | None:
        if not isinstance(cell.sort, float) or len(values) == 1:
            return None
        place = (STEPS - 1) * bisect_left(values, cell.sort) // (len(values) - 1)
        return place if higher_is_better else STEPS - 1 - place

    return [replace(row, cells=tuple(replace(c, heat=step(c)) for c in row.cells)) for row in rows]


def track_cell(score: TrackScore | None) -> Cell:
    """Print one track's score, or the word for why there is none."""
    if score is None:
        return Cell("–", None, muted=True)
    if score.score is None:
        return Cell(decibels(None, score.status), None, muted=True)
    # A score of the whole track has no frames worth a title, which would be repeated in thousands of cells.
    one_frame = score.n_frames == 1 and not score.n_dropped
    title = "" if one_frame else f"{score.n_frames} frames, {score.n_dropped} dropped"
    return Cell(decibels(score.score), score.score, title=title)
