"""Export ratings from the database: as the long table, or as CSV that is safe to open in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from svbench.errors import DataError
from svbench.listening.design import PlannedScreen
from svbench.listening.listening_test import ListeningTest
from svbench.listening.ratings import ratings_table
from svbench.listening.store.state import SessionState
from svbench.listening.store.store import CurrentRating, Store, existing_store
from svbench.specs.listening import Question

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


def held_ratings(test: ListeningTest, sessions: Iterable[SessionState]) -> pd.DataFrame:
    """Return the ratings that sessions hold as the long table, without their times.

    Raises
    ------
    DataError
        A session holds ratings of screens or stimuli that it does not have.
    """
    rows: list[dict[str, object]] = []
    for session in sessions:
        for (screen, slot), rating in session.ratings.items():
            held = CurrentRating(session.id, screen, slot, rating.revision, rating.value, None, "")
            rows.extend(_rows(test, session, held))
    return ratings_table(rows)


def export_ratings(store: Store, test: ListeningTest) -> pd.DataFrame:
    """Return the current ratings as the long table; those of the training are of kind ``training``.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError
        The database is out of reach.
    DataError
        A session holds ratings of screens or stimuli that it does not have.
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


def export_answers(test: ListeningTest, sessions: Iterable[SessionState]) -> pd.DataFrame:
    """Return what assessors said of themselves, one row a session; ratings stand in a table of their own.

    Answers are columns ``answer_<id of the question>``: choices by their words, "" where there is none.
    """
    import pandas as pd

    questions = {q.id: q for q in test.protocol.listeners.questionnaire}
    known = [*questions, *sorted({name for s in sessions for name in s.questionnaire} - set(questions))]
    rows = [
        {
            "assessor": s.assessor,
            "session": s.id,
            "language": s.language,
            "consent_version": s.consent_version,
            "headphones": " ".join(map(str, s.headphones)),
            "began_at": s.began_at,
            "complete_at": s.complete_at or "",
        }
        | {
            f"answer_{name}": answer_text(questions.get(name), s.questionnaire.get(name, ""))
            for name in known
        }
        for s in sessions
    ]
    columns = ["assessor", "session", "language", "consent_version", "headphones", "began_at", "complete_at"]
    return pd.DataFrame(rows, columns=[*columns, *(f"answer_{name}" for name in known)], dtype=str)


def answer_text(question: Question | None, stored: str) -> str:
    """Return an answer in words: a choice is stored by its number, and said in English if it can be."""
    if question is None or not (stored.isdecimal() and question.kind == "choice"):
        return stored
    if int(stored) >= len(question.choices):
        return stored
    choice = question.choices[int(stored)]
    return choice.get("en") or next(iter(choice.values()), stored)


def _rows(test: ListeningTest, session: SessionState, rating: CurrentRating) -> Iterator[dict[str, object]]:
    """Yield what one stored rating says; a preference says something of two conditions."""
    try:
        screen = session.screens[rating.screen]
        trial = next(t for t in test.trials if t.id == screen.trial)
        conditions = trial.conditions()
        judged = [
            (slot, conditions[screen.slots[slot].stimulus], against, value)
            for slot, against, value in _judged(test.protocol.method, screen, rating, conditions)
        ]
    except (LookupError, StopIteration) as error:
        raise DataError(
            f"session {session.id}: holds a rating of screen {rating.screen}, slot {rating.slot}, which it "
            "does not have: the database was changed by something else than svbench"
        ) from error
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
    for slot, condition, against, value in judged:
        yield {
            **common,
            "condition": condition,
            "role": test.condition(condition).role,
            "against": "" if against is None else conditions[screen.slots[against].stimulus],
            "slot": slot,
            "rating": value,
        }


def _judged(
    method: str, screen: PlannedScreen, rating: CurrentRating, conditions: dict[str, str]
) -> list[tuple[int, int | None, float]]:
    """What a stored rating says: slot, the slot it was compared with, rating in the table's meaning."""
    if method == "ab":  # stored of A: 1 preferred, 0.5 neither, 0 the other one
        return [(0, 1, rating.rating), (1, 0, 1 - rating.rating)]
    if method == "abx":  # stored of X: 1 "X is A", 0 "X is B"
        a, _, x = (conditions[slot.stimulus] for slot in screen.slots)
        x_is_a = x == a
        return [(2, 1 if x_is_a else 0, float((rating.rating == 1) == x_is_a))]
    return [(rating.slot, None, rating.rating)]


def as_json(frame: pd.DataFrame) -> str:
    """Return a table as a JSON list of its rows; what is not known is null.

    Examples
    --------
    >>> import pandas as pd
    >>> print(as_json(pd.DataFrame({"rating": [61.0], "seconds": [float("nan")]})))
    [
      {
        "rating":61.0,
        "seconds":null
      }
    ]
    """
    text: str = frame.to_json(orient="records", indent=2, force_ascii=False)
    return text
