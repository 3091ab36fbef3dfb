"""What the report's templates are given: typed values, one for each template, every text already final.

Every page is given as ``page``; what all of them share is its `Head`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Link:
    """A place in the report; ``note`` says what is there."""

    text: str
    href: str
    note: str = ""


@dataclass(frozen=True)
class Head:
    """Head and foot of a page.

    ``root`` leads from the page to the report's folder; ``links`` are other pages, ``scripts`` the
    page's own.
    """

    title: str
    summary: str
    root: str
    links: tuple[Link, ...]
    scripts: tuple[str, ...]
    version: str


@dataclass(frozen=True)
class Cell:
    """A table cell: its text, its sort value (``None`` sorts last), and how it is marked.

    ``best`` is bold, ``second`` underlined.

    ``title`` says more of the cell; ``mark`` points to the table's note; the lines of
    ``more`` stand below the text, smaller. ``heat`` from 0 (worst) to 8 colours the cell.
    """

    text: str
    sort: float | str | None
    best: bool = False
    second: bool = False
    muted: bool = False
    title: str = ""
    mark: str = ""
    more: tuple[str, ...] = ()
    heat: int | None = None
    href: str = ""


@dataclass(frozen=True)
class Row:
    """A table row; ``kind`` is system, baseline or oracle, or empty.

    ``imported`` numbers were read from another tool's files. ``leaks`` says in a sentence that the
    system was trained on tracks it is measured on. ``href`` is what the name leads to.
    """

    name: str
    kind: str
    cells: tuple[Cell, ...]
    rank: str = ""
    imported: bool = False
    leaks: str = ""
    href: str = ""


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
    """One thing to hear: audio path from the page, its waveform as an SVG path, its colour.

    ``spectrogram`` and ``difference`` are images, empty where there are none; ``line`` is the number of
    a system's colour in the curves, None for mixture and reference.
    """

    name: str
    kind: str
    path: str
    wave: str
    score: str
    line: int | None = None
    spectrogram: str = ""
    difference: str = ""


@dataclass(frozen=True)
class Player:
    """Signals of one target of one track, switched at one position; ``start_s`` is where they begin."""

    id: str
    label: str
    start_s: float
    duration_s: float
    signals: tuple[Signal, ...]
    scale: str = ""


@dataclass(frozen=True)
class Grid:
    """When frames begin and how long they last, in seconds."""

    start: tuple[float, ...]
    duration: tuple[float, ...]


@dataclass(frozen=True)
class Line:
    """One system's frames; ``grid`` is the number of their times, ``score`` None where undefined."""

    system: str
    line: int
    grid: int
    score: tuple[float | None, ...]


@dataclass(frozen=True)
class Strip:
    """One quantity over time, a line for each system."""

    label: str
    unit: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Curves:
    """What the script draws: the mixture's envelope from 0 to 1, and a strip for each quantity."""

    duration_s: float
    wave: tuple[float, ...]
    grids: tuple[Grid, ...]
    strips: tuple[Strip, ...]


@dataclass(frozen=True)
class View:
    """One target of one track: its frames over time, and what can be heard of it.

    ``values`` are what the script draws; ``systems`` are the legend, a name and a colour each.
    """

    id: str
    target: str
    target_set: str
    values: Curves
    systems: tuple[tuple[str, int], ...]
    text: str
    player: Player | None


@dataclass(frozen=True)
class TrackPage:
    """Everything on the page of a track."""

    head: Head
    scores: Table
    views: tuple[View, ...]
    note: str
    near: tuple[Link, ...]


@dataclass(frozen=True)
class Playlist:
    """A system's worst frames, and a player that has them in a row, ``at_s`` for each of them."""

    id: str
    system: str
    kind: str
    table: Table
    player: Player | None
    at_s: tuple[float, ...]


@dataclass(frozen=True)
class WorstPage:
    """The worst frames of every system."""

    head: Head
    playlists: tuple[Playlist, ...]
    note: str


@dataclass(frozen=True)
class Fact:
    """A name and its value: a line of a protocol or of the provenance."""

    name: str
    value: str


@dataclass(frozen=True)
class Group:
    """Runs of one protocol on one data set.

    ``contests`` and ``diagrams`` compare systems with the leading one. Where the tables of ``targets`` and
    ``tracks`` are many they are ``folded``: closed at first.
    """

    id: str
    title: str
    subtitle: str
    description: str
    leaderboards: tuple[Table, ...]
    targets: tuple[Table, ...]
    figures: tuple[Figure, ...]
    differences: tuple[Figure, ...]
    contests: tuple[Table, ...]
    contest_note: str
    diagrams: tuple[Figure, ...]
    fronts: tuple[Figure, ...]
    tracks: tuple[Table, ...]
    folded: bool
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
class BoardPage:
    """Groups of runs with their tables and plots: the first page, and one for each further topic."""

    head: Head
    sections: tuple[str, ...]
    groups: tuple[Group, ...]
    listens: tuple[Link, ...]
    listen_note: str
    failures: tuple[Failure, ...]


@dataclass(frozen=True)
class ResourcesPage:
    """What systems cost, for runs of which there are profiles."""

    head: Head
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Rule:
    """A protocol as it was computed."""

    title: str
    description: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class ProvenancePage:
    """Where all numbers come from."""

    head: Head
    rules: tuple[Rule, ...]
    origins: tuple[Origin, ...]
