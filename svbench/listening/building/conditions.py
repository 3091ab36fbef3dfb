"""The conditions of a listening test, and the runs that its systems come from.

The method of the test decides on the hidden reference and the anchors. The runs must be of one data set and
one protocol, one run for each system, with kept estimates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from svbench.errors import DataError
from svbench.listening.listening_test import Condition, Role
from svbench.results.aggregate import track_scores
from svbench.results.folders import inside
from svbench.results.record import Quantity
from svbench.results.store import Run, find_runs, load_run, result_of
from svbench.specs.listening import MOST_CONDITIONS, Anchor, ListeningProtocol, Method
from svbench.specs.protocol import ORIGINAL
from svbench.specs.records import digest

REFERENCE = "reference"
ANCHORS: dict[Anchor, tuple[str, str, Role]] = {
    "lowpass-3500": ("anchor35", "Low anchor: reference, low-passed at 3.5 kHz", "low_anchor"),
    "lowpass-7000": ("anchor70", "Mid anchor: reference, low-passed at 7 kHz", "mid_anchor"),
    "mixture": ("mixture", "Mixture", "anchor"),
    "distorted": ("distorted", "Distorted target", "anchor"),
}


def has_hidden_reference(method: Method) -> bool:
    """Whether the reference is a stimulus: not where systems are preferred to one another."""
    return method != "ab"


@dataclass(frozen=True)
class ConditionPlan:
    """What each trial holds; ``systems`` are the runs heard, by condition id."""

    conditions: tuple[Condition, ...]
    stimuli: tuple[str, ...]
    systems: dict[str, Run]
    notes: tuple[str, ...]


def plan_conditions(protocol: ListeningProtocol, runs: Sequence[Run]) -> ConditionPlan:
    """List the conditions of every trial.

    Parameters
    ----------
    protocol : ListeningProtocol
    runs : sequence of Run
        One of each system.

    Raises
    ------
    DataError
        More than twelve conditions, too few for the method, or a system with the name of another.
    """
    notes, systems = [], {}
    anchors = [ANCHORS[a] for a in protocol.anchors]
    taken = {REFERENCE, *(name for name, _, _ in ANCHORS.values())}
    for run in runs:
        system = run.record.system
        if system.adapter == "mixture" and "mixture" in protocol.anchors:
            notes.append(f"{system.id} is left out: the protocol has the mixture as an anchor")
            continue
        if system.id in taken and not (system.id == system.adapter == "mixture"):
            raise DataError(f"{run.path}: system {system.id!r} has the name of an anchor; give it another id")
        systems[system.id] = run
    conditions = [Condition(id=REFERENCE, title="Hidden reference", role="reference")]
    conditions += [Condition(id=name, title=title, role=role) for name, title, role in anchors]
    conditions += [
        Condition(id=name, title=run.record.system.title, role="system", run=run_digest(run))
        for name, run in systems.items()
    ]
    hidden = has_hidden_reference(protocol.method)
    stimuli = tuple(c.id for c in conditions if hidden or c.role != "reference")
    if len(stimuli) > MOST_CONDITIONS:
        raise DataError(
            f"{len(stimuli)} conditions in a trial, {len(systems)} of them systems; BS.1534-3 allows "
            f"{MOST_CONDITIONS}: leave out systems, or anchors in a protocol of your own"
        )
    if not systems or (protocol.method in ("ab", "abx") and len(stimuli) < 2):
        wanted = "two conditions to compare" if systems else "a system"
        raise DataError(f"{protocol.id} wants {wanted}, the runs give {', '.join(systems) or 'none'}")
    return ConditionPlan(tuple(conditions), stimuli, systems, tuple(notes))


def run_digest(run: Run) -> str:
    """Return a SHA-256 of what identifies a run's estimates: system, protocol, data and their files."""
    record = run.record
    estimates = {r.track: r.estimate_digests for r in run.results}
    return digest([record.system_digest, record.protocol_digest, record.data.digest, estimates])


def source_record(run: Run) -> dict[str, Any]:
    """Return the entry of a run in ``test.json``."""
    record = run.record
    return {
        "path": str(run.path),
        "system": record.system.id,
        "protocol": record.protocol.id,
        "dataset": record.data.id,
        "digest": run_digest(run),
    }


