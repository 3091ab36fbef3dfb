"""The process between svbench and one worker: it starts the worker, keeps its log, and ends all it started.

Run as a file by `svbench.systems.process`, with the standard library only. A pipe to svbench is its
lifeline: when svbench closes it, or dies in whatever way, the supervisor kills the worker and every
descendant. On Linux it adopts orphans, so that a process that left its session, its parent and its
environment behind is still a descendant. A worker that ends takes its descendants with it in the same way.

Arguments: descriptors of the lifeline, of requests and of replies; path and size of the log; processor cores,
with commas; a ``NAME=value`` for the worker's environment; the worker's command line. It answers on the
lifeline with the worker's process id, or minus the error number if it cannot be started, and at the end
with its exit code as in `subprocess`, each on a line.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

_END_S = 10.0  # a process in the middle of reading a disk that does not answer dies only afterwards
_PART_BYTES = 1 << 16


def main() -> None:
    """Start the worker, copy what it prints to the log, and end everything when it or svbench ends."""
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    from svbench.systems.tree import adopt_orphans

    lifeline, requests, replies = (int(word) for word in sys.argv[1:4])
    path, log_bytes, cores, mark, *argv = sys.argv[4:]
    adopts = adopt_orphans()
    if cores:  # before anything starts, so that nothing escapes it
        os.sched_setaffinity(0, [int(core) for core in cores.split(",")])
    wake = _wake_on_signals()
    printed, prints = os.pipe()
    log = _Log(path, int(log_bytes))
    worker, error = _start(argv, mark, (requests, replies), prints)
    for handle in (requests, replies, prints):
        os.close(handle)
    os.write(lifeline, b"%d\n" % (-error if error else worker))
    code = _watch(worker, lifeline, printed, wake, log)
    code = _end(worker, adopts, code)
    os.set_blocking(printed, False)
    with contextlib.suppress(BlockingIOError):  # a process that could not be ended holds it open
        while part := os.read(printed, _PART_BYTES):
            log.add(part)
    log.close()
    with contextlib.suppress(OSError):  # svbench has gone
        os.write(lifeline, b"%d\n" % code)


def _wake_on_signals() -> int:
    """Return a descriptor that has something to read when a child has ended or this process is to end."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return read


def _start(argv: list[str], mark: str, kept: tuple[int, ...], prints: int) -> tuple[int, int]:
    """Start the worker as the leader of a session; return its process id and an error number or 0."""
    from svbench.systems.tree import die_with

    name, _, value = mark.partition("=")
    environment = {**os.environ, name: value}
    readable, writable = os.pipe()  # closed by exec, unless that fails
    own = os.getpid()
    pid = os.fork()
    if pid:
        os.close(writable)
        error = os.read(readable, 16)
        os.close(readable)
        return pid, int(error or 0)
    try:
        os.setsid()
        die_with(own)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(prints, 1)
        os.dup2(prints, 2)
        for handle in kept:
            os.set_inheritable(handle, True)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and exec would hand that on
            signal.signal(number, signal.SIG_DFL)
        os.execvpe(argv[0], argv, environment)
    except OSError as failure:
        os.write(writable, b"%d" % (failure.errno or 1))
    finally:
        os._exit(127)


def _watch(worker: int, lifeline: int, printed: int, wake: int, log: _Log) -> int | None:
    """Copy to the log until the worker or svbench ends; return the worker's exit code if that is known."""
    sources = [lifeline, printed, wake]
    while True:
        ready, _, _ = select.select(sources, [], [])
        if printed in ready:
            part = os.read(printed, _PART_BYTES)
            log.add(part)
            if not part:
                sources.remove(printed)
        if lifeline in ready:
            return None
        if wake in ready:
            numbers = os.read(wake, 512)
            code = _reap(worker)
            if code is not None or set(numbers) - {signal.SIGCHLD}:
                return code


def _reap(worker: int) -> int | None:
    """Collect children that have ended; return the worker's exit code if it is one of them."""
    code = None
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            if pid == worker:
                code = os.waitstatus_to_exitcode(status)
    return code


def _end(worker: int, adopts: bool, code: int | None) -> int:
    """Kill every descendant, and those that they started meanwhile; return the worker's exit code."""
    from svbench.systems.tree import descendants

    deadline = time.monotonic() + _END_S
    while time.monotonic() < deadline:
        if code is None or not adopts:  # all there is where no /proc tells of descendants
            with contextlib.suppress(OSError):
                os.killpg(worker, signal.SIGKILL)
        for pid in descendants(os.getpid()):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        found = _reap(worker)
        code = found if code is None else code
        if code is not None and not (adopts and _has_children()):
            break
        time.sleep(0.002)
    return -signal.SIGKILL if code is None else code


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


class _Log:
    """The first and the last part of what a worker printed.

    The first half of the log is written as it comes, the second, which holds the traceback, at the end.
    """

    def __init__(self, path: str, n_bytes: int) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        self.half, self.written, self.left_out = n_bytes // 2, 0, 0
        self.tail = bytearray()

    def add(self, part: bytes) -> None:
        n_first = max(0, self.half - self.written) if self.half else len(part)
        self._write(part[:n_first])
        self.written += len(part[:n_first])
        self.tail += part[n_first:]
        n_over = len(self.tail) - self.half
        if n_over > 0:
            self.left_out += n_over
            del self.tail[:n_over]

    def close(self) -> None:
        if self.left_out:
            self._write(f"\n[{self.left_out} bytes left out]\n".encode())
        self._write(bytes(self.tail))

    def _write(self, part: bytes) -> None:
        with contextlib.suppress(OSError):  # a full disk costs the log, not the track
            os.write(self.file, part)


if __name__ == "__main__":
    main()
