"""What a profile asks of a worker: timed calls, sizes, counts, and where it all ran.

Runs in the worker, under any interpreter with numpy. PyTorch is used where the system has loaded
it, and never imported for the sake of measuring.
"""

from __future__ import annotations

import gc
import importlib
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

from svbench.systems import energy, macs, networks
from svbench.systems.worker import cpu_s


def answer(system: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Carry out one request on the loaded system.

    Parameters
    ----------
    system : System
    request : dict
        ``what`` is ``"call"`` (a timed separation), ``"size"``, ``"macs"`` or ``"surroundings"``; with
        ``mixture``, ``references``, ``rate_hz`` where a separation is needed, and ``threads``.
    """
    what = request["what"]
    if what == "size":
        return {**networks.size(system), "files": _files(system)}
    if what == "surroundings":
        return _surroundings()
    separation = _Separation(system, request)
    if what == "macs":
        return macs.count(separation)
    return _timed(separation, request["threads"])


class _Separation:
    """A call of ``separate`` with everything read beforehand."""

    def __init__(self, system: Any, request: dict[str, Any]) -> None:
        import numpy as np

        from svbench.audio import Audio

        self.system, rate_hz = system, request["rate_hz"]
        self.mixture = Audio(np.load(request["mixture"]), rate_hz)
        self.needed: dict[str, Any] = {}
        if "track" in system.info.needs:
            self.needed["track"] = "profile"
        if "references" in system.info.needs:
            self.needed["references"] = {
                t: Audio(np.load(p), rate_hz) for t, p in request["references"].items()
            }

    def __call__(self) -> None:
        given = self.system.separate(self.mixture, **self.needed)
        if not isinstance(given, dict):
            raise TypeError(f"separate returned {type(given).__name__}, expected a dict of target to Audio")
        missing = [t for t in self.system.info.targets if t not in given]
        if missing:
            raise ValueError(f"promised {', '.join(missing)}, but gave {', '.join(given) or 'nothing'}")
        for target, audio in given.items():
            found, expected = audio.samples.shape, self.mixture.samples.shape
            if audio.rate_hz == self.mixture.rate_hz and found != expected:
                raise ValueError(f"estimate of {target} has shape {found}, the mixture {expected}")


def _timed(separation: _Separation, threads: int) -> dict[str, Any]:
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)  # libraries that came first may have set it otherwise
    cuda = torch.cuda if torch is not None and torch.cuda.is_available() else None
    if cuda:
        cuda.reset_peak_memory_stats()
    gc.collect()  # the garbage of an earlier call is not this one's cost
    _synchronise(cuda)
    before = energy.read()
    wall, cpu = time.perf_counter(), cpu_s()
    separation()
    _synchronise(cuda)
    wall_s, used_s = time.perf_counter() - wall, cpu_s() - cpu
    joules = energy.spent(before, energy.read())
    return {"wall_s": wall_s, "cpu_s": used_s, "energy_j": joules, **_vram(cuda)}


def _synchronise(cuda: Any) -> None:
    if cuda:
        cuda.synchronize()


def _vram(cuda: Any) -> dict[str, int]:
    """Memory on the card: what PyTorch used and held at most, and what the process has by NVML."""
    if not cuda:
        return {}
    found = {"allocated": cuda.max_memory_allocated(), "reserved": cuda.max_memory_reserved()}
    try:
        pynvml = importlib.import_module("pynvml")
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(cuda.current_device())
        mine = [p for p in pynvml.nvmlDeviceGetComputeRunningProcesses(handle) if p.pid == os.getpid()]
        if mine and mine[0].usedGpuMemory:
            found["process"] = mine[0].usedGpuMemory
    except Exception:  # no pynvml in this interpreter, or a container that hides the process
        pass
    return {f"vram_{name}_bytes": int(n) for name, n in found.items()}


def _surroundings() -> dict[str, Any]:
    """Interpreter, libraries, and the cores and threads that were really in force."""
    torch = sys.modules.get("torch")
    names = ("numpy", "scipy", "torch", "onnxruntime", "tensorflow")
    versions = {
        n: str(sys.modules[n].__version__) for n in names if hasattr(sys.modules.get(n), "__version__")
    }
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "versions": versions,
        "affinity": _affinity(),
        "torch_threads": torch.get_num_threads() if torch is not None else None,
        "cuda": "",
    }
    if torch is not None and torch.cuda.is_available():
        found["cuda"] = torch.cuda.get_device_name()
    return found


def _affinity() -> list[int]:
    """Cores that any thread of this process may run on; a library may have moved its own threads."""
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
    """Sizes of the weights files that a system names itself with ``weight_files()``."""
    own = getattr(system, "weight_files", None)
    return {str(path): Path(path).stat().st_size for path in own()} if callable(own) else {}
