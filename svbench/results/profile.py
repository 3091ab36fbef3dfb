"""Profiles: the cost of a system, measured alone on an idle machine; one JSON file each.

A profile is in ``profiles/`` beside the runs of its system, where reports find it.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from svbench.results.record import Provenance
from svbench.results.store import Run, read_record
from svbench.specs.records import Record
from svbench.specs.system import SystemSpec

Device = Literal["cpu", "cuda"]


class Model(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One network that the system loaded, such as that of one stem."""

    name: str
    type: str
    parameters: int
    trainable: int


class Size(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The size of a system.

    ``parameters`` and ``trainable`` are totals of all models, with shared ones counted once; None if unknown.
    ``file_bytes`` is the sum of the weights files, None if the system names none. ``note`` says what is
    unknown or not counted, and why.
    """

    models: tuple[Model, ...] = ()
    parameters: int | None = None
    trainable: int | None = None
    dtypes: dict[str, int] = msgspec.field(default_factory=dict)
    file_bytes: int | None = None
    note: str = ""


class Macs(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Multiply-accumulates of one complete call on ``seconds`` of audio, including all stems and passes.

    ``uncounted`` has, for every operation without a formula, the number of values it computed. ``macs`` is
    None if nothing could be counted; ``note`` says why.
    """

    seconds: float
    macs: int | None = None
    by_operation: dict[str, int] = msgspec.field(default_factory=dict)
    uncounted: dict[str, int] = msgspec.field(default_factory=dict)
    note: str = ""

    @property
    def per_second(self) -> float | None:
        """Multiply-accumulates per second of audio."""
        return None if self.macs is None else self.macs / self.seconds


class Timing(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Repeated calls on ``seconds`` of audio: the times of each call, and statistics of them.

    ``rtf`` is the median wall time over the duration. ``energy_j`` is the median by counter; a counter
    includes everything that runs on its processor or card.
    """

    seconds: float
    wall_s: tuple[float, ...]
    cpu_s: tuple[float, ...]
    median_s: float
    iqr_s: float
    cpu_median_s: float
    rtf: float
    energy_j: dict[str, float] = msgspec.field(default_factory=dict)


class Setting(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The measurements with one number of threads, made in a fresh process.

    ``affinity`` are the cores that its threads could run on, ``torch_threads`` the threads of PyTorch. The
    peak is that of the process or of all its processes together, whichever is larger; ``empty_rss_bytes`` is
    the memory of the worker before it loaded anything. ``vram_bytes`` are peaks by counter.
    """

    threads: int
    affinity: tuple[int, ...]
    torch_threads: int | None
    load_s: float
    first_call_s: float
    timings: tuple[Timing, ...]
    empty_rss_bytes: int
    peak_rss_bytes: int
    vram_bytes: dict[str, int] = msgspec.field(default_factory=dict)

    @property
    def above_empty_bytes(self) -> int:
        """Peak memory above the empty worker."""
        return self.peak_rss_bytes - self.empty_rss_bytes


class Surroundings(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The worker's interpreter and libraries, and the state of the machine when the measurement began."""

    python: str
    versions: dict[str, str]
    os: str
    load_average: float | None
    governor: str
    cuda: str


class Profile(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All measurements of a system, with the system and the provenance."""

    schema: Literal[1]
    system: SystemSpec
    system_digest: str
    system_version: str
    device: Device
    rate_hz: int
    repeats: int
    size: Size
    macs: Macs
    settings: tuple[Setting, ...]
    surroundings: Surroundings
    provenance: Provenance


def timing(
    seconds: float, wall_s: Sequence[float], cpu_s: Sequence[float], energy_j: Sequence[dict[str, float]] = ()
) -> Timing:
    """Summarise repeated calls.

    Examples
    --------
    >>> t = timing(10.0, [1.0, 2.0, 4.0], [1.0, 1.0, 1.0])
    >>> t.median_s, t.iqr_s, t.rtf
    (2.0, 1.5, 0.2)
    """
    labels = dict.fromkeys(label for one in energy_j for label in one)
    quarters = statistics.quantiles(wall_s, n=4, method="inclusive") if len(wall_s) > 1 else [0.0, 0.0, 0.0]
    median_s = statistics.median(wall_s)
    return Timing(
        seconds=seconds,
        wall_s=tuple(wall_s),
        cpu_s=tuple(cpu_s),
        median_s=median_s,
        iqr_s=quarters[2] - quarters[0],
        cpu_median_s=statistics.median(cpu_s),
        rtf=median_s / seconds,
        energy_j={name: statistics.median(e[name] for e in energy_j if name in e) for name in labels},
    )


def profile_name(system: SystemSpec, device: Device) -> str:
    """Return the name of a profile's file: system, device, and eight digits of the system's digest."""
    return f"{system.id}--{device}--{system.digest[:8]}.json"


def profiles_beside(runs: Sequence[Run]) -> list[Profile]:
    """Read the profiles of the runs' systems in ``profiles/`` beside the runs.

    Raises
    ------
    DataError
        One of them is damaged or of another schema.
    """
    found = {}
    for run in runs:
        spec, folder = run.record.system, run.path.parent / "profiles"
        for path in (folder / profile_name(spec, device) for device in ("cpu", "cuda")):
            if path.is_file():
                found[spec.id, path.name] = read_profile(path)
    return list(found.values())


def find_profiles(paths: Sequence[Path]) -> list[Profile]:
    """Read all profiles in these folders, in ``profiles/`` in them, or beside these runs.

    Raises
    ------
    DataError
        One of them is damaged or of another schema.
    """
    folders = [f for path in paths for f in (path, path / "profiles", path.parent / "profiles")]
    files = [file for folder in dict.fromkeys(folders) for file in sorted(folder.glob("*--*.json"))]
    return [read_profile(file) for file in dict.fromkeys(files)]


def read_profile(path: Path) -> Profile:
    """Read a profile.

    Raises
    ------
    DataError
    """
    return read_record(path, Profile)
