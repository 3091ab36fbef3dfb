"""Read and write the sessions and ratings of a test.

Reading uses pooled connections; all writing goes through one thread (`Writer`). `Store.save` returns a future
that completes when all its operations are on disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, and_, delete, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from svbench.errors import DataError
from svbench.listening.design import Plan
from svbench.listening.listening_test import RATINGS, ListeningTest
from svbench.listening.store import schema
from svbench.listening.store.database import Lock, connect, database_url, prepare
from svbench.listening.store.state import Rating, SessionState, now
from svbench.listening.store.writer import Operation, Writer


class CurrentRating(NamedTuple):
    """The newest revision of a rating; ``seconds`` is None where the browser did not report it."""

    session: str
    screen: int
    slot: int
    revision: int
    rating: float
    seconds: float | None
    rated_at: str


class Store:
    """The database of one test.

    Parameters
    ----------
    folder : Path
        That of the test.
    test : ListeningTest
    url : str, optional
        Of the database; ``DATABASE_URL`` or a file in the folder by default.
    serving : bool
        Take the lock of the one server; refused while another server holds it.

    Raises
    ------
    DataError
        A database of another version or test, in use, or out of reach.
    """

    def __init__(
        self, folder: Path, test: ListeningTest, url: str | None = None, serving: bool = False
    ) -> None:
        address = database_url(folder, url)
        self.test, self.name = test, address.render_as_string(hide_password=True)
        self.engine = connect(address)
        try:
            self.facts = prepare(self.engine, test, self.name)
            self._lock = Lock(self.engine, self.name) if serving else None
        except BaseException:
            self.engine.dispose()
            raise
        self._writer = Writer(self.engine)
        insert = postgresql.insert if self.engine.dialect.name == "postgresql" else sqlite.insert
        # A browser repeats a request whose answer was lost, so the same row may come twice: no error.
        self._heard = insert(schema.heard).on_conflict_do_nothing()
        self._done = insert(schema.screens).on_conflict_do_nothing()
        # A rating must conflict instead: equal revisions with different values would lose one of them.
        self._rating = schema.ratings.insert()

    def close(self) -> None:
        """Write what is queued, and release the database."""
        self._writer.close()
        if self._lock is not None:
            self._lock.close()
        self.engine.dispose()

    def save(self, operations: Iterable[Operation]) -> Future[None]:
        """Write all operations in one transaction, or none of them."""
        return self._writer.submit(list(operations))

    # Writing. Each method only returns operations, so that a caller can put several into one commit.

    def begin(self, session: SessionState, assessor: dict[str, str | None] | None) -> list[Operation]:
        """Add a session, and its assessor if that one is new."""
        plan = Plan(row=session.row, screens=session.screens)
        row = {
            "id": session.id,
            "assessor": session.assessor,
            "number": session.number,
            "plan": msgspec.json.encode(plan).decode(),
            "language": session.language,
            "consent_version": session.consent_version,
            "consented_at": session.began_at,
            "step": session.step,
            "at": session.at,
            "questionnaire": "{}",
            "headphones": "[]",
            "began_at": session.began_at,
            "seen_at": session.seen_at,
            "complete_at": None,
        }
        new: list[Operation] = [] if assessor is None else [(schema.assessors.insert(), assessor)]
        return [*new, (schema.sessions.insert(), row)]

    def change(self, session: str, **values: Any) -> list[Operation]:
        """Change columns of a session; lists and dictionaries become JSON."""
        plain = {
            key: msgspec.json.encode(value).decode() if isinstance(value, (list, dict)) else value
            for key, value in values.items()
        }
        statement = update(schema.sessions).where(schema.sessions.c.id == session).values(**plain)
        return [(statement, {})]

    def hear(self, session: str, screen: int, slot: int) -> list[Operation]:
        """Record that a slot has been heard."""
        return [(self._heard, {"session": session, "screen": screen, "slot": slot})]

    def rate(
        self, session: str, screen: int, slot: int, rating: Rating, seconds: float | None, rated_at: str
    ) -> list[Operation]:
        """Add a revision of a rating."""
        values = {
            "session": session, "screen": screen, "slot": slot, "revision": rating.revision,
            "rating": rating.value, "seconds": seconds, "rated_at": rated_at,
        }  # fmt: skip
        return [(self._rating, values)]

    def finish_screen(self, session: str, screen: int, done_at: str) -> list[Operation]:
        """Record that a screen is done."""
        return [(self._done, {"session": session, "screen": screen, "done_at": done_at})]

    def forget(self, sessions: Iterable[str], assessor: str) -> list[Operation]:
        """Delete an assessor with all sessions, answers and ratings; only the ids of the sessions stay."""
        operations: list[Operation] = []
        for session in sessions:
            for table in (schema.ratings, schema.heard, schema.screens):
                operations.append((delete(table).where(table.c.session == session), {}))
            operations.append((delete(schema.sessions).where(schema.sessions.c.id == session), {}))
            operations.append((schema.deleted.insert(), {"session": session}))
        gone = delete(schema.assessors).where(schema.assessors.c.id == assessor)
        return [*operations, (gone, {})]

    def set_fact(self, key: str, value: str) -> list[Operation]:
        """Set a fact about the test, such as ``open``."""
        statement = schema.facts.insert()
        return [
            (delete(schema.facts).where(schema.facts.c.key == key), {}),
            (statement, {"key": key, "value": value}),
        ]

    def log(self, action: str) -> list[Operation]:
        """Log an action of the person who runs the test."""
        return [(schema.admin_log.insert(), {"at": now(), "action": action})]

    def clean_up(self) -> None:
        """Remove what is left of deleted rows from the files of the database."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if self.engine.dialect.name == "postgresql":
                for table in schema.metadata.sorted_tables:
                    connection.execute(text(f"VACUUM {table.name}"))
            else:
                connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))

    # Reading.

    def sessions(self, only: str | None = None) -> list[SessionState]:
        """Read all sessions in the order in which they began, or one."""
        with self.engine.connect() as connection:
            return _sessions(connection, only)

    def current_ratings(self) -> list[CurrentRating]:
        """Read the newest revision of every rating."""
        with self.engine.connect() as connection:
            return list(_current(connection, None))

    def logged(self) -> list[tuple[str, str]]:
        """Read the log as (time, action), newest first."""
        log = schema.admin_log.c
        query = select(log.at, log.action).order_by(log.number.desc())
        with self.engine.connect() as connection:
            return [(row.at, row.action) for row in connection.execute(query)]

    def deleted(self) -> set[str]:
        """Return the sessions whose assessors asked to be forgotten."""
        with self.engine.connect() as connection:
            return set(connection.scalars(select(schema.deleted.c.session)))


