"""Systems in rows, targets × quantities in columns, possibly of several protocols on one data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from svbench.errors import DataError
from svbench.report.layouts.facts import HEADS, UNKNOWN, Facts
from svbench.report.layouts.grid import Entry, Ties, marks, measured_row, one_each
from svbench.report.view import numbers
from svbench.report.view.caveats import affected_cells, marked_name
from svbench.results.aggregate import Summary, summarise
from svbench.results.record import Quantity
from svbench.results.standing import Candidate, candidate, mostly_unknown, standing
from svbench.results.store import Run
from svbench.specs.protocol import TargetSet
from svbench.specs.report import MEAN, ColumnGroup, Fact, QuotedRow, TableSpec
from svbench.statistics.comparison import PrintedNumber
from svbench.statistics.track_values import Column
from svbench.tables.model import Grid, GridCell, GridColumn, GridRow

Key = tuple[str, str, str]  # target set, target, quantity


@dataclass(frozen=True)
class Bound:
    """A group of columns with the runs that fill it, by system."""

    group: ColumnGroup
    runs: dict[str, Run]
    target_set: TargetSet
    metrics: tuple[Quantity, ...]

    @property
    def keys(self) -> list[Key]:
        """What each column shows."""
        return [(self.target_set.id, t, q.name) for t in self.group.targets for q in self.metrics]

    @property
    def name(self) -> str:
        """The variant that the runs are on, or the group's id."""
        return next(iter(self.runs.values())).record.data.variant or self.group.id

    @property
    def targets(self) -> tuple[str, ...]:
        """Single targets: those shown, or all that the mean is of."""
        return tuple(t for t in self.group.targets if t != MEAN) or self.target_set.targets


def bind(group: ColumnGroup, runs: Sequence[Run], layout: str) -> Bound | None:
    """Choose the runs of a group of columns; None where its protocol was not run.

    Raises
    ------
    DataError
        Runs of several protocols, or a protocol without these targets or quantities.
    """
    fitting = [r for r in runs if not group.protocols or r.record.protocol.id in group.protocols]
    if not fitting:
        return None
    digests = {r.record.protocol_digest: r.record.protocol.id for r in fitting}
    if len(digests) > 1:
        told = ", ".join(f"{name} {digest[:8]}" for digest, name in digests.items())
        raise DataError(
            f"the columns {group.id} of layout {layout} take one protocol, these runs have {told}; "
            "choose with --protocol or name the runs"
        )
    record = fitting[0].record
    known = {frozenset(s.targets): s for s in record.protocol.target_sets}
    if group.scored_together not in known:
        raise DataError(
            f"the columns {group.id} of layout {layout} are of {', '.join(sorted(group.scored_together))} "
            f"scored together; {record.protocol.id} has "
            f"{'; '.join(', '.join(s.targets) for s in record.protocol.target_sets)}"
        )
    by_name = {q.name: q for q in record.quantities}
    wanted = group.metrics or (record.protocol.headline,)
    for name in wanted:
        if name not in by_name:
            raise DataError(
                f"layout {layout} shows {name!r}; {record.protocol.id} gives {', '.join(by_name)}"
            )
    return Bound(
        group, one_each(fitting), known[group.scored_together], tuple(by_name[name] for name in wanted)
    )


class Numbers:
    """Summaries of runs, each run summarised once."""

    def __init__(self) -> None:
        self._found: dict[int, dict[Key, Entry]] = {}

    def entry(self, run: Run, key: Key) -> Entry | None:
        """Return a number of a run, None where its system does not give that target set."""
        if id(run) not in self._found:
            clean = {}
            if affected := affected_cells(run):
                clean = {_key(s): s for s in summarise(run, allow_incomplete=True, leave_out=affected)}
            self._found[id(run)] = {
                _key(s): Entry(run, s, _if_fewer(clean.get(_key(s)), s))
                for s in summarise(run, allow_incomplete=True)
            }
        return self._found[id(run)].get(key)


def _key(summary: Summary) -> Key:
    return summary.target_set, summary.target, summary.metric


def _if_fewer(clean: Summary | None, summary: Summary) -> Summary | None:
    return clean if clean and clean.n_tracks != summary.n_tracks else None


