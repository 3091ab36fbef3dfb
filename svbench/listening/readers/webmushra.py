"""webMUSHRA's ``mushra.csv``: one row a rating, and a column for each question that assessors were asked.

Answers may hold names and addresses; none of them are read.
"""

from __future__ import annotations

from svbench.errors import DataError
from svbench.listening.readers.rows import ROLES, Numbering, OnceOnly, Pages, Row, Sheet, is_training
from svbench.tables.spreadsheet import unshielded

MARKS = frozenset({"trial_id", "rating_stimulus", "rating_score"})
SESSION = "session_uuid"


def from_sheet(sheet: Sheet) -> list[dict[str, object]]:
    """Return rows of the long table.

    A session is an assessor. ``rating_time`` is in milliseconds, for the whole page. Trials whose id begins
    with "train" are training.

    Raises
    ------
    DataError
        No column that tells sessions apart, or a bad row.
    """
    if SESSION not in sheet.head:
        raise DataError(
            f"{sheet.path}: line 1: has no column {SESSION!r}, which old versions of webMUSHRA lack; "
            "add it, one value for each session, so that assessors can be told apart"
        )
    once, pages, replicates = OnceOnly(), Pages(), Numbering()
    rows: list[dict[str, object]] = []
    for line, cells in sheet.rows:
        row = Row(sheet.path, f"line {line}", cells)
        once.check(row)
        assessor = row.text(SESSION)
        trial, stimulus = unshielded(row.text("trial_id")), unshielded(row.text("rating_stimulus"))
        replicate = replicates.next((assessor, trial, stimulus))
        rows.append(
            {
                "test": cells.get("session_test_id", ""),
                "assessor": assessor,
                "session": assessor,
                "screen": pages.number(assessor, (trial, replicate)),
                "trial": trial,
                "kind": "training" if is_training(trial) else "test",
                "condition": stimulus,
                "role": ROLES.get(stimulus, "system"),
                "replicate": replicate,
                "rating": row.number("rating_score", 0, 100),
                "seconds": row.milliseconds("rating_time"),
            }
        )
    return rows
