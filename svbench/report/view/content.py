"""The parts that pages are made of: head, links, tables, figures and players, every text already final.

The classes of one kind of page stand beside the code that fills them. A template gets its page as ``page``.
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
