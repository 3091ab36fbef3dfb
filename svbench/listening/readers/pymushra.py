"""pymushra's downloads, CSV and JSON, and its database: webMUSHRA's answers with flattened names.

The CSV is separated by semicolons and its columns come in any order; the JSON of a download has the same
columns, a list of rows. The database (TinyDB) nests the answers of each trial.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from svbench.errors import DataError
from svbench.listening.readers.rows import ROLES, Numbering, OnceOnly, Pages, Row, Sheet, is_training
from svbench.tables.spreadsheet import unshielded

MARKS = frozenset({"responses_stimulus", "responses_score", "wm_id"})
ASSESSOR = "questionaire_uuid"  # as pymushra spells it


def from_sheet(sheet: Sheet) -> list[dict[str, object]]:
    """Return rows of the long table from a CSV."""
    return _rows([Row(sheet.path, f"line {line}", cells) for line, cells in sheet.rows])


def from_json(path: Path, text: str) -> list[dict[str, object]]:
    """Return rows of the long table from a download or a database.

    Raises
    ------
    DataError
        Not JSON, not pymushra's, or a bad row.
    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}: line {error.lineno}: not JSON ({error.msg})") from error
    try:
        found = _flat(content) if isinstance(content, dict) else [dict(row) for row in content]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: not pymushra's JSON; expected its database, or a list of rows with "
            f"{', '.join(sorted(MARKS))}"
        ) from error
    return _rows([Row(path, f"row {number}", cells) for number, cells in enumerate(found, start=1)])


def _flat(database: dict[str, dict[str, dict[str, Any]]]) -> list[dict[str, object]]:
    """One row a response, named as downloads name them."""
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


def _rows(found: list[Row]) -> list[dict[str, object]]:
    once, pages, replicates = OnceOnly(), Pages(), Numbering()
    rows: list[dict[str, object]] = []
    for row in found:
        kind = str(row.cells.get("wm_type") or "mushra")
        if kind != "mushra":
            raise row.wrong("wm_type", "mushra; pymushra gives one type as /admin/download/TEST/mushra.csv")
        once.check(row)
        assessor = row.text(ASSESSOR)
        trial, stimulus = unshielded(row.text("wm_id")), unshielded(row.text("responses_stimulus"))
        replicate = replicates.next((assessor, trial, stimulus))
        rows.append(
            {
                "test": str(row.cells.get("wm_testId") or ""),
                "assessor": assessor,
                "session": assessor,
                "screen": pages.number(assessor, (trial, replicate)),
                "trial": trial,
                "kind": "training" if is_training(trial) else "test",
                "condition": stimulus,
                "role": ROLES.get(stimulus, "system"),
                "replicate": replicate,
                "rating": row.number("responses_score", 0, 100),
                "seconds": row.milliseconds("responses_time"),
            }
        )
    return rows
