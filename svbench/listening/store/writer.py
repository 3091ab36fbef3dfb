"""The one thread that writes: many requests, one commit.

A commit that survives a power cut costs milliseconds whatever is in it. So the thread takes all
that has come in while the last commit ran, writes it in one transaction, and only then tells each
caller that it is stored. A request is all or nothing; one that the database refuses fails alone.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Executable

MOST_AT_ONCE = 256
Operation = tuple["Executable", Mapping[str, Any]]
Request = tuple[Sequence[Operation], "Future[None]"]


class Writer:
    """Writes requests, each a sequence of operations.

    Requests that wait at the same time must not depend on each other: a caller who needs one before
    another waits for its future.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        A connection of it is held, and made anew after an error.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._queue: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="ratings-writer", daemon=True)
        self._thread.start()

    def submit(self, operations: Sequence[Operation]) -> Future[None]:
        """Have operations written together; the future is done once they are on disk."""
        future: Future[None] = Future()
        self._queue.put((operations, future))
        return future

    def close(self) -> None:
        """Write what is waiting and stop."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        running = True
        while running:
            batch: list[Request] = []
            item = self._queue.get()
            while item is not None:
                batch.append(item)
                if len(batch) == MOST_AT_ONCE or self._queue.empty():
                    break
                item = self._queue.get()
            running = item is not None
            # One that was cancelled while it waited is not written; from here on none can be.
            batch = [one for one in batch if one[1].set_running_or_notify_cancel()]
            if batch:
                self._write(batch)
        self._disconnect()

    def _write(self, batch: list[Request]) -> None:
        try:
            self._connection = self._connection or self._engine.connect()
        except Exception as error:  # nothing can be written: all are told at once
            for _, future in batch:
                future.set_exception(error)
            return
        try:
            with self._connection.begin():
                _execute(self._connection, batch)
        except Exception as error:
            self._disconnect()
            if len(batch) == 1:
                batch[0][1].set_exception(error)
            else:
                for one in batch:  # so that only those fail that have to
                    self._write([one])
            return
        for _, future in batch:
            future.set_result(None)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):  # of one that is broken already: the thread must live on
                connection.close()


def _execute(connection: Connection, batch: Sequence[Request]) -> None:
    """Execute a batch, everything of one statement together, in the order of first appearance."""
    by_statement: dict[int, tuple[Executable, list[dict[str, Any]]]] = {}
    for operations, _ in batch:
        for statement, values in operations:
            by_statement.setdefault(id(statement), (statement, []))[1].append(dict(values))
    for statement, rows in by_statement.values():
        connection.execute(statement, rows)
