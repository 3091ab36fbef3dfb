"""SDR in frames, without filters: the SDR of BSS Eval v4 at the price of two sums of squares."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from svbench.errors import AudioError
from svbench.metrics.frames import frame_bounds
from svbench.metrics.inputs import check_pair
from svbench.metrics.record import Metric, QuantityRecord
from svbench.metrics.result import Floats, MetricResult

SDR = QuantityRecord("SDR", "dB", True, "energy of the reference over the energy of the whole error")


def frame_sdr(
    references: Floats,
    estimates: Floats,
    *,
    rate_hz: float,
    window_s: float = 1.0,
    hop_s: float = 1.0,
    silence: Literal["formula", "bss-eval"] = "formula",
) -> MetricResult:
    """Ratio of energies 10 log10(Σs²/Σ(s − e)²) over all samples and channels of each frame.

    Parameters
    ----------
    references, estimates : ndarray, shape (n_targets, n_samples, n_channels)
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
        Shapes differ, samples are not finite floats, or a parameter makes no sense.

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
    check_pair(references, estimates)
    if silence not in ("formula", "bss-eval"):
        raise AudioError(f"silence must be 'formula' or 'bss-eval', not {silence!r}")
    bounds = frame_bounds(references.shape[1], rate_hz, window_s, hop_s)
    values = decibels(frame_energies(references, bounds), error_energies(references, estimates, bounds))
    if silence == "bss-eval":
        values[:, _any_silent(references, bounds) | _any_silent(estimates, bounds)] = np.nan
    return in_frames(values, bounds, rate_hz)


def frame_energies(signals: Floats, bounds: NDArray[np.int64]) -> Floats:
    """Sum the squares of each signal in each frame, shape (n_targets, n_frames)."""
    return np.array([[_energy(_wide(signal[a:b])) for a, b in bounds] for signal in signals])


def error_energies(references: Floats, estimates: Floats, bounds: NDArray[np.int64]) -> Floats:
    """Sum the squares of reference − estimate in each frame, shape (n_targets, n_frames)."""
    # Frame by frame the difference stays in the cache and takes no memory worth naming.
    return np.array(
        [
            [_energy(_wide(s[a:b]) - _wide(e[a:b])) for a, b in bounds]
            for s, e in zip(references, estimates, strict=True)
        ]
    )


def decibels(signal: Floats, error: Floats) -> Floats:
    """Ten times the logarithm of a ratio of energies, with the IEEE values of the formula."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(10 * np.log10(signal / error))


def in_frames(values: Floats, bounds: NDArray[np.int64], rate_hz: float) -> MetricResult:
    """Wrap one SDR per target and frame."""
    return MetricResult({SDR.name: values}, bounds[:, 0] / rate_hz, (bounds[:, 1] - bounds[:, 0]) / rate_hz)


def _any_silent(signals: Floats, bounds: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.array([not all(_sounds(s[a:b]) for s in signals) for a, b in bounds])


def _sounds(frame: Floats) -> bool:
    # A few samples settle it for almost every frame.
    return bool(frame[:64].sum(axis=1).any() or frame.sum(axis=1).any())


def _wide(signal: Floats) -> Floats:
    return signal.astype(np.float64, copy=False)


def _energy(signal: Floats) -> float:
    # A pairwise sum, unlike a BLAS dot product, gives the same bits on every machine.
    return float(np.sum(np.square(signal)))


METRIC = Metric(
    id="frame-sdr",
    label="SDR in frames",
    quantities=(SDR,),
    scope="target set",
    version="1",
    citation="Vincent, Gribonval, Févotte 2006",
    parameters=("window_s", "hop_s", "silence"),
    function=frame_sdr,
)
