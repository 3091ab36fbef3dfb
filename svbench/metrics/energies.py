"""Energies of references and errors, frame by frame in one pass, and their ratio in decibels.

This is all that plain SDR needs. Nothing is transformed or filtered, and reading the signals takes a third
of the time. Sums of 16-bit samples are exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from svbench.errors import AudioError
from svbench.metrics.signals import FULL_SCALE, Floats, SignalPair

# Samples read at once: long enough to read fast, short enough that two blocks stay in cache.
_BLOCK = 1 << 16

# 240 dB below the signal nothing is left but the rounding of double precision.
_ROUNDING = 1e-24


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
    """Sum over frames.

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
        A sample is NaN or infinite, or too loud to be squared.

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
        for start in range(first, last, _BLOCK):
            stop = min(start + _BLOCK, last)
            _add(pair, start, stop, sums[..., frame], active[..., frame], buffers)
    bad = np.flatnonzero(~np.isfinite(sums).all(axis=(0, 1)))
    if bad.size:
        _refuse(pair, *bounds[bad[0]].tolist())
    all_active: NDArray[np.bool_] = np.all(active, axis=(0, 1))
    return FrameEnergies(sums[0], sums[1], all_active)


def _add(
    pair: SignalPair, start: int, stop: int, sums: Floats, active: NDArray[np.bool_], buffers: Floats
) -> None:
    sides = pair.read(start, stop)
    scale = 1.0
    if sides[0].dtype == sides[1].dtype and sides[0].dtype in FULL_SCALE:
        scale = FULL_SCALE[sides[0].dtype] ** -2  # a power of two: the sums stay exact
    elif sides[0].dtype in FULL_SCALE or sides[1].dtype in FULL_SCALE:
        sides = pair.floats(start, stop)
    for target, (s, e) in enumerate(zip(*sides, strict=True)):
        active[0, target] |= _sounds(s)
        active[1, target] |= _sounds(e)
        wide, difference = buffers[:, : s.size]
        wide[...] = s.ravel()
        np.subtract(e.ravel(), wide, out=difference)
        with np.errstate(over="ignore", invalid="ignore"):  # checked once, after all frames are summed
            # A pairwise sum, unlike a BLAS dot product, gives the same bits on every machine.
            sums[0, target] += scale * np.square(wide, out=wide).sum()
            sums[1, target] += scale * np.square(difference, out=difference).sum()


def _sounds(block: NDArray[Any]) -> bool:
    # The first few samples decide almost every block.
    return bool(block[:64].sum(axis=1).any() or block.sum(axis=1).any())


def _refuse(pair: SignalPair, start: int, stop: int) -> NoReturn:
    """Raise, naming the signal that made the sums of a frame infinite or NaN."""
    loaded = np.empty((stop - start, 2 * pair.width))
    pair.refuse_not_finite(pair.load(start, stop, loaded), start)
    raise AudioError(f"the samples from {start / pair.rate_hz:.3f} s on are too loud to be squared and added")


def ratio_db(wanted: float, unwanted: float) -> float:
    """Ten times the logarithm of a ratio of energies.

    An unwanted energy more than 240 dB below the wanted one is rounding and counts as none.

    Returns
    -------
    float
        dB; +inf without unwanted energy, −inf without wanted energy, NaN without either.

    Examples
    --------
    >>> ratio_db(1.0, 0.01), ratio_db(1.0, 1e-30), ratio_db(0.0, 1.0), ratio_db(0.0, 0.0)
    (20.0, inf, -inf, nan)
    """
    if unwanted <= _ROUNDING * wanted:
        return math.inf if wanted > 0 else math.nan
    return 10 * math.log10(wanted / unwanted) if wanted > 0 else -math.inf
