"""Load museval and mir_eval, with which svbench is compared, without importing their whole packages.

Only `svbench crosscheck` and the tests load them.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import math
import sys
import types
import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from svbench.errors import AudioError, DataError

Floats = NDArray[np.float64]

# In museval's SDR the filters cancel (estimate = reference + spatial error + interference + artefacts, and
# the last three add up to estimate − reference), so where only SDR is asked, short filters spare minutes.
SHORT_FILTERS = 4


def version_of(package: str) -> str:
    """Return the installed version of a reference tool, e.g. ``"0.4.1"``."""
    return importlib.metadata.version(package)


@cache
def reference_module(package: str, name: str) -> types.ModuleType:
    """Load one module of a reference tool as a private copy.

    ``import museval`` needs ffmpeg and takes 1.6 s; its ``metrics.py`` alone needs numpy and scipy. Where a
    matrix is singular, both tools name ``np.linalg.linalg``, which numpy 2.4 removed: the copy gets an ``np``
    that has it, so that it computes what it was written to compute.

    Raises
    ------
    DataError
        The package is not installed.
    """
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise DataError(f"{package} is not installed in {sys.executable}; `pip install {package}` brings it")
    path = Path(found.submodule_search_locations[0], f"{name}.py")
    # The name keeps relative imports working and the package's own module untouched.
    spec = importlib.util.spec_from_file_location(f"{package}._{name}_for_svbench", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    proxy = types.ModuleType("numpy")
    vars(proxy).update(vars(np))
    proxy.linalg = types.SimpleNamespace(**vars(np.linalg), linalg=np.linalg)  # type: ignore[attr-defined]
    module.np = proxy  # type: ignore[attr-defined]
    return module


def museval_v4(
    references: Floats,
    estimates: Floats,
    rate_hz: int,
    *,
    window_s: float = 1.0,
    hop_s: float = 1.0,
    filter_length: int = 512,
    filters: str = "track",
) -> dict[str, Floats]:
    """Score with museval's ``bss_eval``: SDR, ISR, SIR and SAR, shape (n_targets, n_frames) each.

    Parameters
    ----------
    references, estimates : ndarray, shape (n_targets, n_samples, n_channels)
    rate_hz : int
    window_s, hop_s, filter_length, filters
        As in the metric ``bss-eval-v4``.

    Raises
    ------
    ValueError
        What museval refuses: a target that is silent throughout.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it divides by zero on perfect frames
        found = reference_module("museval", "metrics").bss_eval(
            references,
            estimates,
            window=samples(window_s, rate_hz),
            hop=samples(hop_s, rate_hz),
            compute_permutation=False,
            filters_len=filter_length,
            framewise_filters=filters == "frame",
            bsseval_sources_version=False,
        )
    return dict(zip(("SDR", "ISR", "SIR", "SAR"), map(np.asarray, found[:4]), strict=True))


def museval_sdr(
    references: Floats,
    estimates: Floats,
    rate_hz: int,
    *,
    window_s: float = 1.0,
    hop_s: float = 1.0,
    **_: Any,
) -> dict[str, Floats]:
    """Score with museval, SDR only; ``silence`` is its own rule, see `SHORT_FILTERS`."""
    found = museval_v4(
        references, estimates, rate_hz, window_s=window_s, hop_s=hop_s, filter_length=SHORT_FILTERS
    )
    return {"SDR": found["SDR"]}


def mir_eval_nsdr(
    references: Floats, estimates: Floats, rate_hz: int, *, mixture: Floats, filter_length: int = 512
) -> dict[str, Floats]:
    """Score sources in mono with mir_eval's ``bss_eval_sources`` (BSS Eval v3): NSDR, SDR, SIR and SAR.

    NSDR is the SDR of the estimate less that of the mixture as the estimate.

    Raises
    ------
    AudioError
        Filters that mir_eval does not have.
    ValueError
        What mir_eval refuses: a target that is silent throughout.
    """
    if filter_length != 512:
        raise AudioError(f"the filters of mir_eval have 512 taps, the protocol asks for {filter_length}")
    module = reference_module("mir_eval", "separation")

    def sources(estimates: Floats) -> dict[str, Floats]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it announces its removal
            found = module.bss_eval_sources(references.mean(axis=2), estimates, compute_permutation=False)
        return {n: np.asarray(v)[:, np.newaxis] for n, v in zip(("SDR", "SIR", "SAR"), found, strict=False)}

    after = sources(estimates.mean(axis=2))
    before = sources(np.stack([mixture.mean(axis=1)] * len(references)))
    return {"NSDR": after["SDR"] - before["SDR"], **after}


def samples(seconds: float, rate_hz: int) -> float:
    """Return a window or hop in samples, rounded down; infinity is the whole track."""
    return seconds if seconds == np.inf else int(seconds * rate_hz + 1e-6)


def museval_seconds(duration_s: float, rate_hz: int, n_signals: int, parameters: Mapping[str, Any]) -> float:
    """Estimate how long museval takes with filters of 512 taps, by measurements on one core.

    240 s of 44.1 kHz took 199 s with 8 signals (targets × channels) and 66 s with 4.
    """
    if parameters.get("filter_length", 512) < 64:
        return 0.0
    return 0.0297 * duration_s * rate_hz / 44100 * math.pow(n_signals, 1.6)
