"""What chance does to the numbers of a table: intervals, and who is not told apart from the best."""

from __future__ import annotations

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
