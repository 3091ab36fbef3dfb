"""The only thread that writes to the database: many requests share one commit.

A commit that survives a power cut takes milliseconds, however much is in it. The thread therefore takes all
requests that arrived during the last commit, writes them in one transaction, and only then tells each caller
that its request is stored. A request is written as a whole or not at all; if the database refuses one
request, only that one fails.
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

    Requests that wait at the same time must not depend on each other: a caller who needs one to be stored
    before another waits for its future.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        One connection of it is kept open, and replaced after an error.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._queue: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="ratings-writer", daemon=True)
        self._thread.start()

    def submit(self, operations: Sequence[Operation]) -> Future[None]:
        """Queue operations to be written together; the future completes when they are on disk."""
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
            item = self._queue.get()  # sleeps until there is something to write
            # What has queued up during the last commit joins this batch; nobody waits for it to fill.
            while item is not None:
                batch.append(item)
                if len(batch) == MOST_AT_ONCE or self._queue.empty():
                    break
                item = self._queue.get()
            running = item is not None
            # A request that was cancelled while it waited is not written. From here on cancel() fails, so
            # that nothing reaches the disk whose caller believes that it was withdrawn.
            batch = [one for one in batch if one[1].set_running_or_notify_cancel()]
            if batch:
                self._write(batch)
        self._disconnect()

    def _write(self, batch: list[Request]) -> None:
        try:
            self._connection = self._connection or self._engine.connect()
        except Exception as error:  # no connection, so every request fails; the next batch tries again
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
                # The transaction was rolled back, so nothing of the batch is stored. Each request is tried
                # alone, so that one bad request does not fail the others.
                for one in batch:
                    self._write([one])
            return
        # Only now, after the commit, may the server acknowledge. If the process dies between commit and
        # acknowledgement, the browser sends the rating again, and its revision shows that it is stored.
        for _, future in batch:
            future.set_result(None)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):  # it may be broken already, and this thread must not die
                connection.close()


def _execute(connection: Connection, batch: Sequence[Request]) -> None:
    """Execute a batch: the rows of equal statements together, in the order in which statements first appear.

    One ``executemany`` for all ratings of a batch is what makes a commit for many listeners cheap.
    """
    by_statement: dict[int, tuple[Executable, list[dict[str, Any]]]] = {}
    for operations, _ in batch:
        for statement, values in operations:
            by_statement.setdefault(id(statement), (statement, []))[1].append(dict(values))
    for statement, rows in by_statement.values():
        connection.execute(statement, rows)
