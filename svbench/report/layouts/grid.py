"""A table before it is written: rows and columns of final texts, with their marks and what they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from svbench.errors import DataError
from svbench.report.layouts.ties import Ties
from svbench.report.view.caveats import leaks
from svbench.results.aggregate import Summary
from svbench.results.record import Quantity
from svbench.results.standing import candidate, standing
from svbench.results.store import Run
from svbench.statistics.track_values import Column

TIE = "†"


@dataclass(frozen=True)
class GridCell:
    """A cell.

    Attributes
    ----------
    text : str
        A rounded number, or the word for why there is none.
    is_number : bool
    best, second, tied : bool
        Among the measured systems that can be compared; tied is not significantly different from the best.
    partial : bool
        Not compared, since the system was not scored on all tracks that others in the column were.
    measured : bool
        Measured here, though its row is quoted.
    extra : str
        Stands behind the number: the one without known defects, in brackets.
    interval : str
        Stands behind or below it, smaller; empty where there is none.
    detail : dict
        Unrounded, for CSV and JSON.
    """

    text: str
    is_number: bool = False
    best: bool = False
    second: bool = False
    tied: bool = False
    partial: bool = False
    measured: bool = False
    extra: str = ""
    interval: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GridRow:
    """A row; ``quoted`` is the number of its source, empty for measured ones."""

    name: str
    kind: str
    cells: tuple[GridCell, ...]
    leaked: bool = False
    imported: bool = False
    quoted: str = ""


@dataclass(frozen=True)
class GridColumn:
    """A column under the head of its group; ``is_numeric`` ones are aligned at the decimal point."""

    group: str
    head: str
    is_numeric: bool = True


@dataclass(frozen=True)
class Grid:
    """A table; ``first`` heads the names of the rows."""

    title: str
    first: str
    columns: tuple[GridColumn, ...]
    rows: tuple[GridRow, ...]


@dataclass(frozen=True)
class Entry:
    """A system's number in a line of comparison."""

    run: Run
    summary: Summary
    clean: Summary | None = None


def marked_name(run: Run, name: str = "") -> str:
    """Name a run's system, or what it is called in a table, with its kind where it is no system."""
    return (name or run.record.system.id) + (f" ({', '.join(run.record.marks)})" if run.record.marks else "")


def measured_row(run: Run, name: str, cells: Sequence[GridCell]) -> GridRow:
    """Make the row of a measured system; ``name`` tells apart those that share an id."""
    return GridRow(
        marked_name(run, name), run.record.system.kind, tuple(cells), leaks(run), imported=run.record.imported
    )


def one_each(runs: Sequence[Run]) -> dict[str, Run]:
    """Return runs of one protocol and data set by system.

    Raises
    ------
    DataError
        Two runs of one system.
    """
    found: dict[str, Run] = {}
    for run in runs:
        name = run.record.system.id
        if found.setdefault(name, run) is not run:
            raise DataError(
                f"{found[name].path} and {run.path} are both runs of {name!r} on the same protocol and data; "
                "a table takes one of them"
            )
    return found


@dataclass(frozen=True)
class Marks:
    """Who is best, second and tied with the best, and who has too few tracks for it, by position."""

    best: frozenset[int] = frozenset()
    second: frozenset[int] = frozenset()
    tied: frozenset[int] = frozenset()
    partial: frozenset[int] = frozenset()


def marks(entries: Sequence[Entry | None], quantity: Quantity, targets: Sequence[str], ties: Ties) -> Marks:
    """Compare the numbers of one column, or of one row where systems are columns.

    Best and second are those of `svbench.results.standing`; tied are the others that are not
    significantly different from the best.
    """
    found = standing([candidate(e.run, e.summary) if e else None for e in entries], quantity)
    compared = {i: e for i, e in enumerate(entries) if e and i in found.compared}
    partial = frozenset(i for i in found.partial if (e := entries[i]) and e.run.record.takes_rank)
    if not found.best:
        return Marks(partial=partial)
    first = compared[min(found.best)]
    target = targets[0] if len(targets) == 1 else "mean"
    column = Column(first.summary.target_set, target, quantity.name)
    return Marks(
        found.best,
        found.second,
        frozenset(
            i for i, e in compared.items() if i not in found.best and ties.is_tied(first.run, e.run, column)
        ),
        partial,
    )