def source_runs(paths: Sequence[Path]) -> tuple[list[Run], list[str]]:
    """Read the runs that a test is built from, and note which ones were left out.

    Parameters
    ----------
    paths : sequence of Path
        Run folders, or folders of them.

    Returns
    -------
    list of Run, list of str
        One run for each system, all of one protocol and data set; and a note on each choice made.

    Raises
    ------
    DataError
        The runs are of several data sets, no protocol has runs of all systems, a system has two runs, or a
        run has no estimates.
    """
    notes = []
    runs = [load_run(path) for path in find_runs(list(paths))]
    recorded = [r for r in runs if r.record.data.variant in ("", ORIGINAL)]
    if len(recorded) < len(runs):
        notes.append(f"{len(runs) - len(recorded)} runs on what a probe made of the tracks are left out")
    if not recorded:
        raise DataError("all runs are on what a probe made of the tracks; give runs on the tracks themselves")
    sets = {f"{r.record.data.id} version {r.record.data.version}": r for r in recorded}
    if len(sets) > 1:
        raise DataError(f"the runs are of several data sets ({', '.join(sets)}); name those of one")
    chosen = _of_one_protocol(recorded, notes)
    _refuse_twice(chosen)
    for run in chosen:
        _refuse_without_estimates(run)
    return chosen, notes


def _of_one_protocol(runs: Sequence[Run], notes: list[str]) -> list[Run]:
    """Take the first protocol that all systems were run on, since difficulty must be a score by one rule."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.record.protocol_digest, run.record.data.digest), []).append(run)
    systems = {r.record.system.id for r in runs}
    whole = [group for group in groups.values() if {r.record.system.id for r in group} == systems]
    names = [f"{g[0].record.protocol.id} ({len(g)} runs, {len(g[0].record.data.tracks)} tracks)"
             for g in groups.values()]  # fmt: skip
    if not whole:
        raise DataError(
            f"no protocol and choice of tracks has runs of all systems, found {'; '.join(names)}; name runs "
            "that were made by one `svbench run`"
        )
    if len(groups) > 1:
        taken = whole[0][0].record.protocol.id
        notes.append(f"estimates and scores are those of {taken}, of {'; '.join(names)}")
    return whole[0]


def _refuse_twice(runs: Sequence[Run]) -> None:
    seen: dict[str, Run] = {}
    for run in runs:
        name = run.record.system.id
        if name in seen:
            raise DataError(f"{seen[name].path} and {run.path}: both are {name}; name only one of them")
        seen[name] = run


def _refuse_without_estimates(run: Run) -> None:
    if run.over_budget:
        raise DataError(f"{run.path}: {run.record.system.id} is over the budget: {run.over_budget}")
    if not any(r.estimates for r in run.results):
        failed = next((r.reason for r in run.failed), "")
        raise DataError(
            f"{run.path}: no estimates of {run.record.system.id} were kept"
            + (f" ({failed})" if failed and len(run.failed) == len(run.results) else "")
            + "; run again with `svbench run … --keep-estimates`, which separates anew"
        )


def headline(run: Run) -> Quantity:
    """Return the quantity that measures the difficulty of a track."""
    return next(q for q in run.record.quantities if q.name == run.record.protocol.headline)


def scores_of(run: Run, target: str) -> dict[str, float]:
    """Return a run's headline score of a target by track, where there is a number.

    Raises
    ------
    DataError
        The run's protocol does not score the target.
    """
    protocol = run.record.protocol
    sets = [s.id for s in protocol.target_sets if target in s.targets]
    if not sets:
        raise DataError(
            f"{run.path}: {protocol.id} has no target {target!r}, only {', '.join(protocol.targets)}; take "
            "runs of another protocol, or a listening protocol of one of these"
        )
    found: dict[str, float] = {}
    for row in track_scores(run):
        wanted = (row.target, row.metric) == (target, protocol.headline) and row.target_set in sets
        if wanted and row.score is not None:
            found.setdefault(row.track, row.score)
    return found


def estimate_path(run: Run, track: str, target: str) -> Path:
    """Return the file of a kept estimate.

    Raises
    ------
    DataError
        The system failed on that track, has no estimate of the target, or the file is missing.
    """
    name = run.record.system.id
    result = result_of(run, track)
    if result is None:
        reason = next((r.reason for r in run.results if r.track == track), "not run")
        raise DataError(f"{name} has nothing of track {track!r}: {reason}")
    if target not in result.estimates:
        raise DataError(f"{name} has no estimate of {target} of track {track!r}")
    path = inside(run.path, result.estimates[target])
    if not path.is_file():
        raise DataError(f"{path}: the estimate is gone; run again with --keep-estimates")
    return path
