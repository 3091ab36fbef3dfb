"""The tools that the scores of svbench are compared with: museval, mir_eval and a page of plain numpy.

museval and mir_eval are loaded without importing their whole packages. Only `svbench crosscheck` and
the tests load them.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import math
import sys
import types
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from svbench.crosscheck import plain_scores
from svbench.errors import AudioError, DataError
from svbench.specs.protocol import MetricUse

Floats = NDArray[np.float64]

# In museval's SDR the filters cancel: estimate = reference + spatial error + interference + artefacts, and
# the last three add up to estimate − reference. So where only SDR is needed, short filters save minutes.
SHORT_FILTERS = 4


class ReferenceTool(msgspec.Struct, frozen=True):
    """Another implementation of a metric; ``name`` is museval, mir_eval or numpy."""

    name: str
    function: Callable[..., dict[str, Floats]]
    takes_mixture: bool = False


def tool_for(use: MetricUse) -> ReferenceTool | None:
    """Return the tool that a metric of a protocol is compared with, or None if there is none."""
    if use.against == "original":
        return None
    if use.id == "frame-sdr" and use.parameters.get("silence") == "bss-eval":
        return ReferenceTool("museval", museval_sdr)
    return {
        "bss-eval-v4": ReferenceTool("museval", museval_v4),
        "bss-eval-nsdr": ReferenceTool("mir_eval", mir_eval_nsdr, takes_mixture=True),
        "sdr": ReferenceTool("numpy", plain_scores.global_sdr),
        "frame-sdr": ReferenceTool("numpy", plain_scores.frame_sdr),
        "si-sdr": ReferenceTool("numpy", plain_scores.si_sdr),
        "complement-sdr": ReferenceTool("numpy", plain_scores.complement_sdr, takes_mixture=True),
    }.get(use.id)


def version_of(package: str) -> str:
    """Return the installed version of a reference tool, e.g. ``"0.4.1"``."""
    return importlib.metadata.version(package)


@cache
def reference_module(package: str, name: str) -> types.ModuleType:
    """Load one module of a reference tool as a private copy.

    ``import museval`` needs ffmpeg and takes 1.6 s; its ``metrics.py`` needs only numpy and scipy. Where a
    matrix is singular, both tools use ``np.linalg.linalg``, which numpy 2.4 removed. So the copy gets an
    ``np`` that still has it.

    Raises
    ------
    DataError
        The package is not installed.
    """
    located = importlib.util.find_spec(package)
    if located is None or not located.submodule_search_locations:
        raise DataError(f"{package} is not installed in {sys.executable}; `pip install {package}` brings it")
    path = Path(located.submodule_search_locations[0], f"{name}.py")
    # With this name relative imports work, and the package's own module is not replaced in sys.modules.
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
        museval refuses a target that is silent throughout.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it divides by zero on perfect frames
        scores = reference_module("museval", "metrics").bss_eval(
            references,
            estimates,
            window=samples(window_s, rate_hz),
            hop=samples(hop_s, rate_hz),
            compute_permutation=False,
            filters_len=filter_length,
            framewise_filters=filters == "frame",
            bsseval_sources_version=False,
        )
    return dict(zip(("SDR", "ISR", "SIR", "SAR"), map(np.asarray, scores[:4]), strict=True))


def museval_sdr(
    references: Floats,
    estimates: Floats,
    rate_hz: int,
    *,
    window_s: float = 1.0,
    hop_s: float = 1.0,
    **_: Any,
) -> dict[str, Floats]:
    """Score with museval, SDR only; see `SHORT_FILTERS`. It has its own rule for silence."""
    scores = museval_v4(
        references, estimates, rate_hz, window_s=window_s, hop_s=hop_s, filter_length=SHORT_FILTERS
    )
    return {"SDR": scores["SDR"]}


def mir_eval_nsdr(
    references: Floats, estimates: Floats, rate_hz: int, *, mixture: Floats, filter_length: int = 512
) -> dict[str, Floats]:
    """Score sources in mono with mir_eval's ``bss_eval_sources`` (BSS Eval v3): NSDR, SDR, SIR and SAR.

    NSDR is the SDR of the estimate less that of the mixture as the estimate.

    Raises
    ------
    AudioError
        The protocol asks for filters of another length than mir_eval's.
    ValueError
        mir_eval refuses a target that is silent throughout.
    """
    if filter_length != 512:
        raise AudioError(f"the filters of mir_eval have 512 taps, the protocol asks for {filter_length}")
    module = reference_module("mir_eval", "separation")

    def sources(estimates: Floats) -> dict[str, Floats]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the function is deprecated
            scores = module.bss_eval_sources(references.mean(axis=2), estimates, compute_permutation=False)
        return {n: np.asarray(v)[:, np.newaxis] for n, v in zip(("SDR", "SIR", "SAR"), scores, strict=False)}

    after = sources(estimates.mean(axis=2))
    before = sources(np.stack([mixture.mean(axis=1)] * len(references)))
    return {"NSDR": after["SDR"] - before["SDR"], **after}


def samples(seconds: float, rate_hz: int) -> float:
    """Return a window or hop in samples, rounded down; infinity stands for the whole track."""
    # 1e-6 makes up for products such as 0.1 s × 44100 Hz that come out just below a whole number.
    return seconds if seconds == np.inf else int(seconds * rate_hz + 1e-6)


def museval_seconds(duration_s: float, rate_hz: int, n_signals: int, parameters: Mapping[str, Any]) -> float:
    """Estimate how long museval takes with filters of 512 taps, from measurements on one core.

    240 s at 44.1 kHz took 199 s with 8 signals (targets × channels) and 66 s with 4.
    """
    if parameters.get("filter_length", 512) < 64:
        return 0.0
    return 0.0297 * duration_s * rate_hz / 44100 * math.pow(n_signals, 1.6)
