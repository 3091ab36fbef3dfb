"""A pool of scoring processes with single-threaded numerics."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any, Generic, TypeVar

from svbench.errors import SvbenchError
from svbench.systems.worker.limits import THREAD_VARIABLES
from svbench.systems.worker.processes import die_with

T = TypeVar("T")


def n_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def ctrl_c_held() -> Iterator[None]:
    """Block SIGINT while processes are started; they inherit the blocked signal and never get it.

    Ctrl-C reaches every process of a terminal, and one that is still importing would print a traceback.
    This process gets the signal as soon as the block ends, and then stops the others.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _main_hidden() -> Iterator[None]:
    """Hide the caller's script while processes are started, so that they do not import it.

    A spawned process imports ``__main__`` anew, which would run a training script again in each of them,
    or refuse to start where it lacks ``if __name__ == "__main__"``. Scoring needs modules of svbench only.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


class Call(Generic[T]):
    """A call that is queued or running in a `ScoringPool`."""

    def __init__(self, submit: Callable[[], Future[T]]) -> None:
        self._submit, self._future = submit, submit()

    def result(self) -> T:
        """Wait for the call; if its process was killed, try once more in a fresh pool.

        One killed process breaks every pending call of its pool, whichever of them used too much memory.
        The calls that did not are fine on the second try; the one that did is killed again.

        Raises
        ------
        SvbenchError
            The scoring process was killed twice, most often for lack of memory.
        """
        try:
            return self._future.result()
        except BrokenProcessPool:
            try:
                return self._submit().result()
            except BrokenProcessPool as error:
                raise SvbenchError(
                    "the scoring process was killed twice, most likely for lack of memory; "
                    "try fewer --workers"
                ) from error


class ScoringPool:
    """Processes that score tracks. A killed one is replaced, and none outlives this process.

    Parameters
    ----------
    n_workers : int
    """

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers
        # Each worker waits to read from this pipe, on which nothing is ever sent. The read ends when the
        # other end is closed: by `close`, or by the system when this process has died in whatever way.
        self._theirs, self._lifeline = get_context("spawn").Pipe(duplex=False)
        self._pool = self._start()

    def submit(self, function: Callable[..., T], *arguments: Any) -> Call[T]:
        """Queue a call of a module-level function; its arguments and result must be picklable."""

        def submit() -> Future[T]:
            with ctrl_c_held(), _main_hidden():  # the first call starts the processes
                try:
                    return self._pool.submit(function, *arguments)
                except BrokenProcessPool:
                    self._pool = self._start()
                    return self._pool.submit(function, *arguments)

        return Call(submit)

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self.n_workers,
            mp_context=get_context("spawn"),
            initializer=_end_with,
            initargs=(self._theirs, os.getpid()),
        )

    def close(self) -> None:
        """End the processes, also in the middle of a call; queued calls are dropped."""
        # In this order: without queued calls no worker starts another one, closing the pipe ends the workers,
        # and only then can waiting for them end.
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._lifeline.close()
        self._pool.shutdown(wait=True)
        self._theirs.close()


def _end_with(lifeline: Connection, parent: int) -> None:
    """Make this worker process end when the one that started it ends, in whatever way.

    On Linux the kernel does that at once (`die_with`); elsewhere a thread does when it gets its turn.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # see `ctrl_c_held`

    def watch() -> None:
        with contextlib.suppress(EOFError, OSError):
            lifeline.recv_bytes()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    die_with(parent)


@contextmanager
def scoring_pool(n_workers: int) -> Iterator[ScoringPool]:
    """Open a pool whose processes use one numeric thread each.

    BLAS reads these variables once, when a process imports numpy. So they are set here before the workers
    start, which is at the first call or after a kill, and restored when the pool is closed.
    """
    before = {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    pool = ScoringPool(n_workers)
    try:
        yield pool
    finally:
        pool.close()
        for name in THREAD_VARIABLES:
            os.environ.pop(name, None)
        os.environ.update(before)
