"""Report definitions: the sections of a report and its players, or the layout of a paper table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from svbench.errors import SpecError
from svbench.specs.library import find
from svbench.specs.records import Record, load_toml

Fact = Literal["runnable", "parameters", "macs", "disk", "load", "rtf", "memory"]
Section = Literal[
    "leaderboard", "targets", "boxplots", "differences", "cost", "tracks", "worst", "listen", "provenance"
]
MEAN = "mean"  # the column of the mean over a set's targets


class ColumnGroup(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Neighbouring columns under one head: targets × quantities of one protocol.

    ``id`` is the key of quoted rows. ``protocols`` are the protocols whose numbers may stand here;
    none means any. ``among`` are the targets that were scored together, by default ``targets``, which
    may include ``mean``. Without ``metrics`` the column shows the protocol's headline.
    """

    id: str
    head: str = ""
    protocols: tuple[str, ...] = ()
    targets: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    among: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()

    @property
    def scored_together(self) -> frozenset[str]:
        """The targets of the target set that the columns are taken from."""
        return frozenset(self.among or (t for t in self.targets if t != MEAN))


class TableSpec(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The layout of a table.

    ``rows = "patterns"`` has the variants of a probe in rows and systems in columns; its one group has
    one target. ``rows = "published"`` has published numbers in rows, with ``measured`` facts of the systems
    that they name beside them. ``stacked`` makes a table of each group, one below the other.
    ``before`` and ``after`` are facts of a system, printed before and after its scores. ``heads`` renames
    column heads. ``published`` is a file of quoted rows, relative to this one. ``intervals`` prints the 95 %
    interval of each score beside it; off by default, since published tables rarely have them.
    """

    groups: Annotated[tuple[ColumnGroup, ...], msgspec.Meta(min_length=1)]
    rows: Literal["systems", "patterns", "published"] = "systems"
    stacked: bool = False
    digits: Annotated[int, msgspec.Meta(ge=0, le=6)] = 2
    before: tuple[Fact, ...] = ()
    after: tuple[Fact, ...] = ()
    measured: tuple[Fact, ...] = ()
    heads: dict[str, str] = msgspec.field(default_factory=dict)
    published: str = ""
    intervals: bool = False


class QuotedRow(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Published numbers of a system: its name in the paper, the source, the scoring rule and the data.

    ``scores`` are by group, and by target or quantity, whichever its columns are: ``scores.cSDR.vocals``,
    ``scores.vocals.SIR``; by both if both vary: ``scores.stems.SIR.vocals``. ``facts`` are printed
    unchanged. ``measured_as`` is the id of the same system in svbench, whose cost can be measured.
    """

    system: str
    source: str
    rule: str
    data: str
    scores: dict[str, dict[str, float | dict[str, float]]] = msgspec.field(default_factory=dict)
    facts: dict[Fact, str] = msgspec.field(default_factory=dict)
    measured_as: str = ""

    def score(self, group: str, metric: str, target: str) -> float | None:
        """Return a published number; None if the paper has none."""
        scores = self.scores.get(group, {})
        inner = scores.get(metric, scores.get(target))
        return inner.get(target) if isinstance(inner, dict) else inner


class Published(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of quoted rows."""

    schema: Literal[1]
    id: str
    title: str
    rows: Annotated[tuple[QuotedRow, ...], msgspec.Meta(min_length=1)]


class Listening(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which tracks get players: by the spread of the headline score, or by name.

    ``excerpt_s`` limits each excerpt, ``budget_mb`` the sum of all audio files and spectrograms of the
    report. ``worst_frames`` is the number of each system's frames in its play list.
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
        Also if it is the layout of a table.
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
    """Load the layout of a table by id or path, and the folder that relative paths in it start from.

    Raises
    ------
    SpecError
        Also if it is the definition of a report.
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
    """Refuse contradictions that the types allow."""
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
