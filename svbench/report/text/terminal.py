"""The short leaderboard printed in a terminal, or as plain lines where there is none."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from svbench.printing.numbers import counted
from svbench.printing.streams import styled
from svbench.printing.visible import visible
from svbench.report.view import variants
from svbench.report.view.boards import RUNNABLE, Board, boards, comparable, runnable
from svbench.report.view.caveats import beside, footnotes, leaks, unstable_sentences
from svbench.report.view.numbers import decibels, dropped, interval_text, short_columns
from svbench.report.view.robustness import Battery, batteries, battery_head, battery_note, battery_rows
from svbench.results.aggregate import Summary, TrackScore, quantities, summarise, track_scores
from svbench.results.store import Run
from svbench.statistics.comparison import PrintedNumber, run_intervals
from svbench.statistics.track_values import Column, IntervalSettings, every_column
from svbench.tables.model import LEAK

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text


def print_leaderboard(runs: Sequence[Run]) -> None:
    """Print one board per protocol and target set to stdout, systems × variants where a probe made some."""
    from rich.text import Text

    _print_variants(runs)
    for group in comparable(variants.plain_runs(runs)):
        for board in boards(group):
            console, table = _table()
            table.add_column("")
            table.add_column("system")
            for column in board.columns:
                table.add_column(column, justify="right")
            table.add_column("95 %", justify="right")
            table.add_column("tracks", justify="right")
            table.add_column("frames dropped", justify="right")
            if group[0].record.protocol.limits:
                table.add_column(RUNNABLE)
            for row in board.rows:
                cells = [
                    Text(
                        beside(decibels(s.score, s.status), row.clean.get(c)),
                        style="bold" if c in row.best else "underline" if c in row.second else "",
                    )
                    for c in board.columns
                    for s in [row.cells[c]]
                ]
                n_dropped, n_frames = dropped(s for c, s in row.cells.items() if c != "mean")
                table.add_row(
                    str(row.rank or ""), _name(row.run), *cells, Text(_interval(board, row.run)),
                    Text(tracks(row.run)), Text(f"{n_dropped} of {n_frames}"),
                    *filter(None, [runnable(row.run)]),
                )  # fmt: skip
            notes = [*filter(None, [board.unranked]), *footnotes([row.run for row in board.rows])]
            _print(console, title(board), table, notes)


def _interval(board: Board, run: Run) -> str:
    """Give the number that ranks a board its interval over tracks."""
    column = Column(board.target_set, board.columns[-1], board.quantity.name)
    found = run_intervals(run, [column], IntervalSettings())
    return interval_text(found[column].low, found[column].high) if column in found else ""


def _print_variants(runs: Sequence[Run]) -> None:
    """Print one table per quantity: the score of each system on each variant, and its change."""
    for group in variants.probed_groups(runs):
        every = variants.variant_boards(group)
        found = batteries(every)
        for battery in found:
            _print_battery(battery)
        for board in [] if found else every:
            console, table = _table()
            table.add_column("system")
            for variant in board.variants:
                table.add_column(variant, justify="right")
            for _, cells in board.rows:
                texts = [
                    " ".join([variants.score_text(c), *variants.change_lines(c.change)[:1]])
                    if (c := cells.get(variant))
                    else "not run"
                    for variant in board.variants
                ]
                table.add_row(_name(next(iter(cells.values())).run), *map(_plain, texts))
            _print(
                console,
                variants.board_caption(board),
                table,
                [*variants.shortfalls(board), *footnotes(variants.first_runs(board))],
            )


def _print_battery(battery: Battery) -> None:
    """Print a row for each transform."""
    console, table = _table()
    for i, head in enumerate(battery_head(battery)):
        table.add_column(head, justify="right" if i > 1 else "left", overflow="fold")
    for row in battery_rows(battery):
        table.add_row(*map(_plain, row))
    _print(console, variants.board_caption(battery.headline), table, [battery_note(battery)])


def _name(run: Run) -> Text:
    """Name a run's system, with its marks."""
    marks = ", ".join(run.record.marks)
    name = _plain(run.record.system.id + (f" ({marks})" if marks else ""))
    if leaks(run):
        name.append(f" {LEAK}", style="bold red")
    return name


