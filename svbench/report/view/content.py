"""The parts that pages are made of: head, links, tables, figures and players, with texts ready to print.

The classes of one kind of page are defined beside the code that fills them. Templates get a page as ``page``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Link:
    """A link to a place in the report, with a note on what is there."""

    text: str
    href: str
    note: str = ""


@dataclass(frozen=True)
class Head:
    """Head and foot of a page.

    ``root`` is the relative path from the page to the report's folder, ``links`` are the other pages, and
    ``scripts`` are the files of assets/ that the page loads, in this order.
    """

    title: str
    summary: str
    root: str
    links: tuple[Link, ...]
    scripts: tuple[str, ...]
    version: str


@dataclass(frozen=True)
class Cell:
    """A table cell.

    Attributes
    ----------
    text : str
    sort : float, str or None
        The value to sort by; None comes last.
    best, second, muted : bool
        Printed bold, underlined, or grey.
    title : str
        Shown when the pointer is over the cell.
    mark : str
        A sign behind the text that the note of the table explains.
    more : tuple of str
        Small lines below the text.
    heat : int or None
        Colour from 0 (worst) to 8 (best).
    href : str
        What the text links to; empty for no link.
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

    ``imported`` numbers were read from another tool's files. ``leaks`` is a sentence for a system that was
    trained on tracks it is measured on. ``href`` is what the name links to.
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
    """A plot, with a text for readers who cannot see it."""

    caption: str
    svg: str
    text: str


@dataclass(frozen=True)
class Signal:
    """A signal of a player: the path of its audio from the page, and its waveform as an SVG path.

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
    """Signals of one target of one track that can be switched while they play.

    ``start_s`` is where in the track they begin; ``scale`` explains the axes of the spectrograms.
    """

    id: str
    label: str
    start_s: float
    duration_s: float
    signals: tuple[Signal, ...]
    scale: str = ""
