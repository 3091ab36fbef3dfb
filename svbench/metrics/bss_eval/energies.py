"""Energies of the parts of an estimate in one frame, from the frame's correlations.

Inside a frame every projected signal is a combination of delayed references, so its energy
is a quadratic form in their correlations. Where such a form cancels almost to nothing its
rounding errors would show; those frames are filtered in the time domain instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from svbench.metrics.bss_eval.correlations import Correlations, Pairs
from svbench.metrics.bss_eval.filters import Filters
from svbench.metrics.signals import Floats, SignalPair

# A form is trusted if it is not less than this part of what it would be without cancellation:
# about the rounding error of a form (1e-15 of that) over the wanted relative accuracy (1e-7).
_CANCELLED = 1e-8

# Samples filtered at once in the time domain.
_CHUNK = 1 << 16

SPATIAL, OWN, INTERFERENCE, EVERY, ARTEFACTS, REST = range(6)
"""Rows of a table of energies: ||P_own - s||², ||P_own||², ||P_all - P_own||², ||P_all||²,
||e - P_all||² and ||e - P_own||², with s the reference, e the estimate and P its projections."""


@dataclass(frozen=True)
class Forms:
    """Quadratic and linear forms that give the energies of every pair in any frame.

    Attributes
    ----------
    filters : Filters
    pairs : sequence of (reference, estimate)
    quadratic : ndarray, shape (4, n_pairs, filter_length * width * width)
        Autocorrelations of the filters of rows SPATIAL to EVERY.
    size : ndarray, shape (4, n_pairs, width)
        Energy of those filters, by reference channel.
    """

    filters: Filters
    pairs: Pairs
    quadratic: Floats
    size: Floats


def quadratic_forms(filters: Filters, pairs: Pairs) -> Forms:
    """Prepare the energies of `pairs` under `filters`."""
    taps, width, _ = filters.every.shape
    quadratic = np.empty((4, len(pairs), taps * width * width))
    size = np.empty((4, len(pairs), width))
    for index, pair in enumerate(pairs):
        for row, responses in enumerate(_responses(filters, pair)):
            quadratic[row, index] = _autocorrelation(responses)
            size[row, index] = np.einsum("kac,kac->a", responses, responses)
    return Forms(filters, pairs, quadratic, size)


def _responses(filters: Filters, pair: tuple[int, int]) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the filters (filter_length, width, n_channels) of P_own - s, P_own, P_all - P_own and P_all."""
    n_channels = filters.own.shape[2]
    mine, outputs = _channels(filters, pair)
    every = filters.every[:, :, outputs]
    own = np.zeros_like(every)
    own[:, mine] = filters.own[pair[0], :, :, outputs]
    spatial = own.copy()
    spatial[0, mine] -= np.eye(n_channels)
    return spatial, own, every - own, every


def _channels(filters: Filters, pair: tuple[int, int]) -> tuple[slice, slice]:
    """Return the channels of a pair's reference and of its estimate, among those of all targets."""
    n_channels = filters.own.shape[2]
    reference, estimate = (slice(target * n_channels, (target + 1) * n_channels) for target in pair)
    return reference, estimate


def _autocorrelation(responses: Floats) -> Floats:
    """Return weights w with ||filtered||² = sum of w * correlations, summed over the outputs."""
    taps, width, _ = responses.shape
    # At least 2 * taps - 1 points, or the autocorrelation of taps samples would wrap round.
    n_fft = 2 ** (2 * taps - 1).bit_length()
    spectra = np.fft.rfft(responses, n_fft, axis=0)
    lags = np.fft.irfft(spectra @ spectra.conj().transpose(0, 2, 1), n_fft, axis=0)[:taps]
    lags[1:] *= 2  # lag -k of (a, b) is lag k of (b, a)
    return lags.reshape(taps * width * width)


def frame_energies(forms: Forms, frame: Correlations) -> tuple[Floats, NDArray[np.bool_]]:
    """Energies of all pairs in one frame.

    Returns
    -------
    energies : ndarray, shape (6, n_pairs)
        See the row constants of this module.
    doubt : ndarray of bool, shape (n_pairs,)
        Pairs of which an energy cancelled too far to be trusted.
    """
    filters, pairs = forms.filters, forms.pairs
    energies = np.empty((6, len(pairs)))
    energies[:4] = (forms.quadratic.reshape(4 * len(pairs), -1) @ frame.references.ravel()).reshape(4, -1)
    uncancelled = np.empty_like(energies)
    uncancelled[:4] = forms.size @ np.diagonal(frame.references[0])
    by_channel = np.einsum("kae,kae->e", filters.every, frame.estimates)
    for index, (reference, estimate) in enumerate(pairs):
        mine, outputs = _channels(filters, pairs[index])
        energy = frame.estimate_energy[estimate]
        with_every = by_channel[outputs].sum()
        with_own = np.vdot(filters.own[reference, :, :, outputs], frame.estimates[:, mine, outputs])
        energies[ARTEFACTS, index] = energy - 2 * with_every + energies[EVERY, index]
        energies[REST, index] = energy - 2 * with_own + energies[OWN, index]
        uncancelled[ARTEFACTS, index] = energy + uncancelled[EVERY, index]
        uncancelled[REST, index] = energy + uncancelled[OWN, index]
    # Exactly nothing is no cancellation: zero filters leave zero.
    doubt: NDArray[np.bool_] = (energies < _CANCELLED * uncancelled) & (uncancelled > 0)
    return energies, np.any(doubt, axis=0)


