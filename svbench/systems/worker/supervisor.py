"""The supervisor between svbench and one worker: start the worker, keep its log, kill all it started.

`svbench.systems.worker.spawn` runs this file as a script, with the standard library only. The three processes
and what happens when one of them dies, in whatever way:

- svbench dies, or closes the lifeline (a socket pair): the supervisor sees its end of the lifeline close,
  and kills the worker and every descendant.
- The worker ends or is killed: the supervisor gets SIGCHLD, kills the descendants that are left, and sends
  the worker's exit code to svbench. A worker never outlives a request by leaving children behind.
- The supervisor is killed: the kernel kills the worker (see `die_with`); svbench sees the lifeline close and
  kills the descendants that are left by `ProcessTree.kill`.

On Linux the supervisor adopts orphans, so that a process that left its session, its parent and its
environment behind is still a descendant. Elsewhere it kills the worker's process group.

Arguments: the descriptor of the lifeline; those that the worker gets, separated by commas; path and size of
the log; processor cores, separated by commas; a ``NAME=value`` for the worker's environment; the worker's
command line. On the
lifeline it writes two lines: first the worker's process id, or minus the error number if the worker cannot
be started; at the end its exit code as in `subprocess`.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

# A process that waits for a disk that does not answer cannot be killed before the disk does.
_END_S = 10.0
_PART_BYTES = 1 << 16


def main() -> None:
    """Start the worker, copy what it prints to the log, and end everything when it or svbench ends."""
    # The first entry is the folder of this file; make it the folder that holds svbench instead.
    sys.path[0] = os.path.abspath(__file__).rpartition("/svbench/systems/")[0]  # noqa: PTH100
    from svbench.systems.worker.processes import adopt_orphans

    lifeline = int(sys.argv[1])
    handles = [int(word) for word in sys.argv[2].split(",")]
    path, log_bytes, cores, mark, *argv = sys.argv[3:]
    adopts = adopt_orphans()
    if cores:  # inherited by all that starts from here on
        os.sched_setaffinity(0, [int(core) for core in cores.split(",")])
    wake = _wake_on_signals()
    printed, prints = os.pipe()
    log = _Log(path, int(log_bytes))
    worker, error = _start(argv, mark, handles, prints)
    # These are the worker's ends. If they stayed open here, a dead worker's pipes would never close.
    for handle in (*handles, prints):
        os.close(handle)
    os.write(lifeline, b"%d\n" % (-error if error else worker))
    code = _watch(worker, lifeline, printed, wake, log)
    code = _end(worker, adopts, code)
    os.set_blocking(printed, False)
    with contextlib.suppress(BlockingIOError):  # a process that could not be killed still holds it open
        while part := os.read(printed, _PART_BYTES):
            log.add(part)
    log.close()
    with contextlib.suppress(OSError):  # svbench is gone
        os.write(lifeline, b"%d\n" % code)


def _wake_on_signals() -> int:
    """Return a descriptor that becomes readable when a child has ended or this process is asked to end.

    `select` then waits for signals and pipes at once; a signal between two calls of it is not lost. Python
    writes each signal's number to the descriptor. The handlers do nothing, but without one of its own, a
    signal would end this process or, like SIGCHLD, be discarded.
    """
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return read


def _start(argv: list[str], mark: str, kept: list[int], prints: int) -> tuple[int, int]:
    """Start the worker as the leader of a new session; return its process id and an error number or 0."""
    from svbench.systems.worker.processes import die_with

    name, _, value = mark.partition("=")
    environment = {**os.environ, name: value}
    # exec closes this pipe, so reading it returns nothing on success and the error number on failure.
    readable, writable = os.pipe()
    parent = os.getpid()  # before the fork: afterwards a dead parent would show as another process id
    pid = os.fork()
    if pid:
        os.close(writable)
        error = os.read(readable, 16)
        os.close(readable)
        return pid, int(error or 0)
    try:
        os.setsid()  # a session of its own: a keyboard interrupt of svbench's terminal does not reach it
        die_with(parent)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(prints, 1)
        os.dup2(prints, 2)
        for handle in kept:
            os.set_inheritable(handle, True)
        # Python ignores these two, and exec would pass that on to programs that expect the default.
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.execvpe(argv[0], argv, environment)
    except OSError as failure:
        os.write(writable, b"%d" % (failure.errno or 1))
    finally:
        os._exit(127)  # the child must never return into the supervisor's own code


def _watch(worker: int, lifeline: int, printed: int, wake: int, log: _Log) -> int | None:
    """Copy to the log until the worker or svbench ends; return the worker's exit code if it is known."""
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
    """Kill every descendant, and those that they start meanwhile; return the worker's exit code."""
    from svbench.systems.worker.processes import descendants

    deadline = time.monotonic() + _END_S
    while time.monotonic() < deadline:
        if code is None or not adopts:  # where /proc does not exist, the process group is all that is known
            with contextlib.suppress(OSError):
                os.killpg(worker, signal.SIGKILL)
        for pid in descendants(os.getpid()):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        reaped = _reap(worker)
        code = reaped if code is None else code
        if code is not None and not (adopts and _has_children()):
            break
        time.sleep(0.002)  # killed processes need a moment to end, and may have forked meanwhile
    return -signal.SIGKILL if code is None else code


def _has_children() -> bool:
    try:  # WNOWAIT: look without collecting the child, which is `_reap`'s
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


class _Log:
    """The first and the last part of what a worker printed.

    The first half of the log is written as it comes; the second half, which holds the traceback, is kept in
    memory and written at the end.
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
