"""What ``run.json`` holds: the system, the protocol with its quantities, the data set, and who ran what."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from svbench import __version__
from svbench.errors import SpecError, SvbenchError, UnknownNameError
from svbench.specs.manifest import Manifest, load_manifest
from svbench.specs.protocol import Protocol
from svbench.specs.records import Record, digest
from svbench.specs.system import SystemSpec

SCHEMA: Literal[1] = 1
IMPORTED = "imported"  # the adapter of systems known by their scores only
PACKAGES = ("numpy", "scipy", "soundfile", "soxr", "msgspec", "pyloudnorm", "museval", "torch", "onnxruntime")


class Machine(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The hardware and operating system of a run; no host or user name."""

    system: str
    architecture: str
    cpu: str
    n_cores: int
    memory_bytes: int


class Provenance(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the results of one command come from: code, packages, machine, arguments.

    ``commit`` is the git commit of svbench when it runs from a checkout (``+dirty`` when changed);
    ``packages`` are the versions installed where the scores were computed; ``arguments`` are those given,
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


class Quantity(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a quantity is printed, which way is better, and which metric of the protocol computes it."""

    name: str
    unit: str
    higher_is_better: bool
    metric: str
    improvement: bool = False
    against: Literal["references", "original"] = "references"


class DataRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The data set that a run measured on.

    ``root`` is the folder it was in; players look there for the audio.
    ``left_out`` lists what was not measured, ``read_as`` the files that are not named exactly
    after their stems, with the stem each one was read as.
    ``manifest_digest``, ``tracks`` and ``variant`` determine ``digest``; older runs do not have the first.
    ``variant`` names the change that a probe made to the tracks, ``variants`` all those that the protocol
    asks for, in order; both are empty without a probe. ``variant_version`` identifies the code, and the coder
    or the clips, that made the variant. ``expects`` is what should happen to the estimates of the original:
    invariant, equivariant or degraded; empty if the probe makes no claim.
    """

    id: str
    version: str
    title: str
    digest: str
    root: str
    manifest: str
    subset: str
    tracks: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    read_as: tuple[str, ...] = ()
    variant: str = ""
    variants: tuple[str, ...] = ()
    variant_version: str = ""
    expects: str = ""
    manifest_digest: str = ""


class RunRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of ``run.json``, with one provenance for each command that added to the run.

    ``system_folder`` is the folder of the system file, from which its relative paths start; empty for runs
    without such a file.
    """

    schema: Literal[1]
    system: SystemSpec
    system_digest: str
    protocol: Protocol
    protocol_digest: str
    quantities: tuple[Quantity, ...]
    data: DataRecord
    provenance: tuple[Provenance, ...]
    system_folder: str = ""

    @property
    def marks(self) -> tuple[str, ...]:
        """Words that must be printed beside the system's name wherever its numbers are."""
        kind = self.system.kind
        return (
            *([kind] if kind != "system" else []),
            *(["imported"] if self.imported else []),
            *(["random weights: scores mean nothing"] if self.system.random_weights else []),
        )

    @property
    def takes_rank(self) -> bool:
        """Whether the system competes: oracles see the references, and random weights mean nothing."""
        return self.system.kind != "oracle" and not self.system.random_weights

    @property
    def imported(self) -> bool:
        """Whether the scores were read from another tool's files instead of being computed here."""
        return self.system.adapter == IMPORTED


def collect(command: list[str], arguments: dict[str, str]) -> Provenance:
    """Gather the provenance of a command that starts now."""
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

    versions = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions


def _commit() -> str:
    """Return the commit of the checkout that svbench runs from; empty for an installed package."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return ""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + ("+dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _cpu() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def data_digest(manifest_digest: str, tracks: Sequence[str], variant: str) -> str:
    """Digest of a manifest, the tracks of it that are measured, and the variant they are measured in."""
    # The variant is appended only if there is one, so that runs without a probe keep their names.
    return digest([manifest_digest, list(tracks), *([variant] if variant else [])])


def manifest_of(data: DataRecord) -> Manifest:
    """Return the manifest of a run: the file at the recorded path, or the known one of the same id.

    The file at the recorded path counts only if, with the run's tracks, it has the recorded digest: whoever
    made the run chose that path, and it may lead to any file.

    Raises
    ------
    SvbenchError
        There is no manifest.
    """
    path = Path(data.manifest)
    if path.suffix == ".toml" and path.is_file():
        try:
            manifest = load_manifest(path)
        except SvbenchError:
            # The reason would quote the file, and a stranger may have chosen the path.
            raise SpecError(
                path, "", "is no valid manifest; run `svbench check` on it for the reason"
            ) from None
        if data_digest(manifest.digest, data.tracks, data.variant) == data.digest:
            return manifest
    if "/" in data.id or data.id.endswith(".toml"):
        raise UnknownNameError("dataset", data.id, ())
    return load_manifest(data.id)
