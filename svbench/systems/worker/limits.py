"""The interpreter, the weights and the limits of a system on this machine.

The default limits of time, memory, disk and log hold unless the system file or the user sets others. They
protect the machine and the other systems of a command. They are generous and not part of any score: neither
protocol digests nor result keys depend on them. Budgets that do count are set by a protocol, see
`svbench.specs.protocol.Limits`. `Watch` enforces both while a worker runs.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from svbench.disk import folder_bytes
from svbench.errors import OverBudget, SystemFailure
from svbench.specs.system import LocatedSystem, SystemSpec, Weights
from svbench.systems.worker.processes import ProcessTree

# The variables that bound the threads of numeric libraries; these read them when they are imported.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
Limit = TypeVar("Limit", int, float)
TIME_S, TIME_FACTOR = 600.0, 30.0
MEMORY_SHARE = 0.9
DISK_BYTES = 10_000_000_000
DISK_FACTOR = 4  # times the mixture and the estimates, for long recordings
LOG_BYTES = 10_000_000
# Seconds between two measurements of the scratch folder; longer if measuring takes more than this share.
_DISK_LOOK_S, _DISK_LOOK_SHARE = 1.0, 0.02
# The files that hold the memory limit of a container, for both versions of control groups.
_GROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def interpreter(located: LocatedSystem) -> str:
    """Return the Python that a system runs under: its own, relative to its folder, or svbench's."""
    python = located.spec.python
    if python and "/" in python:
        return str(located.folder / python)
    return python or sys.executable


def checked_weights(folder: Path, weights: Weights) -> Path:
    """Return the path of a weights file after comparing its digest with the system file.

    Parameters
    ----------
    folder : Path
        The folder of the system file.
    weights : Weights

    Raises
    ------
    SystemFailure
        The file is missing or has another digest.
    """
    path, origin = folder / weights.path, f" from {weights.source}" if weights.source else ""
    if not path.is_file():
        raise SystemFailure(
            f"weights {path} are missing; put the file with sha256 {weights.sha256}{origin} there"
        )
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 != weights.sha256:
        raise SystemFailure(
            f"weights {path} have sha256 {sha256}, the system file says {weights.sha256}{origin}"
        )
    return path


def time_limit_s(spec: SystemSpec, duration_s: float) -> float | None:
    """Return the seconds that loading, and each separation, may take for a track of that duration.

    Examples
    --------
    >>> from svbench.specs.system import load_system
    >>> time_limit_s(load_system("mixture").spec, 240.0)
    7200.0
    """
    return _or_default(spec.time_limit_s, spec, max(TIME_S, TIME_FACTOR * duration_s))


def memory_limit_bytes(spec: SystemSpec) -> int | None:
    """Return the memory that all processes of a system may hold together; None for any amount."""
    return _or_default(spec.memory_limit_bytes, spec, int(MEMORY_SHARE * _machine_bytes()))


def disk_limit_bytes(spec: SystemSpec, audio_bytes: int) -> int | None:
    """Return how much a system may write to its scratch folder, the audio it exchanges included."""
    return _or_default(spec.disk_limit_bytes, spec, max(DISK_BYTES, DISK_FACTOR * audio_bytes))


def log_limit_bytes(spec: SystemSpec) -> int:
    """Return how much is kept of what a worker prints; 0 for all of it."""
    return _or_default(spec.log_limit_bytes, spec, LOG_BYTES) or 0


def _or_default(limit: Limit | None, spec: SystemSpec, default: Limit) -> Limit | None:
    """Return a limit of the system file, or the default where it has none and defaults hold."""
    return limit if limit is not None or not spec.default_limits else default


def advice(key: str, limit_in_file: object) -> str:
    """Return where an exceeded limit comes from and how to change it, for its error message.

    Examples
    --------
    >>> advice("time_limit_s", 3.0), advice("time_limit_s", None)
    ('', '; a default limit: set time_limit_s in the system file, or lift all with --limits none')
    """
    if limit_in_file is not None:
        return ""
    return f"; a default limit: set {key} in the system file, or lift all with --limits none"


