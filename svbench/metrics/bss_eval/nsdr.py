"""NSDR, SIR and SAR of singing voice separation: BSS Eval v3 of sources on whole mono tracks."""

from __future__ import annotations

from typing import Any

import numpy as np

from svbench.errors import AudioError
from svbench.metrics.bss_eval.v3 import bss_eval_sources
from svbench.metrics.inputs import check_pair
from svbench.metrics.record import Metric, QuantityRecord
from svbench.metrics.result import MetricResult, whole_track
from svbench.metrics.signals import Floats

QUANTITIES = (
    QuantityRecord("NSDR", "dB", True, "SDR of the estimate less SDR of the mixture as the estimate"),
    QuantityRecord("SIR", "dB", True, "energy of the target part over the energy of the interference"),
    QuantityRecord("SAR", "dB", True, "energy of target and interference over the energy of the artefacts"),
    QuantityRecord("SDR", "dB", True, "energy of the target part over the energy of all the rest"),
)


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
    if references.shape[1:] != mixture.shape:
        raise AudioError(f"references have shape {references.shape[1:]} each, the mixture {mixture.shape}")
    mono = [signals.mean(axis=-1, keepdims=True) for signals in (references, estimates)]
    repeated = np.repeat(mixture.mean(axis=-1, keepdims=True)[np.newaxis], len(references), axis=0)
    found = _sources(mono[0], mono[1], rate_hz, filter_length)
    doing_nothing = _sources(mono[0], repeated, rate_hz, filter_length)
    with np.errstate(invalid="ignore"):  # inf - inf is undefined, and reported as that
        nsdr = found["SDR"] - doing_nothing["SDR"]
    values = {"NSDR": nsdr, **found}
    return whole_track({q.name: values[q.name] for q in QUANTITIES}, references.shape[1], rate_hz)


def _sources(references: Floats, estimates: Floats, rate_hz: float, filter_length: int) -> dict[str, Any]:
    """Return SDR, SIR and SAR of each target; NaN for all where any signal is silent."""
    if not (references.any(axis=(1, 2)).all() and estimates.any(axis=(1, 2)).all()):
        return {name: np.full(len(references), np.nan) for name in ("SDR", "SIR", "SAR")}
    result, _ = bss_eval_sources(
        references, estimates, rate_hz=rate_hz, filter_length=filter_length, permute=False
    )
    return {name: values[:, 0] for name, values in result.values.items()}


METRIC = Metric(
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
