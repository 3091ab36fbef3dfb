"""Ratings leave the database: as the long table, or as CSV that is safe to open in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from svbench.errors import DataError
from svbench.listening.design import PlannedScreen
from svbench.listening.ratings import ratings_table
from svbench.listening.store.database import FILE, database_url
from svbench.listening.store.state import SessionState
from svbench.listening.store.store import CurrentRating, Store
from svbench.listening.test import ListeningTest
from svbench.printing.spreadsheet import shielded

if TYPE_CHECKING:
    import pandas as pd


def stored_ratings(folder: Path, test: ListeningTest, url: str | None = None) -> pd.DataFrame:
    """Read the ratings of a test, whether it is being served or not.

    Parameters
    ----------
    folder : Path
        That of the test.
    test : ListeningTest
    url : str, optional
        Of the database; ``DATABASE_URL`` or the file in the folder by default.

    Returns
    -------
    DataFrame
        The long table of `svbench.listening.ratings`.

    Raises
    ------
    DataError
        There is no database yet, or it is of another version or test.
    """
    with existing_store(folder, test, url) as store:
        return export_ratings(store, test)


@contextmanager
def existing_store(folder: Path, test: ListeningTest, url: str | None = None) -> Iterator[Store]:
    """Open the database of a test for reading; see `stored_ratings`.

    Raises
    ------
    DataError
        There is no database yet, or it is of another version or test.
    """
    if not has_database(folder, url):
        raise DataError(
            f"{folder / FILE}: not there, so nobody has rated yet; `svbench listen serve` makes it, and "
            "DATABASE_URL names a database elsewhere"
        )
    store = Store(folder, test, url)
    try:
        yield store
    finally:
        store.close()


def has_database(folder: Path, url: str | None = None) -> bool:
    """Whether a test has been served: its SQLite file is there, or its database is not a file at all."""
    address = database_url(folder, url)
    return address.get_backend_name() != "sqlite" or Path(address.database or "").exists()


def export_ratings(store: Store, test: ListeningTest) -> pd.DataFrame:
    """Return the current ratings as the long table; those of the training are of kind ``training``.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError
        The database is out of reach.
    """
    sessions = {s.id: s for s in store.sessions()}
    rows: list[dict[str, object]] = []
    for rating in store.current_ratings():
        session = sessions.get(rating.session)
        if session is not None:  # else it began after the sessions were read
            rows.extend(_rows(test, session, rating))
    order = {identity: number for number, identity in enumerate(sessions)}
    rows.sort(key=lambda row: (order[str(row["session"])], row["screen"], row["slot"]))
    return ratings_table(rows)


def _rows(test: ListeningTest, session: SessionState, rating: CurrentRating) -> Iterator[dict[str, object]]:
    screen = session.screens[rating.screen]
    trial = next(t for t in test.trials if t.id == screen.trial)
    common = {
        "test": test.id,
        "assessor": session.assessor,
        "session": session.id,
        "complete": session.complete_at is not None,
        "screen": rating.screen,
        "trial": trial.id,
        "kind": trial.kind,
        "track": trial.track,
        "target": trial.target,
        "method": test.protocol.method,
        "replicate": screen.replicate,
        "seconds": float("nan") if rating.seconds is None else rating.seconds,
        "rated_at": rating.rated_at,
    }
    conditions = {s.id: s.condition for s in trial.stimuli}
    for slot, against, value in _judged(test.protocol.method, screen, rating):
        condition = conditions[screen.slots[slot].stimulus]
        yield {
            **common,
            "condition": condition,
            "role": test.condition(condition).role,
            "against": "" if against is None else conditions[screen.slots[against].stimulus],
            "slot": slot,
            "rating": value,
        }


def _judged(method: str, screen: PlannedScreen, rating: CurrentRating) -> list[tuple[int, int | None, float]]:
    """What a stored rating says: slot, the slot it was compared with, rating in the table's meaning."""
    if method == "ab":  # stored of A: 1 preferred, 0.5 neither, 0 the other one
        return [(0, 1, rating.rating), (1, 0, 1 - rating.rating)]
    if method == "abx":  # stored of X: 1 "X is A", 0 "X is B"
        x_is_a = screen.slots[2].stimulus == screen.slots[0].stimulus
        return [(2, 1 if x_is_a else 0, float((rating.rating == 1) == x_is_a))]
    return [(rating.slot, None, rating.rating)]


def safe_csv(frame: pd.DataFrame) -> str:
    """Return a table as CSV in which no text is a formula: such cells begin with an apostrophe.

    Examples
    --------
    >>> import pandas as pd
    >>> print(safe_csv(pd.DataFrame({"answer": ["=1+1", "fine"], "rating": [-1.0, 2.0]})), end="")
    answer,rating
    '=1+1,-1.0
    fine,2.0
    """
    safe = frame.copy()
    for name in safe.columns[[not _is_numeric(kind) for kind in safe.dtypes]]:
        safe[name] = [shielded(cell) if isinstance(cell, str) else cell for cell in safe[name]]
    text: str = safe.to_csv(index=False, lineterminator="\n")
    return text


def _is_numeric(kind: object) -> bool:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    return bool(is_numeric_dtype(kind) or is_bool_dtype(kind))
