"""Report definitions: the sections of a report and the tracks that can be heard, or the layout of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from svbench.errors import SpecError
from svbench.specs.library import find
from svbench.specs.records import Record, load_toml
from svbench.specs.tables import TableSpec

Section = Literal[
    "leaderboard", "targets", "boxplots", "differences", "cost", "tracks", "worst", "listen", "provenance"
]


class Listening(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which tracks get players: by the spread of the headline score, or by name.

    ``excerpt_s`` bounds each excerpt, ``budget_mb`` the sum of all audio files and spectrograms of the
    report. ``worst_frames`` is how many of each system's frames stand in its play list.
    """

    tracks: tuple[str, ...] = ()
    count: Annotated[int, msgspec.Meta(ge=0)] = 3
    excerpt_s: Annotated[float, msgspec.Meta(gt=0)] = 12.0
    budget_mb: Annotated[float, msgspec.Meta(gt=0)] = 200.0
    worst_frames: Annotated[int, msgspec.Meta(ge=0)] = 10


class ReportSpec(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One report: its title, its sections in order, its players; or the layout of a table."""

    schema: Literal[1]
    id: str
    title: str
    description: str
    sections: tuple[Section, ...] = ()
    listen: Listening = Listening()
    table: TableSpec | None = None


def load_report(name_or_path: str | Path) -> ReportSpec:
    """Load the definition of a report by id or path.

    Raises
    ------
    SpecError
        Among others: it is the layout of a table.
    """
    spec, path = _load(name_or_path)
    if not spec.sections:
        what = (
            "it lays out a table; use `svbench table --layout`"
            if spec.table
            else "missing; name one at least"
        )
        raise SpecError(path, "sections", what)
    return spec


def load_layout(name_or_path: str | Path) -> tuple[ReportSpec, TableSpec, Path]:
    """Load the layout of a table by id or path, with the folder that it names files from.

    Raises
    ------
    SpecError
        Among others: it is the definition of a report.
    """
    spec, path = _load(name_or_path)
    if spec.table is None:
        raise SpecError(path, "table", "missing; it defines a report, not a table")
    _check(spec.table, path)
    return spec, spec.table, path.parent


def load_definition(name_or_path: str | Path) -> ReportSpec:
    """Load a definition of either kind."""
    spec, path = _load(name_or_path)
    if spec.table:
        _check(spec.table, path)
    elif not spec.sections:
        raise SpecError(path, "sections", "missing; a definition has sections or a table")
    return spec


def _load(name_or_path: str | Path) -> tuple[ReportSpec, Path]:
    path = find("report", str(name_or_path))
    return load_toml(path, ReportSpec), path


def _check(table: TableSpec, path: Path) -> None:
    """Refuse what the types cannot."""
    ids = [g.id for g in table.groups]
    if len(set(ids)) < len(ids):
        raise SpecError(path, "table.groups", f"two groups have one id: {ids}")
    if table.rows == "patterns" and (len(ids) > 1 or len(table.groups[0].targets) > 1):
        raise SpecError(path, "table.groups", "patterns in rows take one group with one target")
    if (table.rows == "published") != bool(table.measured):
        raise SpecError(path, "table.measured", "stands with rows = 'published', and only there")
    if table.rows == "published" and not all(g.metrics for g in table.groups):
        raise SpecError(path, "table.groups", "rows in print take groups that name their metrics")
    if table.rows == "published" and not table.published:
        raise SpecError(path, "table.published", "missing; rows in print need a file of them")
    if table.published and not (path.parent / table.published).is_file():
        raise SpecError(path, "table.published", f"no such file: {table.published}")
