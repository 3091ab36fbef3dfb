"""Read files of ratings, svbench's own and those of webMUSHRA and pymushra, into the long table.

The header of a file says which tool wrote it; its name does not matter. A row that is not as expected is
refused with its line and column, because nobody would miss a rating that was dropped while reading.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from svbench.errors import DataError, suggestion
from svbench.listening.analysis.panel import ROLES, SCALES
from svbench.listening.ratings import COLUMNS, ratings_table
from svbench.tables.spreadsheet import unshielded

if TYPE_CHECKING:
    import pandas as pd

KNOWN = (
    "svbench's own ratings (assessor, trial, condition, rating, …), webMUSHRA's CSV (session_uuid, trial_id, "
    "rating_stimulus, rating_score, …), pymushra's CSV (wm_id; responses_stimulus; …) or JSON"
)
# Columns that make up a file of each tool; the first tool whose columns are all there reads the file.
WEBMUSHRA = frozenset({"trial_id", "rating_stimulus", "rating_score"})
PYMUSHRA = frozenset({"responses_stimulus", "responses_score", "wm_id"})
SVBENCH = frozenset({"assessor", "trial", "condition", "rating"})
WEBMUSHRA_SESSION = "session_uuid"
PYMUSHRA_SESSION = "questionaire_uuid"  # as pymushra spells it
ROLE_OF_STIMULUS = {
    "reference": "reference",
    "anchor35": "low_anchor",
    "anchor70": "mid_anchor",
    "mixture": "anchor",
    "distorted": "anchor",
}  # the first three as webMUSHRA calls them, the others as svbench does
CHOICES = {"kind": ("training", "test"), "method": tuple(SCALES), "role": ROLES}
TRUTH = {"true": True, "false": False, "1": True, "0": False}


def read_ratings(paths: Sequence[str | Path]) -> pd.DataFrame:
    """Read one or several files of ratings; each may come from another tool.

    Parameters
    ----------
    paths : sequence of str or Path
        At least one.

    Returns
    -------
    DataFrame
        The long table, in the order of the files.

    Raises
    ------
    DataError
        A file that cannot be read, of no known tool, without ratings, or with a bad row.
    """
    rows = [row for path in paths for row in _read(Path(path))]
    return ratings_table(rows)


def is_training(trial: str) -> bool:
    """Whether the name of a trial says that it is training, for tools that do not mark training.

    Examples
    --------
    >>> is_training("training_1"), is_training("Trial 1")
    (True, False)
    """
    return trial.lower().startswith("train")


@dataclass(frozen=True)
class _Row:
    """One row of a file; ``place`` is its line, or its number in JSON."""

    path: Path
    place: str
    cells: Mapping[str, object]

    def wrong(self, column: str, expected: str) -> DataError:
        """Make the error that says what is wrong with a cell."""
        cell = self.cells.get(column)
        shown = "missing" if cell is None or cell == "" else f"{cell!r}"
        return DataError(f"{self.path}: {self.place}: {column}: {shown}, expected {expected}")

    def text(self, column: str) -> str:
        """Return text that must be there."""
        cell = self.cells.get(column)
        if cell is None or str(cell).strip() == "":
            raise self.wrong(column, "a name")
        return str(cell).strip()

    def number(self, column: str, low: float, high: float) -> float:
        """Return a finite number within bounds."""
        cell = self.cells.get(column)
        expected = f"a number from {low:g} to {high:g}" if math.isfinite(high) else f"a number from {low:g}"
        if isinstance(cell, bool):  # JSON's true would pass as 1
            raise self.wrong(column, expected)
        try:
            value = float(str(cell))
        except ValueError as error:
            raise self.wrong(column, expected) from error
        if not low <= value <= high or not math.isfinite(value):
            raise self.wrong(column, expected)
        return value

    def milliseconds(self, column: str) -> float:
        """Return a cell of milliseconds in seconds; NaN where it is empty or missing."""
        if self.cells.get(column) in (None, ""):
            return math.nan
        return self.number(column, 0, math.inf) / 1000


def _read(path: Path) -> list[dict[str, object]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text; expected {KNOWN}") from error
    if text.lstrip()[:1] in ("[", "{"):
        rows = _from_pymushra(_json_rows(path, text))
    else:
        head, sheet = _sheet(path, text)
        if set(head) >= WEBMUSHRA:
            rows = _from_webmushra(path, head, sheet)
        elif set(head) >= PYMUSHRA:
            rows = _from_pymushra(sheet)
        elif set(head) >= SVBENCH:
            rows = _from_svbench(path, head, sheet)
        else:
            raise DataError(f"{path}: line 1: not a known head ({', '.join(head)[:80]}); expected {KNOWN}")
    if not rows:
        raise DataError(f"{path}: has a head and no ratings")
    return rows


def _sheet(path: Path, text: str) -> tuple[list[str], list[_Row]]:
    """Read a CSV file, separated by commas or semicolons: its header and its rows."""
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines = []
    try:
        for cells in reader:
            if cells:
                lines.append((reader.line_num, cells))
    except csv.Error as error:
        raise DataError(f"{path}: line {reader.line_num}: not CSV ({error})") from error
    if not lines:
        raise DataError(f"{path}: is empty; expected {KNOWN}")
    head = [h.strip() for h in lines[0][1]]
    twice = next((h for i, h in enumerate(head) if h in head[:i]), None)
    if twice is not None:
        raise DataError(f"{path}: line 1: two columns are called {twice!r}")
    for line, cells in lines[1:]:
        if len(cells) != len(head):
            raise DataError(f"{path}: line {line}: has {len(cells)} columns, the head has {len(head)}")
    return head, [
        _Row(path, f"line {line}", dict(zip(head, cells, strict=True))) for line, cells in lines[1:]
    ]


def _json_rows(path: Path, text: str) -> list[_Row]:
    """Read pymushra's JSON: the list of rows of a download, or its database."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}: line {error.lineno}: not JSON ({error.msg})") from error
    try:
        rows = _flattened(content) if isinstance(content, dict) else [dict(row) for row in content]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: not pymushra's JSON; expected its database, or a list of rows with "
            f"{', '.join(sorted(PYMUSHRA))}"
        ) from error
    return [_Row(path, f"row {number}", cells) for number, cells in enumerate(rows, start=1)]


