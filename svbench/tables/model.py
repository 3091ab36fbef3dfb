"""The table that every writer prints: rows and columns of final texts, with their marks and intervals.

The writers are `svbench.tables.latex`, `svbench.tables.markdown` and `svbench.tables.html`; CSV and JSON with
unrounded values come from `svbench.tables.records`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Format = Literal["markdown", "csv", "latex", "html", "json"]
Kind = Literal["number", "right", "text", "prose"]
TIE = "†"
LEAK = "leak"  # printed in red where the output has colours


@dataclass(frozen=True)
class GridCell:
    """A cell of a table.

    Attributes
    ----------
    text : str
        A rounded number, or the word for why there is none.
    is_number : bool
    best, second, tied : bool
        Among the measured systems that can be compared; a tied one is not significantly different from the
        best.
    partial : bool
        Not compared, because the system was not scored on all tracks that others in the column were.
    measured : bool
        Measured here, although its row is quoted.
    extra : str
        Printed after the number: the one without known defects, in brackets.
    interval : str
        Printed after or below the number, smaller; empty where there is none.
    detail : dict
        The unrounded values, for CSV and JSON.
    """

    text: str
    is_number: bool = False
    best: bool = False
    second: bool = False
    tied: bool = False
    partial: bool = False
    measured: bool = False
    extra: str = ""
    interval: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GridRow:
    """A row; ``quoted`` is the number of its source, empty for measured ones."""

    name: str
    kind: str
    cells: tuple[GridCell, ...]
    leaked: bool = False
    imported: bool = False
    quoted: str = ""


@dataclass(frozen=True)
class GridColumn:
    """A column under the head of its group.

    Numbers (``"number"``) are aligned at the decimal point, texts with numbers in them (``"right"``) at the
    right edge, ``"text"`` and ``"prose"`` at the left edge; prose is broken into lines.
    """

    group: str
    head: str
    kind: Kind = "number"

    @property
    def is_text(self) -> bool:
        """Whether it is aligned at the left edge."""
        return self.kind in ("text", "prose")


@dataclass(frozen=True)
class Grid:
    """A table.

    Attributes
    ----------
    title : str
        Printed where several tables are written together, and as the caption of HTML and long tables.
    first : str
        The head of the column with the names of the rows.
    columns : tuple of GridColumn
    rows : tuple of GridRow
    is_long : bool
        Whether LaTeX writes a captioned table that may be broken over pages, however few rows it has.
    first_kind : {"text", "prose"}
        The kind of the column with the names of the rows.
    """

    title: str
    first: str
    columns: tuple[GridColumn, ...]
    rows: tuple[GridRow, ...]
    is_long: bool = False
    first_kind: Literal["text", "prose"] = "text"


def text_grid(
    title: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    kinds: Sequence[Kind] = (),
) -> Grid:
    """Make a table of ready texts whose first column names the rows; the others are aligned right by default.

    Examples
    --------
    >>> from svbench.tables.markdown import markdown
    >>> print(markdown([text_grid("", ["system", "a"], [["x", "−1"]])], ["n = 1."]))
    | system | a |
    | --- | ---: |
    | x | −1 |
    <BLANKLINE>
    n = 1.
    """
    first, *others = head
    columns = tuple(GridColumn("", h, kinds[i] if kinds else "right") for i, h in enumerate(others))
    lines = tuple(GridRow(name, "", tuple(map(GridCell, cells))) for name, *cells in rows)
    return Grid(title, first, columns, lines)
