"""The processes that a worker and its descendants are: the memory they hold together, and their end.

Linux tells it in /proc; elsewhere the tree looks empty, and only the worker itself is measured. Standard
library only, since `svbench.systems.supervisor` uses it too.
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
    A process belongs to the tree by its session, by the mark or by its parent. Whether it does is asked
    once, when it is first seen: a member stays one though it leaves the session or loses its parent.
    """

    def __init__(self, leader: int, mark: str) -> None:
        self._leader, self._mark = leader, os.fsencode(mark)
        self._known = {leader: True}

    def members(self) -> list[int]:
        """Return the processes of the tree that run now, the worker among them."""
        return [pid for pid in self._look() if _stat(pid)[:1] not in (["Z"], ["X"], [])]

    def rss_bytes(self) -> int:
        """Return the resident memory of all members, pages they share counted in each.

        A process counts from the second look on: between fork and exec a child shows its parent's
        memory as its own for a moment.
        """
        before = self._known
        return sum(_rss_bytes(pid) for pid in self._look() if pid in before)

    def unique_bytes(self) -> int:
        """Return the memory of all members with shared pages counted once, as far as readable.

        Slower than `rss_bytes`, since the kernel walks the page tables for it.
        """
        return sum(_pss_bytes(pid) or _rss_bytes(pid) for pid in self._look())

    def kill(self) -> None:
        """Kill every member, and those it started meanwhile."""
        # A tree that forks faster than it is killed shrinks all the same: each round ends its parents.
        for _ in range(100):
            members = self.members()
            for pid in members:
                try:
                    os.kill(pid, signal.SIGKILL)
                except (ProcessLookupError, PermissionError):
                    continue
            if not members:
                return

    def _look(self) -> list[int]:
        try:
            names = os.listdir(PROC)  # noqa: PTH208 -- done twenty times a second
        except OSError:
            return []
        known, self._known = self._known, {}
        for pid in sorted(int(name) for name in names if name.isdigit()):  # parents mostly come first
            self._known[pid] = known[pid] if pid in known else self._belongs(pid)
        return [pid for pid, belongs in self._known.items() if belongs]

    def _belongs(self, pid: int) -> bool:
        try:
            if os.getsid(pid) == self._leader or self._known.get(int(_stat(pid)[1])):
                return True
            return self._mark in (PROC / str(pid) / "environ").read_bytes().split(b"\0")
        except (OSError, IndexError):
            return False  # ended meanwhile, or not ours to read


def die_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies, even by SIGKILL; Linux only.

    Parameters
    ----------
    parent : int
        Process id of the parent. The signal comes only if the parent dies after this call. A parent that
        is gone already shows in ``getppid``, and then this process ends at once.
    """
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def adopt_orphans() -> bool:
    """Make this process the parent of all descendants that lose theirs, as daemons do on purpose.

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
    found, waiting = [], [ancestor]
    while waiting:
        own = children.pop(str(waiting.pop()), [])
        found += own
        waiting += own
    return found


def _prctl(option: int, value: int) -> int:
    import ctypes

    return int(ctypes.CDLL(None).prctl(option, value, 0, 0, 0))


def _stat(pid: int) -> list[str]:
    """State, parent and what follows of ``/proc/PID/stat``; empty for a process that is gone."""
    try:
        return (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _rss_bytes(pid: int) -> int:
    try:
        return int((PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _pss_bytes(pid: int) -> int:
    try:
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
