"""Energy counters of the machine, where they exist and may be read.

Runs in the worker. RAPL counts whole processor packages, NVML whole graphics cards: what else runs on
them is counted too, so every number is labelled with its counter.
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


def read(root: Path = POWERCAP) -> dict[str, tuple[float, float]]:
    """Read all counters.

    Parameters
    ----------
    root : Path
        Where the kernel shows RAPL's zones.

    Returns
    -------
    dict of str to (float, float)
        Label → joules so far, and the value at which the counter starts anew (0: never).
    """
    found = {}
    for zone in sorted(root.glob("intel-rapl:*")):
        if not re.fullmatch(r"intel-rapl:\d+", zone.name):
            continue  # a part of a package, which would count twice
        try:
            name = (zone / "name").read_text().strip()
            joules = int((zone / "energy_uj").read_text()) / 1e6
            span = int((zone / "max_energy_range_uj").read_text()) / 1e6
        except (OSError, ValueError):
            continue  # readable by root only, on most systems
        found[f"RAPL {name}"] = (joules, span)
    found.update(_graphics())
    return found


def spent(before: dict[str, tuple[float, float]], after: dict[str, tuple[float, float]]) -> dict[str, float]:
    """Return the joules between two readings, by counter.

    Examples
    --------
    >>> spent({"RAPL package-0": (90.0, 100.0)}, {"RAPL package-0": (5.0, 100.0)})
    {'RAPL package-0': 15.0}
    """
    return {
        label: joules - before[label][0] + (span if joules < before[label][0] else 0.0)
        for label, (joules, span) in after.items()
        if label in before
    }


def _graphics() -> dict[str, tuple[float, float]]:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return {}
    try:
        pynvml = importlib.import_module("pynvml")
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(torch.cuda.current_device())
        return {"NVML": (pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3, 0.0)}
    except Exception:  # no pynvml in this interpreter, or a card without the counter
        return {}
