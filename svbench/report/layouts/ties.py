"""Which systems are not significantly different from the best, each number resampled once."""

from __future__ import annotations

from svbench.results.statistics.material import Column, Contender, Settings
from svbench.results.statistics.pairs import one_pair
from svbench.results.statistics.samples import Entrant, Sampler, entrants
from svbench.results.store import Run


class Ties:
    """Paired comparisons with the best of a column, as `svbench compare` makes them."""

    def __init__(self) -> None:
        self._samplers: dict[tuple[str, str, Column], Sampler] = {}
        self._entrants: dict[tuple[str, Column], Entrant | None] = {}

    def is_tied(self, best: Run, run: Run, column: Column) -> bool:
        """Whether the 95 % interval of the difference holds 0; fewer than two common tracks tell nothing."""
        first, second = self._entrant(best, column), self._entrant(run, column)
        if first is None or second is None:
            return False
        record = best.record
        key = (record.protocol_digest, record.data.digest, column)
        sampler = self._samplers.setdefault(key, Sampler(Settings()))
        pair = one_pair(first, second, sampler, higher_is_better=True)
        return pair.low is not None and pair.high is not None and pair.low <= 0 <= pair.high

    def _entrant(self, run: Run, column: Column) -> Entrant | None:
        """Read a run's values; None where its system does not offer the column."""
        name = str(run.path)  # two systems of one table may share an id
        key = (name, column)
        if key not in self._entrants:
            contender = Contender(name, run.record.system.kind, (run,))
            self._entrants[key] = next(iter(entrants([contender], [column])[column]), None)
        return self._entrants[key]
