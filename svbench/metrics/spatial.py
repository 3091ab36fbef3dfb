"""Spatial and residual distortion (SSR, SRR): what panning and delays explain of the error."""

from __future__ import annotations

import numpy as np
from scipy import fft

from svbench.errors import AudioError
from svbench.metrics.contract import Metric, MetricResult, QuantityRecord, frame_bounds, in_frames
from svbench.metrics.signals import Floats, check_pair, ratio_db


def spatial_ratios(
    references: Floats,
    estimates: Floats,
    *,
    rate_hz: float,
    window_s: float = 2.0,
    hop_s: float = 1.0,
    max_delay_s: float = 0.1,
) -> MetricResult:
    """Split the error of each frame into a spatial and a residual part.

    Channel c of the estimate is modelled as ŝ_c = Σ_d A_cd s_d[n − τ_cd] + residual: gains and
    delays between every pair of channels. The delay is the whole number of samples with the
    largest absolute cross-correlation, the gains are least squares over all d together. With s̃
    the model without its residual, over all channels::

        SSR = 10 log10(‖s‖²/‖s̃ − s‖²)    SRR = 10 log10(‖s̃‖²/‖ŝ − s̃‖²)

    The delayed reference is read from the track beyond the frame's edges, and is zero beyond
    the track's.

    Parameters
    ----------
    references, estimates : ndarray, shape (n_targets, n_samples, n_channels)
        At least two channels.
    rate_hz : float
    window_s, hop_s : float
        Length of a frame and distance of two; 2 s and half of it in the paper.
    max_delay_s : float
        Delays are sought up to this many seconds either way.

    Returns
    -------
    MetricResult
        ``SSR`` and ``SRR`` in dB. A gain g of all channels is a spatial error of (1 − g)s. A
        perfect estimate gives +inf for both; a silent one SSR 0 dB and SRR NaN; a frame with a
        silent reference NaN.

    Raises
    ------
    AudioError
        Shapes differ, samples are not finite floats, there is one channel only, or the delay is
        negative or longer than the track.

    References
    ----------
    K. N. Watcharasupat, A. Lerch, "Quantifying Spatial Audio Quality Impairment", ICASSP 2024,
    arXiv 2306.08053, section 2. Written from the paper's model; see docs/metrics.md on where
    the authors' code (karnwatcharasupat/spauq) does otherwise.

    Examples
    --------
    >>> s = np.random.default_rng(0).standard_normal((1, 8000, 2))
    >>> swapped = spatial_ratios(s, s[..., ::-1].copy(), rate_hz=8000).values
    >>> round(float(swapped["SSR"][0, 0])), float(swapped["SRR"][0, 0])
    (-3, inf)
    """
    check_pair(references, estimates)
    n_targets, n_samples, n_channels = references.shape
    if n_channels < 2:
        raise AudioError("spatial distortion is between channels, and there is one channel only")
    max_delay = round(max_delay_s * rate_hz)
    if not 0 <= max_delay < n_samples:
        raise AudioError(f"max_delay_s must be between 0 and the track's length, not {max_delay_s} s")
    bounds = frame_bounds(n_samples, rate_hz, window_s, hop_s)
    values = np.full((2, n_targets, len(bounds)), np.nan)
    for target in range(n_targets):
        padded = np.pad(references[target].astype(np.float64), ((max_delay, max_delay), (0, 0)))
        for frame, (start, end) in enumerate(bounds):
            reach = padded[start : end + 2 * max_delay]
            estimate = estimates[target, start:end].astype(np.float64)
            values[:, target, frame] = _frame_ratios(reach, estimate, max_delay)
    return in_frames({"SSR": values[0], "SRR": values[1]}, bounds, rate_hz)


def _frame_ratios(reach: Floats, estimate: Floats, max_delay: int) -> tuple[float, float]:
    """SSR and SRR of one frame; ``reach`` is the reference, ``max_delay`` longer at both ends."""
    reference = reach[max_delay : max_delay + len(estimate)]
    energy = float(np.sum(reference**2))
    if energy == 0:
        return np.nan, np.nan
    model = _spatial_model(reach, estimate)
    return (
        ratio_db(energy, float(np.sum((model - reference) ** 2))),
        ratio_db(float(np.sum(model**2)), float(np.sum((estimate - model) ** 2))),
    )


def _spatial_model(reach: Floats, estimate: Floats) -> Floats:
    """Fit the estimate with delayed and scaled reference channels, shape (n_samples, n_channels)."""
    starts = _best_starts(reach, estimate)
    model = np.empty_like(estimate)
    for channel, channel_starts in enumerate(starts):
        delayed = np.stack(
            [reach[start : start + len(estimate), d] for d, start in enumerate(channel_starts)], axis=1
        )
        gains = np.linalg.lstsq(delayed, estimate[:, channel], rcond=None)[0]
        model[:, channel] = delayed @ gains
    return model


def _best_starts(reach: Floats, estimate: Floats) -> np.ndarray:
    """Where in ``reach`` each reference channel is most like each estimate channel.

    Returns
    -------
    ndarray of int, shape (n_channels, n_channels)
        Row: channel of the estimate; column: channel of the reference.
    """
    n_starts = len(reach) - len(estimate) + 1
    size = fft.next_fast_len(len(reach), real=True)
    ahead = fft.rfft(reach, size, axis=0)
    behind = np.conj(fft.rfft(estimate, size, axis=0))
    products = fft.irfft(behind[:, :, np.newaxis] * ahead[:, np.newaxis, :], size, axis=0)[:n_starts]
    return np.asarray(np.argmax(np.abs(products), axis=0))


METRIC = Metric(
    id="spatial",
    label="Spatial and residual distortion",
    quantities=(
        QuantityRecord("SSR", "dB", True, "energy of the reference over the energy of the spatial error"),
        QuantityRecord("SRR", "dB", True, "energy of the spatial model over the energy of the residual"),
    ),
    scope="target",
    version="1",
    citation="Watcharasupat, Lerch 2024, Quantifying Spatial Audio Quality Impairment, arXiv 2306.08053",
    parameters=("window_s", "hop_s", "max_delay_s"),
    function=spatial_ratios,
)
