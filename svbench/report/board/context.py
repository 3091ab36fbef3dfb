"""What the templates of a board's site are given: every text already final."""

from __future__ import annotations

from dataclasses import dataclass

from svbench.report.pages.context import Cell, Fact, Table


@dataclass(frozen=True)
class SiteRow:
    """A system on a board; ``page`` is its own page, ``conflict`` says whose other scores there are."""

    name: str
    page: str
    kind: str
    imported: bool
    leaks: str
    conflict: str
    rank: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class SiteTable:
    """One quantity of one target set; ``open`` is that of the headline."""

    id: str
    caption: str
    about: str
    note: str
    head: tuple[str, ...]
    rows: tuple[SiteRow, ...]
    open: bool


@dataclass(frozen=True)
class SiteSection:
    """The boards of one set of tracks; ``variants`` are those of a probe, systems × variants."""

    id: str
    title: str
    tables: tuple[SiteTable, ...]
    variants: tuple[Table, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class BoardPage:
    """The first page of the site."""

    title: str
    subtitle: str
    description: str
    rule: tuple[Fact, ...]
    sections: tuple[SiteSection, ...]
    duplicates: tuple[str, ...]
    conflicts: tuple[str, ...]
    version: str


@dataclass(frozen=True)
class SystemPage:
    """Where the numbers of one row come from.

    ``origins`` holds the facts of each run that agrees, under the name of who made it.
    """

    name: str
    title: str
    kind: str
    imported: bool
    leaks: str
    conflict: str
    scores: tuple[Table, ...]
    failures: tuple[Fact, ...]
    origins: tuple[tuple[str, tuple[Fact, ...]], ...]
    version: str
