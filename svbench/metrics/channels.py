"""SI-SDR of the left and of the right channel, each by itself."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from svbench.errors import AudioError
from svbench.metrics.decibels import ratio_db
from svbench.metrics.frames import frame_bounds
from svbench.metrics.inputs import check_pair
from svbench.metrics.record import Metric, QuantityRecord
from svbench.metrics.result import Floats, MetricResult

Measure = Literal["si-sdr", "sdr"]


def channel_si_sdr(
    references: Floats,
    estimates: Floats,
    *,
    rate_hz: float,
    window_s: float = math.inf,
    hop_s: float = math.inf,
) -> MetricResult:
    """Score left and right with 10 log10(‖αs‖²/‖αs − e‖²), α = ⟨e, s⟩/‖s‖², an α per channel.

    Parameters
    ----------
    references, estimates : ndarray, shape (n_targets, n_samples, 2)
    rate_hz : float
    window_s, hop_s : float
        Length of a frame and distance of two; the whole track is one frame by default.

    Returns
    -------
    MetricResult
        ``SI-SDR_left`` and ``SI-SDR_right`` in dB. +inf for an estimate that is the reference
        times a gain, NaN where the channel of the reference or of the estimate is silent.

    Raises
    ------
    AudioError
        Shapes differ, samples are not finite floats, or there are not two channels.

    References
    ----------
    J. Le Roux, S. Wisdom, H. Erdogan, J. R. Hershey, "SDR – half-baked or well done?",
    ICASSP 2019, eq. (4).

    Examples
    --------
    >>> tone, other = np.array([[1.0, 1, -1, -1], [1, -1, 1, -1]])
    >>> s = np.stack([tone, tone], axis=1)[np.newaxis]
    >>> e = np.stack([tone + 0.1 * other, 0.5 * tone + 0.5 * other], axis=1)[np.newaxis]
    >>> found = channel_si_sdr(s, e, rate_hz=4).values
    >>> float(found["SI-SDR_left"][0, 0].round(6)), float(found["SI-SDR_right"][0, 0])
    (20.0, 0.0)
    """
    check_stereo(references, estimates)
    bounds = frame_bounds(references.shape[1], rate_hz, window_s, hop_s)
    scores = framed_channel_scores(references, estimates, bounds, "si-sdr")
    return MetricResult(
        {"SI-SDR_left": scores[..., 0], "SI-SDR_right": scores[..., 1]},
        bounds[:, 0] / rate_hz,
        (bounds[:, 1] - bounds[:, 0]) / rate_hz,
    )


def check_stereo(references: Floats, estimates: Floats) -> None:
    """Raise AudioError unless both are stereo float arrays of one shape."""
    check_pair(references, estimates)
    if references.shape[2] != 2:
        raise AudioError(f"left and right are compared, and there are {references.shape[2]} channels, not 2")


def framed_channel_scores(
    references: Floats, estimates: Floats, bounds: np.ndarray, measure: Measure
) -> Floats:
    """Score every channel of every frame by itself, shape (n_targets, n_frames, n_channels)."""
    scores = np.empty((len(references), len(bounds), references.shape[2]))
    for target, frame, channel in np.ndindex(scores.shape):
        inside = slice(*bounds[frame])
        scores[target, frame, channel] = _score(
            references[target, inside, channel].astype(np.float64),
            estimates[target, inside, channel].astype(np.float64),
            measure,
        )
    return scores


def _score(reference: Floats, estimate: Floats, measure: Measure) -> float:
    energy = float(np.sum(reference**2))
    if energy == 0:
        return math.nan
    gain = float(np.sum(estimate * reference)) / energy if measure == "si-sdr" else 1.0
    return ratio_db(gain**2 * energy, float(np.sum((gain * reference - estimate) ** 2)))


METRIC = Metric(
    id="si-sdr-channels",
    label="SI-SDR of left and right",
    quantities=(
        QuantityRecord("SI-SDR_left", "dB", True, "SI-SDR of the left channel by itself"),
        QuantityRecord("SI-SDR_right", "dB", True, "SI-SDR of the right channel by itself"),
    ),
    scope="target",
    version="1",
    citation="Le Roux, Wisdom, Erdogan, Hershey 2019, SDR – half-baked or well done?",
    parameters=("window_s", "hop_s"),
    function=channel_si_sdr,
)