def filtered_energies(forms: Forms, pair: SignalPair, start: int, stop: int, index: int) -> Floats:
    """Energies of pair number `index` in samples `start` to `stop`, by filtering them.

    Returns
    -------
    ndarray, shape (6,)
    """
    filters = forms.filters
    reference, _ = forms.pairs[index]
    taps, width, _ = filters.every.shape
    mine, outputs = _channels(filters, forms.pairs[index])
    chunk = min(_CHUNK, 2 ** (stop - start + taps).bit_length())
    own_spectra, every_spectra = (
        np.fft.rfft(response, chunk, axis=0)
        for response in (filters.own[reference, :, :, outputs], filters.every[:, :, outputs])
    )
    energies = np.zeros(6)
    samples = np.zeros((chunk, 2 * width))
    step = chunk - (taps - 1)
    # The filters ring for taps - 1 samples after the frame; the frame is silent before its start.
    for left in range(start, stop + taps - 1, step):
        before = left - (taps - 1)
        first, last = max(before, start), min(left + step, stop)
        samples[...] = 0
        if first < last:
            pair.load(first, last, samples[first - before :])
        spectra = np.fft.rfft(samples[:, :width], axis=0)
        by_own, by_every = (
            np.fft.irfft(np.einsum("fa,fac->fc", inputs, response), chunk, axis=0)[taps - 1 :]
            for inputs, response in ((spectra[:, mine], own_spectra), (spectra, every_spectra))
        )
        length = min(step, stop + taps - 1 - left)
        by_own, by_every = by_own[:length], by_every[:length]
        now = samples[taps - 1 : taps - 1 + length]
        reference_block, estimate_block = now[:, :width][:, mine], now[:, width:][:, outputs]
        parts = (
            by_own - reference_block,
            by_own,
            by_every - by_own,
            by_every,
            estimate_block - by_every,
            estimate_block - by_own,
        )
        energies += [np.vdot(part, part) for part in parts]
    return energies


@dataclass(frozen=True)
class ScoredFrames:
    """Energies of every pair in every frame.

    Attributes
    ----------
    reference, difference : ndarray, shape (n_pairs, n_frames)
        Energy of the reference, and of reference minus estimate.
    parts : ndarray, shape (6, n_pairs, n_frames)
        Rows as the constants of this module.
    defined : ndarray of bool, shape (n_frames,)
        False where a reference or estimate is silent.
    damped : ndarray, shape (6, n_pairs, n_frames), or None
        ``parts`` as the filters of slightly noisy references would give them, see
        `svbench.metrics.bss_eval.filters`; None where every frame has filters of its own.
    audible : ndarray of bool, shape (n_pairs, n_frames), or None
        Where the reference is well above that noise; None like ``damped``.
    """

    reference: Floats
    difference: Floats
    parts: Floats
    defined: NDArray[np.bool_]
    damped: Floats | None = None
    audible: NDArray[np.bool_] | None = None

    def image_ratios(self) -> dict[str, Floats]:
        """Return SDR, ISR, SIR and SAR of spatial images in dB, shape (n_pairs, n_frames) each."""
        return {
            "SDR": self._decibels(self.reference, self.difference),
            "ISR": self._decibels(self.reference, self.parts[SPATIAL]),
            "SIR": self._decibels(self.parts[OWN], self.parts[INTERFERENCE]),
            "SAR": self._decibels(self.parts[EVERY], self.parts[ARTEFACTS]),
        }

    def source_ratios(self) -> dict[str, Floats]:
        """Return SDR, SIR and SAR of sources in dB, shape (n_pairs, n_frames) each.

        The target part is the reference through any filter, so a filtered reference counts as no error.
        """
        images = self.image_ratios()
        return {
            "SDR": self._decibels(self.parts[OWN], self.parts[REST]),
            "SIR": images["SIR"],
            "SAR": images["SAR"],
        }

    def _decibels(self, wanted: Floats, unwanted: Floats) -> Floats:
        """Return the ratio of two energies in dB: +inf without unwanted energy, NaN where not defined."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(unwanted == 0, np.inf, wanted / unwanted)
            return np.where(self.defined, 10 * np.log10(ratio), np.nan)
