"""PEASS: scores trained on listening tests, from an auditory model (needs the extra peass)."""

from __future__ import annotations

import numpy as np

from svbench.errors import AudioError
from svbench.metrics.contract import Metric, MetricResult, QuantityRecord, optional_package, whole_track
from svbench.metrics.signals import Floats, check_pair


def peass(references: Floats, estimates: Floats, *, rate_hz: float) -> MetricResult:
    """Score with the package python-peass, a port of the PEASS toolkit 2.0.1.

    Parameters
    ----------
    references, estimates : ndarray, shape (n_targets, n_samples, n_channels)
        At least two targets: those besides the scored one are the interference.
    rate_hz : float

    Returns
    -------
    MetricResult
        ``OPS``, ``TPS``, ``IPS`` and ``APS`` from 0 to 100, higher is better. NaN for a target whose
        reference or estimate is silent.

    Raises
    ------
    SvbenchError
        The package is not installed.
    AudioError
        Shapes differ, samples are not finite floats, or there is one target only.

    References
    ----------
    V. Emiya, E. Vincent, N. Harlander, V. Hohmann, "Subjective and objective quality assessment
    of audio source separation", IEEE TASLP 19(7), 2011.
    """
    check_pair(references, estimates)
    if len(references) < 2:
        raise AudioError("PEASS needs the interfering sources too, and there is one target only")
    package = optional_package("peass", extra="peass")
    values = np.full((len(references), len(METRIC.quantities)), np.nan)
    for target, (reference, estimate) in enumerate(zip(references, estimates, strict=True)):
        others = [r for j, r in enumerate(references) if j != target and np.any(r)]
        if not (others and np.any(reference) and np.any(estimate)):
            continue
        sources = [np.float64(signal) for signal in (reference, *others)]
        scores = package.predict_perceptual_evaluation_scores(
            sources, np.float64(estimate), sampling_frequency_hz=float(rate_hz)
        )
        values[target] = (
            scores.overall_perceptual_score,
            scores.target_perceptual_score,
            scores.interference_perceptual_score,
            scores.artifact_perceptual_score,
        )
    columns = {q.name: values[:, k] for k, q in enumerate(METRIC.quantities)}
    return whole_track(columns, references.shape[1], rate_hz)


METRIC = Metric(
    id="peass",
    label="PEASS",
    quantities=(
        QuantityRecord("OPS", "of 100", True, "overall perceptual score"),
        QuantityRecord("TPS", "of 100", True, "target-related perceptual score"),
        QuantityRecord("IPS", "of 100", True, "interference-related perceptual score"),
        QuantityRecord("APS", "of 100", True, "artefact-related perceptual score"),
    ),
    scope="target set",
    version="1",
    citation="Emiya, Vincent, Harlander, Hohmann 2011; package python-peass 2.0.1.5",
    parameters=(),
    function=peass,
)
