"""BSS Eval version 3: filters of each frame, whole-track scores, the best permutation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from svbench.metrics.bss_eval.energies import ARTEFACTS, EVERY, INTERFERENCE, OWN, REST
from svbench.metrics.bss_eval.engine import ScoredFrames, score_frames
from svbench.metrics.bss_eval.v4 import decibels, image_ratios
from svbench.metrics.frames import frame_bounds
from svbench.metrics.result import MetricResult
from svbench.metrics.signals import Floats, SignalPair, Signals

Order = NDArray[np.int64]


def bss_eval_images(
    references: Signals,
    estimates: Signals,
    *,
    rate_hz: float,
    window_s: float = math.inf,
    hop_s: float = math.inf,
    filter_length: int = 512,
    permute: bool = True,
    n_threads: int = 1,
) -> tuple[MetricResult, Order]:
    """Score spatial images with BSS Eval v3: SDR, ISR, SIR, SAR of the whole track.

    Parameters
    ----------
    references, estimates : ndarray, shape (n_targets, n_samples, n_channels), or SignalBlocks
    rate_hz : float
    window_s, hop_s : float
        Frames; by default one frame, the track.
    filter_length : int
    permute : bool
        Find in every frame the order of the estimates with the highest mean SIR, over all
        n_targets! orders; otherwise estimate j belongs to reference j.
    n_threads : int

    Returns
    -------
    result : MetricResult
        ``SDR``, ``ISR``, ``SIR`` and ``SAR`` in dB.
    order : ndarray of int, shape (n_targets, n_frames)
        ``order[j, t]`` is the estimate that was given to reference j.

    Raises
    ------
    AudioError
        As `svbench.metrics.bss_eval.bss_eval_v4`.

    Notes
    -----
    Behaviour matched: ``bss_eval_images`` of sigsep/sigsep-mus-eval ``museval/metrics.py`` and
    of craffel/mir_eval ``mir_eval/separation.py``. The filters are those of version 4 with
    ``filters="frame"``; for one frame there is no difference.

    Examples
    --------
    >>> references = np.random.default_rng(0).standard_normal((2, 4000, 1))
    >>> result, order = bss_eval_images(references, references[::-1] + 0.1, rate_hz=8000, filter_length=8)
    >>> order.ravel().tolist(), result.values["SDR"].round().ravel().tolist()
    ([1, 0], [20.0, 20.0])
    """
    return _evaluate(
        image_ratios, references, estimates, rate_hz, window_s, hop_s, filter_length, permute, n_threads
    )


def bss_eval_sources(
    references: Signals,
    estimates: Signals,
    *,
    rate_hz: float,
    window_s: float = math.inf,
    hop_s: float = math.inf,
    filter_length: int = 512,
    permute: bool = True,
    n_threads: int = 1,
) -> tuple[MetricResult, Order]:
    """Score sources with BSS Eval v3: SDR, SIR, SAR, any filtering of the reference forgiven.

    The parameters, results and errors are those of `bss_eval_images`, without ISR. Zeros in
    the spectrum of an estimate cost nothing here; prefer the images.

    Notes
    -----
    Behaviour matched: ``bss_eval_sources`` of sigsep/sigsep-mus-eval ``museval/metrics.py``
    and, with one channel, of craffel/mir_eval ``mir_eval/separation.py``.

    Examples
    --------
    >>> references = np.random.default_rng(0).standard_normal((2, 4000, 1))
    >>> louder = 3 * references + 0.3 * references[::-1]
    >>> result, _ = bss_eval_sources(references, louder, rate_hz=8000, filter_length=8)
    >>> result.values["SDR"].round().ravel().tolist()
    [20.0, 20.0]
    """
    return _evaluate(
        _source_ratios, references, estimates, rate_hz, window_s, hop_s, filter_length, permute, n_threads
    )


def _source_ratios(scored: ScoredFrames) -> dict[str, Floats]:
    parts = scored.parts
    return {
        "SDR": decibels(parts[OWN], parts[REST], scored.defined),
        "SIR": decibels(parts[OWN], parts[INTERFERENCE], scored.defined),
        "SAR": decibels(parts[EVERY], parts[ARTEFACTS], scored.defined),
    }


def _evaluate(
    ratios: Callable[[ScoredFrames], dict[str, Floats]],
    references: Signals,
    estimates: Signals,
    rate_hz: float,
    window_s: float,
    hop_s: float,
    filter_length: int,
    permute: bool,
    n_threads: int,
) -> tuple[MetricResult, Order]:
    pair = SignalPair(references, estimates, rate_hz)
    bounds = frame_bounds(pair.n_samples, rate_hz, window_s, hop_s)
    targets = range(pair.n_targets)
    pairs = list(itertools.product(targets, targets)) if permute else [(j, j) for j in targets]
    scored = score_frames(pair, bounds, pairs, filter_length, False, n_threads)
    values = ratios(scored)
    order = np.repeat(np.arange(pair.n_targets)[:, np.newaxis], len(bounds), axis=1)
    if permute:
        square = {name: value.reshape(pair.n_targets, pair.n_targets, -1) for name, value in values.items()}
        order = _best_order(square["SIR"])
        frames = np.arange(len(bounds))
        values = {
            name: value[np.arange(pair.n_targets)[:, np.newaxis], order, frames]
            for name, value in square.items()
        }
    times, durations = bounds[:, 0] / rate_hz, (bounds[:, 1] - bounds[:, 0]) / rate_hz
    return MetricResult(values, times, durations), order


def _best_order(sir: Floats) -> Order:
    """Order of the estimates with the highest mean SIR, shape (n_targets, n_frames)."""
    n_targets = len(sir)
    orders = np.array(list(itertools.permutations(range(n_targets))))
    means = sir[np.arange(n_targets), orders].mean(axis=1)
    best: Order = orders[means.argmax(axis=0)].T
    return best
