"""Write CSV in which spreadsheets run no cell as a formula.

Text that a spreadsheet could take for a formula gets an apostrophe before it; numbers have none. Whatever
of svbench reads such a file takes the apostrophe off again.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# What spreadsheets take for the beginning of a formula, also in its full-width form, behind blanks or a
# line break; and the mark itself, so that it can be taken off.
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n']")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def csv_text(head: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str = ",") -> str:
    """Write a table as CSV; text that could be a formula gets an apostrophe before it, None is empty.

    Examples
    --------
    >>> print(csv_text(["name", "x"], [["=1+1", -2.5], ["a,b", None]]), end="")
    name,x
    '=1+1,-2.5
    "a,b",
    """
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow([shielded(h) for h in head])
    writer.writerows([shielded(c) if isinstance(c, str) else c for c in row] for row in rows)
    return out.getvalue()


def records_csv(rows: Sequence[Mapping[str, object]]) -> str:
    """Write records as CSV, a column for each key that any of them has; empty where there are none.

    Examples
    --------
    >>> print(records_csv([{"name": "a"}, {"name": "-b", "x": 0.5}]), end="")
    name,x
    a,
    '-b,0.5
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    return csv_text(names, ([row.get(name) for name in names] for row in rows)) if names else ""


def frame_csv(frame: pd.DataFrame) -> str:
    """Write a table of pandas as CSV, without its index.

    Examples
    --------
    >>> import pandas as pd
    >>> print(frame_csv(pd.DataFrame({"answer": ["=1+1", "fine"], "rating": [-1.0, 2.0]})), end="")
    answer,rating
    '=1+1,-1.0
    fine,2.0
    """
    safe = frame.copy()
    for name in safe.columns[[not _is_numeric(kind) for kind in safe.dtypes]]:
        safe[name] = [shielded(cell) if isinstance(cell, str) else cell for cell in safe[name]]
    text: str = safe.to_csv(index=False, lineterminator="\n")
    return text


def shielded(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet could run; numbers stay numbers.

    Examples
    --------
    >>> shielded("@SUM(A1)"), shielded("-3.2"), shielded("plain"), unshielded(shielded("'=x"))
    ("'@SUM(A1)", '-3.2', 'plain', "'=x")
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def unshielded(text: str) -> str:
    """Remove the apostrophe again."""
    return text[1:] if text[:1] == "'" and _FORMULA.match(text[1:]) else text


def _is_numeric(kind: object) -> bool:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    return bool(is_numeric_dtype(kind) or is_bool_dtype(kind))
