"""One table for all forms: raw values, and how each column prints them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from svbench.printing.numbers import signed
from svbench.tables.latex import latex
from svbench.tables.model import Grid, GridCell, GridColumn, GridRow
from svbench.tables.spreadsheet import csv_text

Value = str | float | int | None
Kind = Literal["text", "prose", "count", "one", "two", "three", "percent", "p"]
DIGITS = {"one": 1, "two": 2, "three": 3}


@dataclass(frozen=True)
class Column:
    """Head and key of a column; the key names it in CSV and JSON."""

    key: str
    head: str
    kind: Kind = "text"

    @property
    def is_text(self) -> bool:
        """Whether it is aligned at the left edge."""
        return self.kind in ("text", "prose")

    @property
    def alignment(self) -> Literal["right", "text", "prose"]:
        """The kind of column that the writers of tables know."""
        return self.kind if self.kind == "text" or self.kind == "prose" else "right"


@dataclass(frozen=True)
class Table:
    """A table; ``about`` says what its numbers are."""

    id: str
    caption: str
    about: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]

    def texts(self) -> list[list[str]]:
        """All cells as they are printed."""
        return [[printed(v, c.kind) for v, c in zip(row, self.columns, strict=True)] for row in self.rows]

    def records(self) -> list[dict[str, Value]]:
        """All rows by key, unrounded; what is not a finite number is None."""
        return [{c.key: _known(v) for v, c in zip(row, self.columns, strict=True)} for row in self.rows]

    def csv(self) -> str:
        """The table as CSV, unrounded and safe for spreadsheets."""
        return csv_text([c.key for c in self.columns], [list(r.values()) for r in self.records()])

    def latex(self) -> str:
        """Return the table for a paper, broken over pages where it must be."""
        first, *others = self.columns
        columns = tuple(GridColumn("", c.head, c.alignment) for c in others)
        rows = tuple(GridRow(name, "", tuple(map(GridCell, cells))) for name, *cells in self.texts())
        caption = f"{self.caption}. {self.about}".rstrip()
        kind: Literal["text", "prose"] = "prose" if first.kind == "prose" else "text"
        return latex([Grid(caption, first.head, columns, rows, is_long=True, first_kind=kind)], []) + "\n"


def printed(value: Value, kind: Kind) -> str:
    """Print a cell.

    Examples
    --------
    >>> printed(-1.25, "one"), printed(0.0004, "p"), printed(0.25, "percent"), printed(None, "two")
    ('−1.2', '< 0.001', '25 %', '–')
    """
    value = _known(value)
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if kind == "count":
        return str(int(value))
    if kind == "percent":
        return f"{100 * value:.0f} %"
    if kind == "p":
        return "< 0.001" if value < 0.001 else signed(value, 3)
    return signed(value, DIGITS[kind])


def _known(value: Value) -> Value:
    return None if isinstance(value, float) and not math.isfinite(value) else value
