"""Measure the cost of a system: load, first call, steady state, memory, size and operations.

Every number of threads gets a fresh worker that is bound to as many cores. The audio is synthetic and the
same for all systems. Reading it and loading the system are outside the timers.
"""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from svbench.datasets.synthetic import STEMS, synthetic_track
from svbench.errors import SpecError, SystemFailure
from svbench.results.profile import Device, Macs, Model, Profile, Setting, Size, Surroundings, timing
from svbench.results.record import Provenance
from svbench.scoring.pool import n_cores
from svbench.specs.protocol import Limits
from svbench.specs.system import LocatedSystem
from svbench.systems.worker.host import WorkerHost
from svbench.systems.worker.limits import time_limit_s

# Operations are counted without fused kernels, which takes several times longer, so on a short input. At 30 s
# the padding at its ends hardly changes the number per second.
MACS_S = 30.0
CLIP_S = 10.0
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
OnStep = Callable[[str], None]


def measure_profile(
    located: LocatedSystem,
    provenance: Provenance,
    scratch: Path,
    on_step: OnStep,
    *,
    seconds: Sequence[float],
    repeats: int,
    threads: Sequence[int],
    device: Device,
) -> Profile:
    """Measure the cost of a system.

    Parameters
    ----------
    located : LocatedSystem
    provenance : Provenance
    scratch : Path
        An existing folder for the audio.
    on_step : callable
        Called with a line of text after every step.
    seconds : sequence of float
        Durations of the inputs.
    repeats : int
        Number of calls on each input, after the first call.
    threads : sequence of int
        Numbers of threads; the worker gets as many cores.
    device : {"cpu", "cuda"}
        ``cuda`` gives the adapter the parameter ``device = "cuda"``; ``cpu`` hides the graphics cards.

    Raises
    ------
    SystemFailure
        The system cannot load or separate, or there is no such device.
    SpecError
        More threads than cores.
    """
    if max(threads) > n_cores():
        raise SpecError(
            "--threads", "", f"{max(threads)} asked for, but only {n_cores()} cores may be used here"
        )
    scratch = scratch.resolve()  # the worker has a folder of its own
    state = _machine_state()
    settings = []
    more = {"device": "cuda"} if device == "cuda" else {}
    for number in sorted(set(threads)):
        spec = msgspec.structs.replace(
            located.spec, threads=number, parameters={**located.spec.parameters, **more}
        )
        limits = Limits(n_cores=number, cpu_only=device == "cpu")
        with WorkerHost(LocatedSystem(spec, located.folder), STEMS, scratch, limits) as host:
            settings.append(
                _measure_setting(host, number, sorted(seconds), repeats, device, scratch, on_step)
            )
            if number == max(threads):  # last, since counting switches off kernels of PyTorch
                around = host.measure("surroundings")
                info, rate_hz = host.start(), _rate_hz(host)
                size = _size(located, host)
                counted = _count(host, min(MACS_S, max(seconds)), scratch, number)
                on_step("operations counted")
    return Profile(
        schema=1,
        system=located.spec,
        system_digest=located.spec.digest,
        system_version=info.version,
        device=device,
        rate_hz=rate_hz,
        repeats=repeats,
        size=size,
        macs=counted,
        settings=tuple(settings),
        surroundings=Surroundings(
            python=around["python"], versions=around["versions"], cuda=around["cuda"], **state
        ),
        provenance=provenance,
    )


