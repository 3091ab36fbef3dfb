"""The one thread that writes: many requests, one commit.

A commit that survives a power cut costs milliseconds whatever is in it. So the thread takes all
that has come in while the last commit ran, writes it in one transaction, and only then tells each
caller that it is stored. A request is all or nothing; one that the database refuses fails alone.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Executable

MOST_AT_ONCE = 256
Operation = tuple["Executable", Mapping[str, Any]]


class Writer:
    """Writes operations in the order in which they come.

    Parameters
    ----------
    engine : sqlalchemy.Engine
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: queue.SimpleQueue[tuple[Sequence[Operation], Future[None]] | None] = queue.SimpleQueue()
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
            batch = []
            item = self._queue.get()
            while item is not None:
                batch.append(item)
                if len(batch) == MOST_AT_ONCE or self._queue.empty():
                    break
                item = self._queue.get()
            running = item is not None
            # One that was cancelled while it waited is not written; from here on none can be.
            self._write([one for one in batch if one[1].set_running_or_notify_cancel()])

    def _write(self, batch: list[tuple[Sequence[Operation], Future[None]]]) -> None:
        if not batch:
            return
        try:
            with self._engine.begin() as connection:
                _execute(connection, [op for operations, _ in batch for op in operations])
        except Exception as error:
            if len(batch) == 1:
                batch[0][1].set_exception(error)
                return
            for one in batch:  # so that only those fail that have to
                self._write([one])
            return
        for _, future in batch:
            future.set_result(None)


def _execute(connection: Connection, operations: Sequence[Operation]) -> None:
    """Execute in order, neighbours of one statement together."""
    start = 0
    for end in range(1, len(operations) + 1):
        if end == len(operations) or operations[end][0] is not operations[start][0]:
            connection.execute(operations[start][0], [dict(values) for _, values in operations[start:end]])
            start = end
