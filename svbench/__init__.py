"""svbench: compare music source separation systems on named, hashed protocols.

The names below are imported when first used, so that ``import svbench`` costs nothing.
docs/api.md describes them; anything else is internal.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from svbench.api.costs import lookahead as lookahead
    from svbench.api.costs import profile as profile
    from svbench.api.costs import repeat as repeat
    from svbench.api.evaluation import evaluate as evaluate
    from svbench.api.evaluation import rerun as rerun
    from svbench.api.evaluation import sweep as sweep
    from svbench.api.inputs import Step as Step
    from svbench.api.results import Results as Results
    from svbench.api.results import Run as Run
    from svbench.api.results import long_table as long_table
    from svbench.api.runs import compare as compare
    from svbench.api.runs import gate as gate
    from svbench.api.runs import load_run as load_run
    from svbench.api.runs import load_runs as load_runs
    from svbench.api.runs import table as table
    from svbench.api.runs import write_board as write_board
    from svbench.api.runs import write_report as write_report
    from svbench.api.scores import crosscheck_scores as crosscheck_scores
    from svbench.api.scores import import_scores as import_scores
    from svbench.api.scores import score as score
    from svbench.audio import Audio as Audio
    from svbench.audio import read_audio as read_audio
    from svbench.datasets.api import open_dataset as open_dataset
    from svbench.metrics.bss_eval import bss_eval_v4 as bss_eval_v4
    from svbench.metrics.sdr import usdr as usdr
    from svbench.results.aggregate import summarise as summarise
    from svbench.scoring.arrays import score_arrays as score_arrays
    from svbench.specs.manifest import load_manifest as load_manifest
    from svbench.specs.protocol import load_protocol as load_protocol
    from svbench.specs.system import load_system as load_system

__version__ = "0.1.0"
__distribution__ = "svbench-audio"  # what pip calls it: "svbench" on PyPI is another project

# Names of the rooms (svbench.report, svbench.crosscheck) cannot be names of functions as well: importing
# a module sets it as an attribute here.
_HOMES = {
    "Audio": "svbench.audio",
    "Results": "svbench.api.results",
    "Run": "svbench.api.results",
    "Step": "svbench.api.inputs",
    "bss_eval_v4": "svbench.metrics.bss_eval",
    "compare": "svbench.api.runs",
    "crosscheck_scores": "svbench.api.scores",
    "evaluate": "svbench.api.evaluation",
    "gate": "svbench.api.runs",
    "import_scores": "svbench.api.scores",
    "load_manifest": "svbench.specs.manifest",
    "load_protocol": "svbench.specs.protocol",
    "load_run": "svbench.api.runs",
    "load_runs": "svbench.api.runs",
    "load_system": "svbench.specs.system",
    "long_table": "svbench.api.results",
    "lookahead": "svbench.api.costs",
    "open_dataset": "svbench.datasets.api",
    "profile": "svbench.api.costs",
    "read_audio": "svbench.audio",
    "repeat": "svbench.api.costs",
    "rerun": "svbench.api.evaluation",
    "score": "svbench.api.scores",
    "score_arrays": "svbench.scoring.arrays",
    "summarise": "svbench.results.aggregate",
    "sweep": "svbench.api.evaluation",
    "table": "svbench.api.runs",
    "usdr": "svbench.metrics.sdr",
    "write_board": "svbench.api.runs",
    "write_report": "svbench.api.runs",
}
__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'svbench' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
