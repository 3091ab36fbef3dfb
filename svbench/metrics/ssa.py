"""Stereo separation asymmetry (SSA): how much better one channel is separated than the other."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import get_args

import numpy as np

from svbench.errors import AudioError
from svbench.metrics.contract import Metric, MetricResult, QuantityRecord, frame_bounds, in_frames
from svbench.metrics.si_sdr import Measure, check_stereo, framed_channel_scores
from svbench.metrics.signals import Floats


def ssa(
    references: Floats,
    estimates: Floats,
    *,
    rate_hz: float,
    measure: Measure = "si-sdr",
    window_s: float = 1.0,
    hop_s: float = 1.0,
    active_above_db: float = -math.inf,
) -> MetricResult:
    """Absolute difference |M(left) − M(right)| of a channel-wise score M, per frame.

    Frames come first, so that channel errors that alternate in time do not cancel.

    Parameters
    ----------
    references, estimates : ndarray, shape (n_targets, n_samples, 2)
    rate_hz : float
    measure : {"si-sdr", "sdr"}
        M, computed per channel.
    window_s, hop_s : float
        Length of a frame and distance of two.
    active_above_db : float
        A frame counts only where the mean square of both reference channels is above this
        level in dB re full scale; with −inf, where both hold any sample but zero.

    Returns
    -------
    MetricResult
        ``SSA`` in dB; 0 is symmetric, lower is better. 0 where both channels are perfect. NaN in
        frames that do not count, and where one channel alone is perfect or (with SI-SDR) a
        channel of the estimate is silent; a note says how many active frames this concerns.

    Raises
    ------
    AudioError
        Shapes differ, samples are not finite floats, there are not two channels, or the
        measure is unknown.

    Notes
    -----
    This reading of the name is svbench's own. Borrelli et al., arXiv 2401.12068, 2024, introduce
    SSA as a metric of "attenuation inconsistencies between channels"; their aggregation could
    not be checked, so measure, window and reducers are parameters.

    Examples
    --------
    >>> tone, other = np.array([[1.0, 1, -1, -1], [1, -1, 1, -1]])
    >>> s = np.stack([tone, tone], axis=1)[np.newaxis]
    >>> e = np.stack([tone + 0.1 * other, tone + 0.01 * other], axis=1)[np.newaxis]
    >>> float(ssa(s, e, rate_hz=4).values["SSA"][0, 0].round(6))
    20.0
    """
    check_stereo(references, estimates)
    if measure not in get_args(Measure):
        raise AudioError(f"measure must be {' or '.join(map(repr, get_args(Measure)))}, not {measure!r}")
    bounds = frame_bounds(references.shape[1], rate_hz, window_s, hop_s)
    active = _active(references, bounds, active_above_db)
    left, right = np.moveaxis(framed_channel_scores(references, estimates, bounds, measure), -1, 0)
    # Two perfect channels are symmetric, though inf − inf is no number.
    with np.errstate(invalid="ignore"):
        difference = np.where(left == right, 0.0, np.abs(left - right))
    values = np.where(active & np.isfinite(difference), difference, np.nan)
    n_unbounded = int(np.sum(active & np.isnan(values)))
    note = (
        f"SSA: {n_unbounded} of {int(np.sum(active))} frames with sound in both reference channels are "
        "undefined, as one channel of the estimate is silent, or perfect unlike the other"
    )
    return in_frames({"SSA": values}, bounds, rate_hz, (note,) if n_unbounded else ())


def ssa_track(
    references: Floats,
    estimates: Floats,
    *,
    rate_hz: float,
    measure: Measure = "si-sdr",
    active_above_db: float = -math.inf,
) -> MetricResult:
    """Compute ``SSA_track``, the asymmetry of the whole track as one frame; see `ssa`.

    Examples
    --------
    >>> s = np.array([[[1.0, 1], [1, -1]]])
    >>> float(ssa_track(s, 0.5 * s, rate_hz=2).values["SSA_track"][0, 0])
    0.0
    """
    frames = ssa(
        references,
        estimates,
        rate_hz=rate_hz,
        measure=measure,
        window_s=math.inf,
        hop_s=math.inf,
        active_above_db=active_above_db,
    )
    notes = tuple(note.replace("SSA:", "SSA_track:") for note in frames.notes)
    return replace(frames, values={"SSA_track": frames.values["SSA"]}, notes=notes)


def _active(references: Floats, bounds: np.ndarray, above_db: float) -> np.ndarray:
    """Whether both channels hold sound, shape (n_targets, n_frames)."""
    threshold = 10 ** (above_db / 10)
    levels = [np.mean(np.square(references[:, a:b], dtype=np.float64), axis=1) for a, b in bounds]
    return np.stack([np.all(level > threshold, axis=1) for level in levels], axis=1)


METRIC = Metric(
    id="ssa",
    label="Stereo separation asymmetry per frame",
    quantities=(QuantityRecord("SSA", "dB", False, "difference of the two channels' scores in a frame"),),
    scope="target",
    version="1",
    citation="after Borrelli et al. 2024, arXiv 2401.12068; svbench's own definition",
    parameters=("measure", "window_s", "hop_s", "active_above_db"),
    function=ssa,
)

WHOLE_TRACK = Metric(
    id="ssa-track",
    label="Stereo separation asymmetry of the whole track",
    quantities=(QuantityRecord("SSA_track", "dB", False, "difference of the two channels' track scores"),),
    scope="target",
    version="1",
    citation="after Borrelli et al. 2024, arXiv 2401.12068; svbench's own definition",
    parameters=("measure", "active_above_db"),
    function=ssa_track,
)
