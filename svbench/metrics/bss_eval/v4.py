"""BSS Eval version 4 of images, from signals to scores: SDR, ISR, SIR and SAR with 512-tap filters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from svbench.errors import AudioError
from svbench.metrics.bss_eval.energies import ScoredFrames
from svbench.metrics.bss_eval.engine import score_frames
from svbench.metrics.bss_eval.filters import REASON, UNAFFECTED, unstable_targets
from svbench.metrics.contract import Metric, MetricResult, QuantityRecord, frame_bounds, in_frames
from svbench.metrics.signals import Floats, SignalPair, Signals

_BLOCK = 1 << 16
QUANTITIES = (
    QuantityRecord("SDR", "dB", True, "energy of the reference over the energy of the whole error"),
    QuantityRecord("ISR", "dB", True, "energy of the reference over the energy of the spatial error"),
    QuantityRecord("SIR", "dB", True, "energy of the target part over the energy of the interference"),
    QuantityRecord("SAR", "dB", True, "energy of target and interference over the energy of the artefacts"),
)


def bss_eval_v4(
    references: Signals,
    estimates: Signals,
    *,
    rate_hz: float,
    window_s: float = 1.0,
    hop_s: float = 1.0,
    filter_length: int = 512,
    filters: Literal["track", "frame"] = "track",
    n_threads: int = 1,
) -> MetricResult:
    """Score estimates with BSS Eval v4 (images): SDR, ISR, SIR and SAR per frame.

    Parameters
    ----------
    references, estimates : ndarray, shape (n_targets, n_samples, n_channels), or SignalBlocks
        float64, float32, int16 or int32 samples; integers are divided by full scale.
        Estimate j belongs to reference j.
    rate_hz : float
        Sample rate of both.
    window_s, hop_s : float
        Length of a frame and distance of two, see `svbench.metrics.contract.frame_bounds`.
    filter_length : int
        Taps of the distortion filters.
    filters : {"track", "frame"}
        One set of filters for the whole track (version 4) or new ones in every frame (version 3).
    n_threads : int
        Frames are worked on in this many threads; the result is the same to the last bit.
        Let numpy's BLAS use one thread (``OPENBLAS_NUM_THREADS=1``), or the two compete.

    Returns
    -------
    MetricResult
        ``SDR``, ``ISR``, ``SIR`` and ``SAR`` in dB, higher is better. A frame in which the
        channels of any reference or any estimate sum to zero everywhere is NaN for all
        targets; +inf where there is no error at all. ``unstable`` marks ISR, SIR and SAR of
        targets where empty bands of the references leave them undetermined.

    Raises
    ------
    AudioError
        If the signals do not match, are empty, not finite or silent on the whole track, or a
        parameter makes no sense.

    Notes
    -----
    Definition: A. Liutkus, F.-R. Stöter, N. Ito, "The 2018 Signal Separation Evaluation
    Campaign", LVA/ICA 2018, section 4; E. Vincent, R. Gribonval, C. Févotte, "Performance
    measurement in blind audio source separation", IEEE TASLP 14(4), 2006. Behaviour matched:
    ``bss_eval`` in sigsep/sigsep-mus-eval ``museval/metrics.py``, version 0.4.1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> references = rng.standard_normal((2, 8000, 1))
    >>> estimates = references + 0.1 * references[::-1]
    >>> scores = bss_eval_v4(references, estimates, rate_hz=8000)
    >>> scores.values["SDR"].round(0).tolist(), scores.values["SIR"].round(0).tolist()
    ([[20.0], [20.0]], [[20.0], [20.0]])
    """
    if filters not in ("track", "frame"):
        raise AudioError(f"filters must be 'track' or 'frame', not {filters!r}")
    pair = SignalPair(references, estimates, rate_hz)
    bounds = frame_bounds(pair.n_samples, rate_hz, window_s, hop_s)
    own = [(target, target) for target in range(pair.n_targets)]
    scored = score_frames(pair, bounds, own, filter_length, filters == "track", n_threads)
    values = scored.image_ratios()
    frames = in_frames(values, bounds, rate_hz)
    return replace(frames, unstable=_unstable(values, scored), why_unstable=REASON)


def _unstable(values: dict[str, Floats], scored: ScoredFrames) -> dict[str, NDArray[np.bool_]]:
    """Which values rest on filters that are not determined; empty where none does."""
    if scored.damped is None or scored.audible is None:
        return {}
    damped = replace(scored, parts=scored.damped).image_ratios()
    targets = unstable_targets(values, damped, scored.audible)
    if not targets.any():
        return {}
    frames = np.repeat(targets[:, np.newaxis], len(scored.defined), axis=1)
    return {name: frames for name in values if name != UNAFFECTED}


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
    values = {q.name: np.full((pair.n_targets, len(bounds)), np.nan) for q in QUANTITIES}
    note = f"{n_silent} of {pair.n_targets} estimates are silent throughout, so no frame is defined"
    return in_frames(values, bounds, rate_hz, (note,))


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
