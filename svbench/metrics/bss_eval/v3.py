"""BSS Eval version 3: filters of each frame, whole-track scores, the best permutation; and NSDR.

NSDR, SIR and SAR of singing voice separation are version 3 of sources on whole mono tracks; NSDR is the
improvement of SDR over the unprocessed mixture.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from svbench.metrics.bss_eval.engine import score_frames
from svbench.metrics.contract import (
    Metric,
    MetricResult,
    QuantityRecord,
    frame_bounds,
    in_frames,
    whole_track,
)
from svbench.metrics.signals import Floats, SignalPair, Signals, check_mixture, check_pair

Order = NDArray[np.int64]

QUANTITIES = (
    QuantityRecord("NSDR", "dB", True, "SDR of the estimate less SDR of the mixture as the estimate"),
    QuantityRecord("SIR", "dB", True, "energy of the target part over the energy of the interference"),
    QuantityRecord("SAR", "dB", True, "energy of target and interference over the energy of the artefacts"),
    QuantityRecord("SDR", "dB", True, "energy of the target part over the energy of all the rest"),
)


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
        "images", references, estimates, rate_hz, window_s, hop_s, filter_length, permute, n_threads
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
        "sources", references, estimates, rate_hz, window_s, hop_s, filter_length, permute, n_threads
    )


def _evaluate(
    kind: Literal["images", "sources"],
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
    values = scored.image_ratios() if kind == "images" else scored.source_ratios()
    order = np.repeat(np.arange(pair.n_targets)[:, np.newaxis], len(bounds), axis=1)
    if permute:
        square = {name: value.reshape(pair.n_targets, pair.n_targets, -1) for name, value in values.items()}
        order = _best_order(square["SIR"])
        frames = np.arange(len(bounds))
        values = {
            name: value[np.arange(pair.n_targets)[:, np.newaxis], order, frames]
            for name, value in square.items()
        }
    return in_frames(values, bounds, rate_hz), order


def _best_order(sir: Floats) -> Order:
    """Order of the estimates with the highest mean SIR, shape (n_targets, n_frames)."""
    n_targets = len(sir)
    orders = np.array(list(itertools.permutations(range(n_targets))))
    means = sir[np.arange(n_targets), orders].mean(axis=1)
    best: Order = orders[means.argmax(axis=0)].T
    return best


def bss_eval_nsdr(
    references: Floats, estimates: Floats, *, rate_hz: float, mixture: Floats, filter_length: int = 512
) -> MetricResult:
    """Score sources and their mixture with BSS Eval v3, and subtract.

    Parameters
    ----------
    references, estimates : ndarray, shape (n_targets, n_samples, n_channels)
        Channels are averaged first: the rule is one of mono recordings.
    rate_hz : float
    mixture : ndarray, shape (n_samples, n_channels)
    filter_length : int
        Taps of the filters that are forgiven.

    Returns
    -------
    MetricResult
        One frame, the track. Estimate j belongs to reference j, no order is searched. A silent
        reference or estimate leaves all targets undefined; a silent mixture leaves NSDR undefined.

    Notes
    -----
    Definition: P.-S. Huang, M. Kim, M. Hasegawa-Johnson, P. Smaragdis, "Singing-Voice Separation from
    Monaural Recordings using Deep Recurrent Neural Networks", ISMIR 2014, section 4; C.-L. Hsu,
    J.-S. R. Jang, "On the Improvement of Singing Voice Separation for Monaural Recordings Using the
    MIR-1K Dataset", IEEE TASLP 18(2), 2010. Behaviour matched: ``bss_eval_sources`` of
    craffel/mir_eval ``mir_eval/separation.py``, ``compute_permutation=False``.

    Examples
    --------
    >>> references = np.random.default_rng(0).standard_normal((2, 8000, 1))
    >>> estimates = references + 0.1 * references[::-1]
    >>> found = bss_eval_nsdr(
    ...     references, estimates, rate_hz=8000, mixture=references.sum(axis=0), filter_length=8
    ... )
    >>> found.values["SDR"].round().ravel().tolist(), found.values["NSDR"].round().ravel().tolist()
    ([20.0, 20.0], [20.0, 20.0])
    """
    check_pair(references, estimates)
    check_mixture(references, mixture)
    mono = [signals.mean(axis=-1, keepdims=True) for signals in (references, estimates)]
    repeated = np.repeat(mixture.mean(axis=-1, keepdims=True)[np.newaxis], len(references), axis=0)
    scores = _sources(mono[0], mono[1], rate_hz, filter_length)
    doing_nothing = _sources(mono[0], repeated, rate_hz, filter_length)
    with np.errstate(invalid="ignore"):  # inf - inf is undefined, and reported as that
        nsdr = scores["SDR"] - doing_nothing["SDR"]
    values = {"NSDR": nsdr, **scores}
    return whole_track({q.name: values[q.name] for q in QUANTITIES}, references.shape[1], rate_hz)


def _sources(references: Floats, estimates: Floats, rate_hz: float, filter_length: int) -> dict[str, Any]:
    """Return SDR, SIR and SAR of each target; NaN for all where any signal is silent."""
    if not (references.any(axis=(1, 2)).all() and estimates.any(axis=(1, 2)).all()):
        return {name: np.full(len(references), np.nan) for name in ("SDR", "SIR", "SAR")}
    result, _ = bss_eval_sources(
        references, estimates, rate_hz=rate_hz, filter_length=filter_length, permute=False
    )
    return {name: values[:, 0] for name, values in result.values.items()}


NSDR = Metric(
    id="bss-eval-nsdr",
    label="BSS Eval v3 of sources, improvement over the mixture",
    quantities=QUANTITIES,
    scope="target set",
    version="1",
    citation="Vincent, Gribonval, Févotte 2006; Hsu, Jang 2010; Huang et al. 2014",
    parameters=("filter_length",),
    function=bss_eval_nsdr,
    needs=("mixture",),
)
