"""Energies of references and errors, frame by frame in one pass: all that SDR and SI-SDR need.

Nothing is transformed or filtered, so reading the signals is half of the cost. Sums of 16-bit
samples are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from svbench.errors import AudioError
from svbench.metrics.signals import FULL_SCALE, Floats, SignalPair

# Samples read at once: long enough to read fast, short enough that two blocks stay in cache.
_BLOCK = 1 << 16


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over the samples of each frame, of reference s and difference d = estimate − reference.

    Attributes
    ----------
    reference : ndarray, shape (n_targets, n_frames)
        Σ s².
    difference : ndarray, shape (n_targets, n_frames)
        Σ d².
    cross : ndarray, shape (n_targets, n_frames)
        Σ s d.
    """

    reference: Floats
    difference: Floats
    cross: Floats

    @property
    def estimate(self) -> Floats:
        """Σ e², shape (n_targets, n_frames); a rounding error below zero is zero."""
        return np.maximum(self.reference + 2 * self.cross + self.difference, 0)


def moments(pair: SignalPair, bounds: NDArray[np.int64], *, channel: int | None = None) -> Moments:
    """Sum over frames.

    Parameters
    ----------
    pair : SignalPair
    bounds : ndarray of int, shape (n_frames, 2)
        From `svbench.metrics.frames.frame_bounds`.
    channel : int, optional
        Only this channel; all together by default.

    Returns
    -------
    Moments

    Raises
    ------
    AudioError
        A sample is NaN or infinite, or too loud to be squared.
    """
    sums = np.zeros((3, pair.n_targets, len(bounds)))
    buffers = np.empty((3, _BLOCK * (1 if channel is not None else pair.n_channels)))
    for frame, (first, last) in enumerate(bounds.tolist()):
        for start in range(first, last, _BLOCK):
            _add(pair, start, min(start + _BLOCK, last), channel, sums[:, :, frame], buffers)
    bad = np.flatnonzero(~np.isfinite(sums).all(axis=(0, 1)))
    if bad.size:
        _refuse(pair, *bounds[bad[0]].tolist())
    return Moments(*sums)


def _refuse(pair: SignalPair, start: int, stop: int) -> NoReturn:
    """Raise, naming the signal that made the sums of a frame infinite or NaN."""
    loaded = np.empty((stop - start, 2 * pair.width))
    pair.refuse_not_finite(pair.load(start, stop, loaded), start)
    raise AudioError(f"the samples from {start / pair.rate_hz:.3f} s on are too loud to be squared and added")


def _add(pair: SignalPair, start: int, stop: int, channel: int | None, sums: Floats, buffers: Floats) -> None:
    references, estimates = pair.read(start, stop)
    if references.dtype == estimates.dtype and references.dtype in FULL_SCALE:
        scale = FULL_SCALE[references.dtype] ** -2  # a power of two: the sums stay exact
    else:
        scale = 1.0
        references, estimates = _floats(references), _floats(estimates)
    if channel is not None:
        references, estimates = references[..., channel], estimates[..., channel]
    for target, (s, e) in enumerate(zip(references, estimates, strict=True)):
        wide, difference, product = buffers[:, : s.size]
        wide[...] = s.ravel()
        np.subtract(e.ravel(), wide, out=difference)
        with np.errstate(over="ignore", invalid="ignore"):  # looked for once all frames are summed
            sums[0, target] += scale * np.square(wide, out=product).sum()
            sums[1, target] += scale * np.square(difference, out=product).sum()
            # A pairwise sum, unlike a BLAS dot product, gives the same bits on every machine.
            sums[2, target] += scale * np.multiply(wide, difference, out=product).sum()


def _floats(signals: NDArray[np.float64]) -> Floats:
    wide = signals.astype(np.float64, copy=False)
    scale = FULL_SCALE.get(signals.dtype)
    return wide if scale is None else wide / scale
