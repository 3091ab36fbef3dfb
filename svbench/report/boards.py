"""Groups runs that may be compared, and ranks them: one board per protocol, data set and target set.

Runs of different protocol digests or different tracks never share a board. Oracles see the
references, so they stand apart and take no rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from svbench.report.guard import affected_cells
from svbench.results.aggregate import Summary, quantities, summarise
from svbench.results.store import Quantity, Run

# Beyond this the rounding of the arithmetic is measured, which makes no system the best.
PRACTICALLY_INFINITE_DB = 100.0


@dataclass(frozen=True)
class BoardRow:
    """One system on a board.

    ``clean`` are the same numbers without the cells of known defects, where a column has any.
    """

    rank: int | None
    run: Run
    cells: dict[str, Summary]
    clean: dict[str, Summary]


@dataclass(frozen=True)
class Board:
    """Systems compared on one target set by one quantity.

    ``columns`` are the targets, then ``mean`` where there are several. ``best`` holds for each
    column the best score among the ranked systems, where two or more have one.
    """

    runs: tuple[Run, ...]
    target_set: str
    columns: tuple[str, ...]
    quantity: Quantity
    rows: tuple[BoardRow, ...]
    best: dict[str, float]


def comparable(runs: Sequence[Run]) -> list[list[Run]]:
    """Split runs into groups of one protocol digest and one set of tracks, in order of appearance."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.record.protocol_digest, run.record.data.digest), []).append(run)
    return list(groups.values())


def combinations(groups: Sequence[Sequence[Run]], most: int = 6) -> list[str]:
    """Name groups of runs by protocol and data, with what tells those apart that share both names.

    Of very many groups, as probes make them, only the first are named.
    """
    found = []
    for record in (group[0].record for group in groups[:most]):
        data = record.data
        rule = f"{record.protocol.id} {record.protocol_digest[:8]}"
        part = f" {data.subset}" if data.subset else ""
        found.append(
            f"{rule} on {data.id} version {data.version}{part}, {len(data.tracks)} tracks from "
            f"{data.tracks[0]!r} on"
        )
    return [*found, *([f"{len(groups) - most} more"] if len(groups) > most else [])]


def boards(group: Sequence[Run], metric: str | None = None) -> list[Board]:
    """Build the boards of comparable runs, one per target set that any of them covers.

    Parameters
    ----------
    group : sequence of Run
        Of one protocol and data set.
    metric : str, optional
        The quantity to rank by; the protocol's headline by default.
    """
    protocol = group[0].record.protocol
    name = metric or protocol.headline
    quantity = next(q for q in group[0].record.quantities if q.name == name)
    summaries = {id(run): summarise(run, allow_incomplete=True) for run in group}
    found = []
    for target_set in protocol.target_sets:
        cells = {
            id(run): {
                s.target: s for s in summaries[id(run)] if s.target_set == target_set.id and s.metric == name
            }
            for run in group
        }
        without = {id(run): _clean(run, target_set.id, name, cells[id(run)]) for run in group}
        present = [run for run in group if cells[id(run)]]
        if present:
            columns = (*target_set.targets, *(["mean"] if len(target_set.targets) > 1 else []))
            found.append(_board(present, target_set.id, columns, quantity, cells, without))
    return found


def by_rank(group: Sequence[Run]) -> list[Run]:
    """Put comparable runs in the order of their boards, the largest first; oracles come last."""
    rows = [row.run for b in sorted(boards(group), key=lambda b: -len(b.rows)) for row in b.rows]
    ordered = {id(run): run for run in [*rows, *group]}.values()
    return sorted(ordered, key=lambda run: run.record.system.kind == "oracle")


def _clean(run: Run, target_set: str, metric: str, cells: dict[str, Summary]) -> dict[str, Summary]:
    """Summaries without known defects, of the columns that rest on fewer tracks then."""
    affected = affected_cells(run)
    if not affected:
        return {}
    return {
        s.target: s
        for s in summarise(run, allow_incomplete=True, leave_out=affected)
        if (s.target_set, s.metric) == (target_set, metric) and s.n_tracks != cells[s.target].n_tracks
    }


def ranked_metrics(run: Run) -> list[str]:
    """Return the quantities of a run's protocol, the headline first."""
    names = list(quantities(run))
    headline = run.record.protocol.headline
    return [headline, *(n for n in names if n != headline)]


def _board(
    runs: list[Run],
    target_set: str,
    columns: tuple[str, ...],
    quantity: Quantity,
    cells: dict[int, dict[str, Summary]],
    without: dict[int, dict[str, Summary]],
) -> Board:
    sign = 1 if quantity.higher_is_better else -1
    last = columns[-1]

    def order(run: Run) -> tuple[bool, bool, bool, float, str]:
        score = cells[id(run)][last].score
        partial = _partial(run, cells[id(run)][last], runs, cells, last)
        return (
            run.record.system.kind == "oracle",
            score is None,
            partial,
            -sign * (score or 0.0),
            run.record.system.id,
        )

    rows, rank = [], 0
    for run in sorted(runs, key=order):
        own = cells[id(run)]
        ranks = run.record.takes_rank and own[last].score is not None
        ranks = ranks and not _partial(run, own[last], runs, cells, last)
        rank += ranks
        rows.append(BoardRow(rank if ranks else None, run, own, without[id(run)]))
    best = {}
    for column in columns:
        scores = [
            s.score for row in rows if row.rank is not None and (s := row.cells[column]).score is not None
        ]
        scores = [s for s in scores if quantity.unit != "dB" or abs(s) <= PRACTICALLY_INFINITE_DB]
        if len(scores) > 1:
            best[column] = max(scores, key=lambda v: sign * v)
    return Board(tuple(runs), target_set, columns, quantity, tuple(rows), best)


def _partial(
    run: Run, summary: Summary, runs: list[Run], cells: dict[int, dict[str, Summary]], column: str
) -> bool:
    """Whether a system was scored on fewer tracks than others: then a rank would be unfair."""
    return summary.n_tracks < max(cells[id(r)][column].n_tracks for r in runs)
