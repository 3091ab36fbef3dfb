"""The process tree of a worker: find its processes, measure their memory and time, kill them.

Linux lists processes in /proc; elsewhere the tree looks empty, and only the worker itself is measured.
Standard library and the syntax of Python 3.9 only, since svbench, the supervisor and the worker all use it.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

PROC = Path("/proc")
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h


class ProcessTree:
    """All processes started from one worker, wherever they went.

    Parameters
    ----------
    leader : int
        The worker, which leads a session of its own.
    mark : str
        ``NAME=value`` in the environment of the worker, which its descendants inherit.

    Notes
    -----
    A process belongs to the tree by its session, by the mark or by its parent. This is decided once, when it
    is first seen: a member stays a member even if it leaves the session or loses its parent later.
    """

    def __init__(self, leader: int, mark: str) -> None:
        self._leader, self._mark = leader, os.fsencode(mark)
        self._known = {leader: True}

    def members(self) -> list[int]:
        """Return the processes of the tree that run now, the worker among them."""
        return [pid for pid in self._look() if _stat(pid)[:1] not in (["Z"], ["X"], [])]

    def rss_bytes(self) -> int:
        """Return the resident memory of all members; pages that they share are counted in each.

        A process counts from the second look on: between fork and exec, a child shows its parent's memory
        as its own for a moment.
        """
        before = self._known
        return sum(rss_bytes(pid) for pid in self._look() if pid in before)

    def unique_bytes(self) -> int:
        """Return the memory of all members with shared pages counted once, as far as it can be read.

        Slower than `rss_bytes`, since the kernel walks the page tables for it.
        """
        # The proportional set size (PSS): each page divided by the number of processes that map it.
        return sum(
            _field_bytes(PROC / str(pid) / "smaps_rollup", "Pss") or rss_bytes(pid) for pid in self._look()
        )

    def kill(self) -> None:
        """Kill every member, and those that members start meanwhile."""
        # Members may fork between the look and the kill. Each round kills the parents, so even a tree that
        # forks faster than it is killed shrinks; 100 rounds bound the time spent on what cannot be killed.
        for _ in range(100):
            members = self.members()
            self._signal(members, signal.SIGKILL)
            if not members:
                return

    def pause(self) -> None:
        """Stop every member until `resume`, so that none works while nothing is asked of it."""
        # As in `kill`, members may fork between the look and the signal.
        for _ in range(100):
            running = [pid for pid in self._look() if _stat(pid)[:1] not in (["T"], ["Z"], ["X"], [])]
            if not running:
                return
            self._signal(running, signal.SIGSTOP)

    def resume(self) -> None:
        """Let the members go on."""
        self._signal(self._look(), signal.SIGCONT)

    def cpu_s(self) -> float:
        """Return the CPU seconds of all members and of their children that have ended."""
        # Fields 14 to 17 of /proc/PID/stat, of which `_stat` leaves out the first two.
        ticks = sum(int(field) for pid in self._look() for field in _stat(pid)[11:15])
        return ticks / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def _signal(pids: list[int], number: int) -> None:
        for pid in pids:
            try:
                os.kill(pid, number)
            except (ProcessLookupError, PermissionError):
                continue

    def _look(self) -> list[int]:
        try:
            names = os.listdir(PROC)  # noqa: PTH208 -- done twenty times a second
        except OSError:
            return []
        known, self._known = self._known, {}
        # Ascending, since parents mostly have lower ids than their children.
        for pid in sorted(int(name) for name in names if name.isdigit()):
            self._known[pid] = known[pid] if pid in known else self._belongs(pid)
        return [pid for pid, belongs in self._known.items() if belongs]

    def _belongs(self, pid: int) -> bool:
        try:
            if os.getsid(pid) == self._leader or self._known.get(int(_stat(pid)[1])):
                return True
            return self._mark in (PROC / str(pid) / "environ").read_bytes().split(b"\0")
        except (OSError, IndexError):
            return False  # it has ended meanwhile, or belongs to another user


def die_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies, even if by SIGKILL; Linux only.

    Parameters
    ----------
    parent : int
        Process id of the parent, taken before the fork.

    Notes
    -----
    The kernel sends the signal only if the parent dies after this call. If it died between the fork and
    here, this process has been given to another parent and nothing would ever come; ``getppid`` then differs
    from ``parent``, and the process ends at once. Asking in this order leaves no gap. The setting survives
    exec, but not a change of user, and the children of this process do not inherit it.
    """
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def adopt_orphans() -> bool:
    """Make this process the parent of every descendant that loses its own, as daemons do on purpose.

    Without it, orphans go to process 1, and their origin can no longer be seen.

    Returns
    -------
    bool
        Whether the platform can do it (Linux).
    """
    return sys.platform == "linux" and _prctl(_PR_SET_CHILD_SUBREAPER, 1) == 0


def descendants(ancestor: int) -> list[int]:
    """Return the children of a process, their children and so on, ended ones left out.

    Examples
    --------
    >>> descendants(2**30)
    []
    """
    try:
        pids = [int(name) for name in os.listdir(PROC) if name.isdigit()]  # noqa: PTH208
    except OSError:
        return []
    children: dict[str, list[int]] = {}
    for pid in pids:
        state = _stat(pid)
        if len(state) > 1 and state[0] not in "ZX":
            children.setdefault(state[1], []).append(pid)
    below, waiting = [], [ancestor]
    while waiting:
        next_generation = children.pop(str(waiting.pop()), [])
        below += next_generation
        waiting += next_generation
    return below


def _prctl(option: int, value: int) -> int:
    import ctypes

    return int(ctypes.CDLL(None).prctl(option, value, 0, 0, 0))


def _stat(pid: int) -> list[str]:
    """State, parent and what follows of ``/proc/PID/stat``; empty for a process that is gone."""
    try:
        return (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def rss_bytes(pid: int) -> int:
    """Return the current resident memory of a process; 0 where /proc cannot be read."""
    try:
        return int((PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _field_bytes(path: Path, field: str) -> int:
    """Return a size that a file of /proc gives in KiB, such as ``Pss:   1234 kB``; 0 if it does not."""
    try:
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def peak_rss_bytes() -> int:
    """Return the largest memory that this process or one of its finished children has held."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss: bytes on macOS, KiB on Linux
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    # On Linux, ru_maxrss of a spawned process starts at its parent's size; VmHWM does not.
    peak = _field_bytes(PROC / "self/status", "VmHWM")
    return max(peak or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, child)


def cpu_s() -> float:
    """Return the CPU seconds of this process and of its finished children (the command adapter's)."""
    import resource  # os.times() counts in hundredths of a second only

    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def end_twin(worker_pid: int) -> None:
    """End this process if it is not the worker: a system forked, and the child came back from its call.

    Both would answer the same request on the same pipe and write the same files; only the parent may.
    """
    if os.getpid() != worker_pid:
        os._exit(0)