def system_grids(
    table: TableSpec,
    bounds: Sequence[Bound],
    facts: Facts,
    found: Numbers,
    quoted: Sequence[tuple[str, QuotedRow]],
    title: str,
) -> list[Grid]:
    """Build the tables: one, or one for each group where the layout stacks them.

    Parameters
    ----------
    table : TableSpec
    bounds : sequence of Bound
    facts : Facts
    found : Numbers
    quoted : sequence of (str, QuotedRow)
        Quoted rows with the number of their source.
    title : str
    """
    runs_of: dict[str, list[Run]] = {}
    for bound in bounds:
        for system, run in bound.runs.items():
            runs_of.setdefault(system, []).append(run)
    systems = ordered(bounds, found)
    before = [[facts.cell(f, runs_of[s]) for f in table.before] for s in systems]
    after = [[facts.cell(f, runs_of[s]) for f in table.after] for s in systems]
    parts = [[b] for b in bounds] if table.stacked else [list(bounds)]
    ties = Ties()
    grids = []
    for part in parts:
        columns = [c for bound in part for c in score_columns(bound, systems, table, found, ties)]
        rows = [
            measured_row(
                runs_of[system][0], system, (*before[i], *(cells[i] for cells in columns), *after[i])
            )
            for i, system in enumerate(systems)
        ]
        heads = [
            *(GridColumn("", _head(table, HEADS[f]), "text") for f in table.before),
            *(column for bound in part for column in _heads(table, bound)),
            *(GridColumn("", _head(table, HEADS[f]), "text") for f in table.after),
        ]
        rows += [_quoted_row(table, part, row, number) for number, row in quoted]
        name = part[0].group.head or part[0].group.id if table.stacked else title
        grids.append(Grid(name, "system", tuple(heads), tuple(rows)))
    return grids


def ordered(bounds: Sequence[Bound], found: Numbers) -> list[str]:
    """Put systems in order: best first by the first mean there is, else by the first column; oracles last.

    A column that is mostly unknown, as means of imported files may be, puts nothing in order.
    """
    runs: dict[str, Run] = {}
    for bound in bounds:
        runs = {**bound.runs, **runs}
    keys = [(bound, key) for bound in bounds for key in bound.keys]
    keys = [(b, k) for b, k in keys if k[1] == MEAN] + keys
    columns = [[_candidate(b, k, s, found) for s in runs] for b, k in keys]
    known = (
        i for i, c in enumerate(columns) if not mostly_unknown([x for x in c if x is not None and x.competes])
    )
    lead = next(known, 0)
    bound, key = keys[lead]
    quantity = next(q for q in bound.metrics if q.name == key[2])
    place = standing(columns[lead], quantity)

    def order(i: int) -> tuple[bool, bool, bool, float, str]:
        """Oracles, those without a score and those scored on fewer tracks come last."""
        name, own = names[i], columns[lead][i]
        score = own.score if own else None
        return (
            runs[name].record.system.kind == "oracle",
            score is None,
            i in place.partial,
            (-1 if quantity.higher_is_better else 1) * (score or 0.0),
            marked_name(runs[name], with_leak=False),
        )

    names = list(runs)
    return [names[i] for i in sorted(range(len(names)), key=order)]


def _candidate(bound: Bound, key: Key, system: str, found: Numbers) -> Candidate | None:
    run = bound.runs.get(system)
    entry = found.entry(run, key) if run else None
    return candidate(entry.run, entry.summary) if entry else None


def score_columns(
    bound: Bound, systems: Sequence[str], table: TableSpec, found: Numbers, ties: Ties
) -> list[list[GridCell]]:
    """Return a list of cells for each column, one cell for each system."""
    columns = []
    for target_set, target, metric in bound.keys:
        quantity = next(q for q in bound.metrics if q.name == metric)
        runs = [bound.runs.get(s) for s in systems]
        key = (target_set, target, metric)
        entries = [found.entry(run, key) if run else None for run in runs]
        targets = bound.target_set.targets if target == MEAN else (target,)
        places = marks(entries, quantity, targets, ties)
        cells = [
            replace(
                score_cell(entry, run, table.digits),
                best=i in places.best,
                second=i in places.second,
                tied=i in places.tied,
                partial=i in places.partial,
            )
            for i, (entry, run) in enumerate(zip(entries, runs, strict=True))
        ]
        if table.intervals:
            cells = [
                with_interval(cell, ties.interval(entry.run, Column(*key)), table.digits) if entry else cell
                for cell, entry in zip(cells, entries, strict=True)
            ]
        columns.append(cells)
    return columns


