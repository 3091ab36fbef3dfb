"""The variants of a probe in rows and systems in columns: what patterns do to each of them."""

from __future__ import annotations

from collections.abc import Sequence

from svbench.errors import DataError
from svbench.report.layouts.grid import Grid, GridCell, GridColumn, GridRow, marked_name, one_each
from svbench.report.layouts.systems import Bound, Numbers, bind, score_columns
from svbench.report.layouts.ties import Ties
from svbench.results.store import Run
from svbench.specs.report import TableSpec


def pattern_grid(
    table: TableSpec, group: Sequence[Run], found: Numbers, title: str, layout: str
) -> tuple[Grid, list[Bound]]:
    """Build the table of one group of `probed_groups`; systems are compared within each row.

    Raises
    ------
    DataError
        See `bind`.
    """
    by_variant: dict[str, list[Run]] = {}
    for run in group:
        by_variant.setdefault(run.record.data.variant, []).append(run)
    names: dict[str, Run] = {}
    for run in sorted(group, key=lambda r: (r.record.system.kind == "oracle", r.record.system.id)):
        names.setdefault(run.record.system.id, run)
    systems, ties = list(names), Ties()
    rows, bounds = [], []
    for variant in group[0].record.data.variants:
        runs = by_variant.get(variant, [])
        one_each(runs)
        bound = bind(table.groups[0], runs, layout)
        if bound is None:
            cells: list[GridCell] = [GridCell("not run", detail={"status": "not run"})] * len(systems)
        else:
            bounds.append(bound)
            columns = score_columns(bound, systems, table, found, ties)
            cells = columns[0]
        rows.append(GridRow(table.heads.get(variant, variant), "pattern", tuple(cells)))
    if not bounds:
        raise DataError(f"layout {layout} found no variant among these runs")
    heads = tuple(GridColumn("", marked_name(run)) for run in names.values())
    return Grid(title, "pattern", heads, tuple(rows)), bounds
