"""Files of ratings, svbench's own and those of other tools, as the long table.

Which tool a file is from is told by its head, not by its name. A row that is not what it should be is refused
with its line and column: a rating lost in reading would never be missed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from svbench.errors import DataError
from svbench.listening.ratings import ratings_table
from svbench.listening.readers import pymushra, svbench_csv, webmushra
from svbench.listening.readers.rows import Sheet

if TYPE_CHECKING:
    import pandas as pd

KNOWN = (
    "svbench's own ratings (assessor, trial, condition, rating, …), webMUSHRA's CSV (session_uuid, trial_id, "
    "rating_stimulus, rating_score, …), pymushra's CSV (wm_id; responses_stimulus; …) or JSON"
)


def read_ratings(paths: Sequence[str | Path]) -> pd.DataFrame:
    """Read one or several files of ratings, each of whatever tool.

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
        A file that cannot be read, of no known tool, without ratings, or with a row that is not right.
    """
    rows = [row for path in paths for row in _read(Path(path))]
    return ratings_table(rows)


def _read(path: Path) -> list[dict[str, object]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text; expected {KNOWN}") from error
    if text.lstrip()[:1] in ("[", "{"):
        rows = pymushra.from_json(path, text)
    else:
        sheet = _sheet(path, text)
        for reader in (webmushra, pymushra, svbench_csv):
            if set(sheet.head) >= reader.MARKS:
                rows = reader.from_sheet(sheet)
                break
        else:
            raise DataError(
                f"{path}: line 1: not a known head ({', '.join(sheet.head)[:80]}); expected {KNOWN}"
            )
    if not rows:
        raise DataError(f"{path}: has a head and no ratings")
    return rows


def _sheet(path: Path, text: str) -> Sheet:
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
    return Sheet(path, head, [(line, dict(zip(head, cells, strict=True))) for line, cells in lines[1:]])
