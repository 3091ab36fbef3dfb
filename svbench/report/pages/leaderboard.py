"""Tables of one board: the ranking, every quantity of a target, and tests against the leading system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from svbench.printing.numbers import counted, signed
from svbench.report.text.comparison import (
    contradictions,
    critical_difference_plot,
    critical_difference_words,
    p_text,
    settings_text,
    smallest_p,
)
from svbench.report.text.terminal import tracks
from svbench.report.view import numbers
from svbench.report.view.boards import (
    MARKS,
    RUNNABLE,
    Board,
    BoardRow,
    Intervals,
    explained,
    runnable,
    system_row,
)
from svbench.report.view.caveats import beside, footnotes
from svbench.report.view.content import Cell, Figure, Row, Table
from svbench.report.view.numbers import interval_text, with_sign
from svbench.results.aggregate import quantities
from svbench.results.store import slug
from svbench.statistics.comparison import Comparison, against_best, compare
from svbench.statistics.pairs import SystemPair
from svbench.statistics.ranks import RankInterval
from svbench.statistics.signed_rank import TypicalDifference
from svbench.statistics.track_values import Column, IntervalSettings


def leaderboard(board: Board, group: str, intervals: Intervals) -> Table:
    """Build the ranked table of one target set; ``group`` begins its id."""
    rows = []
    for row in board.rows:
        n_dropped, n_frames = numbers.dropped(row.cells[t] for t in board.targets)
        share = n_dropped / n_frames if n_frames else 0.0
        rows.append(
            system_row(
                row.run,
                [
                    *(score_cell(board, c, row, intervals) for c in board.columns),
                    Cell(tracks(row.run), len(row.run.results) - len(row.run.failed), muted=True),
                    Cell(f"{n_dropped} of {n_frames}", share, muted=True),
                    *([Cell(verdict, verdict)] if (verdict := runnable(row.run)) else []),
                ],
                row.rank,
            )
        )
    limited = [RUNNABLE] if board.runs[0].record.protocol.limits else []
    head = ("system", *board.columns, "tracks", "frames dropped", *limited)
    return Table(
        f"{group}-board-{slug(board.target_set)}",
        board.target_set,
        about(board, board.columns[0]),
        " ".join(
            [
                f"{'Higher' if board.quantity.higher_is_better else 'Lower'} is better.",
                *(MARKS, *_counts(board), *_fewer(board), *filter(None, [board.unranked])),
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
    what = f"{names or board.quantity.name} in {board.quantity.unit}"
    return numbers.describe_numbers(what, board.rows[0].cells[column].label, board.runs[0].record)


def _counts(board: Board) -> list[str]:
    """Name the columns in which no row rests on all tracks of the data set."""
    total = len(board.runs[0].record.data.tracks)
    most = {c: n for c in board.columns if (n := max(r.cells[c].n_tracks for r in board.rows))}
    sentences = numbers.short_columns(most, total, quantities(board.runs[0])[board.quantity.name])
    return [f"Tracks, where not all {total}: {sentences}."] if sentences else []


def _fewer(board: Board) -> list[str]:
    """Explain the daggers: systems that were not scored on all tracks of a column."""
    sentences = []
    for row in board.rows:
        counts = {c: row.cells[c].n_tracks for c in board.columns if c in row.partial}
        if counts:
            alike = len(counts) == len(board.columns) and len(set(counts.values())) == 1
            # One count is enough where it is the same in all columns.
            where = dict.fromkeys(f"on {n}" if alike else f"{c} on {n}" for c, n in counts.items())
            sentences.append(f"{row.run.record.system.id} {', '.join(where)}")
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


def target_tables(
    by_metric: dict[str, list[Board]], number: int, group: str, intervals: Intervals
) -> list[Table]:
    """Build one table per target, with a column for each quantity; ``number`` picks the target set."""
    if len(by_metric) < 2:
        return []
    boards = [metric_boards[number] for metric_boards in by_metric.values()]
    first, names = boards[0], [board.quantity.name for board in boards]
    tables = []
    for target in first.targets:
        rows = []
        for row in first.rows:
            # A system may have another rank by another quantity, so look its row up on each board.
            same = [next(r for r in board.rows if r.run is row.run) for board in boards]
            cells = [score_cell(b, target, r, intervals) for b, r in zip(boards, same, strict=True)]
            n_tracks = row.cells[target].n_tracks
            rows.append(system_row(row.run, [*cells, Cell(str(n_tracks), n_tracks, muted=True)]))
        tables.append(
            Table(
                f"{group}-target-{slug(first.target_set)}-{slug(target)}",
                f"{target} ({first.target_set})",
                about(first, target, ", ".join(names)),
                explained(first.runs[0]),
                ("system", *names, "tracks"),
                tuple(rows),
            )
        )
    return tables


MOST = 40  # systems; testing all pairs of more is slow, and their names do not fit on a diagram
HEAD = ("system", "rank interval", "difference", "paired", "win/tie/loss", "p (Holm)", "effect")
NOTHING = Cell("–", None, muted=True)
NOTE = (
    "Difference: the system's number minus that of the leading one, with its 95 % interval (paired bootstrap "
    "over tracks). Detectable: the true difference that these tracks would reveal four times out of five; a "
    "smaller one need not show. Paired: the typical difference on a track (Hodges–Lehmann), with its "
    "interval; p refers to it, and it may have another sign. Win/tie/loss, p (Wilcoxon's signed rank "
    "test) and both effect sizes are over tracks: effect is the rank-biserial correlation from −1 to 1, d_z "
    "the mean difference in standard deviations, both positive where the system is better. Holm corrects "
    "for all pairs, not only these; the uncorrected p stands below it."
)


def comparison_note(boards: Sequence[Board], any_table: bool) -> str:
    """Say how to read the tables, and where there are too many systems for one."""
    sentences = [NOTE] if any_table else []
    for board in boards:
        n_ranked = sum(r.record.takes_rank for r in board.runs)
        if n_ranked > MOST:
            sentences.append(
                f"{board.target_set}: {n_ranked} systems are too many for the table of tests and the diagram "
                f"of critical differences, which take up to {MOST}; report fewer, or see `svbench compare`."
            )
    return " ".join(sentences)


def compare_with_leader(board: Board, name: str) -> tuple[list[Table], list[Figure]]:
    """Compare the systems of a board in the column that ranks it.

    Parameters
    ----------
    board : Board
    name : str
        Begins the ids of what is made.

    Returns
    -------
    tables, diagrams : list of Table, list of Figure
        One each, or none where there are fewer than two systems to rank or more than `MOST`; the
        diagram takes three systems and two tracks.
    """
    ranked = [r for r in board.runs if r.record.takes_rank]
    if not 1 < len(ranked) <= MOST:
        return [], []
    column = Column(board.target_set, board.columns[-1], board.quantity.name)
    (comparison,) = compare(ranked, [column], IntervalSettings())
    if not comparison.pairs:
        return [], []
    prefix = f"{name}-{slug(board.target_set)}"
    diagrams = []
    if comparison.critical:
        title = f"{column.target} ({board.target_set})"
        caption = f"{title}: mean ranks; a bar joins systems that do not differ significantly"
        svg = critical_difference_plot(comparison.critical, f"{prefix}-critical")
        diagrams.append(Figure(caption, svg, critical_difference_words(comparison.critical)))
    return [_comparison_table(comparison, f"{prefix}-contest")], diagrams


def _comparison_table(comparison: Comparison, name: str) -> Table:
    leader = comparison.pairs[0].first
    pairs = against_best(comparison)
    kinds = {e.system: e.kind for e in comparison.numbers}
    ranks = {r.system: r for r in comparison.ranks}
    rows = [
        Row(system, kinds[system], (_rank(ranks.get(system)), *_cells(pairs.get(system))))
        for system in (leader, *pairs)
    ]
    column, unit = comparison.column, comparison.quantity.unit
    unit = f" in {unit}" if unit not in ("", "1") else ""
    return Table(
        name,
        f"{column.target} ({column.target_set}): compared with {leader}",
        f"{column.metric}{unit} · {comparison.label} · n = {counted(comparison.n_tracks_total, 'track')}",
        " ".join(
            [
                *comparison.notes,
                *contradictions(list(pairs.values()), comparison.label),
                *smallest_p(comparison),
                settings_text(comparison.settings),
            ]
        ),
        HEAD,
        tuple(rows),
    )


def _rank(found: RankInterval | None) -> Cell:
    if found is None:
        return NOTHING
    return Cell(f"{found.best} to {found.worst}" if found.best < found.worst else str(found.best), found.best)


def _cells(pair: SystemPair | None) -> tuple[Cell, ...]:
    """Print a pair as seen from its second system; the leading system itself has empty cells."""
    if pair is None:
        return (NOTHING,) * len(HEAD[2:])
    difference = _signed(None if pair.value is None else -pair.value)
    interval = _reversed_interval(pair.low, pair.high) or pair.note
    detectable = () if pair.detectable is None else (f"detectable {signed(pair.detectable, 2)}",)
    return (
        replace(difference, more=(*([interval] if interval else []), *detectable)),
        _typical(pair.typical),
        *_tests(pair),
    )


def _reversed_interval(low: float | None, high: float | None) -> str:
    """Print the interval of a difference with its sign turned, which swaps the bounds."""
    return interval_text(None if high is None else -high, None if low is None else -low, sign=True)


def _typical(found: TypicalDifference | None) -> Cell:
    if found is None or found.value is None:
        return NOTHING
    interval = _reversed_interval(found.low, found.high)
    return replace(_signed(-found.value), more=(interval,) if interval else ())


def _tests(pair: SystemPair) -> tuple[Cell, ...]:
    tests = pair.tests
    if tests is None:
        return (NOTHING,) * 3
    standardised = () if tests.standardised is None else (f"d_z {with_sign(-tests.standardised)}",)
    return (
        Cell(
            f"{tests.losses}/{tests.ties}/{tests.wins}", tests.losses, more=(counted(pair.n_tracks, "track"),)
        ),
        Cell(p_text(pair.p_holm), pair.p_holm, more=(f"p {p_text(tests.p)}",)),
        replace(_signed(-tests.rank_biserial), more=standardised),
    )


def _signed(value: float | None) -> Cell:
    return NOTHING if value is None else Cell(with_sign(value), value)
