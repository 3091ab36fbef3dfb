"""SDR without filters, over the whole track or in frames: the plain ratio of energies.

`usdr` is one number per track (uSDR, global SDR, nSDR, with the constants that papers add). `frame_sdr` is
the SDR of BSS Eval v4 at the cost of two sums of squares. `complement_sdr` also needs the complement of the
target to sound (cSDR of DTTNet).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from svbench.errors import AudioError
from svbench.metrics.contract import Floats, Metric, MetricResult, QuantityRecord, frame_bounds, whole_track
from svbench.metrics.energies import frame_energies
from svbench.metrics.signals import SignalPair, Signals

SDR = QuantityRecord("SDR", "dB", True, "energy of the reference over the energy of the whole error")


def usdr(
    references: Signals, estimates: Signals, *, rate_hz: float, delta: float = 0.0, log_delta: float = 0.0
) -> MetricResult:
    """Ratio of energies 10 log10((Σs² + δ)/(Σ(s − e)² + δ) + ε) over whole signals.

    Parameters
    ----------
    references, estimates : ndarray, shape (n_targets, n_samples, n_channels), or SignalBlocks
    rate_hz : float
    delta : float
        The constant δ; 1e-7 in the Music Demixing Challenge. With 0 a perfect estimate gives
        +inf and a silent reference −inf, or NaN when both are silent.
    log_delta : float
        The constant ε; 1e-10 in KUIELab-MDX-Net, where a silent reference then gives −100 dB.

    Returns
    -------
    MetricResult
        ``uSDR`` in dB, one frame per target.

    Raises
    ------
    AudioError
        Shapes differ, or samples are not finite audio.

    Notes
    -----
    Behaviour matched: ``sdr`` in kuielab/mdx-net ``src/utils/utils.py`` for ``log_delta=1e-10``,
    in ZFTurbo/Music-Source-Separation-Training ``utils/metrics.py`` for ``delta=1e-8``.

    References
    ----------
    Mitsufuji et al., "Music Demixing Challenge 2021", Frontiers in Signal Processing 1, 2022, eq. (1).

    Examples
    --------
    >>> s = np.ones((1, 100, 1))
    >>> float(usdr(s, 0.9 * s, rate_hz=100).values["uSDR"][0, 0])
    20.0
    """
    pair = SignalPair(references, estimates, rate_hz)
    sums = frame_energies(pair, frame_bounds(pair.n_samples, rate_hz, math.inf, math.inf))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = 10 * np.log10((sums.reference + delta) / (sums.difference + delta) + log_delta)
    return whole_track({"uSDR": values[:, 0]}, pair.n_samples, rate_hz)


METRIC = Metric(
    id="sdr",
    label="SDR of the whole track",
    quantities=(QuantityRecord("uSDR", "dB", True, "energy of the reference over the energy of the error"),),
    scope="target",
    version="1",
    citation="Mitsufuji et al. 2022, Music Demixing Challenge 2021, eq. (1)",
    parameters=("delta", "log_delta"),
    function=usdr,
    streams=True,
)


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
        Length of a frame and distance of two, see `svbench.metrics.contract.frame_bounds`.
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


FRAMES = Metric(
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
        Length of a frame and distance of two, see `svbench.metrics.contract.frame_bounds`.

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


COMPLEMENT = Metric(
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
