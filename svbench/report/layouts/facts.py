"""What a system needs, beside its scores: from its profile where there is one, else from its run."""

from __future__ import annotations

from collections.abc import Sequence

from svbench.report.layouts.costs import cost_of
from svbench.report.view.boards import runnable
from svbench.report.view.numbers import bytes_text, count_text, seconds
from svbench.results.profile import Profile, profiles_beside
from svbench.results.store import Run
from svbench.specs.report import Fact
from svbench.tables.model import GridCell

HEADS: dict[Fact, str] = {
    "runnable": "Runnable?",
    "parameters": "parameters",
    "macs": "MACs per s",
    "disk": "on disk",
    "load": "load",
    "rtf": "real-time factor",
    "memory": "peak memory",
}
MEASURED = ("load", "rtf", "memory")  # what a run measures too, while its scores are computed
UNKNOWN = "–"


class Facts:
    """The facts of several runs' systems.

    Parameters
    ----------
    runs : sequence of Run
    profiles : sequence of Profile, optional
        Those that lie beside the runs by default.

    Attributes
    ----------
    seen : set of str
        What `measured` was asked for and something was found of.
    during_runs : bool
        Whether any time or memory that was told was measured during a run, not by a profile.
    """

    def __init__(self, runs: Sequence[Run], profiles: Sequence[Profile] | None = None) -> None:
        self._profiles: dict[str, Profile] = {}
        for profile in profiles_beside(runs) if profiles is None else profiles:
            self._profiles.setdefault(profile.system.id, profile)
        self.during_runs = False
        self.seen: set[str] = set()

    def cell(self, fact: Fact, runs: Sequence[Run]) -> GridCell:
        """Return a fact of the system that made these runs."""
        value, text = self._told(fact, runs)
        return GridCell(text, detail={"fact": fact, "value": value, "text": text})

    def measured(self, fact: Fact, systems: Sequence[str], runs: Sequence[Run]) -> GridCell:
        """Return a fact from the profile of the first of these systems that has one, else from the runs."""
        value: float | str | None = None
        text = UNKNOWN
        profile = next((self._profiles[s] for s in systems if s in self._profiles), None)
        if runs and (fact == "runnable" or profile is None):
            value, text = self._told(fact, runs)
        elif profile is not None and fact != "runnable":
            value = _of_profile(fact, profile)
            text = UNKNOWN if value is None else _text(fact, value)
        if text != UNKNOWN:
            self.seen.add(systems[0])
        return GridCell(text, measured=True, detail={"fact": fact, "value": value, "measured": True})

    def _told(self, fact: Fact, runs: Sequence[Run]) -> tuple[float | str | None, str]:
        if fact == "runnable":
            verdicts = [v for run in runs if (v := runnable(run))]
            # Over one budget is over the budget, whatever the other protocols say.
            text = next((v for v in verdicts if v != "yes"), verdicts[0] if verdicts else UNKNOWN)
            return text, text
        value = self._profiled(fact, runs[0])
        if value is None:
            value = self._during_run(fact, runs)
            self.during_runs |= value is not None and fact in MEASURED
        return value, UNKNOWN if value is None else _text(fact, value)

    def _profiled(self, fact: Fact, run: Run) -> float | None:
        profile = self._profiles.get(run.record.system.id)
        return None if profile is None else _of_profile(fact, profile)

    def _during_run(self, fact: Fact, runs: Sequence[Run]) -> float | None:
        cost = next((c for run in runs if (c := cost_of(run))), None)
        if cost is None:
            return None
        return {
            "disk": cost.weights_bytes,
            "load": cost.load_s,
            "rtf": cost.rtf,
            "memory": cost.peak_rss_bytes,
        }.get(fact)


def _of_profile(fact: Fact, profile: Profile) -> float | None:
    setting = profile.settings[0]
    return {
        "parameters": profile.size.parameters,
        "macs": profile.macs.per_second,
        "disk": profile.size.file_bytes,
        "load": setting.load_s,
        "rtf": setting.timings[-1].rtf,
        "memory": setting.above_empty_bytes,
    }[fact]


def _text(fact: Fact, value: float) -> str:
    if fact in ("parameters", "macs"):
        return count_text(value)
    if fact in ("disk", "memory"):
        return bytes_text(value)
    return seconds(value) if fact == "load" else f"{value:.3f}" if value >= 0.001 else "< 0.001"
