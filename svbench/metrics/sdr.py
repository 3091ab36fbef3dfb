"""Whole-track SDR, plain or with a constant on both sums or in the logarithm (uSDR, global SDR, nSDR).

No filters are involved: the plain ratio of energies over all samples and channels.
"""

from __future__ import annotations

import math

import numpy as np

from svbench.metrics.energies import frame_energies
from svbench.metrics.frames import frame_bounds
from svbench.metrics.record import Metric, QuantityRecord
from svbench.metrics.result import MetricResult, whole_track
from svbench.metrics.signals import SignalPair, Signals


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
