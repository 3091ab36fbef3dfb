"""Spectral distances: log-spectral distance and MSE of magnitudes, as is and gain-matched."""

from __future__ import annotations

import numpy as np

from svbench.errors import AudioError
from svbench.metrics.inputs import check_pair
from svbench.metrics.magnitudes import gain_matched, hann, magnitude_blocks
from svbench.metrics.record import Metric, QuantityRecord
from svbench.metrics.result import Floats, MetricResult, whole_track

# Added to both powers, 154 dB below a full-scale sine with 2048 samples: digital silence has a logarithm.
_FLOOR = 1e-10


def spectral_distances(
    references: Floats, estimates: Floats, *, rate_hz: float, n_fft: int = 2048, hop: int = 512
) -> MetricResult:
    """Compare magnitude spectrograms |S| and |E| (Hann window, centred frames, zeros beyond the ends).

    Per channel and frame LSD is the root mean square over bins of
    10 log10((|S|² + 1e-10)/(|E|² + 1e-10)), then the mean over channels and frames; magMSE is the
    mean of (|S| − |E|)² over bins, frames and channels. In ``LSD_gm`` and ``magMSE_gm`` the estimate is
    first scaled by the least-squares gain ⟨e, s⟩/‖e‖² of the whole track.

    Parameters
    ----------
    references, estimates : ndarray, shape (n_targets, n_samples, n_channels)
    rate_hz : float
    n_fft, hop : int
        In samples.

    Returns
    -------
    MetricResult
        ``LSD`` and ``LSD_gm`` in dB, ``magMSE`` and ``magMSE_gm`` in squared units of the unnormalised
        transform; lower is better and 0 is perfect. Always finite.

    Raises
    ------
    AudioError
        Shapes differ, samples are not finite floats, or n_fft or hop is below 1.

    Notes
    -----
    Blind to phase and, but for the matched ones, not to gain.

    References
    ----------
    A. H. Gray, J. D. Markel, "Distance measures for speech processing", IEEE TASSP 24(5), 1976:
    the rms log spectral measure, there of smooth spectra.

    Examples
    --------
    >>> s = np.random.default_rng(0).standard_normal((1, 8000, 1))
    >>> found = spectral_distances(s, 0.5 * s, rate_hz=8000).values
    >>> float(found["LSD"][0, 0].round(2)), float(found["LSD_gm"][0, 0])
    (6.02, 0.0)
    """
    check_pair(references, estimates)
    if n_fft < 1 or hop < 1:
        raise AudioError(f"n_fft and hop must be at least 1 sample, not {n_fft} and {hop}")
    rows = []
    for reference, estimate in zip(references, estimates, strict=True):
        matched = gain_matched(reference, estimate)
        rows.append(_distances(reference, estimate, n_fft, hop) + _distances(reference, matched, n_fft, hop))
    names = ("LSD", "magMSE", "LSD_gm", "magMSE_gm")
    values = dict(zip(names, np.array(rows).T, strict=True))
    return whole_track(values, references.shape[1], rate_hz)


def _distances(reference: Floats, estimate: Floats, n_fft: int, hop: int) -> tuple[float, float]:
    window = hann(n_fft)
    n_cells, n_frames = 0, 0
    logarithmic = squared = 0.0
    sides = (magnitude_blocks(signal, window, hop) for signal in (reference, estimate))
    for s, e in zip(*sides, strict=True):
        difference_db = 10 * np.log10((s**2 + _FLOOR) / (e**2 + _FLOOR))
        logarithmic += float(np.sum(np.sqrt(np.mean(difference_db**2, axis=2))))
        squared += float(np.sum((s - e) ** 2))
        n_frames += s.shape[0] * s.shape[1]
        n_cells += s.size
    return logarithmic / n_frames, squared / n_cells


METRIC = Metric(
    id="spectral",
    label="Spectral distances",
    quantities=(
        QuantityRecord("LSD", "dB", False, "rms difference of log spectra over bins, mean over frames"),
        QuantityRecord("magMSE", "amplitude²", False, "mean squared difference of magnitude spectrograms"),
        QuantityRecord("LSD_gm", "dB", False, "LSD after the least-squares gain"),
        QuantityRecord("magMSE_gm", "amplitude²", False, "magMSE after the least-squares gain"),
    ),
    scope="target",
    version="1",
    citation="Gray, Markel 1976, Distance measures for speech processing (LSD)",
    parameters=("n_fft", "hop"),
    function=spectral_distances,
)
