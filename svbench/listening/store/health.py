"""Whether the database is well."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, func, select, text

from svbench.listening.store import schema

if TYPE_CHECKING:
    from svbench.listening.store.store import Store


class Health(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the database says of itself.

    Attributes
    ----------
    database : str
        Its address, without a password.
    integrity : str
        ``ok``, or what SQLite's quick check found; PostgreSQL has no such check, and ``answers``.
    size_bytes : int
        All of its files.
    free_bytes : int or None
        Of the disk it is on, where that is this machine's.
    ratings : int
        Of every revision.
    written_at : str
        Newest moment in it, ISO 8601 in UTC; empty where there is none.
    """

    database: str
    integrity: str
    size_bytes: int
    free_bytes: int | None
    ratings: int
    written_at: str


def health(store: Store) -> Health:
    """Ask a database how it is.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError
        It is out of reach.
    """
    with store.engine.connect() as connection:
        integrity, size, free = (
            _postgresql(connection) if store.engine.dialect.name == "postgresql" else _sqlite(connection)
        )
        moments = (schema.sessions.c.seen_at, schema.ratings.c.rated_at, schema.admin_log.c.at)
        newest = [connection.scalar(select(func.max(moment))) for moment in moments]
        count = connection.scalar(select(func.count()).select_from(schema.ratings))
    return Health(
        database=store.told,
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
