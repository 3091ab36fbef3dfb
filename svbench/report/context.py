"""What the report's template is given: one typed value, every text already final."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """A table cell: its text, its sort value (``None`` sorts last), and how it is marked.

    ``title`` says more of the cell; ``mark`` points to the table's note.
    """

    text: str
    sort: float | str | None
    best: bool = False
    muted: bool = False
    title: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Row:
    """A table row; ``kind`` is system, baseline or oracle, or empty.

    ``imported`` numbers were read from another tool's files. ``leaks`` says in a sentence that the
    system was trained on tracks it is measured on.
    """

    name: str
    kind: str
    cells: tuple[Cell, ...]
    rank: str = ""
    imported: bool = False
    leaks: str = ""


@dataclass(frozen=True)
class Table:
    """A table; ``caption`` names it and ``about`` says what its numbers are."""

    id: str
    caption: str
    about: str
    note: str
    head: tuple[str, ...]
    rows: tuple[Row, ...]
    ranked: bool = False


@dataclass(frozen=True)
class Figure:
    """A plot with the words for those who do not see it."""

    caption: str
    svg: str
    text: str


@dataclass(frozen=True)
class Signal:
    """One thing to hear: audio path inside the report and its waveform as an SVG path."""

    name: str
    kind: str
    path: str
    wave: str
    score: str


@dataclass(frozen=True)
class Player:
    """Signals of one target of one track, switched at one position."""

    id: str
    target: str
    duration_s: float
    signals: tuple[Signal, ...]


@dataclass(frozen=True)
class Listen:
    """The players of one track."""

    track: str
    note: str
    players: tuple[Player, ...]


@dataclass(frozen=True)
class Fact:
    """A name and its value: a line of a protocol or of the provenance."""

    name: str
    value: str


@dataclass(frozen=True)
class Group:
    """Runs of one protocol on one data set."""

    id: str
    title: str
    subtitle: str
    description: str
    leaderboards: tuple[Table, ...]
    targets: tuple[Table, ...]
    figures: tuple[Figure, ...]
    tracks: tuple[Table, ...]
    resources: Table
    profiles: tuple[Table, ...]
    remarks: tuple[str, ...]
    rule: tuple[Fact, ...]


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
class ReportPage:
    """Everything on the page."""

    title: str
    summary: str
    sections: tuple[str, ...]
    groups: tuple[Group, ...]
    listens: tuple[Listen, ...]
    listen_note: str
    failures: tuple[Failure, ...]
    origins: tuple[Origin, ...]
    version: str
