"""Default limits of what a system may use of the machine, unless its file or the user sets others.

These limits guard the machine and the other systems of a command. They are generous, and no part of any
score: neither protocol digests nor result keys know of them. Budgets that do count are a
protocol's, see `svbench.specs.protocol.Limits`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from svbench.specs.system import SystemSpec

TIME_S, TIME_FACTOR = 600.0, 30.0
MEMORY_SHARE = 0.9
DISK_BYTES = 10_000_000_000
DISK_FACTOR = 4  # of the mixture and the estimates, for long recordings
LOG_BYTES = 10_000_000
# Files with the memory limit of a container, for both versions of control groups.
_GROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def time_limit_s(spec: SystemSpec, duration_s: float) -> float | None:
    """Return the seconds that loading, and each separation, may take for a track of that duration.

    Examples
    --------
    >>> from svbench.specs.system import load_system
    >>> time_limit_s(load_system("mixture").spec, 240.0)
    7200.0
    """
    if spec.time_limit_s is not None or not spec.default_limits:
        return spec.time_limit_s
    return max(TIME_S, TIME_FACTOR * duration_s)


def memory_limit_bytes(spec: SystemSpec) -> int | None:
    """Return what all processes of a system may hold together."""
    if spec.memory_limit_bytes is not None or not spec.default_limits:
        return spec.memory_limit_bytes
    return int(MEMORY_SHARE * _machine_bytes())


def disk_limit_bytes(spec: SystemSpec, audio_bytes: int) -> int | None:
    """Return how much a system may write to its scratch folder, the audio it exchanges included."""
    if spec.disk_limit_bytes is not None or not spec.default_limits:
        return spec.disk_limit_bytes
    return max(DISK_BYTES, DISK_FACTOR * audio_bytes)


def log_limit_bytes(spec: SystemSpec) -> int:
    """Return how much is kept of what a worker prints; 0 for all of it."""
    if spec.log_limit_bytes is not None or not spec.default_limits:
        return spec.log_limit_bytes or 0
    return LOG_BYTES


def advice(key: str, own: object) -> str:
    """Return where an exceeded limit comes from, for its error message.

    Examples
    --------
    >>> advice("time_limit_s", 3.0), advice("time_limit_s", None)
    ('', '; a default limit: set time_limit_s in the system file, or lift all with --limits none')
    """
    if own is not None:
        return ""
    return f"; a default limit: set {key} in the system file, or lift all with --limits none"


def described(specs: Iterable[SystemSpec]) -> str:
    """Describe the limits in force, systems with the same limits together.

    Examples
    --------
    >>> import msgspec
    >>> from svbench.specs.system import load_system
    >>> free = msgspec.structs.replace(load_system("mixture").spec, default_limits=False)
    >>> described([free])
    'limits: none'
    """
    systems: dict[str, list[str]] = {}
    for spec in specs:
        names = systems.setdefault(_limits(spec), [])
        if spec.id not in names:
            names.append(spec.id)
    if len(systems) == 1:
        return f"limits: {next(iter(systems))}"
    return "\n".join(f"limits of {_some(names)}: {text}" for text, names in systems.items())


def _some(names: list[str]) -> str:
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + rest


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
    """Memory of the machine, or of the container where that has less."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _GROUP_LIMITS:
        try:
            text = path.read_text(encoding="ascii").strip()
        except OSError:
            continue
        found += [int(text)] if text.isdigit() else []
    return min(found)