def with_interval(cell: GridCell, estimate: PrintedNumber | None, digits: int) -> GridCell:
    """Add a number's interval to its cell."""
    if estimate is None:
        return cell
    bounds = {"low": estimate.low, "high": estimate.high, "no_interval": estimate.note}
    text = numbers.interval_text(estimate.low, estimate.high, digits=digits)
    return replace(cell, interval=text, detail={**cell.detail, **bounds})


def score_cell(entry: Entry | None, run: Run | None, digits: int) -> GridCell:
    """Make the cell of a number; a system that was not run, or does not give the targets, has a word."""
    if entry is None:
        return GridCell("not run" if run is None else "not given", detail={"status": "not run"})
    s, clean = entry.summary, entry.clean
    extra = f" ({numbers.decibels(clean.score, clean.status, digits)})" if clean else ""
    return GridCell(
        text=numbers.decibels(s.score, s.status, digits),
        is_number=s.score is not None,
        extra=extra,
        detail={
            "protocol": entry.run.record.protocol.id,
            "protocol_digest": entry.run.record.protocol_digest,
            "target_set": s.target_set,
            "target": s.target,
            "metric": s.metric,
            "score": s.score,
            "status": s.status,
            "label": s.label,
            "n_tracks": s.n_tracks,
            "n_frames": s.n_frames,
            "n_dropped": s.n_dropped,
            "score_without_errata": clean.score if clean else None,
        },
    )


def _heads(table: TableSpec, bound: Bound) -> list[GridColumn]:
    """Name columns by what changes among them: targets, quantities or both."""
    group, shared = bound.group, "" if table.stacked else bound.group.head
    columns = []
    for _, target, metric in bound.keys:
        quantity = next(q for q in bound.metrics if q.name == metric)
        parts = [
            *([_head(table, target)] if len(group.targets) > 1 or not group.head else []),
            *([_head(table, metric)] if len(bound.metrics) > 1 or group.head == target else []),
        ]
        arrow = "" if quantity.higher_is_better else " ↓"
        columns.append(GridColumn(shared, (" ".join(parts) or _head(table, metric)) + arrow))
    return columns


def _head(table: TableSpec, name: str) -> str:
    return table.heads.get(name, name)


def _quoted_row(table: TableSpec, part: Sequence[Bound], row: QuotedRow, number: str) -> GridRow:
    def fact(name: Fact) -> GridCell:
        text = row.facts.get(name, UNKNOWN)
        return GridCell(text, detail={"fact": name, "value": text, "text": text})

    cells = []
    for bound in part:
        for _, target, metric in bound.keys:
            value = row.score(bound.group.id, metric, target)
            cells.append(
                GridCell(
                    UNKNOWN if value is None else numbers.decibels(value, digits=table.digits),
                    value is not None,
                    detail={"target": target, "metric": metric, "score": value, "rule": row.rule},
                )
            )
    return GridRow(
        row.system, "quoted", (*map(fact, table.before), *cells, *map(fact, table.after)), quoted=number
    )


def pattern_grid(
    table: TableSpec, group: Sequence[Run], found: Numbers, title: str, layout: str
) -> tuple[Grid, list[Bound]]:
    """Build the table of one group of `probed_groups`; systems are compared within each row.

    Raises
    ------
    DataError
        See `bind`.
    """
    by_variant: dict[str, list[Run]] = {}
    for run in group:
        by_variant.setdefault(run.record.data.variant, []).append(run)
    names: dict[str, Run] = {}
    for run in sorted(group, key=lambda r: (r.record.system.kind == "oracle", r.record.system.id)):
        names.setdefault(run.record.system.id, run)
    systems, ties = list(names), Ties()
    rows, bounds = [], []
    for variant in group[0].record.data.variants:
        runs = by_variant.get(variant, [])
        one_each(runs)
        bound = bind(table.groups[0], runs, layout)
        if bound is None:
            cells: list[GridCell] = [GridCell("not run", detail={"status": "not run"})] * len(systems)
        else:
            bounds.append(bound)
            columns = score_columns(bound, systems, table, found, ties)
            cells = columns[0]
        rows.append(GridRow(table.heads.get(variant, variant), "pattern", tuple(cells)))
    if not bounds:
        raise DataError(f"layout {layout} found no variant among these runs")
    heads = tuple(GridColumn("", marked_name(run, with_leak=False)) for run in names.values())
    return Grid(title, "pattern", heads, tuple(rows)), bounds
