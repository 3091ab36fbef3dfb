"""Whole-track SDR, plain or with a constant on both sums or in the logarithm (uSDR, global SDR, nSDR).

No filters are involved: the plain ratio of energies over all samples and channels.
"""

from __future__ import annotations

import numpy as np

from svbench.metrics.inputs import check_pair
from svbench.metrics.record import Metric, QuantityRecord
from svbench.metrics.result import Floats, MetricResult, whole_track


def usdr(
    references: Floats, estimates: Floats, *, rate_hz: float, delta: float = 0.0, log_delta: float = 0.0
) -> MetricResult:
    """Ratio of energies 10 log10((Σs² + δ)/(Σ(s − e)² + δ) + ε) over whole signals.

    Parameters
    ----------
    references, estimates : ndarray, shape (n_targets, n_samples, n_channels)
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
        Shapes differ, or samples are not finite floats.

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
    check_pair(references, estimates)
    signal = _energies(references)
    error = np.array([_energy(s - e) for s, e in zip(_wide(references), _wide(estimates), strict=True)])
    with np.errstate(divide="ignore", invalid="ignore"):
        values = 10 * np.log10((signal + delta) / (error + delta) + log_delta)
    return whole_track({"uSDR": values}, references.shape[1], rate_hz)


def _wide(signals: Floats) -> list[Floats]:
    return [s.astype(np.float64, copy=False) for s in signals]


def _energies(signals: Floats) -> Floats:
    return np.array([_energy(s) for s in _wide(signals)])


def _energy(signal: Floats) -> float:
    # A pairwise sum, unlike a BLAS dot product, gives the same bits on every machine.
    return float(np.sum(np.square(signal)))


METRIC = Metric(
    id="sdr",
    label="SDR of the whole track",
    quantities=(QuantityRecord("uSDR", "dB", True, "energy of the reference over the energy of the error"),),
    scope="target",
    version="1",
    citation="Mitsufuji et al. 2022, Music Demixing Challenge 2021, eq. (1)",
    parameters=("delta", "log_delta"),
    function=usdr,
)