def _measure_setting(
    host: WorkerHost,
    threads: int,
    seconds: Sequence[float],
    repeats: int,
    device: Device,
    scratch: Path,
    on_step: OnStep,
) -> Setting:
    spec = host.located.spec
    host.start(time_limit_s(spec, 0.0))
    label = f"{threads} thread{'' if threads == 1 else 's'}"
    on_step(f"{label} · loaded")

    def call(duration_s: float) -> dict[str, Any]:
        limit_s = time_limit_s(spec, duration_s)
        return host.measure("call", limit_s, threads=threads, **_audio(host, duration_s, scratch))

    first = call(seconds[0])
    on_step(f"{label} · first call on {seconds[0]:g} s")
    if device == "cuda":
        _check_cuda(host)
    vram: dict[str, int] = {}
    timings = []
    for duration_s in seconds:
        done = []
        for number in range(repeats):
            done.append(call(duration_s))
            on_step(f"{label} · {duration_s:g} s, {number + 1} of {repeats}")
        vram |= {k: max(v, vram.get(k, 0)) for d in done for k, v in d.items() if k.startswith("vram_")}
        columns = ([d[key] for d in done] for key in ("wall_s", "cpu_s", "energy_j"))
        timings.append(timing(duration_s, *columns))
    around = host.measure("surroundings")
    return Setting(
        threads=threads,
        affinity=tuple(around["affinity"]),
        torch_threads=around["torch_threads"],
        load_s=host.load_s,
        first_call_s=first["wall_s"],
        timings=tuple(timings),
        empty_rss_bytes=host.empty_rss_bytes,
        peak_rss_bytes=host.peak_rss_bytes,
        vram_bytes={k.removeprefix("vram_").removesuffix("_bytes"): v for k, v in vram.items()},
    )


def _check_cuda(host: WorkerHost) -> None:
    """Raise an error if nothing runs on a CUDA device, so that no CPU times are reported for CUDA."""
    if not host.measure("surroundings")["cuda"]:
        raise SystemFailure(
            "--device cuda was asked for, but PyTorch in its worker is not loaded or sees no CUDA device"
        )
    devices = host.measure("size").get("devices", [])
    if devices and not any(d.startswith("cuda") for d in devices):
        raise SystemFailure(
            f"--device cuda was asked for, but its networks lie on {', '.join(devices)}: "
            'its adapter must take the parameter device = "cuda"'
        )


def _rate_hz(host: WorkerHost) -> int:
    return host.start().rate_hz or 44100


def _audio(host: WorkerHost, duration_s: float, scratch: Path) -> dict[str, Any]:
    """Write synthetic music once for each rate and duration; return the keys of a request that name it."""
    rate_hz = _rate_hz(host)
    oracle = "references" in host.start().needs
    paths = {s: scratch / f"{s}-{rate_hz}-{duration_s:g}.npy" for s in (*STEMS, "mixture")}
    if not all(paths[s].exists() for s in (*(STEMS if oracle else ()), "mixture")):
        clip = synthetic_track(0, duration_s=CLIP_S, rate_hz=max(rate_hz, 16000))
        n_samples = max(1, round(duration_s * rate_hz))
        # The clip is repeated up to the duration.
        times = math.ceil(n_samples / len(clip[STEMS[0]].samples))
        stems = {s: np.tile(a.samples, (times, 1))[:n_samples] for s, a in clip.items()}
        np.save(paths["mixture"], np.sum(list(stems.values()), axis=0))
        for stem, samples in stems.items() if oracle else ():
            np.save(paths[stem], samples)
    references = {s: str(paths[s]) for s in STEMS} if oracle else {}
    return {"rate_hz": rate_hz, "mixture": str(paths["mixture"]), "references": references}


def _size(located: LocatedSystem, host: WorkerHost) -> Size:
    size = host.measure("size")
    weights = {str((located.folder / w.path).resolve()) for w in located.spec.weights}
    files = {**{path: Path(path).stat().st_size for path in weights}, **size["files"]}
    counts = {key: size[key] for key in ("parameters", "trainable", "dtypes") if key in size}
    return Size(
        models=tuple(Model(**m) for m in size["models"]),
        file_bytes=sum(files.values()) if files else None,
        note=size["unknown"],
        **counts,
    )


def _count(host: WorkerHost, duration_s: float, scratch: Path, threads: int) -> Macs:
    try:
        counted = host.measure("macs", threads=threads, **_audio(host, duration_s, scratch))
    except SystemFailure as error:  # the times that were measured are valid without the count
        return Macs(seconds=duration_s, note=f"counting failed: {error}")
    return Macs(seconds=duration_s, note=counted.pop("unknown", ""), **counted)


def _machine_state() -> dict[str, Any]:
    try:
        load = round(os.getloadavg()[0], 2)
    except OSError:
        load = None
    try:
        governor = GOVERNOR.read_text(encoding="ascii").strip()
    except OSError:
        governor = ""
    return {"os": platform.platform(), "load_average": load, "governor": governor}
