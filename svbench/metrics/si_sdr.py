"""Scale-invariant SI-SDR, SI-SIR, SI-SAR, and SD-SDR: one gain per target (or per channel), no filters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from svbench.errors import AudioError
from svbench.metrics.inputs import check_pair
from svbench.metrics.record import Metric, QuantityRecord
from svbench.metrics.result import Floats, MetricResult, whole_track

QUANTITIES = (
    QuantityRecord("SI-SDR", "dB", True, "energy of the scaled reference over the energy of the residual"),
    QuantityRecord("SI-SIR", "dB", True, "energy of the scaled reference over the energy of interference"),
    QuantityRecord("SI-SAR", "dB", True, "energy of the scaled reference over the energy of artefacts"),
    QuantityRecord("SD-SDR", "dB", True, "energy of the scaled reference over the energy of the whole error"),
)

# Directions of the references' span with less than this share of the strongest are rounding.
_DEPENDENT = 1e-12

# Samples worked on at once: small enough for the cache.
_BLOCK = 1 << 14


def si_sdr(
    references: Floats,
    estimates: Floats,
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
    references, estimates : ndarray, shape (n_targets, n_samples, n_channels)
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
        Shapes differ, samples are not finite floats, or a parameter makes no sense.

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
    check_pair(references, estimates)
    if channels not in ("joint", "each"):
        raise AudioError(f"channels must be 'joint' or 'each', not {channels!r}")
    if not delta >= 0:
        raise AudioError(f"delta must not be negative, and it is {delta}")
    parts = [slice(None)] if channels == "joint" else [slice(c, c + 1) for c in range(references.shape[2])]
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = [_scores(references[..., part], estimates[..., part], delta) for part in parts]
        # The mean of +inf and −inf is NaN, as it should be.
        mean = np.sum(scores, axis=0) / len(scores)
    values = {quantity.name: row for quantity, row in zip(QUANTITIES, mean, strict=True)}
    return whole_track(values, references.shape[1], rate_hz)


def _scores(references: Floats, estimates: Floats, delta: float) -> Floats:
    """Rows as in QUANTITIES, shape (4, n_targets), of channels that share one gain."""
    own, cross = _inner_products(references, estimates)
    energy = np.diagonal(own)
    gain = np.diagonal(cross) / (energy + delta)
    weights = _interference_weights(own, cross, gain)
    unwanted = _unwanted_energies(references, estimates, gain, weights)
    return np.asarray(10 * np.log10((gain**2 * energy + delta) / (unwanted + delta)))


def _inner_products(references: Floats, estimates: Floats) -> tuple[Floats, Floats]:
    """Inner products (n_targets, n_targets) of references, and of references (rows) with estimates."""
    n_targets = len(references)
    own, cross = np.zeros((2, n_targets, n_targets))
    for s, e in _blocks(references, estimates):
        for i in range(n_targets):
            for j in range(n_targets):
                # One routine for both products, so that an equal estimate has a gain of exactly 1.
                cross[i, j] += np.vdot(s[i], e[j])
                if i <= j:
                    own[i, j] += np.vdot(s[i], s[j])
    return np.triu(own) + np.triu(own, 1).T, cross


def _interference_weights(own: Floats, cross: Floats, gain: Floats) -> Floats:
    """Weights (n_targets, n_targets): row j mixes the references into the interference of target j."""
    size = np.sqrt(np.diagonal(own))
    size[size == 0] = 1.0  # a silent reference explains nothing, and divides nothing
    correlation = own / np.outer(size, size)
    weights = np.zeros_like(own)
    for j in np.flatnonzero(np.isfinite(gain)):
        residual = (cross[:, j] - gain[j] * own[:, j]) / size
        residual[j] = 0.0  # orthogonal by construction, up to rounding
        weights[j] = np.linalg.lstsq(correlation, residual, rcond=_DEPENDENT)[0] / size
    return weights


def _unwanted_energies(references: Floats, estimates: Floats, gain: Floats, weights: Floats) -> Floats:
    """Energies of residual, interference, artefacts and whole error, shape (4, n_targets)."""
    energies = np.zeros((4, len(references)))
    for s, e in _blocks(references, estimates):
        residual = e - gain[:, np.newaxis] * s
        interference = weights @ s
        for row, part in enumerate((residual, interference, residual - interference, e - s)):
            energies[row] += np.einsum("js,js->j", part, part)
    energies[1:3, np.isnan(gain)] = np.nan
    return energies


def _blocks(references: Floats, estimates: Floats) -> Iterator[tuple[NDArray[np.float64], ...]]:
    """Yield references and estimates as (n_targets, block) with channels laid out in a row."""
    n_targets, n_samples, n_channels = references.shape
    step = max(1, _BLOCK // n_channels)
    for start in range(0, n_samples, step):
        yield tuple(
            np.ascontiguousarray(side[:, start : start + step], dtype=np.float64).reshape(n_targets, -1)
            for side in (references, estimates)
        )


METRIC = Metric(
    id="si-sdr",
    label="Scale-invariant SDR, SIR, SAR and scale-dependent SDR",
    quantities=QUANTITIES,
    scope="target set",
    version="1",
    citation="Le Roux, Wisdom, Erdogan, Hershey 2019, SDR – half-baked or well done?",
    parameters=("channels", "delta"),
    function=si_sdr,
)
