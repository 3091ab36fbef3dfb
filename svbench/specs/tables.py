"""Layouts of paper tables: which quantities of which targets stand in which columns; and quoted rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from svbench.specs.records import Record, load_toml

Fact = Literal["runnable", "parameters", "macs", "disk", "load", "rtf", "memory"]
MEAN = "mean"  # the column of the mean over a set's targets


class ColumnGroup(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Neighbouring columns under one head: targets × quantities of one protocol.

    ``id`` is the key of quoted rows. ``protocols`` names those that give the numbers, any of them;
    none means any. ``among`` are the targets that were scored together, ``targets`` by default, which
    may hold ``mean``. Without ``metrics`` it is the protocol's headline.
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

    ``rows = "patterns"`` puts the variants of a probe in rows and systems in columns; its one group has
    one target. ``rows = "published"`` puts rows in print there, with ``measured`` facts of the systems
    that they name beside them. ``stacked`` gives each group a table of its own, one below the other.
    ``before`` and ``after`` are facts of a system beside its scores. ``heads`` renames heads of columns.
    ``published`` is a file of quoted rows, relative to this one. ``intervals`` prints the 95 % interval of
    each score beside it; off by default, since tables in print hardly ever have them.
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
    """Numbers in print: what the paper calls the system, where they stand, by which rule, on which data.

    ``scores`` are by group, and by target or quantity, whichever its columns are: ``scores.cSDR.vocals``,
    ``scores.vocals.SIR``; by both where both change: ``scores.stems.SIR.vocals``. ``facts`` are printed as
    they stand. ``measured_as`` is the id of the same system in svbench, whose cost can be measured.
    """

    system: str
    source: str
    rule: str
    data: str
    scores: dict[str, dict[str, float | dict[str, float]]] = msgspec.field(default_factory=dict)
    facts: dict[Fact, str] = msgspec.field(default_factory=dict)
    measured_as: str = ""

    def score(self, group: str, metric: str, target: str) -> float | None:
        """Return a printed number, None where the paper has none."""
        found = self.scores.get(group, {})
        inner = found.get(metric, found.get(target))
        return inner.get(target) if isinstance(inner, dict) else inner


class Published(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of quoted rows."""

    schema: Literal[1]
    id: str
    title: str
    rows: Annotated[tuple[QuotedRow, ...], msgspec.Meta(min_length=1)]


def load_published(path: Path) -> Published:
    """Load a file of quoted rows.

    Raises
    ------
    SpecError
    """
    return load_toml(path, Published)
