"""Every ranked system against the leading one: a table of tests, and a diagram of critical differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from svbench.printing.numbers import counted, signed
from svbench.report.pages.context import Cell, Figure, Row, Table
from svbench.report.text.comparison import (
    contradictions,
    critical_difference_plot,
    critical_difference_words,
    p_text,
    settings_text,
    smallest_p,
)
from svbench.report.view.boards import Board
from svbench.report.view.numbers import interval_text, with_sign
from svbench.results.store import slug
from svbench.statistics.comparison import Comparison, against_best, compare
from svbench.statistics.material import Column, Settings
from svbench.statistics.pairs import Pair
from svbench.statistics.ranks import RankInterval
from svbench.statistics.signed_rank import TypicalDifference

MOST = 40  # systems; all pairs of more take long, and no diagram holds their names
HEAD = ("system", "rank interval", "difference", "paired", "win/tie/loss", "p (Holm)", "effect")
NOTHING = Cell("–", None, muted=True)
NOTE = (
    "Difference: the system's number minus that of the leading one, with its 95 % interval (paired bootstrap "
    "over tracks). Detectable: the true difference that these tracks would show four times out of five; a "
    "smaller one need not show. Paired: the typical difference on a track (Hodges–Lehmann), with its "
    "interval; it is what p is about, and may have another sign. Win/tie/loss, p (Wilcoxon's signed rank "
    "test) and both effect sizes are over tracks: effect is the rank-biserial correlation from −1 to 1, d_z "
    "the mean difference in standard deviations, both positive where the system is better. Holm corrects "
    "for all pairs, not only these; below it stands p as it is."
)


def contest_note(boards: Sequence[Board], any_table: bool) -> str:
    """Say how to read the tables, and where there are too many systems for one."""
    told = [NOTE] if any_table else []
    for board in boards:
        n_ranked = sum(r.record.takes_rank for r in board.runs)
        if n_ranked > MOST:
            told.append(
                f"{board.target_set}: {n_ranked} systems are too many for the table of tests and the diagram "
                f"of critical differences, which take up to {MOST}; report fewer, or see `svbench compare`."
            )
    return " ".join(told)


def contest(board: Board, name: str) -> tuple[list[Table], list[Figure]]:
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
    ranked = [r for r in board.runs if r.record.takes_rank]  # those that compete
    if not 1 < len(ranked) <= MOST:
        return [], []
    column = Column(board.target_set, board.columns[-1], board.quantity.name)
    (found,) = compare(ranked, [column], Settings())
    if not found.pairs:
        return [], []
    own = f"{name}-{slug(board.target_set)}"
    diagrams = []
    if found.critical:
        caption = f"{column.target} ({board.target_set}): mean ranks; a bar joins systems not told apart"
        svg = critical_difference_plot(found.critical, f"{own}-critical")
        diagrams.append(Figure(caption, svg, critical_difference_words(found.critical)))
    return [_table(found, f"{own}-contest")], diagrams


def _table(found: Comparison, name: str) -> Table:
    leader = found.pairs[0].first
    pairs = against_best(found)
    kinds = {e.system: e.kind for e in found.estimates}
    ranks = {r.system: r for r in found.ranks}
    rows = [
        Row(
            system,
            kinds[system],
            (_rank(ranks.get(system)), *_cells(pairs.get(system))),
        )
        for system in (leader, *pairs)
    ]
    column, unit = found.column, found.quantity.unit
    unit = f" in {unit}" if unit not in ("", "1") else ""
    return Table(
        name,
        f"{column.target} ({column.target_set}): compared with {leader}",
        f"{column.metric}{unit} · {found.label} · n = {counted(found.n_tracks_total, 'track')}",
        " ".join(
            [
                *found.notes,
                *contradictions(list(pairs.values()), found.label),
                *smallest_p(found),
                settings_text(found.settings),
            ]
        ),
        HEAD,
        tuple(rows),
    )


def _rank(found: RankInterval | None) -> Cell:
    if found is None:
        return NOTHING
    return Cell(f"{found.best} to {found.worst}" if found.best < found.worst else str(found.best), found.best)


def _cells(pair: Pair | None) -> tuple[Cell, ...]:
    """Tell of a pair from the side of the second; the leading system itself has nothing to tell."""
    if pair is None:
        return (NOTHING,) * len(HEAD[2:])
    low, high = (None if b is None else -b for b in (pair.high, pair.low))
    difference = _signed(None if pair.value is None else -pair.value)
    told = interval_text(low, high, sign=True) or pair.note
    detectable = () if pair.detectable is None else (f"detectable {signed(pair.detectable, 2)}",)
    return (
        replace(difference, more=(*([told] if told else []), *detectable)),
        _typical(pair.typical),
        *_tests(pair),
    )


def _typical(found: TypicalDifference | None) -> Cell:
    if found is None or found.value is None:
        return NOTHING
    low, high = (None if b is None else -b for b in (found.high, found.low))
    told = interval_text(low, high, sign=True)
    return replace(_signed(-found.value), more=(told,) if told else ())


def _tests(pair: Pair) -> tuple[Cell, ...]:
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
