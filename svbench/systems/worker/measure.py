"""Measurements for profiles, taken in the worker: time, energy, memory, sizes, operations, surroundings.

PyTorch is used where the system has loaded it, and never imported only to measure.
"""

from __future__ import annotations

import gc
import importlib
import os
import platform
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from svbench.systems.worker.calls import check_dict, inputs
from svbench.systems.worker.networks import count_macs, size
from svbench.systems.worker.processes import cpu_s, peak_rss_bytes

POWERCAP = Path("/sys/class/powercap")


def measure(system: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Carry out one measurement on the loaded system.

    Parameters
    ----------
    system : System
    request : dict
        ``what`` is ``"call"`` (a timed separation), ``"size"``, ``"macs"`` or ``"surroundings"``; with
        ``mixture``, ``references``, ``rate_hz`` where a separation is needed, and ``threads``.

    Returns
    -------
    dict
        The reply `svbench.systems.worker.exchange.Measured`.
    """
    what = request["what"]
    if what == "size":
        values = {**size(system), "files": _files(system)}
    elif what == "surroundings":
        values = _surroundings()
    else:
        # Read beforehand, so that only the call itself is measured.
        mixture, keywords = inputs(system, {**request, "track": "profile"})

        def separate() -> None:
            estimates = system.separate(mixture, **keywords)
            check_dict(estimates)
            missing = [t for t in system.info.targets if t not in estimates]
            if missing:
                raise ValueError(
                    f"promised {', '.join(missing)}, but gave {', '.join(estimates) or 'nothing'}"
                )
            for target, audio in estimates.items():
                shape, expected = audio.samples.shape, mixture.samples.shape
                if audio.rate_hz == mixture.rate_hz and shape != expected:
                    raise ValueError(f"estimate of {target} has shape {shape}, the mixture {expected}")

        values = count_macs(separate) if what == "macs" else _timed(separate, request["threads"])
    return {"values": values, "peak_rss_bytes": peak_rss_bytes()}


def _timed(separate: Callable[[], None], threads: int) -> dict[str, Any]:
    """Time one separation and read the energy counters and the memory of the graphics card around it."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)  # a library that was imported first may have set another number
    cuda = torch.cuda if torch is not None and torch.cuda.is_available() else None
    # Kernels run asynchronously: without waiting before and after, only their launch would be timed.
    finish_kernels = cuda.synchronize if cuda else lambda: None
    if cuda:
        cuda.reset_peak_memory_stats()
    gc.collect()  # the garbage of an earlier call must not be charged to this one
    finish_kernels()
    before = energy_counters()
    wall, cpu = time.perf_counter(), cpu_s()
    separate()
    finish_kernels()
    wall_s, used_s = time.perf_counter() - wall, cpu_s() - cpu
    joules = energy_spent(before, energy_counters())
    return {"wall_s": wall_s, "cpu_s": used_s, "energy_j": joules, **_card_memory(cuda)}


def energy_counters(root: Path = POWERCAP) -> dict[str, tuple[float, float]]:
    """Read the energy counters of the machine, where they exist and may be read.

    RAPL counts whole processor packages, and NVML whole graphics cards. Whatever else runs on them is
    counted too, so every number is labelled with its counter.

    Parameters
    ----------
    root : Path
        Where the kernel shows RAPL's zones.

    Returns
    -------
    dict of str to (float, float)
        Label → joules so far, and the value at which the counter starts again from 0 (0: never).
    """
    counters = {}
    for zone in sorted(root.glob("intel-rapl:*")):
        if not re.fullmatch(r"intel-rapl:\d+", zone.name):
            continue  # a part of a package, which would be counted twice
        try:
            name = (zone / "name").read_text().strip()
            joules = int((zone / "energy_uj").read_text()) / 1e6
            span = int((zone / "max_energy_range_uj").read_text()) / 1e6
        except (OSError, ValueError):
            continue  # only root may read it on most systems
        counters[f"RAPL {name}"] = (joules, span)
    millijoules = _nvml(lambda nvml, card: nvml.nvmlDeviceGetTotalEnergyConsumption(card))
    if millijoules is not None:
        counters["NVML"] = (millijoules / 1e3, 0.0)
    return counters


def energy_spent(
    before: dict[str, tuple[float, float]], after: dict[str, tuple[float, float]]
) -> dict[str, float]:
    """Return the joules between two readings, by counter.

    Examples
    --------
    >>> energy_spent({"RAPL package-0": (90.0, 100.0)}, {"RAPL package-0": (5.0, 100.0)})
    {'RAPL package-0': 15.0}
    """
    return {
        label: joules - before[label][0] + (span if joules < before[label][0] else 0.0)
        for label, (joules, span) in after.items()
        if label in before
    }


def _card_memory(cuda: Any) -> dict[str, int]:
    """Return the most memory that PyTorch used and reserved on the card, and the process's by NVML."""
    if not cuda:
        return {}
    n_bytes = {"allocated": cuda.max_memory_allocated(), "reserved": cuda.max_memory_reserved()}
    processes = _nvml(lambda nvml, card: nvml.nvmlDeviceGetComputeRunningProcesses(card)) or []
    mine = [p for p in processes if p.pid == os.getpid()]
    if mine and mine[0].usedGpuMemory:
        n_bytes["process"] = mine[0].usedGpuMemory
    return {f"vram_{name}_bytes": int(n) for name, n in n_bytes.items()}


def _nvml(question: Callable[[Any, Any], Any]) -> Any:
    """Ask NVML about the card that PyTorch uses; None without a card, without pynvml or without an answer."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    try:
        pynvml = importlib.import_module("pynvml")
        pynvml.nvmlInit()
        return question(pynvml, pynvml.nvmlDeviceGetHandleByIndex(torch.cuda.current_device()))
    except Exception:  # not installed, a card without the counter, a container that hides the process
        return None


def _surroundings() -> dict[str, Any]:
    """Return interpreter, libraries, and the cores and threads that were really in force."""
    torch = sys.modules.get("torch")
    names = ("numpy", "scipy", "torch", "onnxruntime", "tensorflow")
    versions = {
        n: str(sys.modules[n].__version__) for n in names if hasattr(sys.modules.get(n), "__version__")
    }
    has_card = torch is not None and torch.cuda.is_available()
    return {
        "python": platform.python_version(),
        "versions": versions,
        "affinity": _affinity(),
        "torch_threads": torch.get_num_threads() if torch is not None else None,
        "cuda": torch.cuda.get_device_name() if torch is not None and has_card else "",
    }


def _affinity() -> list[int]:
    """Return the cores that any thread of this process may run on; libraries may move their own threads."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    cores: set[int] = set()
    for task in Path("/proc/self/task").glob("[0-9]*"):
        try:
            cores |= os.sched_getaffinity(int(task.name))
        except OSError:
            continue  # a thread that has ended
    return sorted(cores)


def _files(system: Any) -> dict[str, int]:
    """Return the sizes of the weights files that a system names itself with ``weight_files()``."""
    files = getattr(system, "weight_files", None)
    return {str(path): Path(path).stat().st_size for path in files()} if callable(files) else {}
