"""Spectral distances: log-spectral distance and MSE of magnitudes, as is and gain-matched."""

from __future__ import annotations

import numpy as np

from svbench.errors import AudioError
from svbench.metrics.contract import Metric, MetricResult, QuantityRecord, whole_track
from svbench.metrics.magnitudes import hann, magnitude_blocks, matching_gain
from svbench.metrics.signals import Floats, check_pair

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
        transform; lower is better and 0 is perfect. The matched ones are NaN for a silent reference.

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
    rows = [_distances(s, e, n_fft, hop) for s, e in zip(references, estimates, strict=True)]
    values = {q.name: column for q, column in zip(METRIC.quantities, np.array(rows).T, strict=True)}
    return whole_track(values, references.shape[1], rate_hz)


def _distances(reference: Floats, estimate: Floats, n_fft: int, hop: int) -> list[float]:
    """LSD and magMSE as is, then gain-matched."""
    # A spectrogram's magnitudes scale with the signal, so one transform serves both.
    gains = (1.0, abs(matching_gain(reference, estimate)))
    window = hann(n_fft)
    n_frames = n_cells = 0
    logarithmic, squared = np.zeros((2, len(gains)))
    sides = (magnitude_blocks(signal, window, hop) for signal in (reference, estimate))
    for s, e in zip(*sides, strict=True):
        n_frames += s.shape[0] * s.shape[1]
        n_cells += s.size
        reference_db = 10 * np.log10(s**2 + _FLOOR)
        for k, gain in enumerate(gains):
            difference_db = reference_db - 10 * np.log10((gain * e) ** 2 + _FLOOR)
            logarithmic[k] += np.sum(np.sqrt(np.mean(difference_db**2, axis=2)))
            squared[k] += np.sum((s - gain * e) ** 2)
    return list(np.stack([logarithmic / n_frames, squared / n_cells], axis=1).ravel())


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