def _flattened(database: dict[str, dict[str, dict[str, Any]]]) -> list[dict[str, object]]:
    """Make one row of each response in pymushra's database (TinyDB), named as downloads name the columns."""
    return [
        {
            **{f"responses_{k}": v for k, v in response.items()},
            **{f"questionaire_{k}": v for k, v in trial["questionaire"].items()},
            **{f"wm_{k}": v for k, v in trial.items() if k not in ("responses", "questionaire")},
        }
        for table in database.values()
        for trial in table.values()
        for response in trial["responses"]
    ]


def _from_svbench(path: Path, head: Iterable[str], rows: Sequence[_Row]) -> list[dict[str, object]]:
    """Read svbench's own file: the long table as CSV. Columns that have a default may be missing."""
    for name in head:
        if name not in COLUMNS:
            raise DataError(f"{path}: line 1: unknown column {name!r}; {suggestion(name, COLUMNS)}")
    return [_svbench_row(row) for row in rows]


def _svbench_row(row: _Row) -> dict[str, object]:
    method = str(row.cells.get("method", "mushra"))
    values: dict[str, object] = {}
    for name, cell in row.cells.items():
        if name == "rating":
            values[name] = row.number(name, *SCALES.get(method, SCALES["mushra"]))
        elif name == "seconds":
            values[name] = math.nan if cell == "" else row.number(name, 0, math.inf)
        elif COLUMNS[name] == "int64":
            value = row.number(name, 0, 1e9)
            if value != int(value):
                raise row.wrong(name, "a whole number")
            values[name] = int(value)
        elif COLUMNS[name] == "bool":
            if str(cell).lower() not in TRUTH:
                raise row.wrong(name, "true or false")
            values[name] = TRUTH[str(cell).lower()]
        elif name in CHOICES and cell not in CHOICES[name]:
            raise row.wrong(name, f"one of {', '.join(CHOICES[name])}")
        elif name in SVBENCH:
            values[name] = unshielded(row.text(name))
        else:
            values[name] = unshielded(str(cell))
    return values


