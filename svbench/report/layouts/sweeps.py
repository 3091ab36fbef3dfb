"""A sweep: one system with several values of its parameters, as a table, a curve and files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from svbench.errors import DataError
from svbench.report.figures.costs import CurvePoint, cost_curve
from svbench.report.layouts.costs import cost_of
from svbench.report.view.boards import boards
from svbench.report.view.caveats import footnotes, overlap_of
from svbench.results.scores import Status
from svbench.results.store import Run
from svbench.specs.records import Record
from svbench.specs.system import value_text
from svbench.tables.spreadsheet import csv_text


class Point(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One system of a sweep: its values, its headline score and what that cost.

    Real-time factor and load time are medians over tracks, memory is the largest; None where no
    track was separated.
    """

    values: dict[str, Any]
    system: str
    run: str
    score: float | None
    status: Status
    n_tracks: int
    n_failed: int
    score_without_errata: float | None = None
    n_leaked_tracks: int = 0
    rtf: float | None = None
    load_s: float | None = None
    peak_rss_bytes: int | None = None


class Sweep(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a sweep found.

    ``score`` names the number: quantity, target and target set; ``notes`` is what speaks against it:
    training data, known defects, failed tracks and what was left out.
    """

    schema: Literal[1]
    system: str
    protocol: str
    protocol_digest: str
    dataset: str
    n_tracks: int
    parameters: tuple[str, ...]
    score: str
    label: str
    unit: str
    points: tuple[Point, ...]
    notes: tuple[str, ...] = ()


def sweep_of(system: str, runs: Sequence[Run], values: Sequence[dict[str, Any]]) -> Sweep:
    """Collect the runs of a sweep.

    Parameters
    ----------
    system : str
        The one they are derived from.
    runs : sequence of Run
        Of one protocol and data set.
    values : sequence of dict
        The parameters of each.

    Raises
    ------
    DataError
        No run has a row of the protocol's headline.
    """
    record = runs[0].record
    found = boards(list(runs))
    if not found:
        raise DataError(f"no run of {system} has a score or a failure under {record.protocol.id}")
    board = found[0]
    column = board.columns[-1]
    cells = {id(row.run): row.cells[column] for row in board.rows}
    clean = {id(row.run): row.clean[column].score for row in board.rows if column in row.clean}
    points = []
    for run, own in zip(runs, values, strict=True):
        cost = cost_of(run)
        cell = cells.get(id(run))
        status: Status = cell.status if cell else "no target"
        if run.failed and (cell is None or cell.score is None):
            status = "failed"
        points.append(
            Point(
                values=own,
                system=run.record.system.id,
                run=run.path.name,
                score=cell.score if cell else None,
                status=status,
                n_tracks=len(run.results) - len(run.failed),
                n_failed=len(run.failed),
                score_without_errata=clean.get(id(run)),
                n_leaked_tracks=len(overlap_of(run).tracks),
                rtf=cost.rtf if cost else None,
                load_s=cost.load_s if cost else None,
                peak_rss_bytes=cost.peak_rss_bytes if cost else None,
            )
        )
    return Sweep(
        schema=1,
        system=system,
        protocol=record.protocol.id,
        protocol_digest=record.protocol_digest,
        dataset=record.data.id,
        n_tracks=len(record.data.tracks),
        parameters=tuple(values[0]),
        score=f"{board.quantity.name} {column}, {board.target_set}",
        label=board.rows[0].cells[column].label,
        unit=board.quantity.unit,
        points=tuple(points),
        notes=tuple(footnotes(runs)),
    )


def sweep_csv(sweep: Sweep) -> str:
    """Write a row per point, numbers unrounded, what is missing empty."""
    fields = [f.name for f in msgspec.structs.fields(Point) if f.name != "values"]
    rows = (
        [*(value_text(v) for v in point.values.values()), *(getattr(point, f) for f in fields)]
        for point in sweep.points
    )
    return csv_text([*sweep.parameters, *fields], rows)


def sweep_curve(sweep: Sweep, name: str) -> str:
    """Draw score against real-time factor: a line along the first parameter for each of the others' values.

    Points without a score, or scored on fewer tracks than others, are left out.
    """
    first, *others = sweep.parameters
    points = [
        CurvePoint(
            line=", ".join(f"{n} = {value_text(p.values[n])}" for n in others),
            label=value_text(p.values[first]),
            cost=p.rtf,
            score=p.score,
        )
        for p in sweep.points
        if p.score is not None and p.rtf is not None and not p.n_failed
    ]
    unit = f" [{sweep.unit}]" if sweep.unit not in ("", "1") else ""
    return cost_curve(
        points, cost=f"real-time factor (beside the points: {first})", score=f"{sweep.score}{unit}", name=name
    )
