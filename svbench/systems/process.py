"""A worker process: spawn it under a supervisor, send requests, wait for replies, end it."""

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

from svbench.systems.tree import ProcessTree

# How often the process tree is looked at while a request is under way; a look costs some 0.3 ms.
_LOOK_S = 0.05
# Longest reply accepted: names and a few numbers, and for a profile a few hundred operations.
_REPLY_BYTES = 1 << 22
_START_S = 60.0
_END_S = 15.0  # longer than the supervisor's own patience
_SUPERVISOR = Path(__file__).with_name("supervisor.py")


class ReplyTooLong(Exception):
    """The worker wrote more than any reply needs."""


class WorkerProcess:
    """One worker and all that it starts, none of which outlives this process.

    Parameters
    ----------
    python : str
        The worker's interpreter.
    code : Path
        The file it runs; it gets the descriptors of requests and replies as arguments.
    folder : Path
        Where it starts; also the mark by which its descendants are known.
    log, log_bytes : Path, int
        Where what it prints goes, and the most that is kept; 0 keeps all.
    environment : mapping of str to str
    cores : sequence of int, optional
        The processor cores it may run on.

    Raises
    ------
    OSError
        The interpreter cannot be started.
    """

    def __init__(
        self,
        python: str,
        code: Path,
        folder: Path,
        *,
        log: Path,
        log_bytes: int,
        environment: Mapping[str, str],
        cores: Sequence[int] = (),
    ) -> None:
        self.returncode: int | None = None
        theirs_in, self._requests = os.pipe()
        self._replies, theirs_out = os.pipe()
        for handle in (self._requests, self._replies):
            os.set_blocking(handle, False)
        theirs, self._lifeline = socket.socketpair()
        mark = f"SVBENCH_WORKER={folder}"
        words = [theirs.fileno(), theirs_in, theirs_out, log, log_bytes, ",".join(map(str, cores)), mark]
        words += [python, code, theirs_in, theirs_out]
        try:
            self._supervisor = subprocess.Popen(
                # -E, since PYTHONPATH is the worker's; -S, since it starts in half the time.
                [sys.executable, "-E", "-s", "-S", str(_SUPERVISOR), *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=dict(environment),
                cwd=folder,
                pass_fds=(theirs.fileno(), theirs_in, theirs_out),
                start_new_session=True,
            )
        except BaseException:
            self._close_pipes()
            raise
        finally:
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
            Called twenty times a second meanwhile.

        Returns
        -------
        bytes
            Without a newline at its end if the worker ended before it answered.

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
                    request = b""  # what it says before it ends still counts
            if ready:
                part = self._read()
                if not part:  # it closed the pipe, or it has ended and said nothing more
                    return line
                line += part
                if len(line) > _REPLY_BYTES:
                    raise ReplyTooLong
        return line

    def wait(self, timeout_s: float) -> int | None:
        """Wait until the worker has ended; return its exit code as in `subprocess`, None if it lives on."""
        if self.returncode is None:
            self.returncode = self._number(timeout_s)
        return self.returncode

    def close(self) -> None:
        """End the worker and everything it started; its log is complete afterwards."""
        with contextlib.suppress(OSError):
            self._lifeline.shutdown(socket.SHUT_WR)
        self.wait(_END_S)
        try:
            self._supervisor.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
            self._supervisor.wait()
        self.tree.kill()  # what a supervisor left that was killed itself
        self._close_pipes()

    def _read(self) -> bytes:
        try:
            return os.read(self._replies, 1 << 16)
        except BlockingIOError:
            return b""

    def _number(self, timeout_s: float) -> int | None:
        """Read a line of the supervisor; None if there is none in time, or it ended without."""
        deadline, line = time.monotonic() + timeout_s, b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._lifeline], [], [], max(0.0, deadline - time.monotonic()))
            part = self._lifeline.recv(1) if ready else b""
            if not part:
                # A supervisor that was killed has taken the worker with it.
                return -signal.SIGKILL if ready and hasattr(self, "tree") else None
            line += part
        return int(line)

    def _close_pipes(self) -> None:
        os.close(self._requests)
        os.close(self._replies)
        self._lifeline.close()
