"""Where a run comes from: code, packages, machine, arguments; typed, so that nothing is forgotten."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from svbench import __version__
from svbench.specs.records import Record

PACKAGES = ("numpy", "scipy", "soundfile", "soxr", "msgspec", "pyloudnorm", "museval", "torch", "onnxruntime")


class Machine(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The hardware and system software a run was made on; no host or user name."""

    system: str
    architecture: str
    cpu: str
    n_cores: int
    memory_bytes: int


class Provenance(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The record kept in ``run.json``.

    ``commit`` is the git commit of svbench when it runs from a checkout (``+dirty`` when changed);
    ``packages`` the versions installed where the scores were computed; ``arguments`` those given
    and the defaults in force.
    """

    created: str
    svbench: str
    commit: str
    python: str
    packages: dict[str, str]
    machine: Machine
    command: tuple[str, ...]
    arguments: dict[str, str]


def collect(command: list[str], arguments: dict[str, str]) -> Provenance:
    """Gather the provenance of a run that starts now."""
    return Provenance(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        svbench=__version__,
        commit=_commit(),
        python=platform.python_version(),
        packages=_versions(),
        machine=Machine(
            system=platform.system(),
            architecture=platform.machine(),
            cpu=_cpu(),
            n_cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        ),
        command=tuple(command),
        arguments=arguments,
    )


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _commit() -> str:
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return ""
    try:
        git = ["git", "-C", str(root)]
        commit = subprocess.run(
            [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout
        dirty = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit.strip() + ("+dirty" if dirty.strip() else "")


def _cpu() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
