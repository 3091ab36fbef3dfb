"""One table for all forms: raw values, and how each column prints them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from svbench.printing.numbers import signed
from svbench.tables.markup import latex_text
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
        """Whether it stands at the left edge."""
        return self.kind in ("text", "prose")


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
        """The table with booktabs' rules, broken over pages where it must be."""
        prose = sum(c.kind == "prose" for c in self.columns)
        width = f"p{{{0.5 / max(prose, 1):.2f}\\linewidth}}"
        layout = "".join(width if c.kind == "prose" else "l" if c.is_text else "r" for c in self.columns)
        head = " & ".join(latex_text(c.head) for c in self.columns) + r" \\"
        lines = [" & ".join(map(latex_text, row)) + r" \\" for row in self.texts()]
        caption = latex_text(f"{self.caption}. {self.about}".rstrip())
        return "\n".join(
            [
                r"% needs \usepackage{booktabs,longtable}",
                rf"\begin{{longtable}}{{{layout}}}",
                rf"\caption{{{caption}}}\\",
                r"\toprule",
                head,
                r"\midrule",
                r"\endhead",
                *lines,
                r"\bottomrule",
                r"\end{longtable}",
                "",
            ]
        )


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
