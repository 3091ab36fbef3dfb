"""BSS Eval v4 of images: SDR, ISR, SIR, SAR with 512-tap time-invariant filters."""

from __future__ import annotations

from typing import Any

import numpy as np

from svbench.metrics.bss_eval.v4 import bss_eval_v4
from svbench.metrics.frames import frame_bounds
from svbench.metrics.record import Metric, QuantityRecord
from svbench.metrics.result import MetricResult
from svbench.metrics.signals import SignalPair, Signals

_BLOCK = 1 << 16

QUANTITIES = (
    QuantityRecord("SDR", "dB", True, "energy of the reference over the energy of the whole error"),
    QuantityRecord("ISR", "dB", True, "energy of the reference over the energy of the spatial error"),
    QuantityRecord("SIR", "dB", True, "energy of the target part over the energy of the interference"),
    QuantityRecord("SAR", "dB", True, "energy of target and interference over the energy of the artefacts"),
)


def score_target_set(
    references: Signals,
    estimates: Signals,
    *,
    rate_hz: float,
    window_s: float,
    hop_s: float,
    **parameters: Any,
) -> MetricResult:
    """Score a target set, also one with an estimate that is silent throughout.

    museval refuses such a track. By the frame rule itself (a silent estimate makes the frame
    undefined for all targets) nothing is defined there, and so it is reported; see
    `svbench.metrics.bss_eval.bss_eval_v4` for the parameters.
    """
    pair = SignalPair(references, estimates, rate_hz)
    n_silent = _silent_estimates(pair)
    if not n_silent:
        return bss_eval_v4(
            references, estimates, rate_hz=rate_hz, window_s=window_s, hop_s=hop_s, **parameters
        )
    bounds = frame_bounds(pair.n_samples, rate_hz, window_s, hop_s)
    undefined = np.full((pair.n_targets, len(bounds)), np.nan)
    return MetricResult(
        {q.name: undefined.copy() for q in QUANTITIES},
        bounds[:, 0] / rate_hz,
        (bounds[:, 1] - bounds[:, 0]) / rate_hz,
        (f"{n_silent} of {pair.n_targets} estimates are silent throughout, so no frame is defined",),
    )


def _silent_estimates(pair: SignalPair) -> int:
    """How many estimates have channels that sum to zero everywhere; read until all have sounded."""
    silent = np.ones(pair.n_targets, dtype=bool)
    for start in range(0, pair.n_samples, _BLOCK):
        _, estimates = pair.read(start, min(start + _BLOCK, pair.n_samples))
        silent &= ~estimates.sum(axis=2).any(axis=1)
        if not silent.any():
            break
    return int(silent.sum())


METRIC = Metric(
    id="bss-eval-v4",
    label="BSS Eval v4, images",
    quantities=QUANTITIES,
    scope="target set",
    version="2",
    citation="Vincent, Gribonval, Févotte 2006; Liutkus, Stöter, Ito 2018",
    parameters=("window_s", "hop_s", "filter_length", "filters"),
    function=score_target_set,
    streams=True,
)
