"""Where scoring happens: a pool of processes with single-threaded numerics.

A pool is shaped like ``concurrent.futures``, so that a cluster can take its place.
"""

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
from typing import Any

from svbench.errors import SvbenchError
from svbench.systems.worker.limits import THREAD_VARIABLES
from svbench.systems.worker.processes import die_with


def n_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def ctrl_c_held() -> Iterator[None]:
    """Hold Ctrl-C back for a moment; processes started meanwhile never hear of it.

    Ctrl-C reaches every process of a terminal, and one that is still importing answers with a traceback.
    This process has the say: it gets the signal as soon as the moment is over, and ends the others.
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
    """Start processes that do not import the caller's script.

    A spawned process imports ``__main__`` anew, which would run a training script again in each of them,
    or refuse to start where it lacks ``if __name__ == "__main__"``. Scoring needs modules of svbench only.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


class ScoringPool:
    """Processes that score tracks; a killed one costs a retry, not the run, and none outlives this one.

    Parameters
    ----------
    n_workers : int
    """

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers
        # Processes end when they can read to its end: when the pool is closed, or this process has died.
        self._theirs, self._lifeline = get_context("spawn").Pipe(duplex=False)
        self._pool = self._start()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Queue a call; see `result` for its outcome."""
        with ctrl_c_held(), _main_hidden():  # the first call starts the processes
            try:
                return self._pool.submit(function, *arguments)
            except BrokenProcessPool:
                self._pool = self._start()
                return self._pool.submit(function, *arguments)

    def result(self, future: Future[Any], function: Callable[..., Any], *arguments: Any) -> Any:
        """Wait for a call; if a process was killed under it, try once more in a fresh pool.

        A killed process breaks all pending calls, innocent ones too, hence the single retry.

        Raises
        ------
        SvbenchError
            The scoring process was killed twice, most often for lack of memory.
        """
        try:
            return future.result()
        except BrokenProcessPool:
            try:
                return self.submit(function, *arguments).result()
            except BrokenProcessPool as error:
                raise SvbenchError(
                    "the scoring process was killed twice, most likely for lack of memory; "
                    "try fewer --workers"
                ) from error

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self.n_workers,
            mp_context=get_context("spawn"),
            initializer=_end_with,
            initargs=(self._theirs, os.getpid()),
        )

    def close(self) -> None:
        """End the processes, also in the middle of a call; queued calls are dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._lifeline.close()
        self._pool.shutdown(wait=True)
        self._theirs.close()


def _end_with(lifeline: Connection, parent: int) -> None:
    """End this process with the one that started it, in whatever way and however soon that ends.

    On Linux the kernel does it at once; elsewhere a thread does when it gets its turn.
    """
    # Ctrl-C reaches every process of a terminal; the parent has the say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        with contextlib.suppress(EOFError, OSError):
            lifeline.recv_bytes()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    die_with(parent)


@contextmanager
def scoring_pool(n_workers: int) -> Iterator[ScoringPool]:
    """Open a pool whose processes use one numeric thread each.

    The variables must be in the environment before a child imports numpy, so they are set
    here around the pool's life and restored after it.
    """
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    pool = ScoringPool(n_workers)
    try:
        yield pool
    finally:
        pool.close()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
