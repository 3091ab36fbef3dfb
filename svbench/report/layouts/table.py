"""From runs and a layout to the text of a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from svbench.errors import DataError
from svbench.report.layouts.facts import Facts
from svbench.report.layouts.notes import notes, quoted_notes
from svbench.report.layouts.published import published_grid
from svbench.report.layouts.systems import Bound, Numbers, bind, pattern_grid, system_grids
from svbench.report.view.variants import plain_runs, probed_groups
from svbench.results.profile import Profile
from svbench.results.store import Run
from svbench.specs.report import Published, QuotedRow, ReportSpec, TableSpec
from svbench.tables.html import html_tables
from svbench.tables.latex import latex
from svbench.tables.markdown import markdown
from svbench.tables.model import Format, Grid
from svbench.tables.records import grids_csv, grids_json

DURING = "Times and memory without a profile were measured during runs, while scores were computed."


def layout_table(
    runs: Sequence[Run],
    spec: ReportSpec,
    table: TableSpec,
    *,
    format: Format = "markdown",
    published: Sequence[Published] = (),
    profiles: Sequence[Profile] = (),
    intervals: bool | None = None,
) -> str:
    """Make a table as a layout says.

    Parameters
    ----------
    runs : sequence of Run
        On one data set. Groups of columns take the runs of their own protocol, and other runs are
        left aside.
    spec : ReportSpec
    table : TableSpec
        That of ``spec``.
    format : {"markdown", "csv", "latex", "html", "json"}
        CSV and JSON hold unrounded numbers, the others as many decimals as the layout says.
    published : sequence of Published
        Rows in print to quote below the measured ones.
    profiles : sequence of Profile
        For layouts whose rows are those in print: what was measured of their systems.
    intervals : bool, optional
        Whether scores are printed with their 95 % intervals; by default as the layout says. CSV and
        JSON always hold them.

    Returns
    -------
    str

    Raises
    ------
    DataError
        No run fits the layout, or runs that must not stand in one table.
    """
    found = Numbers()
    wanted = table.intervals if intervals is None else intervals
    table = msgspec.structs.replace(table, intervals=wanted or format in ("csv", "json"))
    if table.rows == "published":
        grid, told = published_grid(table, _numbered(published), runs, profiles, spec.title)
        grids = [grid]
    elif table.rows == "patterns":
        grid, bounds = _patterns(runs, spec, table, found)
        grids, told = [grid], notes([grid], bounds, found)
    else:
        grids, told = _systems(plain_runs(runs), spec, table, found, published, format)
    if format == "json":
        return grids_json(grids, told, spec.id)
    if format == "csv":
        return grids_csv(grids)
    return {"markdown": markdown, "latex": latex, "html": html_tables}[format](grids, told)


def _systems(
    runs: Sequence[Run],
    spec: ReportSpec,
    table: TableSpec,
    found: Numbers,
    published: Sequence[Published],
    format: Format,
) -> tuple[list[Grid], list[str]]:
    bounds = [b for g in table.groups if (b := bind(g, runs, spec.id))]
    if not bounds:
        raise DataError(f"layout {spec.id} {_wants(table)}; {_has(runs)}")
    chosen = [r for b in bounds for r in b.runs.values()]
    _one_data_set(chosen, spec)
    quoted = _numbered(published)
    facts = Facts(chosen)
    grids = system_grids(table, bounds, facts, found, quoted, spec.title)
    style = "In italics" if format == "markdown" else "In grey"
    told = [
        *notes(grids, bounds, found),
        *_absent(table, bounds),
        *([DURING] if facts.during_runs else []),
        *quoted_notes(quoted, chosen, style),
    ]
    return grids, told


def _patterns(
    runs: Sequence[Run], spec: ReportSpec, table: TableSpec, found: Numbers
) -> tuple[Grid, list[Bound]]:
    wanted = table.groups[0].protocols
    groups = [g for g in probed_groups(runs) if not wanted or g[0].record.protocol.id in wanted]
    if len(groups) != 1:
        many = (
            f"takes one protocol and data set with probes, here are {len(groups)}"
            if groups
            else _wants(table)
        )
        raise DataError(f"layout {spec.id} {many}; {_has(runs)}")
    return pattern_grid(table, groups[0], found, spec.title, spec.id)


def _one_data_set(runs: Sequence[Run], spec: ReportSpec) -> None:
    data = {r.record.data.digest: f"{r.record.data.id} {r.record.data.version}" for r in runs}
    if len(data) > 1:
        told = ", ".join(f"{name} ({digest[:8]})" for digest, name in data.items())
        raise DataError(
            f"these runs are on {len(data)} sets of tracks: {told}; layout {spec.id} takes one: name the runs"
        )


def _wants(table: TableSpec) -> str:
    wanted = dict.fromkeys(p for g in table.groups for p in g.protocols)
    return f"needs runs of {' or '.join(wanted) or 'any protocol without probes'}"


def _has(runs: Sequence[Run]) -> str:
    present = sorted({r.record.protocol.id for r in runs})
    return f"these runs are of {', '.join(present)}" if present else "there are none"


def _absent(table: TableSpec, bounds: Sequence[Bound]) -> list[str]:
    """Name the groups of columns that are not there since their protocol was not run."""
    here = {b.group.id for b in bounds}
    absent = [f"{g.id} ({' or '.join(g.protocols)})" for g in table.groups if g.id not in here]
    return [f"Not run, so not shown: {', '.join(absent)}."] if absent else []


def _numbered(published: Sequence[Published]) -> list[tuple[str, QuotedRow]]:
    """Number the sources; rows of one source, rule and data share a number."""
    numbers: dict[tuple[str, str, str], str] = {}
    rows = [row for file in published for row in file.rows]
    for row in rows:
        numbers.setdefault((row.source, row.rule, row.data), str(len(numbers) + 1))
    return [(numbers[row.source, row.rule, row.data], row) for row in rows]


def published_rows(table: TableSpec, folder: Path, given: Sequence[str]) -> list[Published]:
    """Load the files of quoted rows that a user asks for; an empty name means the layout's own.

    Raises
    ------
    DataError
        The layout has none of its own.
    SpecError
        A file is missing or not what it should be.
    """
    from svbench.specs.records import load_toml
    from svbench.specs.report import Published

    found = []
    for name in given:
        if not name and not table.published:
            raise DataError("this layout has no quoted rows of its own; name a file: --published FILE")
        found.append(load_toml(Path(name) if name else folder / table.published, Published))
    return found
