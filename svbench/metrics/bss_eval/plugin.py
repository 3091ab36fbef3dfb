"""BSS Eval v4 of images: SDR, ISR, SIR, SAR with 512-tap time-invariant filters."""

from __future__ import annotations

from typing import Any

import numpy as np

from svbench.metrics.bss_eval.v4 import bss_eval_v4
from svbench.metrics.frames import frame_bounds
from svbench.metrics.inputs import check_pair
from svbench.metrics.record import Metric, QuantityRecord
from svbench.metrics.result import Floats, MetricResult

QUANTITIES = (
    QuantityRecord("SDR", "dB", True, "energy of the reference over the energy of the whole error"),
    QuantityRecord("ISR", "dB", True, "energy of the reference over the energy of the spatial error"),
    QuantityRecord("SIR", "dB", True, "energy of the target part over the energy of the interference"),
    QuantityRecord("SAR", "dB", True, "energy of target and interference over the energy of the artefacts"),
)


def score_target_set(
    references: Floats, estimates: Floats, *, rate_hz: float, window_s: float, hop_s: float, **parameters: Any
) -> MetricResult:
    """Score a target set, also one with an estimate that is silent throughout.

    museval refuses such a track. By the frame rule itself (a silent estimate makes the frame
    undefined for all targets) nothing is defined there, and so it is reported; see
    `svbench.metrics.bss_eval.bss_eval_v4` for the parameters.
    """
    check_pair(references, estimates)
    silent = [j for j, e in enumerate(estimates) if not np.any(e.sum(axis=1))]
    if not silent:
        return bss_eval_v4(
            references, estimates, rate_hz=rate_hz, window_s=window_s, hop_s=hop_s, **parameters
        )
    bounds = frame_bounds(references.shape[1], rate_hz, window_s, hop_s)
    undefined = np.full((len(references), len(bounds)), np.nan)
    return MetricResult(
        {q.name: undefined.copy() for q in QUANTITIES},
        bounds[:, 0] / rate_hz,
        (bounds[:, 1] - bounds[:, 0]) / rate_hz,
        (f"{len(silent)} of {len(estimates)} estimates are silent throughout, so no frame is defined",),
    )


METRIC = Metric(
    id="bss-eval-v4",
    label="BSS Eval v4, images",
    quantities=QUANTITIES,
    scope="target set",
    version="1",
    citation="Vincent, Gribonval, Févotte 2006; Liutkus, Stöter, Ito 2018",
    parameters=("window_s", "hop_s", "filter_length", "filters"),
    function=score_target_set,
)