def _from_webmushra(path: Path, head: Iterable[str], rows: Sequence[_Row]) -> list[dict[str, object]]:
    """Read webMUSHRA's ``mushra.csv``: one row a rating, a session being an assessor.

    Its other columns are answers to questions, which may hold names and addresses; none of them are read.
    """
    if WEBMUSHRA_SESSION not in head:
        raise DataError(
            f"{path}: line 1: has no column {WEBMUSHRA_SESSION!r}, which old versions of webMUSHRA lack; "
            "add it, one value for each session, so that assessors can be told apart"
        )
    columns = ("session_test_id", WEBMUSHRA_SESSION, "trial_id", "rating_stimulus", "rating_score")
    return _from_mushra(rows, *columns, "rating_time")


def _from_pymushra(rows: Sequence[_Row]) -> list[dict[str, object]]:
    """Read pymushra's download or database: webMUSHRA's answers with flattened names."""
    for row in rows:
        if str(row.cells.get("wm_type") or "mushra") != "mushra":
            raise row.wrong("wm_type", "mushra; pymushra gives one type as /admin/download/TEST/mushra.csv")
    columns = ("wm_testId", PYMUSHRA_SESSION, "wm_id", "responses_stimulus", "responses_score")
    return _from_mushra(rows, *columns, "responses_time")


def _from_mushra(
    rows: Sequence[_Row], test: str, session: str, trial_id: str, stimulus_id: str, score: str, time_ms: str
) -> list[dict[str, object]]:
    """Turn the rows of webMUSHRA or pymushra into rows of the long table; the names are those of columns.

    Pages are numbered in the order in which each session saw them, and a trial that a session rated twice
    becomes a replicate. The time is in milliseconds, for the whole page.
    """
    seen: dict[Hashable, str] = {}
    n_times: dict[Hashable, int] = {}
    pages: dict[str, dict[Hashable, int]] = {}
    table: list[dict[str, object]] = []
    for row in rows:
        _refuse_repeated(row, seen)
        assessor = row.text(session)
        trial, stimulus = unshielded(row.text(trial_id)), unshielded(row.text(stimulus_id))
        replicate = n_times.get((assessor, trial, stimulus), 0)
        n_times[assessor, trial, stimulus] = replicate + 1
        page = pages.setdefault(assessor, {})
        table.append(
            {
                "test": str(row.cells.get(test) or ""),
                "assessor": assessor,
                "session": assessor,
                "screen": page.setdefault((trial, replicate), len(page)),
                "trial": trial,
                "kind": "training" if is_training(trial) else "test",
                "condition": stimulus,
                "role": ROLE_OF_STIMULUS.get(stimulus, "system"),
                "replicate": replicate,
                "rating": row.number(score, 0, 100),
                "seconds": row.milliseconds(time_ms),
            }
        )
    return table


def _refuse_repeated(row: _Row, seen: dict[Hashable, str]) -> None:
    """Refuse a row that repeats an earlier one in every column: a session that was sent twice."""
    key = tuple(sorted((k, str(v)) for k, v in row.cells.items()))
    if key in seen:
        raise DataError(
            f"{row.path}: {row.place}: repeats {seen[key]} in every column; keep one of them, if a "
            "session was sent twice"
        )
    seen[key] = row.place
