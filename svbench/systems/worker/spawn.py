"""Spawn a worker under its supervisor, write requests, wait for replies, and end it.

Three connections: a pipe of requests and a pipe of replies, whose other ends only the worker holds, and the
lifeline, a socket pair to the supervisor. The supervisor kills the worker when the lifeline closes, whether
svbench closes it or dies; see `svbench.systems.worker.supervisor`. svbench itself kills only what a killed
supervisor has left.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from svbench.systems.worker.processes import ProcessTree

# Seconds between two looks at the process tree while a request is under way; a look takes about 0.3 ms.
_LOOK_S = 0.05
# The longest reply accepted: names and a few numbers, and for a profile a few hundred operations.
_REPLY_BYTES = 1 << 22
_START_S = 60.0
_END_S = 15.0  # longer than the supervisor itself waits for processes to die
_SUPERVISOR = Path(__file__).with_name("supervisor.py")


class ReplyTooLong(Exception):
    """The worker wrote more than any reply needs."""


class WorkerProcess:
    """One worker and everything that it starts, none of which outlives this process.

    Parameters
    ----------
    command : sequence of str
        The worker's command line; the descriptors of requests and of replies are added as arguments.
    folder : Path
        The worker's working folder; its path also marks the descendants, by an environment variable.
    log, log_bytes : Path, int
        The file that takes what the worker prints, and the most that is kept; 0 keeps all.
    environment : mapping of str to str
    cores : sequence of int, optional
        The processor cores that it may run on; all if empty.
    handles : sequence of int, optional
        Further descriptors that the command line names.

    Raises
    ------
    OSError
        The interpreter cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        *,
        log: Path,
        log_bytes: int,
        environment: Mapping[str, str],
        cores: Sequence[int] = (),
        handles: Sequence[int] = (),
    ) -> None:
        self.returncode: int | None = None
        theirs_in, self._requests = os.pipe()
        self._replies, theirs_out = os.pipe()
        # Non-blocking: a worker that does not read, or that writes half a line, must not stop svbench from
        # looking at limits.
        for handle in (self._requests, self._replies):
            os.set_blocking(handle, False)
        theirs, self._lifeline = socket.socketpair()
        mark = f"SVBENCH_WORKER={folder}"
        passed = (theirs_in, theirs_out, *handles)
        lists = [",".join(map(str, numbers)) for numbers in (passed, cores)]
        words = [theirs.fileno(), lists[0], log, log_bytes, lists[1], mark, *command, theirs_in, theirs_out]
        try:
            self._supervisor = subprocess.Popen(
                # -E: the environment, with its PYTHONPATH, is the worker's. -S: starts in half the time.
                [sys.executable, "-E", "-s", "-S", str(_SUPERVISOR), *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=dict(environment),
                cwd=folder,
                pass_fds=(theirs.fileno(), *passed),
                start_new_session=True,
            )
        except BaseException:
            self._close_pipes()
            raise
        finally:
            # The other side's ends; while svbench held them open, it would never see them close.
            os.close(theirs_in)
            os.close(theirs_out)
            theirs.close()
        try:
            pid = self._number(_START_S) or 0
        except BaseException:
            self._close_pipes()
            raise
        if pid <= 0:
            self._close_pipes()
            self._supervisor.wait()
            raise OSError(-pid, os.strerror(-pid) if pid else "its supervisor did not start")
        self.tree = ProcessTree(pid, mark)

    def ask(self, request: bytes, limit_s: float | None, look: Callable[[], None]) -> bytes:
        """Send a line and return the line that answers it.

        Parameters
        ----------
        request : bytes
        limit_s : float or None
            Seconds to wait at most.
        look : callable
            Is called at least twenty times a second meanwhile; what it raises ends the wait.

        Returns
        -------
        bytes
            Does not end in a newline if the worker ended before it answered.

        Raises
        ------
        TimeoutError, ReplyTooLong
        """
        deadline = None if limit_s is None else time.monotonic() + limit_s
        line = b""
        while not line.endswith(b"\n"):
            left = _LOOK_S if deadline is None else min(_LOOK_S, deadline - time.monotonic())
            if left <= 0:
                raise TimeoutError
            ready, writable, _ = select.select(
                [self._replies, self._lifeline.fileno()], [self._requests] if request else [], [], left
            )
            look()
            if writable:
                try:
                    request = request[os.write(self._requests, request) :]
                except BrokenPipeError:
                    request = b""  # it has ended, but what it wrote before still counts
            if ready:
                part = self._read()
                if not part:  # the worker closed the pipe, or it has ended and wrote nothing more
                    return line
                line += part
                if len(line) > _REPLY_BYTES:
                    raise ReplyTooLong
        return line

    def wait(self, timeout_s: float) -> int | None:
        """Wait for the worker to end; return its exit code as in `subprocess`, None if it still runs."""
        if self.returncode is None:
            self.returncode = self._number(timeout_s)
        return self.returncode

    def close(self) -> None:
        """Kill the worker and everything that it started; its log is complete afterwards."""
        with contextlib.suppress(OSError):
            # Half closed: the supervisor sees the end and kills, and can still send the exit code.
            self._lifeline.shutdown(socket.SHUT_WR)
        self.wait(_END_S)
        try:
            self._supervisor.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
            self._supervisor.wait()
        self.tree.kill()  # whatever is left if the supervisor itself was killed
        self._close_pipes()

    def _read(self) -> bytes:
        try:
            return os.read(self._replies, 1 << 16)
        except BlockingIOError:
            return b""

    def _number(self, timeout_s: float) -> int | None:
        """Read a number from the supervisor; None if none came in time or the supervisor ended before."""
        deadline, line = time.monotonic() + timeout_s, b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._lifeline], [], [], max(0.0, deadline - time.monotonic()))
            part = self._lifeline.recv(1) if ready else b""
            if not part:
                # Before there is a tree, the supervisor did not start. After, it was killed, and the
                # kernel killed the worker with it.
                return -signal.SIGKILL if ready and hasattr(self, "tree") else None
            line += part
        return int(line)

    def _close_pipes(self) -> None:
        os.close(self._requests)
        os.close(self._replies)
        self._lifeline.close()
