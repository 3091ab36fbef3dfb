"""The tools that the scores of svbench are compared with: museval, mir_eval and plain numpy.

museval and mir_eval are loaded without importing their whole packages. Only `svbench crosscheck` and the
tests load them. Plain energy ratios have no such tool, so the second half of this file computes them in
numpy: easy to read, not fast, and without any code of the metrics that it checks.

All functions take float64 arrays of shape (n_targets, n_samples, n_channels), references first, and return
decibels of shape (n_targets, n_frames).
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
        "sdr": ReferenceTool("numpy", global_sdr),
        "frame-sdr": ReferenceTool("numpy", frame_sdr),
        "si-sdr": ReferenceTool("numpy", si_sdr),
        "complement-sdr": ReferenceTool("numpy", complement_sdr, takes_mixture=True),
    }.get(use.id)


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


def global_sdr(
    references: Floats, estimates: Floats, rate_hz: int, *, delta: float = 0.0, log_delta: float = 0.0
) -> dict[str, Floats]:
    """uSDR: 10 log10((Σs² + δ)/(Σ(s − e)² + δ) + ε) over all samples and channels."""
    values = []
    for s, e in zip(references, estimates, strict=True):
        values.append([_db((np.sum(s**2) + delta) / (np.sum((s - e) ** 2) + delta) + log_delta)])
    return {"uSDR": np.array(values)}


def frame_sdr(
    references: Floats,
    estimates: Floats,
    rate_hz: int,
    *,
    window_s: float = 1.0,
    hop_s: float = 1.0,
    silence: str = "formula",
) -> dict[str, Floats]:
    """SDR: 10 log10(Σs²/Σ(s − e)²) in each frame, also in silent ones."""
    frames = _frames(references.shape[1], rate_hz, window_s, hop_s)
    pairs = zip(references, estimates, strict=True)
    return {"SDR": np.array([[_sdr(s[f], e[f]) for f in frames] for s, e in pairs])}


def complement_sdr(
    references: Floats,
    estimates: Floats,
    rate_hz: int,
    *,
    mixture: Floats,
    window_s: float = 1.0,
    hop_s: float = 1.0,
) -> dict[str, Floats]:
    """SDR in frames, undefined where the reference or the rest of the mixture is silent."""
    values = frame_sdr(references, estimates, rate_hz, window_s=window_s, hop_s=hop_s)["SDR"]
    for k, frame in enumerate(_frames(len(mixture), rate_hz, window_s, hop_s)):
        for j, s in enumerate(references):
            if not np.any(s[frame]) or not np.any((mixture - s)[frame]):
                values[j, k] = np.nan
    return {"SDR": values}


def si_sdr(
    references: Floats, estimates: Floats, rate_hz: int, *, channels: str = "joint", delta: float = 0.0
) -> dict[str, Floats]:
    """SI-SDR, SI-SIR, SI-SAR and SD-SDR of whole signals, one gain for all channels or one for each."""
    if channels == "each":
        parts = [
            si_sdr(references[..., [c]], estimates[..., [c]], rate_hz, delta=delta)
            for c in range(references.shape[2])
        ]
        with np.errstate(invalid="ignore"):
            return {name: np.mean([p[name] for p in parts], axis=0) for name in parts[0]}
    n_targets = len(references)
    flat, values = references.reshape(n_targets, -1), []
    for j, e in enumerate(estimates.reshape(n_targets, -1)):
        s = flat[j]
        with np.errstate(divide="ignore", invalid="ignore"):
            gain = np.dot(e, s) / (np.dot(s, s) + delta)
        if not np.isfinite(gain):  # a silent reference has no gain
            values.append([np.nan] * 4)
            continue
        scaled = gain * s
        residual = scaled - e
        # The interference is the part of the residual that lies in the span of all references: its projection
        # on them, by least squares. Silent references would make the matrix singular.
        heard = flat[np.any(flat, axis=1)]
        weights = np.linalg.lstsq(heard @ heard.T, heard @ residual, rcond=1e-12)[0]
        interference = weights @ heard if n_targets > 1 else np.zeros_like(s)
        artefacts = residual - interference
        energy = np.dot(scaled, scaled) + delta
        values.append(
            [_ratio(energy, np.dot(x, x) + delta) for x in (residual, interference, artefacts, s - e)]
        )
    rows = np.array(values)
    return {name: rows[:, [i]] for i, name in enumerate(("SI-SDR", "SI-SIR", "SI-SAR", "SD-SDR"))}


def _frames(n_samples: int, rate_hz: int, window_s: float, hop_s: float) -> list[slice]:
    """Return the samples of each complete frame; a track shorter than a frame is one frame."""
    window, hop = int(window_s * rate_hz + 1e-6), int(hop_s * rate_hz + 1e-6)
    if n_samples <= window:
        return [slice(0, n_samples)]
    return [slice(start, start + window) for start in range(0, n_samples - window + 1, hop)]


def _sdr(reference: Floats, estimate: Floats) -> float:
    return _ratio(np.sum(reference**2), np.sum((reference - estimate) ** 2))


def _ratio(wanted: Any, unwanted: Any) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return _db(np.divide(wanted, unwanted))


def _db(ratio: Any) -> float:
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(ratio))
