"""Cells of a file as values, or a sentence with the place and what was expected there."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path

from svbench.errors import DataError

ROLES = {
    "reference": "reference",
    "anchor35": "low_anchor",
    "anchor70": "mid_anchor",
    "mixture": "anchor",
    "distorted": "anchor",
}  # the first three as webMUSHRA calls them, the others as svbench does


@dataclass(frozen=True)
class Sheet:
    """A CSV file: its head, and each row with its line."""

    path: Path
    head: list[str]
    rows: list[tuple[int, dict[str, str]]]


@dataclass(frozen=True)
class Row:
    """One row of a file; ``place`` is its line, or its number in JSON."""

    path: Path
    place: str
    cells: Mapping[str, object]

    def wrong(self, column: str, expected: str) -> DataError:
        """Make the error that tells what is wrong with a cell."""
        found = self.cells.get(column)
        told = "missing" if found is None or found == "" else f"{found!r}"
        return DataError(f"{self.path}: {self.place}: {column}: {told}, expected {expected}")

    def text(self, column: str) -> str:
        """Return text that must be there."""
        found = self.cells.get(column)
        if found is None or str(found).strip() == "":
            raise self.wrong(column, "a name")
        return str(found).strip()

    def number(self, column: str, low: float, high: float) -> float:
        """Return a finite number within bounds."""
        found = self.cells.get(column)
        expected = f"a number from {low:g} to {high:g}" if math.isfinite(high) else f"a number from {low:g}"
        if isinstance(found, bool):
            raise self.wrong(column, expected)
        try:
            value = float(str(found))
        except ValueError as error:
            raise self.wrong(column, expected) from error
        if not low <= value <= high or not math.isfinite(value):
            raise self.wrong(column, expected)
        return value

    def milliseconds(self, column: str) -> float:
        """Return seconds from a cell of milliseconds; NaN from one that is empty or not there."""
        if self.cells.get(column) in (None, ""):
            return math.nan
        return self.number(column, 0, math.inf) / 1000


class Numbering:
    """Counts how often something came already: the number of a replicate."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, int] = {}

    def next(self, key: Hashable) -> int:
        """Return 0 the first time, 1 the second."""
        self._seen[key] = self._seen.get(key, -1) + 1
        return self._seen[key]


class Pages:
    """Numbers the pages of each session in the order they come."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[Hashable, int]] = {}

    def number(self, session: str, page: Hashable) -> int:
        """Return the number of a page, from 0."""
        pages = self._seen.setdefault(session, {})
        return pages.setdefault(page, len(pages))


class OnceOnly:
    """Refuses a row that repeats an earlier one in every column: a session that was sent twice."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, str] = {}

    def check(self, row: Row) -> None:
        """Raise `DataError` at the second of two equal rows."""
        key = tuple(sorted((k, str(v)) for k, v in row.cells.items()))
        if key in self._seen:
            raise DataError(
                f"{row.path}: {row.place}: repeats {self._seen[key]} in every column; keep one of them, if a "
                "session was sent twice"
            )
        self._seen[key] = row.place


def is_training(trial: str) -> bool:
    """Whether a trial of a tool that does not mark training is called so.

    Examples
    --------
    >>> is_training("training_1"), is_training("Trial 1")
    (True, False)
    """
    return trial.lower().startswith("train")
