"""The progress of a test and the health of its database, for the person who runs it.

Nothing of this is ever shown to listeners.
"""

from __future__ import annotations

import contextlib
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import msgspec
from sqlalchemy import Connection, func, select, text

from svbench.listening.headphones import NEEDED
from svbench.listening.listening_test import ListeningTest
from svbench.listening.store import schema
from svbench.listening.store.state import SessionState

Standing = Literal["complete", "under way", "dropped out", "turned away", "unreadable"]
STANDINGS: tuple[Standing, ...] = get_args(Standing)


class SessionProgress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One session.

    ``standing`` is ``dropped out`` if the session was idle so long that its seat was given back, and
    ``unreadable`` if the database holds something that no server wrote. ``headphones`` counts the correct
    answers of each attempt.
    """

    assessor: str
    standing: Standing
    step: str
    done: int
    total: int
    began_at: str
    seen_at: str
    language: str
    headphones: tuple[int, ...]
    headphones_passed: bool | None  # None: not tried, or not asked for


class Seats(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether somebody can begin: ``taken`` of ``wanted`` seats (0: no limit) while the test is open."""

    open: bool
    taken: int
    wanted: int
    idle_minutes: float
    invited_only: bool

    @property
    def state(self) -> Literal["open", "full", "closed"]:
        """Whether listeners can begin, or why not."""
        if not self.open:
            return "closed"
        return "full" if self.wanted and self.taken >= self.wanted else "open"


class Progress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The progress of a test.

    ``cells`` counts current ratings by trial and condition, training left out; a comparison of two
    conditions (ab) counts for both. ``steps`` counts sessions by the step they stand at.
    """

    sessions: tuple[SessionProgress, ...]
    standings: dict[Standing, int]
    steps: dict[str, dict[Standing, int]]
    cells: dict[str, dict[str, int]]
    seats: Seats

    def of_trial(self, trial: str) -> int:
        """Return the ratings of a trial."""
        return sum(self.cells[trial].values())

    def of_condition(self, condition: str) -> int:
        """Return the ratings of a condition."""
        return sum(row.get(condition, 0) for row in self.cells.values())


def progress(test: ListeningTest, sessions: Iterable[SessionState], is_open: bool = True) -> Progress:
    """Count what has been done in the sessions.

    Parameters
    ----------
    test : ListeningTest
    sessions : iterable of SessionState
    is_open : bool
        Whether the test takes listeners.
    """
    condition_of = {name: condition for t in test.trials for name, condition in t.conditions().items()}
    cells = {t.id: Counter({s.condition: 0 for s in t.stimuli}) for t in test.trials if t.kind == "test"}
    listed = []
    for session in sessions:
        listed.append(_session(test, session))
        for screen, slot in list(session.ratings):
            with contextlib.suppress(LookupError):  # of an unreadable session
                _count(test, session, screen, slot, condition_of, cells)
    standings = Counter(s.standing for s in listed)
    steps: dict[str, dict[Standing, int]] = {}
    for one in listed:
        row = steps.setdefault(one.step, dict.fromkeys(STANDINGS, 0))
        row[one.standing] += 1
    wanted = test.protocol.sessions
    return Progress(
        sessions=tuple(listed),
        standings={s: standings[s] for s in STANDINGS},
        steps=steps,
        cells={trial: dict(row) for trial, row in cells.items()},
        seats=Seats(
            open=is_open,
            taken=standings["complete"] + standings["under way"],
            wanted=wanted.seats,
            idle_minutes=wanted.idle_minutes,
            invited_only=test.protocol.listeners.invited_only,
        ),
    )


def _count(
    test: ListeningTest,
    session: SessionState,
    number: int,
    slot: int,
    condition_of: dict[str, str],
    cells: dict[str, Counter[str]],
) -> None:
    screen = session.screens[number]
    if screen.kind == "test":
        judged = screen.slots[:2] if test.protocol.method == "ab" else screen.slots[slot : slot + 1]
        cells[screen.trial].update(condition_of[s.stimulus] for s in judged)


def _session(test: ListeningTest, session: SessionState) -> SessionProgress:
    method = test.protocol.listeners.headphones
    passed = None
    if method != "none" and session.headphones:
        passed = max(session.headphones) >= NEEDED[method]
    return SessionProgress(
        assessor=session.assessor,
        standing=_standing(test, session),
        step=session.step,
        done=session.at,
        total=len(session.screens),
        began_at=session.began_at,
        seen_at=session.seen_at,
        language=session.language,
        headphones=tuple(session.headphones),
        headphones_passed=passed,
    )


def _standing(test: ListeningTest, session: SessionState) -> Standing:
    trials = {t.id for t in test.trials}
    try:
        idle = session.idle(test.protocol.sessions.idle_minutes, datetime.now(UTC))
    except (ValueError, TypeError):  # not a time, or one without a time zone
        return "unreadable"
    rated: Sequence[tuple[int, int]] = list(session.ratings)
    if any(not 0 <= number < len(session.screens) for number, _ in rated):
        return "unreadable"
    if any(s.trial not in trials for s in session.screens):
        return "unreadable"
    if session.complete_at:
        return "complete"
    if session.step == "away":
        return "turned away"
    return "dropped out" if idle else "under way"


if TYPE_CHECKING:
    from svbench.listening.store.store import Store


class Health(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The state of the database.

    Attributes
    ----------
    database : str
        Its address, without a password.
    integrity : str
        ``ok``, or what SQLite's quick check found; for PostgreSQL, which has no such check, ``answers``.
    size_bytes : int
        All of its files.
    free_bytes : int or None
        Of the disk it is on, where that is this machine's.
    ratings : int
        Of every revision.
    written_at : str
        Time of the newest entry, ISO 8601 in UTC; empty if there is none.
    """

    database: str
    integrity: str
    size_bytes: int
    free_bytes: int | None
    ratings: int
    written_at: str


def health(store: Store) -> Health:
    """Check a database, and measure its size.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError
        The database cannot be reached.
    """
    with store.engine.connect() as connection:
        integrity, size, free = (
            _postgresql(connection) if store.engine.dialect.name == "postgresql" else _sqlite(connection)
        )
        moments = (schema.sessions.c.seen_at, schema.ratings.c.rated_at, schema.admin_log.c.at)
        newest = [connection.scalar(select(func.max(moment))) for moment in moments]
        count = connection.scalar(select(func.count()).select_from(schema.ratings))
    return Health(
        database=store.name,
        integrity=integrity,
        size_bytes=size,
        free_bytes=free,
        ratings=int(count or 0),
        written_at=max((m for m in newest if m), default=""),
    )


def _postgresql(connection: Connection) -> tuple[str, int, int | None]:
    size = connection.scalar(text("SELECT pg_database_size(current_database())"))
    return "answers", int(size or 0), None


def _sqlite(connection: Connection) -> tuple[str, int, int | None]:
    found = "; ".join(map(str, connection.scalars(text("PRAGMA quick_check(5)"))))
    file = connection.engine.url.database
    if file in (None, "", ":memory:"):
        return found, 0, None
    files = [Path(f"{file}{ending}") for ending in ("", "-wal", "-shm")]
    return found, sum(f.stat().st_size for f in files if f.exists()), shutil.disk_usage(files[0].parent).free