def print_scores(run: Run, *, with_tracks: bool = False, with_intervals: bool = False) -> None:
    """Print every quantity of one run, a table per target set, to stdout.

    Parameters
    ----------
    run : Run
    with_tracks : bool
        Also a table per quantity with a row per track.
    with_intervals : bool
        Each number with its 95 % interval over tracks behind it.
    """
    record = run.record
    rule = f"{record.protocol.id} {record.protocol_digest[:8]}"
    units = {
        q.name: ("" if q.higher_is_better else " ↓") + (f" [{q.unit}]" if q.unit not in ("", "1") else "")
        for q in record.quantities
    }
    summaries = summarise(run, allow_incomplete=True)
    by_track = track_scores(run) if with_tracks else []
    intervals = run_intervals(run, every_column(run), IntervalSettings()) if with_intervals else {}
    for target_set in record.protocol.target_sets:
        chosen = [s for s in summaries if s.target_set == target_set.id]
        if not chosen:
            continue
        columns = list(dict.fromkeys(s.target for s in chosen))
        for name in units if with_tracks else ():
            own = [s for s in by_track if (s.target_set, s.metric) == (target_set.id, name)]
            rows = [[s for s in own if s.track == track] for track in dict.fromkeys(s.track for s in own)]
            heading = f"{rule} · {target_set.id} · {name}{units[name]} of each track"
            _print_rows(heading, [c for c in columns if c != "mean"], [(r[0].track, r, []) for r in rows])
        totals = []
        for name in units:
            row = [s for s in chosen if s.metric == name]
            n_dropped, n_frames = dropped(s for s in row if s.target != "mean")
            counts = sorted({s.n_tracks for s in row if s.target != "mean"})
            n_tracks = "–".join(str(n) for n in dict.fromkeys((counts[0], counts[-1])))
            totals.append((name + units[name], row, [row[0].label, n_tracks, f"{n_dropped} of {n_frames}"]))
        heading = f"{rule} · {target_set.id}, {tracks(run)} tracks"
        _print_rows(heading, columns, totals, ("reducers", "tracks", "frames dropped"), intervals)
    for sentence in unstable_sentences([run]):
        print(sentence)


def _print_rows(
    heading: str,
    columns: Sequence[str],
    rows: Sequence[tuple[str, Sequence[TrackScore | Summary], Sequence[str]]],
    more: Sequence[str] = (),
    intervals: Mapping[Column, PrintedNumber] | None = None,
) -> None:
    console, table = _table()
    table.add_column("")
    for column in (*columns, *more):
        table.add_column(column, justify="right")
    for label, scores, tail in rows:
        cells = [_with_interval(s, intervals or {}) for s in scores]
        # As text, since a track may be called [bold].
        table.add_row(*map(_plain, (label, *cells, *tail)))
    _print(console, heading, table)


def _with_interval(score: TrackScore | Summary, intervals: Mapping[Column, PrintedNumber]) -> str:
    found = intervals.get(Column(score.target_set, score.target, score.metric))
    bounds = interval_text(found.low, found.high) if found else ""
    return f"{decibels(score.score, score.status)} {bounds}".rstrip()


def title(board: Board) -> str:
    """Return what stands above a board: the numbers' name, rule and unit."""
    record = board.runs[0].record
    label = board.rows[0].cells[board.columns[0]].label
    most = {c: max(row.cells[c].n_tracks for row in board.rows) for c in board.columns}
    fewer = short_columns(most, len(record.data.tracks), quantities(board.runs[0])[board.quantity.name])
    short = f" ({fewer})" if fewer else ""
    return (
        f"{record.protocol.id} {record.protocol_digest[:8]} · {board.target_set} · "
        f"{board.quantity.name} [{board.quantity.unit}], {label}, "
        f"n = {counted(len(record.data.tracks), 'track')}{short}"
    )


def tracks(run: Run) -> str:
    """Return how many tracks were scored, e.g. ``5 of 6``."""
    n_scored = len(run.results) - len(run.failed)
    return f"{n_scored} of {len(run.record.data.tracks)}"


def _table() -> tuple[Console, Table]:
    from rich.console import Console
    from rich.table import Table

    # Where stdout is no terminal its width is unknown; a wide one never wraps a table.
    width = None if sys.stdout.isatty() else 160
    console = Console(file=styled(sys.stdout), width=width, highlight=False)
    return console, Table(box=None, pad_edge=False)


def _print(console: Console, heading: str, table: Table, notes: Sequence[str] = ()) -> None:
    from rich.text import Text

    console.print(Text(visible(heading), style="bold"))  # a table's own title is broken to the table's width
    console.print(table)
    for note in notes:
        console.print(_plain(note))
    console.print()


def _plain(text: str) -> Text:
    from rich.text import Text

    return Text(visible(text))
