"""Open the database of a test: SQLite beside the test, or PostgreSQL through ``DATABASE_URL``.

Only one server at a time may write a database, because it holds the sessions in memory; SQLite's WAL mode
(before 3.51.3) also allows only one writer. A lock that the operating system releases when the process dies
makes sure of it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from svbench.errors import DataError
from svbench.installation import install_line
from svbench.listening.listening_test import RATINGS, ListeningTest
from svbench.listening.store.schema import SCHEMA, facts, metadata
from svbench.specs.records import digest

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

LOCK = 0x5BE7C41  # PostgreSQL's advisory lock: any number, always the same


def database_url(folder: Path, given: str | None = None) -> URL:
    """Return the database of a test: the given one, that of ``DATABASE_URL``, or a file beside it.

    Raises
    ------
    DataError
        An address that is none, or of a database that svbench does not know.

    Examples
    --------
    >>> database_url(Path("TEST"), "postgresql://me@/listening").drivername
    'postgresql+psycopg'
    """
    named = given or os.environ.get("DATABASE_URL", "")
    if not named:
        return make_url(f"sqlite:///{folder / RATINGS}")
    try:
        url = make_url(named)
    except (ArgumentError, ValueError) as error:  # the latter of a port that is no number
        raise DataError("DATABASE_URL: not an address such as postgresql://user@host/name") from error
    kind = url.get_backend_name().replace("postgres", "postgresql").replace("postgresqlql", "postgresql")
    if kind == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if kind == "sqlite":
        return url
    raise DataError(f"DATABASE_URL: {kind!r} is not a database svbench writes; use sqlite or postgresql")


def connect(url: URL) -> Engine:
    """Return an engine whose connections never lose a committed transaction."""
    if url.get_backend_name() == "sqlite":
        _make_private(url)
        engine = create_engine(url, connect_args={"timeout": 30})
        event.listen(engine, "connect", _durable)
        return engine
    try:
        return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise DataError(
            f"DATABASE_URL: PostgreSQL needs psycopg; {install_line('listen-postgresql')}"
        ) from error


def _make_private(url: URL) -> None:
    """Make the file readable by its owner alone; SQLite gives its other files the same mode."""
    if url.database and url.database != ":memory:":
        with contextlib.suppress(OSError):  # if it cannot be created, the first use reports why
            os.close(os.open(url.database, os.O_RDWR | os.O_CREAT, 0o600))


def _durable(connection: Any, _: Any) -> None:
    # FULL: a commit is on disk before it returns. In WAL mode, NORMAL would lose the last commits in a power
    # cut (not when the process is killed); the writer's shared commits make FULL cheap.
    # secure_delete: deleted rows are overwritten with zeros, so that nothing of an assessor who asked to be
    # forgotten is left in free pages.
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "busy_timeout = 30000",
        "foreign_keys = ON",
        "secure_delete = ON",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def prepare(engine: Engine, test: ListeningTest, name: str) -> dict[str, str]:
    """Create the tables, or check that they belong to this version and this test; return the facts.

    Parameters
    ----------
    engine : sqlalchemy.Engine
    test : ListeningTest
    name : str
        The name of the database in messages, without a password.

    Raises
    ------
    DataError
        Another version, another test, another build of the test, or a database that cannot be used.
    """
    heard = digest([test.protocol.method, test.conditions, test.trials])
    try:
        with engine.begin() as connection:
            if inspect(connection).has_table(facts.name):
                found = _facts(connection)
            else:
                metadata.create_all(connection)
                found = {
                    "schema": str(SCHEMA),
                    "test": test.id,
                    "heard": heard,
                    "secret": secrets.token_hex(32),
                    "open": "yes",
                }
                connection.execute(facts.insert(), [{"key": k, "value": v} for k, v in found.items()])
    except (SQLAlchemyError, sqlite3.Error) as error:
        where = Path(engine.url.database or "").parent
        shut = engine.dialect.name == "sqlite" and not os.access(where, os.W_OK)
        hint = f"; {where} has to be a folder that can be written, even to read" if shut else ""
        raise DataError(f"{name}: cannot be used as the test's database ({reason(error)}){hint}") from error
    if found.get("schema") != str(SCHEMA):
        raise DataError(
            f"{name}: schema {found.get('schema')} is from another version, this svbench writes {SCHEMA}; "
            "serve it with the svbench that made it"
        )
    if found["test"] != test.id:
        raise DataError(
            f"{name}: holds the ratings of another test ({found['test']}, this one is {test.id}); "
            "give each test a database of its own"
        )
    if found["heard"] != heard:
        raise DataError(
            f"{name}: the test was built anew since its first rating (other trials or conditions); "
            "serve the old build, or start with a new database"
        )
    return found


def _facts(connection: Connection) -> dict[str, str]:
    return {row.key: row.value for row in connection.execute(select(facts))}


def reason(error: Exception) -> str:
    """Return the first line of what the database's driver says."""
    original = getattr(error, "orig", None) or error
    return str(original).strip().splitlines()[0] if str(original).strip() else type(original).__name__


class Lock:
    """The lock of the one server of a database, held until it is closed or the process ends in any way.

    Raises
    ------
    DataError
        Another server holds it.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self._connection: Connection | None = None
        self._file: int | None = None
        taken = f"{name}: another `svbench listen serve` is using this database; stop it first"
        if engine.dialect.name == "postgresql":
            self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            if not self._connection.scalar(text("SELECT pg_try_advisory_lock(:n)"), {"n": LOCK}):
                self.close()
                raise DataError(taken)
        elif engine.url.database not in (None, "", ":memory:"):
            self._file = _lock_file(Path(f"{engine.url.database}.lock"), taken)

    def close(self) -> None:
        """Release the lock."""
        if self._connection is not None:
            # Close it for good: a connection that returns to the pool would keep the lock.
            self._connection.invalidate()
            self._connection.close()
        if self._file is not None:
            os.close(self._file)


def _lock_file(path: Path, taken: str) -> int | None:
    try:
        import fcntl
    except ImportError:  # Windows has no such lock; SQLite's own lock still protects the file
        return None
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise DataError(taken) from error
    return handle
