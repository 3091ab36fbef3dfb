"""svbench's own file of ratings: the long table as CSV, as `printing.spreadsheet.frame_csv` writes it."""

from __future__ import annotations

import math

from svbench.errors import DataError, suggestion
from svbench.listening.analysis.panel import ROLES, SCALES
from svbench.listening.ratings import COLUMNS
from svbench.listening.readers.rows import Row, Sheet
from svbench.tables.spreadsheet import unshielded

MARKS = frozenset({"assessor", "trial", "condition", "rating"})
CHOICES = {"kind": ("training", "test"), "method": tuple(SCALES), "role": ROLES}
TRUTH = {"true": True, "false": False, "1": True, "0": False}


def from_sheet(sheet: Sheet) -> list[dict[str, object]]:
    """Return rows of the long table; columns that have a default may be missing.

    Raises
    ------
    DataError
        A column that is not one of the table's, or a bad row.
    """
    for name in sheet.head:
        if name not in COLUMNS:
            raise DataError(f"{sheet.path}: line 1: unknown column {name!r}; {suggestion(name, COLUMNS)}")
    return [_row(Row(sheet.path, f"line {line}", cells)) for line, cells in sheet.rows]


def _row(row: Row) -> dict[str, object]:
    method = str(row.cells.get("method", "mushra"))
    found: dict[str, object] = {}
    for name, cell in row.cells.items():
        if name == "rating":
            found[name] = row.number(name, *SCALES.get(method, SCALES["mushra"]))
        elif name == "seconds":
            found[name] = math.nan if cell == "" else row.number(name, 0, math.inf)
        elif COLUMNS[name] == "int64":
            value = row.number(name, 0, 1e9)
            if value != int(value):
                raise row.wrong(name, "a whole number")
            found[name] = int(value)
        elif COLUMNS[name] == "bool":
            if str(cell).lower() not in TRUTH:
                raise row.wrong(name, "true or false")
            found[name] = TRUTH[str(cell).lower()]
        elif name in CHOICES and cell not in CHOICES[name]:
            raise row.wrong(name, f"one of {', '.join(CHOICES[name])}")
        elif name in MARKS:
            found[name] = unshielded(row.text(name))
        else:
            found[name] = unshielded(str(cell))
    return found
