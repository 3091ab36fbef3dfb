"""Rows of measured systems, and the marks of a column: best, second, tied with the best, not compared.

Intervals and ties come from the same resamples as those of `svbench compare`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from svbench.errors import DataError
from svbench.report.view.caveats import leaks, marked_name
from svbench.results.aggregate import Summary
from svbench.results.record import Quantity
from svbench.results.standing import candidate, standing
from svbench.results.store import Run
from svbench.statistics.comparison import PrintedNumber, printed_number
from svbench.statistics.pairs import may_be_equal
from svbench.statistics.samples import Sampler
from svbench.statistics.track_values import (
    Column,
    IntervalSettings,
    SystemRuns,
    SystemValues,
    every_column,
    values_by_column,
)
from svbench.tables.model import GridCell, GridRow

SETTINGS = IntervalSettings()  # those of `svbench compare`, so that a number has one interval everywhere


class Ties:
    """Intervals, and paired comparisons with the best of a column, as `svbench compare` makes them.

    Ask column by column: only the resamples of the last one are kept, which are many.
    """

    def __init__(self) -> None:
        self._sampler: tuple[tuple[str, str, Column], Sampler] | None = None
        self._entrants: dict[tuple[str, Column], SystemValues | None] = {}

    def is_tied(self, best: Run, run: Run, column: Column) -> bool:
        """Whether the 95 % interval of the difference holds 0; fewer than two common tracks tell nothing."""
        first, second = self._entrant(best, column), self._entrant(run, column)
        if first is None or second is None:
            return False
        return may_be_equal(first, second, self._sampler_of(best, column))

    def interval(self, run: Run, column: Column) -> PrintedNumber | None:
        """Give a number its interval over tracks; None where the system does not offer the column."""
        entrant = self._entrant(run, column)
        return printed_number(entrant, self._sampler_of(run, column)) if entrant else None

    def _sampler_of(self, run: Run, column: Column) -> Sampler:
        """Return the sampler of a column, which resamples each number once."""
        key = (run.record.protocol_digest, run.record.data.digest, column)
        if self._sampler is None or self._sampler[0] != key:
            self._sampler = key, Sampler(SETTINGS)
        return self._sampler[1]

    def _entrant(self, run: Run, column: Column) -> SystemValues | None:
        """Read a run's values; None where its system does not offer the column."""
        name = str(run.path)  # two systems of one table may share an id
        if (name, column) not in self._entrants:
            # All at once: a run is reduced for each reading.
            every = every_column(run)
            found = values_by_column([SystemRuns(name, run.record.system.kind, (run,))], every)
            self._entrants |= {(name, c): next(iter(found[c]), None) for c in every}
        return self._entrants.get((name, column))


@dataclass(frozen=True)
class Entry:
    """A system's number in a line of comparison."""

    run: Run
    summary: Summary
    clean: Summary | None = None


def measured_row(run: Run, name: str, cells: Sequence[GridCell]) -> GridRow:
    """Make the row of a measured system; ``name`` tells apart those that share an id."""
    shown = marked_name(run, name, with_leak=False)
    return GridRow(shown, run.record.system.kind, tuple(cells), leaks(run), imported=run.record.imported)


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