def describe_limits(specs: Iterable[SystemSpec]) -> str:
    """Describe the limits in force, systems with the same limits together.

    Examples
    --------
    >>> import msgspec
    >>> from svbench.specs.system import load_system
    >>> free = msgspec.structs.replace(load_system("mixture").spec, default_limits=False)
    >>> describe_limits([free])
    'limits: none'
    """
    systems: dict[str, list[str]] = {}
    for spec in specs:
        names = systems.setdefault(_limits(spec), [])
        if spec.id not in names:
            names.append(spec.id)
    if len(systems) == 1:
        return f"limits: {next(iter(systems))}"
    lines = []
    for text, names in systems.items():
        rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
        lines.append(f"limits of {', '.join(names[:3])}{rest}: {text}")
    return "\n".join(lines)


def _limits(spec: SystemSpec) -> str:
    default, parts = spec.default_limits, []
    if spec.time_limit_s is not None:
        parts.append(f"{spec.time_limit_s:g} s per track")
    elif default:
        parts.append(f"{TIME_S:g} s per track (or {TIME_FACTOR:g} × its duration, if longer)")
    memory, disk, log = memory_limit_bytes(spec), disk_limit_bytes(spec, 0), log_limit_bytes(spec)
    parts += [f"{memory / 1e9:.3g} GB of memory"] if memory else []
    parts += [f"{disk / 1e9:.3g} GB of temporary files"] if disk else []
    parts += [f"{log / 1e6:.3g} MB of log"] if log else []
    return ", ".join(parts) + (" (lift the defaults with --limits none)" if default else "") or "none"


def _machine_bytes() -> int:
    """Return the memory of the machine, or of the container where that has less."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _GROUP_LIMITS:
        try:
            text = path.read_text(encoding="ascii").strip()
        except OSError:
            continue
        sizes += [int(text)] if text.isdigit() else []  # "max" where there is no limit
    return min(sizes)


class Watch:
    """Compares what a running system holds with its limits, and raises when it holds too much.

    Parameters
    ----------
    spec : SystemSpec
    budget_bytes : int or None
        The protocol's limit of memory; breaking it counts as a result.
    folder : Path
        The system's scratch folder.

    Attributes
    ----------
    peak_rss_bytes : int
        The most memory seen so far.
    audio_bytes : int
        The size of the mixture and of the estimates that are expected of the request under way.
    """

    def __init__(self, spec: SystemSpec, budget_bytes: int | None, folder: Path) -> None:
        self.spec, self.budget_bytes, self.folder = spec, budget_bytes, folder
        self.peak_rss_bytes = self.audio_bytes = 0
        self._next_disk_look = 0.0

    def look(self, tree: ProcessTree) -> None:
        """Measure the processes and, at most once a second, the folder; raises what `weigh` raises."""
        limits = [n for n in (self.budget_bytes, memory_limit_bytes(self.spec)) if n]
        n_bytes = tree.rss_bytes()
        if limits and n_bytes > min(limits):
            # Forked processes share pages, which the sum of their sizes counts again in each. The exact
            # figure is slow to read, so it is read only where the sum exceeds a limit.
            n_bytes = tree.unique_bytes()
        self.weigh(n_bytes)
        before = time.monotonic()
        if before >= self._next_disk_look:
            self._measure_folder()
            after = time.monotonic()
            self._next_disk_look = after + max(_DISK_LOOK_S, (after - before) / _DISK_LOOK_SHARE)

    def weigh(self, n_bytes: int) -> None:
        """Record how much memory is held.

        Raises
        ------
        OverBudget
            More than the protocol permits.
        SystemFailure
            More than the system's own limit, or the default one.
        """
        self.peak_rss_bytes = max(self.peak_rss_bytes, n_bytes)
        if self.budget_bytes and n_bytes > self.budget_bytes:
            raise OverBudget("memory", f"{n_bytes / 1e9:.3g} GB of {self.budget_bytes / 1e9:.3g} GB")
        limit = memory_limit_bytes(self.spec)
        if limit and n_bytes > limit:
            raise SystemFailure(
                f"stopped: it held {n_bytes / 1e9:.3g} GB of memory, the limit is {limit / 1e9:.3g} GB"
                + advice("memory_limit_bytes", self.spec.memory_limit_bytes)
            )

    def _measure_folder(self) -> None:
        limit = disk_limit_bytes(self.spec, self.audio_bytes)
        if limit and (n_bytes := folder_bytes(self.folder)) > limit:
            raise SystemFailure(
                f"stopped: it wrote {n_bytes / 1e9:.3g} GB to its scratch folder, the limit is "
                f"{limit / 1e9:.3g} GB" + advice("disk_limit_bytes", self.spec.disk_limit_bytes)
            )
