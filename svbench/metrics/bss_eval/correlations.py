"""Correlations of references with references and estimates, stretch by stretch.

Everything BSS Eval needs of a stretch of audio is its correlations for lags 0 to
filter_length - 1: summed over the track they are the normal equations of the filters,
and in one frame they give every energy without filtering anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from svbench.metrics.signals import Floats, SignalPair

Pairs: TypeAlias = Sequence[tuple[int, int]]
"""The (reference, estimate) pairs to score, by target index."""

# Blocks transformed at once: their spectra (4 stereo targets) stay near the 2nd-level cache.
_BLOCKS = 8


@dataclass
class Correlations:
    """What is known of one stretch, taken as zero outside.

    Attributes
    ----------
    references : ndarray, shape (filter_length, width, width)
        ``[k, a, b]`` is the sum over n of x_a(n) x_b(n + k), x being the reference
        channels; width is n_targets * n_channels.
    estimates : ndarray, shape (filter_length, width, width)
        ``[k, a, b]`` is the sum over n of x_a(n) y_b(n + k), y being the estimate channels.
    difference_energy : ndarray, shape (n_pairs,)
        Energy of reference minus estimate.
    estimate_energy : ndarray, shape (n_targets,)
    active : ndarray of bool, shape (2 * n_targets,)
        Whether the sum of the channels is ever non-zero, references first.
    equal : ndarray of bool, shape (width, width)
        Which reference channels are the same in every sample, as those of a mono stem are.
    """

    references: Floats
    estimates: Floats
    difference_energy: Floats
    estimate_energy: Floats
    active: NDArray[np.bool_]
    equal: NDArray[np.bool_]

    def add(self, other: Correlations) -> None:
        """Add those of another stretch (products across the cut are not in either)."""
        self.references += other.references
        self.estimates += other.estimates
        self.difference_energy += other.difference_energy
        self.estimate_energy += other.estimate_energy
        self.active |= other.active
        self.equal &= other.equal


class Correlator:
    """Correlations by short FFTs, in buffers that are allocated once: one per thread.

    Parameters
    ----------
    pair : SignalPair
    pairs : sequence of (reference, estimate)
        For which pairs the energy of the difference is wanted.
    filter_length : int

    Notes
    -----
    A block of n_fft - filter_length + 1 reference samples is multiplied, frequency by
    frequency, with the n_fft samples of every signal that start where it starts. The block
    is laid down backwards, so that its transform needs no conjugate and no lag wraps round.
    Channels are the last axis throughout: the transform leaves each frequency as a matrix
    (blocks, channels) which the product reads in place, and nothing is ever transposed.
    """

    def __init__(self, pair: SignalPair, pairs: Pairs, filter_length: int) -> None:
        self._pair, self._pairs, self._taps = pair, pairs, filter_length
        # A power of two, at least four filter lengths: three quarters of each FFT are new samples. With twice
        # the filter length half of it would be overlap.
        self._n_fft = max(64, 2 ** (4 * filter_length - 1).bit_length())
        self._block = self._n_fft - filter_length + 1
        width, bins = pair.width, self._n_fft // 2 + 1
        self._minus = _differences_of(pairs, pair)
        self._differences = np.empty((_BLOCKS * self._block, self._minus.shape[1]))
        self._samples = np.zeros((_BLOCKS * self._block + filter_length - 1, 2 * width))
        self._backwards = np.zeros((_BLOCKS, self._n_fft, width))
        self._bounded = np.zeros((_BLOCKS, self._n_fft, 2 * width))
        self._reference_spectra = np.empty((_BLOCKS, bins, width), dtype=complex)
        self._spectra = np.empty((_BLOCKS, bins, 2 * width), dtype=complex)
        self._product = np.empty((bins, width, 2 * width), dtype=complex)
        self._sum = np.empty_like(self._product)
        self._lags = np.empty((self._n_fft, width, 2 * width))

    def stretch(self, start: int, stop: int) -> Correlations:
        """Correlations of samples `start` to `stop`, whatever its length."""
        total = self._nothing()
        self._sum[...] = 0
        step = _BLOCKS * self._block
        for left in range(start, stop, step):
            right = min(left + step, stop)
            read = min(right + self._taps - 1, stop)
            loaded = self._pair.load(left, read, self._samples)
            self._samples[read - left :] = 0
            self._add_energies(loaded[: right - left], left, total)
            _compare(loaded[: right - left, : self._pair.width], total.equal)
            self._add_products(self._blocks(-(-(right - left) // self._block)))
        self._store(total)
        return total

    def crossings(self, cuts: Sequence[int]) -> Correlations:
        """Products across cuts of the track: what the stretches on both sides lack.

        The stretches must be at least filter_length - 1 long, except the last of the track.
        """
        total = self._nothing()
        self._sum[...] = 0
        reach = self._taps - 1
        for first in range(0, len(cuts), _BLOCKS):
            group = cuts[first : first + _BLOCKS]
            self._bounded[...] = 0
            for block, cut in zip(self._bounded, group, strict=False):
                self._pair.load(cut - reach, min(cut + reach, self._pair.n_samples), block)
            blocks = self._bounded[: len(group)]
            self._backwards[...] = 0
            self._backwards[: len(group), self._block - reach : self._block] = blocks[
                :, :reach, : self._pair.width
            ][:, ::-1]
            # A crossing product has its first factor before the cut and its second after it.
            blocks[:, :reach] = 0
            self._add_products(blocks)
        self._backwards[...] = 0
        self._store(total)
        return total

    def _nothing(self) -> Correlations:
        width, n_targets = self._pair.width, self._pair.n_targets
        shape = (self._taps, width, width)
        return Correlations(
            np.empty(shape),
            np.empty(shape),
            np.zeros(len(self._pairs)),
            np.zeros(n_targets),
            np.zeros(2 * n_targets, dtype=bool),
            np.ones((width, width), dtype=bool),
        )

    def _add_energies(self, samples: Floats, start: int, total: Correlations) -> None:
        estimates = samples[:, self._pair.width :]
        # What is not finite is refused by name below, in place of numpy's warning.
        with np.errstate(over="ignore", invalid="ignore"):
            # A product with ones and zeros: exact differences of all pairs at once.
            differences = np.matmul(samples, self._minus, out=self._differences[: len(samples)])
            energy = np.vecdot(estimates.T, estimates.T)
            difference = np.vecdot(differences.T, differences.T)
        if not (np.isfinite(energy).all() and np.isfinite(difference).all()):
            self._pair.refuse_not_finite(start, start + len(samples))
        total.estimate_energy += energy.reshape(total.estimate_energy.size, -1).sum(axis=1)
        total.difference_energy += difference.reshape(total.difference_energy.size, -1).sum(axis=1)
        for part in (samples[:64], samples):
            if not total.active.all():
                signals = part.reshape(len(part), -1, self._pair.n_channels)
                total.active |= (signals.sum(axis=2) != 0).any(axis=0)

    def _blocks(self, n_blocks: int) -> Floats:
        """The overlapping blocks of the loaded samples; their references go backwards."""
        sample, channel = self._samples.strides
        blocks: Floats = as_strided(
            self._samples,
            (n_blocks, self._n_fft, self._samples.shape[1]),
            (self._block * sample, sample, channel),
            writeable=False,
        )
        self._backwards[:n_blocks, : self._block] = blocks[:, self._block - 1 :: -1, : self._pair.width]
        return blocks

    def _add_products(self, blocks: Floats) -> None:
        count = len(blocks)
        references = np.fft.rfft(self._backwards[:count], axis=1, out=self._reference_spectra[:count])
        signals = np.fft.rfft(blocks, axis=1, out=self._spectra[:count])
        np.matmul(references.transpose(1, 2, 0), signals.transpose(1, 0, 2), out=self._product)
        self._sum += self._product

    def _store(self, total: Correlations) -> None:
        np.fft.irfft(self._sum, n=self._n_fft, axis=0, out=self._lags)
        lags = self._lags[self._block - 1 :]
        total.references[...] = lags[:, :, : self._pair.width]
        total.estimates[...] = lags[:, :, self._pair.width :]


def _compare(references: Floats, equal: NDArray[np.bool_]) -> None:
    """Strike out the pairs of channels that differ; a few samples settle it for almost all."""
    head = references[:64]
    equal &= (head[:, :, np.newaxis] == head[:, np.newaxis, :]).all(axis=0)
    for a, b in np.argwhere(np.triu(equal, 1)):
        equal[a, b] = equal[b, a] = np.array_equal(references[:, a], references[:, b])


def _differences_of(pairs: Pairs, pair: SignalPair) -> Floats:
    """Matrix (2 * width, n_pairs * n_channels) that subtracts estimates from references."""
    matrix = np.zeros((2 * pair.width, len(pairs), pair.n_channels))
    channels = np.arange(pair.n_channels)
    for index, (reference, estimate) in enumerate(pairs):
        matrix[reference * pair.n_channels + channels, index, channels] = 1
        matrix[pair.width + estimate * pair.n_channels + channels, index, channels] = -1
    return matrix.reshape(2 * pair.width, -1)


def tiles(n_samples: int, size: int) -> Iterator[tuple[int, int]]:
    """Cut a track into stretches of `size` samples; the last may be shorter.

    Examples
    --------
    >>> list(tiles(10, 4))
    [(0, 4), (4, 8), (8, 10)]
    """
    return ((start, min(start + size, n_samples)) for start in range(0, n_samples, size))
