"""Group runs that may be compared and rank them: one board per protocol, data set and target set.

Runs of different protocol digests or different tracks never share a board. Oracles see the
references, so they are listed apart and take no rank. `svbench.results.standing` decides who ranks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from svbench.printing.numbers import counted
from svbench.report.view.caveats import leak_sentence, without_defects
from svbench.report.view.content import Cell, Row
from svbench.report.view.numbers import interval_text
from svbench.results.aggregate import Summary, quantities, summarise
from svbench.results.record import Quantity
from svbench.results.standing import Standing, candidate, mostly_unknown, standing
from svbench.results.store import Run
from svbench.specs.report import MEAN
from svbench.statistics.comparison import PrintedNumber, run_intervals
from svbench.statistics.track_values import Column, IntervalSettings, every_column

MARKS = "Bold: best of the column, underlined: second, among systems scored on the same tracks."


@dataclass(frozen=True)
class BoardRow:
    """One system on a board.

    ``clean`` holds the same numbers without the cells of known defects, where a column has any.
    ``best`` and ``second`` are the columns in which the row is that, ``partial`` those in which it was not
    scored on all tracks that competing systems were scored on.
    """

    rank: int | None
    run: Run
    cells: dict[str, Summary]
    clean: dict[str, Summary]
    best: frozenset[str]
    second: frozenset[str]
    partial: frozenset[str]


@dataclass(frozen=True)
class Board:
    """Systems compared on one target set by one quantity.

    ``columns`` are the targets, then ``mean`` where there are several; the last one ranks. ``unranked``
    says which systems take no rank, and why; empty where all of them do.
    """

    runs: tuple[Run, ...]
    target_set: str
    columns: tuple[str, ...]
    quantity: Quantity
    rows: tuple[BoardRow, ...]
    unranked: str

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns without the mean."""
        return tuple(c for c in self.columns if c != MEAN)


def comparable(runs: Sequence[Run]) -> list[list[Run]]:
    """Split runs into groups of one protocol digest and one set of tracks, in order of appearance."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.record.protocol_digest, run.record.data.digest), []).append(run)
    return list(groups.values())


def combinations(groups: Sequence[Sequence[Run]], most: int = 6) -> list[str]:
    """Name groups of runs by protocol and data, and by what differs between groups of equal names.

    Probes make many groups; only the first ``most`` are named.
    """
    found = []
    for record in (group[0].record for group in groups[:most]):
        data = record.data
        rule = f"{record.protocol.id} {record.protocol_digest[:8]}"
        part = f" {data.subset}" if data.subset else ""
        part += f" ({data.variant})" if data.variant else ""
        found.append(
            f"{rule} on {data.id} version {data.version}{part}, {counted(len(data.tracks), 'track')}, "
            f"first {data.tracks[0]!r}"
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
    found = []
    for target_set in protocol.target_sets:
        column = target_set.id, name
        cells = {id(run): _by_target(summarise(run, allow_incomplete=True), *column) for run in group}
        clean = {id(run): _by_target(without_defects(run), *column) for run in group}
        present = [run for run in group if cells[id(run)]]
        if present:
            columns = (*target_set.targets, *([MEAN] if len(target_set.targets) > 1 else []))
            found.append(_board(present, target_set.id, columns, quantity, cells, clean))
    return found


def _by_target(summaries: Sequence[Summary], target_set: str, metric: str) -> dict[str, Summary]:
    return {s.target: s for s in summaries if (s.target_set, s.metric) == (target_set, metric)}


def by_rank(group: Sequence[Run]) -> list[Run]:
    """Put comparable runs in the order of their boards, the largest first; oracles come last."""
    rows = [row.run for b in sorted(boards(group), key=lambda b: -len(b.rows)) for row in b.rows]
    ordered = {id(run): run for run in [*rows, *group]}.values()
    return sorted(ordered, key=lambda run: run.record.system.kind == "oracle")


def ranked_metrics(run: Run) -> list[str]:
    """Return the quantities of a run's protocol, the headline first."""
    return sorted(quantities(run), key=lambda name: name != run.record.protocol.headline)


def _board(
    runs: list[Run],
    target_set: str,
    columns: tuple[str, ...],
    quantity: Quantity,
    cells: dict[int, dict[str, Summary]],
    clean: dict[int, dict[str, Summary]],
) -> Board:
    candidates = {c: [candidate(run, cells[id(run)][c]) for run in runs] for c in columns}
    places = {c: standing(found, quantity, "the mean" if c == MEAN else c) for c, found in candidates.items()}
    last = columns[-1]
    # Imported files may leave most means unknown; the first known column then orders the rows.
    competing = {c: [x for x in found if x.competes] for c, found in candidates.items()}
    lead = next((c for c in (last, *columns) if not mostly_unknown(competing[c])), last)
    ranks = places[last].ranks

    def order(i: int) -> tuple[bool, bool, bool, float, str]:
        score = candidates[lead][i].score
        return (
            runs[i].record.system.kind == "oracle",
            score is None,
            i in places[lead].partial,
            (-1 if quantity.higher_is_better else 1) * (score or 0.0),
            runs[i].record.system.id,
        )

    def where(kind: Callable[[Standing], frozenset[int]], i: int) -> frozenset[str]:
        return frozenset(c for c in columns if i in kind(places[c]))

    rows = [
        BoardRow(
            ranks[i],
            runs[i],
            cells[id(runs[i])],
            clean[id(runs[i])],
            best=where(lambda s: s.best, i),
            second=where(lambda s: s.second, i),
            partial=where(lambda s: s.partial, i),
        )
        for i in sorted(range(len(runs)), key=order)
    ]
    unranked = places[last].reason
    if lead != last:
        unranked = f"{unranked} Rows are in the order of {lead}.".strip()
    return Board(tuple(runs), target_set, columns, quantity, tuple(rows), unranked)


def system_row(run: Run, cells: Sequence[Cell], rank: int | None = None) -> Row:
    """Build the row of a run's system in a table of a page."""
    system, imported = run.record.system, run.record.imported
    return Row(system.id, system.kind, tuple(cells), str(rank or ""), imported, leak_sentence(run))


RUNNABLE = "Runnable?"  # heads the column of verdicts on the limits of a protocol


def runnable(run: Run) -> str | None:
    """Return the verdict on a run, or None where the protocol sets no limits.

    Returns
    -------
    str or None
        ``"yes"``; ``"no (memory: 17.2 GB of 16 GB)"``, the limit that was broken first; ``"not known"``
        while tracks are missing or failed for another reason, or if the scores were imported.
    """
    if not run.record.protocol.limits:
        return None
    if run.over_budget:
        return f"no ({run.over_budget})"
    return "not known" if run.failed or run.missing or run.record.imported else "yes"


class Intervals:
    """A cache of 95 % intervals over tracks: those of a run are computed together, once for all tables."""

    def __init__(self) -> None:
        self._found: dict[int, dict[Column, PrintedNumber]] = {}

    def below(self, run: Run, summary: Summary) -> tuple[str, ...]:
        """Return the line that stands below a number of a run; empty where it has no interval."""
        if id(run) not in self._found:
            self._found[id(run)] = run_intervals(run, every_column(run), IntervalSettings())
        found = self._found[id(run)].get(Column(summary.target_set, summary.target, summary.metric))
        text = interval_text(found.low, found.high) if found else ""
        return (text,) if text else ()


def explained(run: Run) -> str:
    """Explain the intervals below the numbers of a table, or why there are none."""
    if len(run.record.data.tracks) == 1:
        return "One track has no interval."
    return "In square brackets: 95 % intervals over tracks, for each number by itself."
