"""SDR in frames, without filters: the SDR of BSS Eval v4 at the price of two sums of squares."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from svbench.errors import AudioError
from svbench.metrics.energies import frame_energies
from svbench.metrics.frames import frame_bounds
from svbench.metrics.record import Metric, QuantityRecord
from svbench.metrics.result import Floats, MetricResult
from svbench.metrics.signals import SignalPair, Signals

SDR = QuantityRecord("SDR", "dB", True, "energy of the reference over the energy of the whole error")


def frame_sdr(
    references: Signals,
    estimates: Signals,
    *,
    rate_hz: float,
    window_s: float = 1.0,
    hop_s: float = 1.0,
    silence: Literal["formula", "bss-eval"] = "formula",
) -> MetricResult:
    """Ratio of energies 10 log10(Σs²/Σ(s − e)²) over all samples and channels of each frame.

    Parameters
    ----------
    references, estimates : ndarray, shape (n_targets, n_samples, n_channels), or SignalBlocks
    rate_hz : float
    window_s, hop_s : float
        Length of a frame and distance of two, see `svbench.metrics.frames.frame_bounds`.
    silence : {"formula", "bss-eval"}
        What a frame with a silent signal is worth. ``"formula"``: what the ratio gives,
        −inf for a silent reference, NaN when the estimate is silent too, 0 dB for a silent
        estimate of a sounding reference. ``"bss-eval"``: NaN for *all* targets as soon as the
        channels of any reference or any estimate sum to zero everywhere, also when left and
        right merely cancel.

    Returns
    -------
    MetricResult
        ``SDR`` in dB; +inf where estimate and reference are equal.

    Raises
    ------
    AudioError
        Shapes differ, samples are not finite audio, or a parameter makes no sense.

    Notes
    -----
    With ``silence="bss-eval"`` this is the SDR of BSS Eval v4. There the estimate is written
    e = s + e_spat + e_interf + e_artif and SDR = ‖s‖²/‖e_spat + e_interf + e_artif‖²; that sum is
    e − s whatever the filters are. They matter for ISR, SIR and SAR only. Behaviour matched:
    ``bss_eval`` in sigsep/sigsep-mus-eval ``museval/metrics.py``, version 0.4.1.

    References
    ----------
    E. Vincent, R. Gribonval, C. Févotte, "Performance measurement in blind audio source
    separation", IEEE TASLP 14(4), 2006.

    Examples
    --------
    >>> s = np.ones((1, 300, 1))
    >>> e = s * np.repeat([0.9, 1.0, 0.0], 100)[:, np.newaxis]
    >>> frame_sdr(s, e, rate_hz=100).values["SDR"][0].round(6).tolist()
    [20.0, inf, 0.0]
    >>> frame_sdr(s, e, rate_hz=100, silence="bss-eval").values["SDR"][0].round(6).tolist()
    [20.0, inf, nan]
    """
    if silence not in ("formula", "bss-eval"):
        raise AudioError(f"silence must be 'formula' or 'bss-eval', not {silence!r}")
    pair = SignalPair(references, estimates, rate_hz)
    bounds = frame_bounds(pair.n_samples, rate_hz, window_s, hop_s)
    energies = frame_energies(pair, bounds)
    values = energies.sdr
    if silence == "bss-eval":
        values[:, ~energies.active] = np.nan
    return in_frames(values, bounds, rate_hz)


def in_frames(values: Floats, bounds: NDArray[np.int64], rate_hz: float) -> MetricResult:
    """Wrap one SDR per target and frame."""
    return MetricResult({SDR.name: values}, bounds[:, 0] / rate_hz, (bounds[:, 1] - bounds[:, 0]) / rate_hz)


METRIC = Metric(
    id="frame-sdr",
    label="SDR in frames",
    quantities=(SDR,),
    scope="target set",
    version="1",
    citation="Vincent, Gribonval, Févotte 2006",
    parameters=("window_s", "hop_s", "silence"),
    function=frame_sdr,
    streams=True,
)
