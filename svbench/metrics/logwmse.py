"""log-WMSE: the error as weighted by hearing, relative to the mixture (needs the extra log-wmse)."""

from __future__ import annotations

import numpy as np

from svbench.metrics.contract import Metric, MetricResult, QuantityRecord, optional_package, whole_track
from svbench.metrics.signals import Floats, check_mixture, check_pair


def log_wmse(references: Floats, estimates: Floats, *, rate_hz: float, mixture: Floats) -> MetricResult:
    """Score with the package log-wmse-audio-quality, which defines the metric.

    Per channel −4 ln(mean(d²) + 1e-8), where d is the error through a filter like the sensitivity
    of hearing, divided by the mixture's root mean square through the same filter, and errors below
    −68 dB count as none; then the mean over channels. Other rates than 44.1 kHz are resampled inside.

    Parameters
    ----------
    references, estimates : ndarray, shape (n_targets, n_samples, n_channels)
        A reference of zeros is a target that the track does not contain; it is scored.
    rate_hz : float
        A whole number.
    mixture : ndarray, shape (n_samples, n_channels)

    Returns
    -------
    MetricResult
        ``logWMSE``, without unit; higher is better, 73.68 is the most. A channel in which the
        mixture is silent gets the most whatever the estimate is.

    Raises
    ------
    SvbenchError
        The package is not installed.
    AudioError
        Shapes differ, also from the mixture's, or samples are not finite floats.

    References
    ----------
    nomonosound/log-wmse-audio-quality 0.2, ``calculate_log_wmse``. The package torch-log-wmse
    before version 1.0 computes the same; later versions leave the −68 dB tolerance out.
    """
    check_pair(references, estimates)
    check_mixture(references, mixture)
    package = optional_package("log_wmse_audio_quality", extra="log-wmse")
    values = [
        package.calculate_log_wmse(*(np.float32(x.T) for x in (mixture, estimate, reference)), int(rate_hz))
        for reference, estimate in zip(references, estimates, strict=True)
    ]
    return whole_track({"logWMSE": np.array(values)}, references.shape[1], rate_hz)


METRIC = Metric(
    id="log-wmse",
    label="log-WMSE",
    quantities=(QuantityRecord("logWMSE", "1", True, "weighted error relative to the mixture, logarithmic"),),
    scope="target",
    version="1",
    citation="nomonosound/log-wmse-audio-quality 0.2",
    parameters=(),
    function=log_wmse,
    needs=("mixture",),
    scores_absent=True,
)
