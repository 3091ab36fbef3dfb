"""Provenance of the numbers: the protocol in force, the record of every run, and failed tracks."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from svbench.printing.paths import without_paths
from svbench.results.record import Provenance, RunRecord
from svbench.results.store import Run
from svbench.specs.system import SystemSpec


@dataclass(frozen=True)
class Fact:
    """A name and its value: a line of a protocol or of the provenance."""

    name: str
    value: str


@dataclass(frozen=True)
class Failure:
    """A track a system failed on, and why."""

    system: str
    protocol: str
    track: str
    reason: str


@dataclass(frozen=True)
class Origin:
    """The provenance of one run."""

    run: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Rule:
    """A protocol as it was computed."""

    title: str
    description: str
    facts: tuple[Fact, ...]


PROSE = ("schema", "title", "description")


def failures(runs: Sequence[Run]) -> list[Failure]:
    """List every failed and missing track with its reason."""
    found = []
    for run in runs:
        system, variant = run.record.system.id, run.record.data.variant
        protocol = run.record.protocol.id + (f" · {variant}" if variant else "")
        found += [Failure(system, protocol, r.track, without_paths(r.reason)) for r in run.failed]
        found += [Failure(system, protocol, t, "not run yet") for t in run.missing]
    return found


def rule(record: RunRecord) -> list[Fact]:
    """Return a protocol as one line per key, as in its file, with the defaults filled in."""
    content = msgspec.to_builtins(record.protocol)
    shown = {k: v for k, v in content.items() if k not in PROSE}
    return [Fact("digest", record.protocol_digest), *(Fact(k, v) for k, v in _lines("", shown))]


def rules(runs: Sequence[Run]) -> list[Rule]:
    """Return every protocol of some runs, once each."""
    records = {run.record.protocol_digest: run.record for run in runs}
    return [
        Rule(
            f"{r.protocol.id} version {r.protocol.version}, {r.protocol_digest[:8]}: {r.protocol.title}",
            unwrapped(r.protocol.description),
            tuple(rule(r)),
        )
        for r in records.values()
    ]


def unwrapped(text: str) -> str:
    """Join the lines of each paragraph."""
    return "\n\n".join(" ".join(p.split()) for p in text.strip().split("\n\n"))


def origins(runs: Sequence[Run]) -> list[Origin]:
    """Return the provenance of each run; paths of the machine that made it are cut to their last part."""
    return [
        Origin(run.path.name + (f" · {v}" if (v := run.record.data.variant) else ""), tuple(_facts(run)))
        for run in runs
    ]


def _facts(run: Run) -> list[Fact]:
    record = run.record
    system, protocol, data = record.system, record.protocol, record.data
    facts = [
        ("system", f"{system.title} · adapter {system.adapter}"),
        ("system digest", record.system_digest),
        *((f"weights {w.path}", w.sha256) for w in system.weights),
        *(_lines("parameters", system.parameters)),
        ("training data", _training(system)),
        *([("citation", system.citation)] if system.citation else []),
        ("protocol", f"{protocol.id} version {protocol.version}"),
        ("protocol digest", record.protocol_digest),
        (
            "data set",
            " · ".join(p for p in (data.title, f"{data.id} {data.version}", data.subset, data.variant) if p),
        ),
        *([("variant version", data.variant_version)] if data.variant_version else []),
        ("data digest", data.digest),
        ("left out", "; ".join(data.left_out) or "nothing"),
    ]
    for number, made in enumerate(record.provenance, 1):
        of = f" {number} of {len(record.provenance)}" if len(record.provenance) > 1 else ""
        # Imported scores were computed on an unknown machine: keep command, date and version only.
        lines = _made(made)[:3] if record.imported else _made(made)
        facts += [(f"{name}{of}", value) for name, value in lines]
    return [Fact(without_paths(name), without_paths(value)) for name, value in facts]


def _training(system: SystemSpec) -> str:
    """Return the training data of a system; an empty list in its file means no training."""
    return ", ".join(system.training_data) or "none: not trained"


def _made(made: Provenance) -> list[tuple[str, str]]:
    packages = ", ".join(f"{n} {v}" for n, v in sorted(made.packages.items()))
    commit, _, dirty = made.commit.partition("+")
    state = f" · commit {commit[:12]}{' with changes' if dirty else ''}" if commit else ""
    machine = made.machine
    return [
        ("command", shlex.join(made.command)),
        ("made", made.created),
        ("svbench", f"{made.svbench}{state}"),
        *((f"argument {name}", value) for name, value in sorted(made.arguments.items())),
        ("Python", f"{made.python} · {packages}"),
        (
            "machine",
            f"{machine.system} {machine.architecture} · {machine.cpu}, {machine.n_cores} cores, "
            f"{machine.memory_bytes / 2**30:.0f} GiB",
        ),
    ]


def _lines(key: str, value: Any) -> list[tuple[str, str]]:
    """Flatten nested tables to ``a.b[0].c`` and its text."""
    if isinstance(value, dict):
        return [line for k, v in value.items() for line in _lines(f"{key}.{k}" if key else str(k), v)]
    if isinstance(value, list | tuple):
        if any(isinstance(v, dict) for v in value):
            return [line for i, v in enumerate(value) for line in _lines(f"{key}[{i}]", v)]
        return [(key, ", ".join(str(v) for v in value) or "none")]
    return [(key, "none" if value is None else str(value))]
