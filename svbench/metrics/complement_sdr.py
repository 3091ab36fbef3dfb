"""SDR in frames of a target beside its complement: defined only where both sound (DTTNet's cSDR)."""

from __future__ import annotations

import numpy as np

from svbench.errors import AudioError
from svbench.metrics.energies import frame_energies
from svbench.metrics.frame_sdr import SDR, in_frames
from svbench.metrics.frames import frame_bounds
from svbench.metrics.record import Metric
from svbench.metrics.result import Floats, MetricResult
from svbench.metrics.signals import SignalPair


def complement_sdr(
    references: Floats,
    estimates: Floats,
    *,
    rate_hz: float,
    mixture: Floats,
    window_s: float = 1.0,
    hop_s: float = 1.0,
) -> MetricResult:
    """Score each target and its complement as two sources, and give the target's SDR.

    The complement's reference is mixture − reference, its estimate mixture − estimate. Their
    difference is the target's own error with the sign turned, so the complement changes no
    value; it decides which frames have one.

    Parameters
    ----------
    references, estimates : ndarray, shape (n_targets, n_samples, n_channels)
    rate_hz : float
    mixture : ndarray, shape (n_samples, n_channels)
    window_s, hop_s : float
        Length of a frame and distance of two, see `svbench.metrics.frames.frame_bounds`.

    Returns
    -------
    MetricResult
        ``SDR`` in dB, 10 log10(Σs²/Σ(s − e)²) of the target. NaN where all samples of the target's
        reference or of the complement's are zero; +inf where estimate and reference are equal;
        0 dB for a silent estimate.

    Raises
    ------
    AudioError
        Shapes differ, samples are not finite floats, or a parameter makes no sense.

    Notes
    -----
    Behaviour matched: ``get_metrics`` with ``version="fast"`` in junyuchen-cjy/DTTNet-Pytorch
    ``src/utils/utils.py``, which computes in float32. There a track shorter than one chunk has
    no score; here it is one frame.

    References
    ----------
    J. Chen, S. Vekkot, P. Shukla, "Music Source Separation Based on a Lightweight Deep Learning
    Framework (DTTNet)", ICASSP 2024.

    Examples
    --------
    >>> s = np.repeat([1.0, 1.0, 0.0], 100).reshape(1, 300, 1)
    >>> mixture = np.repeat([3.0, 1.0, 3.0], 100).reshape(300, 1)
    >>> complement_sdr(s, 0.9 * s, rate_hz=100, mixture=mixture).values["SDR"][0].round(6).tolist()
    [20.0, nan, nan]
    """
    pair = SignalPair(references, estimates, rate_hz)
    if mixture.shape != references.shape[1:]:
        raise AudioError(f"the mixture has shape {mixture.shape}, the references {references.shape[1:]} each")
    bounds = frame_bounds(references.shape[1], rate_hz, window_s, hop_s)
    energies = frame_energies(pair, bounds)
    mixtures = np.broadcast_to(mixture, references.shape)
    complement = frame_energies(SignalPair(mixtures, references, rate_hz), bounds).difference
    values = energies.sdr
    values[(energies.reference == 0) | (complement == 0)] = np.nan
    return in_frames(values, bounds, rate_hz)


METRIC = Metric(
    id="complement-sdr",
    label="SDR in frames, target beside complement",
    quantities=(SDR,),
    scope="target",
    version="1",
    citation="Chen, Vekkot, Shukla 2024 (DTTNet)",
    parameters=("window_s", "hop_s"),
    function=complement_sdr,
    needs=("mixture",),
)
