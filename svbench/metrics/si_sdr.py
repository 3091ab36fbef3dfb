"""Scale-invariant SI-SDR, SI-SIR, SI-SAR, and SD-SDR: one gain per target (or per channel), no filters.

The second metric of this module scores the left and the right channel separately.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from svbench.errors import AudioError
from svbench.metrics.contract import (
    Metric,
    MetricResult,
    QuantityRecord,
    frame_bounds,
    in_frames,
    whole_track,
)
from svbench.metrics.signals import Floats, SignalPair, Signals, check_pair, ratio_db

QUANTITIES = (
    QuantityRecord("SI-SDR", "dB", True, "energy of the scaled reference over the energy of the residual"),
    QuantityRecord("SI-SIR", "dB", True, "energy of the scaled reference over the energy of interference"),
    QuantityRecord("SI-SAR", "dB", True, "energy of the scaled reference over the energy of artefacts"),
    QuantityRecord("SD-SDR", "dB", True, "energy of the scaled reference over the energy of the whole error"),
)

# Cut-off of the least squares for SI-SIR, relative to the largest singular value: what is weaker is rounding
# (two references that are copies of one another, or a silent one).
_DEPENDENT = 1e-12

# A difference of energies below this share of its terms has lost about 6 of the 16 digits of a double to
# cancellation; the energies are then measured on the signals, in a second pass.
_DOUBT = 1e-6

# Samples worked on at once: small enough for the cache.
_BLOCK = 1 << 14

Measure = Literal["si-sdr", "sdr"]


def si_sdr(
    references: Signals,
    estimates: Signals,
    *,
    rate_hz: float,
    channels: Literal["joint", "each"] = "joint",
    delta: float = 0.0,
) -> MetricResult:
    """Compare estimates with the best scaled references over whole signals.

    With α = ⟨e, s⟩/‖s‖² the residual αs − e is split into interference, its projection on the
    span of all references of the set, and artefacts, the rest. As the residual is orthogonal
    to s, interference is what the *other* references explain. Then::

        SI-SDR = ‖αs‖²/‖αs − e‖²    SI-SIR = ‖αs‖²/‖interference‖²
        SD-SDR = ‖αs‖²/‖s − e‖²     SI-SAR = ‖αs‖²/‖artefacts‖²

    in decibels. No mean is removed from the signals.

    Parameters
    ----------
    references, estimates : ndarray, shape (n_targets, n_samples, n_channels), or SignalBlocks
    rate_hz : float
    channels : {"joint", "each"}
        One α for all channels, which then count as one long signal; or every channel scored by
        itself with an α of its own, and the mean of the channels' decibels.
    delta : float
        Added to ‖s‖² in α and to both sides of every ratio; 1e-7 in the SiSEC 2021 code.

    Returns
    -------
    MetricResult
        Four quantities in dB, one frame per target. With ``delta=0``: an estimate equal to the
        reference gives +inf for all four; a silent estimate −inf for SD-SDR and NaN for the
        others; a silent reference NaN; an estimate orthogonal to the reference −inf (SI-SIR NaN
        if it holds no interference either). SI-SIR is +inf in a set of one target. With
        ``channels="each"`` one NaN channel makes the target NaN.

    Raises
    ------
    AudioError
        Shapes differ, samples are not finite audio, or a parameter makes no sense.

    References
    ----------
    J. Le Roux, S. Wisdom, H. Erdogan, J. R. Hershey, "SDR – half-baked or well done?",
    ICASSP 2019. With ``delta``: ``GlobalSISDR`` of the SiSEC 2021 evaluation code.

    Examples
    --------
    >>> vocals, drums, clicks = np.array([[1.0, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1]])
    >>> s = np.stack([vocals, drums])[:, :, np.newaxis]
    >>> e = np.stack([0.5 * vocals + 0.05 * drums + 0.025 * clicks, drums])[:, :, np.newaxis]
    >>> found = si_sdr(s, e, rate_hz=4).values
    >>> {name: found[name][0, 0].round(2).item() for name in found}
    {'SI-SDR': 19.03, 'SI-SIR': 20.0, 'SI-SAR': 26.02, 'SD-SDR': -0.05}
    """
    if channels not in ("joint", "each"):
        raise AudioError(f"channels must be 'joint' or 'each', not {channels!r}")
    if not delta >= 0:
        raise AudioError(f"delta must not be negative, and it is {delta}")
    pair = SignalPair(references, estimates, rate_hz)
    parts = [slice(None)] if channels == "joint" else [slice(c, c + 1) for c in range(pair.n_channels)]
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = [_scores(pair, products, part, delta) for part, products in _products(pair, parts)]
        # The mean of +inf and −inf is NaN, as it should be.
        mean = np.sum(scores, axis=0) / len(scores)
    values = {quantity.name: row for quantity, row in zip(QUANTITIES, mean, strict=True)}
    return whole_track(values, pair.n_samples, rate_hz)


@dataclass(frozen=True, eq=False)
class _Products:
    """Inner products over all samples; row i is reference s_i, d_j is estimate − reference.

    All have shape (n_targets, n_targets) but `error`, which is (n_targets,).
    """

    own: Floats  # ⟨s_i, s_j⟩
    cross: Floats  # ⟨s_i, e_j⟩
    difference: Floats  # ⟨s_i, d_j⟩
    error: Floats  # ⟨d_j, d_j⟩


def _products(pair: SignalPair, parts: list[slice]) -> list[tuple[slice, _Products]]:
    """Inner products of each group of channels, in one pass over the signals."""
    n = pair.n_targets
    sums = np.zeros((len(parts), 2, n, n))
    diagonals = np.zeros((len(parts), 4, n))
    for s, e, scale in _blocks(pair):
        for index, part in enumerate(parts):
            own, estimate = s[..., part].reshape(n, -1), e[..., part].reshape(n, -1)
            difference = estimate - own
            sums[index, 0] += scale * (own @ own.T)
            sums[index, 1] += scale * (own @ estimate.T)
            for j in range(n):
                pairs = (own, own), (own, estimate), (own, difference), (difference, difference)
                diagonals[index, :, j] += [scale * np.vdot(a[j], b[j]) for a, b in pairs]
    if not (np.isfinite(sums).all() and np.isfinite(diagonals).all()):
        pair.refuse_not_finite(0, pair.n_samples)
    # BLAS rounds each matrix product differently. The diagonals must be rounded alike, or the gain of a
    # flipped reference would be almost, but not exactly, −1 and its SI-SDR finite instead of infinite.
    totals = np.concatenate([sums, sums[:, 1:] - sums[:, :1]], axis=1)
    totals[..., np.arange(n), np.arange(n)] = diagonals[:, :3]
    return [
        (part, _Products(total[0], total[1], total[2], diagonal[3]))
        for part, total, diagonal in zip(parts, totals, diagonals, strict=True)
    ]


def _scores(pair: SignalPair, products: _Products, part: slice, delta: float) -> Floats:
    """Rows as in QUANTITIES, shape (4, n_targets), of channels that share one gain."""
    energy = np.diagonal(products.own)
    gain = np.diagonal(products.cross) / (energy + delta)
    # The residual e − αs is also d + (1 − α)s; of the two, take the one in which less cancels.
    near = np.abs(gain - 1) < 0.5
    excess = np.where(near, (delta - np.diagonal(products.difference)) / (energy + delta), 1 - gain)
    residuals = np.where(
        near, products.difference + excess * products.own, products.cross - gain * products.own
    )
    weights = _interference_weights(products.own, residuals)
    unwanted, doubt = _unwanted_energies(products, excess, weights)
    if doubt:
        unwanted[:3] = _measured_energies(pair, part, gain, weights)
    unwanted[1:3, unwanted[0] == 0] = 0.0  # what is not there has no parts, whatever rounding says
    unwanted[1:3, np.isnan(gain)] = np.nan
    return np.asarray(10 * np.log10((gain**2 * energy + delta) / (unwanted + delta)))


def _interference_weights(own: Floats, residuals: Floats) -> Floats:
    """Weights (n_targets, n_targets): row j mixes the references into the interference of target j.

    ``residuals`` holds the inner products of references (rows) with residuals (columns).
    """
    size = np.sqrt(np.diagonal(own))
    size[size == 0] = 1.0  # a silent reference explains nothing, and divides nothing
    correlation = own / np.outer(size, size)
    weights = np.zeros_like(own)
    for j in np.flatnonzero(np.isfinite(residuals).all(axis=0)):
        residual = residuals[:, j] / size
        residual[j] = 0.0  # orthogonal by construction, up to rounding
        weights[j] = np.linalg.lstsq(correlation, residual, rcond=_DEPENDENT)[0] / size
    return weights


def _unwanted_energies(products: _Products, excess: Floats, weights: Floats) -> tuple[Floats, bool]:
    """Energies of residual, interference, artefacts and whole error (4, n_targets), and a doubt.

    They are computed from the inner products. Where large terms cancel, only rounding is left; the doubt is
    then true, and the caller must measure the energies on the signals.
    """
    energy = np.diagonal(products.own)
    cancelling = excess * np.diagonal(products.difference)
    residual = products.error + 2 * cancelling + excess**2 * energy
    interference = np.einsum("ji,ik,jk->j", weights, products.own, weights)
    artefacts = residual - interference
    size = products.error + excess**2 * energy
    doubt = bool(np.any(np.minimum(residual, artefacts) < _DOUBT * size))
    return np.stack([residual, interference, artefacts, products.error]), doubt


def _measured_energies(pair: SignalPair, part: slice, gain: Floats, weights: Floats) -> Floats:
    """Energies of residual, interference and artefacts, shape (3, n_targets), from the signals."""
    energies = np.zeros((3, pair.n_targets))
    for s, e, scale in _blocks(pair):
        own, estimate = s[..., part].reshape(len(s), -1), e[..., part].reshape(len(s), -1)
        residual = estimate - gain[:, np.newaxis] * own
        interference = weights @ own
        for row, signal in enumerate((residual, interference, residual - interference)):
            energies[row] += scale * np.einsum("js,js->j", signal, signal)
    return energies


def _blocks(pair: SignalPair) -> Iterator[tuple[Floats, Floats, float]]:
    """Yield references and estimates, shape (n_targets, n, n_channels), and the factor on their products."""
    for s, e, scale in pair.blocks(0, pair.n_samples, _BLOCK):
        yield s.astype(np.float64, copy=False), e.astype(np.float64, copy=False), scale


METRIC = Metric(
    id="si-sdr",
    label="Scale-invariant SDR, SIR, SAR and scale-dependent SDR",
    quantities=QUANTITIES,
    scope="target set",
    version="1",
    citation="Le Roux, Wisdom, Erdogan, Hershey 2019, SDR – half-baked or well done?",
    parameters=("channels", "delta"),
    function=si_sdr,
    streams=True,
)


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
    return in_frames({"SI-SDR_left": scores[..., 0], "SI-SDR_right": scores[..., 1]}, bounds, rate_hz)


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


CHANNELS = Metric(
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
