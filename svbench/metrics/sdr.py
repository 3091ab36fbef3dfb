"""Signal-to-distortion ratio (SDR) without filters, over the whole track or in frames.

`usdr` gives one number per track (uSDR, global SDR, nSDR, with the constants that papers add). `frame_sdr` is
the SDR of BSS Eval v4 at the cost of two sums of squares. `complement_sdr` is the cSDR of DTTNet, which is
defined only where the complement of the target sounds too. All three are ratios of the `frame_energies` of
references and errors: nothing is transformed or filtered, and reading the signals takes a third of the time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from svbench.errors import AudioError
from svbench.metrics.contract import (
    Metric,
    MetricResult,
    QuantityRecord,
    frame_bounds,
    in_frames,
    whole_track,
)
from svbench.metrics.signals import Floats, SignalPair, Signals, check_mixture

# Samples read at once: long enough to read fast, short enough that two blocks stay in the cache. The size
# also fixes the order of additions, and so the last bits of every SDR.
_BLOCK = 1 << 16

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
    return in_frames({"SDR": values}, bounds, rate_hz)


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
    check_mixture(references, mixture)
    bounds = frame_bounds(references.shape[1], rate_hz, window_s, hop_s)
    energies = frame_energies(pair, bounds)
    mixtures = np.broadcast_to(mixture, references.shape)
    complement = frame_energies(SignalPair(mixtures, references, rate_hz), bounds).difference
    values = energies.sdr
    values[(energies.reference == 0) | (complement == 0)] = np.nan
    return in_frames({"SDR": values}, bounds, rate_hz)


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


@dataclass(frozen=True, eq=False)
class FrameEnergies:
    """Sums over the samples and channels of each frame.

    Attributes
    ----------
    reference, difference : ndarray, shape (n_targets, n_frames)
        Σ s² and Σ (e − s)².
    active : ndarray of bool, shape (n_frames,)
        False where the channels of any reference or any estimate sum to zero everywhere.
    """

    reference: Floats
    difference: Floats
    active: NDArray[np.bool_]

    @property
    def sdr(self) -> Floats:
        """10 log10(Σs²/Σ(e − s)²) with the IEEE values of the formula, shape (n_targets, n_frames)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(10 * np.log10(self.reference / self.difference))


def frame_energies(pair: SignalPair, bounds: NDArray[np.int64]) -> FrameEnergies:
    """Sum squares of references and errors over each frame, in one pass over the signals.

    Parameters
    ----------
    pair : SignalPair
    bounds : ndarray of int, shape (n_frames, 2)
        From `svbench.metrics.contract.frame_bounds`.

    Returns
    -------
    FrameEnergies

    Raises
    ------
    AudioError
        A sample is NaN, infinite, or too loud to be squared.

    Examples
    --------
    >>> s = np.ones((1, 4, 2))
    >>> frame_energies(SignalPair(s, 0.5 * s, 4), np.array([[0, 4]])).sdr.round(2).tolist()
    [[6.02]]
    """
    sums = np.zeros((2, pair.n_targets, len(bounds)))
    active = np.zeros((2, pair.n_targets, len(bounds)), dtype=bool)
    buffers = np.empty((2, _BLOCK * pair.n_channels))
    for frame, (first, last) in enumerate(bounds.tolist()):
        for *sides, scale in pair.blocks(first, last, _BLOCK):
            for target, (s, e) in enumerate(zip(*sides, strict=True)):
                active[:, target, frame] |= _sounds(s), _sounds(e)
                wide, difference = buffers[:, : s.size]
                wide[...] = s.ravel()
                np.subtract(e.ravel(), wide, out=difference)
                with np.errstate(over="ignore", invalid="ignore"):  # checked below, once for all frames
                    # A pairwise sum, unlike a BLAS dot product, gives the same bits on every machine.
                    sums[0, target, frame] += scale * np.square(wide, out=wide).sum()
                    sums[1, target, frame] += scale * np.square(difference, out=difference).sum()
    bad = np.flatnonzero(~np.isfinite(sums).all(axis=(0, 1)))
    if bad.size:
        pair.refuse_not_finite(*bounds[bad[0]].tolist())
    all_active: NDArray[np.bool_] = np.all(active, axis=(0, 1))
    return FrameEnergies(sums[0], sums[1], all_active)


def _sounds(block: NDArray[Any]) -> bool:
    # Almost every block sounds within its first few samples, which spares summing all of them.
    return bool(block[:64].sum(axis=1).any() or block.sum(axis=1).any())
