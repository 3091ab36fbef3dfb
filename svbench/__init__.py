"""svbench: compare music source separation systems on named, hashed protocols.

The names below are imported when first used, so that ``import svbench`` costs nothing.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from svbench.audio import Audio as Audio
    from svbench.audio import read_audio as read_audio
    from svbench.datasets.api import open_dataset as open_dataset
    from svbench.metrics.bss_eval import bss_eval_v4 as bss_eval_v4
    from svbench.metrics.sdr import usdr as usdr
    from svbench.results.aggregate import summarise as summarise
    from svbench.results.store import load_run as load_run
    from svbench.results.table import long_table as long_table
    from svbench.scoring.arrays import score_arrays as score_arrays
    from svbench.specs.manifest import load_manifest as load_manifest
    from svbench.specs.protocol import load_protocol as load_protocol
    from svbench.specs.system import load_system as load_system

__version__ = "0.1.0"
__distribution__ = "svbench-audio"  # what pip calls it: "svbench" on PyPI is another project

_HOMES = {
    "Audio": "svbench.audio",
    "read_audio": "svbench.audio",
    "open_dataset": "svbench.datasets.api",
    "bss_eval_v4": "svbench.metrics.bss_eval",
    "usdr": "svbench.metrics.sdr",
    "summarise": "svbench.results.aggregate",
    "load_run": "svbench.results.store",
    "long_table": "svbench.results.table",
    "score_arrays": "svbench.scoring.arrays",
    "load_manifest": "svbench.specs.manifest",
    "load_protocol": "svbench.specs.protocol",
    "load_system": "svbench.specs.system",
}
__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'svbench' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
