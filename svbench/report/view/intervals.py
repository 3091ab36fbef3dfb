"""The intervals below the numbers of a page, those of each run made once."""

from __future__ import annotations

from svbench.report.view.numbers import interval_text
from svbench.results.aggregate import Summary
from svbench.results.store import Run
from svbench.statistics.headline import Estimate, run_intervals
from svbench.statistics.material import Column, Settings, every_column


class Intervals:
    """The 95 % intervals over tracks of every number of some runs."""

    def __init__(self) -> None:
        self._found: dict[int, dict[Column, Estimate]] = {}

    def below(self, run: Run, summary: Summary) -> tuple[str, ...]:
        """Return the line below a number of a run; none where it has no interval."""
        if id(run) not in self._found:
            self._found[id(run)] = run_intervals(run, every_column(run), Settings())
        found = self._found[id(run)].get(Column(summary.target_set, summary.target, summary.metric))
        text = interval_text(found.low, found.high) if found else ""
        return (text,) if text else ()


def explained(run: Run) -> str:
    """Say what the lines below numbers are, or why there are none."""
    if len(run.record.data.tracks) == 1:
        return "One track has no interval."
    return "In square brackets: 95 % intervals over tracks, for each number by itself."
