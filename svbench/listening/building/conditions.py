"""The conditions of a test: hidden reference, anchors and systems, as its method wants them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from svbench.errors import DataError
from svbench.listening.building.sources import run_digest
from svbench.listening.listening_test import Condition, Role
from svbench.results.store import Run
from svbench.specs.listening import MOST_CONDITIONS, Anchor, ListeningProtocol, Method

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
class Plan:
    """What each trial holds; ``systems`` are the runs heard, by condition id."""

    conditions: tuple[Condition, ...]
    stimuli: tuple[str, ...]
    systems: dict[str, Run]
    notes: tuple[str, ...]


def plan(protocol: ListeningProtocol, runs: Sequence[Run]) -> Plan:
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
    return Plan(tuple(conditions), stimuli, systems, tuple(notes))