@contextmanager
def existing_store(
    folder: Path, test: ListeningTest, url: str | None = None, serving: bool = False
) -> Iterator[Store]:
    """Open the database of a test that has been served, and close it; parameters are those of `Store`.

    Raises
    ------
    DataError
        There is no database yet, or one that `Store` refuses.
    """
    if not has_database(folder, url):
        raise DataError(
            f"{folder / RATINGS}: not there, so nobody has rated yet; `svbench listen serve` makes it, and "
            "DATABASE_URL names a database elsewhere"
        )
    store = Store(folder, test, url, serving)
    try:
        yield store
    finally:
        store.close()


def has_database(folder: Path, url: str | None = None) -> bool:
    """Whether a test has been served: its SQLite file is there, or its database is not a file at all."""
    address = database_url(folder, url)
    return address.get_backend_name() != "sqlite" or Path(address.database or "").exists()


def _sessions(connection: Connection, only: str | None) -> list[SessionState]:
    a, s = schema.assessors, schema.sessions
    query = select(s, a.c.crowd, a.c.invitation).join(a, a.c.id == s.c.assessor).order_by(s.c.number)
    rows = connection.execute(query if only is None else query.where(s.c.id == only))
    found = {row.id: _session(row) for row in rows}
    heard = select(schema.heard)
    if only is not None:
        heard = heard.where(schema.heard.c.session == only)
    for session, screen, slot in connection.execute(heard):
        if session in found:  # a session that began after the first query is left for the next read
            found[session].heard.add((screen, slot))
    for rating in (r for r in _current(connection, only) if r.session in found):
        state = found[rating.session]
        state.ratings[rating.screen, rating.slot] = Rating(rating.revision, rating.rating)
        state.seen_at = max(state.seen_at, rating.rated_at)
    return list(found.values())


def _session(row: Row[Any]) -> SessionState:
    try:
        plan = msgspec.json.decode(row.plan, type=Plan)
        questionnaire = msgspec.json.decode(row.questionnaire, type=dict[str, str])
        headphones = msgspec.json.decode(row.headphones, type=list[int])
    except msgspec.MsgspecError as error:
        raise DataError(
            f"session {row.id} in the database is not what svbench writes ({error}); it was changed by "
            "something else: restore a copy, or delete that session"
        ) from error
    return SessionState(
        id=row.id,
        assessor=row.assessor,
        number=row.number,
        row=plan.row,
        screens=plan.screens,
        language=row.language,
        consent_version=row.consent_version,
        step=row.step,
        at=row.at,
        began_at=row.began_at,
        seen_at=row.seen_at,
        complete_at=row.complete_at,
        crowd=row.crowd,
        invitation=row.invitation,
        questionnaire=questionnaire,
        headphones=headphones,
    )


def _current(connection: Connection, only: str | None) -> Iterator[CurrentRating]:
    """The newest revision of each rating."""
    r = schema.ratings
    newest = select(r.c.session, r.c.screen, r.c.slot, func.max(r.c.revision).label("revision"))
    newest = newest.group_by(r.c.session, r.c.screen, r.c.slot)
    if only is not None:
        newest = newest.where(r.c.session == only)
    last = newest.subquery()
    same = [r.c[key] == last.c[key] for key in ("session", "screen", "slot", "revision")]
    for row in connection.execute(select(r).join(last, and_(*same))):
        yield CurrentRating(*row)
