"""Tracks × systems as a table whose cells are coloured by their score."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace

from svbench.report.view.boards import Board
from svbench.report.view.content import Cell, Row, Table
from svbench.report.view.numbers import decibels
from svbench.results.aggregate import TrackScore, track_scores
from svbench.results.store import slug

STEPS = 9  # as many classes as the style sheet has colours


def heat_map(
    board: Board, target: str, name: str, about: str, folder: str, scores: Mapping[int, Sequence[TrackScore]]
) -> Table:
    """Make the table of one target: a row for each track, a column for each system.

    Parameters
    ----------
    board : Board
    target : str
    name : str
        Begins the table's id.
    about : str
        What its numbers are.
    folder : str
        Leads to the pages of the tracks.
    scores : mapping of int to sequence of TrackScore
        All of each run, by its ``id()``: reducing them takes long.
    """
    found = {
        (row.run.record.system.id, s.track): s
        for row in board.rows
        for s in scores[id(row.run)]
        if (s.metric, s.target_set, s.target) == (board.quantity.name, board.target_set, target)
    }
    systems = [row.run.record.system.id for row in board.rows]
    rows = [
        Row(
            track,
            "",
            tuple(track_cell(found.get((s, track))) for s in systems),
            href=f"{folder}{slug(track)}.html",
        )
        for track in board.runs[0].record.data.tracks
    ]
    return Table(
        f"{name}-tracks-{slug(board.target_set)}-{slug(target)}",
        f"{target} ({board.target_set})",
        about,
        "",
        ("track", *systems),
        tuple(coloured(rows, board.quantity.higher_is_better)),
    )


def long_map(board: Board, name: str, variant: str, about: str, folder: str) -> Table:
    """Make one table of all tracks and targets of a variant, which are too many for a table each.

    ``folder`` leads to the pages of its tracks, empty where there are none.
    """
    systems = [row.run for row in board.rows]
    scores = {
        (run.record.system.id, s.track, s.target): s
        for run in systems
        for s in track_scores(run)
        if (s.metric, s.target_set) == (board.quantity.name, board.target_set)
    }
    rows = [
        Row(
            track,
            "",
            (Cell(t, t), *(track_cell(scores.get((r.record.system.id, track, t))) for r in systems)),
            href=f"{folder}{slug(track)}.html" if folder else "",
        )
        for track in board.runs[0].record.data.tracks
        for t in board.columns
        if t != "mean"
    ]
    return Table(
        f"{name}-tracks-{slug(board.target_set)}",
        f"Every track ({board.target_set}, {variant})",
        about,
        "",
        ("track", "target", *(r.record.system.id for r in systems)),
        tuple(coloured(rows, board.quantity.higher_is_better)),
    )


def coloured(rows: Sequence[Row], higher_is_better: bool) -> list[Row]:
    """Colour all cells with a number by its rank among them, so that outliers do not bleach the rest."""
    values = sorted({c.sort for row in rows for c in row.cells if isinstance(c.sort, float)})

    def step(cell: Cell) -> int | None:
        if not isinstance(cell.sort, float) or len(values) == 1:
            return None
        place = (STEPS - 1) * bisect_left(values, cell.sort) // (len(values) - 1)
        return place if higher_is_better else STEPS - 1 - place

    return [replace(row, cells=tuple(replace(c, heat=step(c)) for c in row.cells)) for row in rows]


def track_cell(found: TrackScore | None) -> Cell:
    """Print one track's score, or the word for why there is none."""
    if found is None:
        return Cell("–", None, muted=True)
    if found.score is None:
        return Cell(decibels(None, found.status), None, muted=True)
    # A score of the whole track has nothing to tell of frames, tens of thousands of times.
    whole = found.n_frames == 1 and not found.n_dropped
    told = "" if whole else f"{found.n_frames} frames, {found.n_dropped} dropped"
    return Cell(decibels(found.score), found.score, title=told)
