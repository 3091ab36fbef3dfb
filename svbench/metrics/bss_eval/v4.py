"""BSS Eval version 4: one page that follows the data from signals to scores."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from svbench.errors import AudioError
from svbench.metrics.bss_eval.diagnosis import REASON, UNAFFECTED, unstable_targets
from svbench.metrics.bss_eval.energies import ARTEFACTS, EVERY, INTERFERENCE, OWN, SPATIAL
from svbench.metrics.bss_eval.engine import ScoredFrames, score_frames
from svbench.metrics.frames import frame_bounds
from svbench.metrics.result import MetricResult
from svbench.metrics.signals import Floats, SignalPair, Signals


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
        Length of a frame and distance of two, see `svbench.metrics.frames.frame_bounds`.
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
    values = image_ratios(scored)
    return MetricResult(
        values,
        bounds[:, 0] / rate_hz,
        (bounds[:, 1] - bounds[:, 0]) / rate_hz,
        unstable=_unstable(values, scored),
        why_unstable=REASON,
    )


def _unstable(values: dict[str, Floats], scored: ScoredFrames) -> dict[str, NDArray[np.bool_]]:
    """Which values rest on filters that are not determined; empty where none does."""
    if scored.damped is None or scored.audible is None:
        return {}
    damped = image_ratios(replace(scored, parts=scored.damped))
    targets = unstable_targets(values, damped, scored.audible)
    if not targets.any():
        return {}
    frames = np.repeat(targets[:, np.newaxis], len(scored.defined), axis=1)
    return {name: frames for name in values if name != UNAFFECTED}


def image_ratios(scored: ScoredFrames) -> dict[str, Floats]:
    """SDR, ISR, SIR and SAR of spatial images, shape (n_pairs, n_frames) each."""
    ratio = partial(decibels, defined=scored.defined)
    parts = scored.parts
    return {
        "SDR": ratio(scored.reference, scored.difference),
        "ISR": ratio(scored.reference, parts[SPATIAL]),
        "SIR": ratio(parts[OWN], parts[INTERFERENCE]),
        "SAR": ratio(parts[EVERY], parts[ARTEFACTS]),
    }


def decibels(wanted: Floats, unwanted: Floats, defined: NDArray[np.bool_]) -> Floats:
    """Ten times the logarithm of a ratio of energies: +inf over zero, NaN where not defined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(unwanted == 0, np.inf, wanted / unwanted)
        return np.where(defined, 10 * np.log10(ratio), np.nan)
