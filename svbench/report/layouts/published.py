"""Rows in print with what their systems cost on this machine: quoted scores, measured costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from svbench.errors import DataError
from svbench.report.layouts.facts import HEADS, UNKNOWN, Facts
from svbench.report.view import numbers
from svbench.report.view.numbers import bytes_text
from svbench.results.profile import Profile
from svbench.results.record import Machine
from svbench.results.store import Run
from svbench.specs.report import ColumnGroup, Fact, QuotedRow, TableSpec
from svbench.specs.system import untrained
from svbench.tables.model import Grid, GridCell, GridColumn, GridRow

if TYPE_CHECKING:
    from collections.abc import Iterable

MEASURED = "measured"


def published_grid(
    table: TableSpec,
    quoted: Sequence[tuple[str, QuotedRow]],
    runs: Sequence[Run],
    profiles: Sequence[Profile],
    title: str,
) -> tuple[Grid, list[str]]:
    """Build the table and its notes.

    Parameters
    ----------
    table : TableSpec
        With ``rows = "published"``.
    quoted : sequence of (str, QuotedRow)
        Quoted rows with the number of their source.
    runs, profiles : sequences of Run and Profile
        Those of the systems that the rows name, with their weights or with random ones.
    title : str

    Raises
    ------
    DataError
        Nothing was measured of any of the systems.
    """
    wanted = {row.measured_as for _, row in quoted if row.measured_as}
    runs = [r for r in runs if _plain(r.record.system.id) in wanted]
    profiles = [p for p in profiles if _plain(p.system.id) in wanted]
    if not runs and not profiles:
        raise DataError(
            f"nothing here was measured of {', '.join(sorted(wanted))}; "
            "make profiles with `svbench profile SYSTEM --random-weights`"
        )
    facts = Facts(runs, profiles)
    rows = [_row(table, row, number, facts, runs) for number, row in quoted]
    heads = [
        *(_fact_head(table, f) for f in table.before),
        *(head for group in table.groups for head in _score_heads(table, group)),
        *(_fact_head(table, f) for f in table.after),
        *(_fact_head(table, f, MEASURED) for f in table.measured),
    ]
    grid = Grid(title, "system", tuple(heads), tuple(rows))
    return grid, _notes(table, quoted, facts, runs, profiles)


def _row(table: TableSpec, row: QuotedRow, number: str, facts: Facts, runs: Sequence[Run]) -> GridRow:
    def fact(name: Fact) -> GridCell:
        text = row.facts.get(name, UNKNOWN)
        return GridCell(text, detail={"fact": name, "value": text, "text": text})

    own = [r for r in runs if _plain(r.record.system.id) == row.measured_as]
    systems = [row.measured_as, untrained(row.measured_as)] if row.measured_as else []
    cells = [
        *map(fact, table.before),
        *(_score(table, group, row, t, m) for group in table.groups for t, m in _keys(group)),
        *map(fact, table.after),
        *(facts.measured(f, systems, own) for f in table.measured),
    ]
    return GridRow(row.system, "quoted", tuple(cells), quoted=number)


def _keys(group: ColumnGroup) -> list[tuple[str, str]]:
    return [(target, metric) for target in group.targets for metric in group.metrics]


def _score(table: TableSpec, group: ColumnGroup, row: QuotedRow, target: str, metric: str) -> GridCell:
    value = row.score(group.id, metric, target)
    text = UNKNOWN if value is None else numbers.decibels(value, digits=table.digits)
    detail = {"target": target, "metric": metric, "score": value, "rule": row.rule}
    return GridCell(text, value is not None, detail=detail)


def _score_heads(table: TableSpec, group: ColumnGroup) -> list[GridColumn]:
    heads = []
    for target, metric in _keys(group):
        parts = [
            *([target] if len(group.targets) > 1 or not group.head else []),
            *([metric] if len(group.metrics) > 1 or group.head == target else []),
        ]
        text = " ".join(table.heads.get(p, p) for p in parts) or table.heads.get(metric, metric)
        heads.append(GridColumn(group.head, text))
    return heads


def _fact_head(table: TableSpec, fact: Fact, group: str = "") -> GridColumn:
    return GridColumn(group, table.heads.get(fact, HEADS[fact]), "text")


def _plain(system: str) -> str:
    return system.removesuffix(untrained(""))


def _notes(
    table: TableSpec,
    quoted: Sequence[tuple[str, QuotedRow]],
    facts: Facts,
    runs: Sequence[Run],
    profiles: Sequence[Profile],
) -> list[str]:
    """Say which numbers are whose, on which machine, and what is missing."""
    sources = {number: f"[{number}] {row.source} ({row.rule}; {row.data})" for number, row in quoted}
    heads = [table.heads.get(f, HEADS[f]) for f in table.measured if runs or f != "runnable"]
    told = [
        f"Quoted, not measured here: {'; '.join(sources.values())}.",
        f"Measured: {', '.join(heads)}, on {'; '.join(_machines(runs, profiles))}.",
    ]
    if profiles and any(f not in ("runnable", "parameters", "disk") for f in table.measured):
        told.append(f"Profiles: {'; '.join(dict.fromkeys(map(_conditions, profiles)))}.")
    if "runnable" in table.measured:
        told += dict.fromkeys(map(_budget, runs))
    if any(untrained("") in name for name in (*_systems(runs), *(p.system.id for p in profiles))):
        told.append("Measured with random weights, which change no cost: no score here is of them.")
    missing = [row.system for _, row in quoted if row.measured_as and row.measured_as not in facts.seen]
    absent = [row.system for _, row in quoted if not row.measured_as]
    if missing:
        told.append(f"Not measured: {', '.join(missing)}.")
    if absent:
        told.append(f"Quoted only: {', '.join(absent)}.")
    return told


def _systems(runs: Sequence[Run]) -> Iterable[str]:
    return (r.record.system.id for r in runs)


def _machines(runs: Sequence[Run], profiles: Sequence[Profile]) -> list[str]:
    found = [
        *(p.machine for r in runs for p in r.record.provenance),
        *(p.provenance.machine for p in profiles),
    ]
    return list(dict.fromkeys(map(_machine, found)))


def _machine(machine: Machine) -> str:
    cores = f"{machine.n_cores} core{'' if machine.n_cores == 1 else 's'}"
    return f"{machine.cpu}, {cores}, {bytes_text(machine.memory_bytes)}"


def _conditions(profile: Profile) -> str:
    setting = profile.settings[0]
    threads = f"{setting.threads} thread{'' if setting.threads == 1 else 's'}"
    return f"{profile.device}, {threads}, {setting.timings[-1].seconds:g} s of audio"


def _budget(run: Run) -> str:
    record = run.record
    n = len(record.data.tracks)
    tracks = f"{n} track{'' if n == 1 else 's'}"
    return f"Runnable? under {record.protocol.id} on {record.data.id} ({tracks}), on this machine."
