"""CSV that a spreadsheet shows as it is: no cell of it is ever run as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

# What spreadsheets take for the beginning of a formula, and the mark itself, so that it can be taken off.
_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "'")


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


def shielded(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet could run.

    Examples
    --------
    >>> shielded("@SUM(A1)"), shielded("plain"), unshielded(shielded("'=x"))
    ("'@SUM(A1)", 'plain', "'=x")
    """
    return f"'{text}" if text.startswith(_BEGINNINGS) else text


def unshielded(text: str) -> str:
    """Take the apostrophe off again."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(_BEGINNINGS) else text
