"""Oracles: ideal masks and the multichannel Wiener filter, computed from the references.

They show what masking achieves with the true sources, which is not an upper bound: real systems have exceeded
them. They are marked as oracles everywhere. They behave like those of sigsep/sigsep-mus-oracle,
which SiSEC 2018 used: window 2048, hop 1024. Spectra have shape (n_frames, n_bins, n_channels).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from svbench.audio import Audio
from svbench.systems.adapters.shared import check_parameters
from svbench.systems.api import Context, SystemInfo
from svbench.systems.stft import Spectrum, istft, stft

N_FFT, HOP = 2048, 1024
EPS = float(np.finfo(np.float64).eps)
# Scales spectra as scipy.signal.stft does, so that EPS has the same weight as in the published code.
SCALE = 2 / N_FFT
# Far below any real difference between two channels, and far above the rounding errors of an inverse.
LOADING = 1e-10
STEMS = ("vocals", "drums", "bass", "other")
PAIR = ("vocals", "accompaniment")


class _Oracle:
    """Base of both oracles: transform, filter each stem (or vocals and accompaniment), transform back."""

    def __init__(self, context: Context) -> None:
        self.info = SystemInfo(context.system_id, STEMS, needs=frozenset({"references"}))

    def separate(self, mixture: Audio, *, references: dict[str, Audio]) -> dict[str, Audio]:
        """Filter the mixture once per stem; an absent stem is estimated as silence."""
        spectrum = SCALE * stft(mixture.samples, N_FFT, HOP)
        # With an accompaniment but none of its stems among the references, there are two sources, not four.
        names = PAIR if "accompaniment" in references and not references.keys() & set(STEMS[1:]) else STEMS
        sources = {t: SCALE * stft(references[t].samples, N_FFT, HOP) for t in names if t in references}
        filtered = self.filter(spectrum, sources)
        silence = np.zeros_like(mixture.samples)
        return {
            t: Audio(
                istft(filtered[t] / SCALE, mixture.n_samples, N_FFT, HOP) if t in filtered else silence,
                mixture.rate_hz,
            )
            for t in names
        }

    def filter(self, mixture: Spectrum, sources: dict[str, Spectrum]) -> dict[str, Spectrum]:
        """Return the estimated spectrum of each source."""
        raise NotImplementedError


class IdealMask(_Oracle):
    """Ideal ratio mask (IRM) or ideal binary mask (IBM), per channel.

    Parameters
    ----------
    parameters : dict
        ``kind``: ``"ratio"`` or ``"binary"``; ``alpha``: exponent of the magnitudes (1 or 2);
        ``theta``: the share of the mixture from which on the binary mask is 1, 0.5 by default.
    context : Context

    References
    ----------
    A. Liutkus, R. Badeau, "Generalized Wiener filtering with fractional power spectrograms",
    ICASSP 2015; behaviour of ``IRM.py`` and ``IBM.py`` in sigsep/sigsep-mus-oracle.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        unknown = set(parameters) - {"kind", "alpha", "theta"}
        if unknown or parameters.get("kind") not in ("ratio", "binary"):
            raise ValueError(f"ideal-mask takes kind (ratio or binary), alpha, theta; found {parameters}")
        super().__init__(context)
        self.binary = parameters["kind"] == "binary"
        self.alpha = float(parameters.get("alpha", 1))
        self.theta = float(parameters.get("theta", 0.5))

    def filter(self, mixture: Spectrum, sources: dict[str, Spectrum]) -> dict[str, Spectrum]:
        """Multiply the mixture by each source's mask."""
        if self.binary:
            total = np.abs(mixture) ** self.alpha + EPS
            return {t: mixture * (np.abs(s) ** self.alpha / total >= self.theta) for t, s in sources.items()}
        power = {t: np.abs(s) ** self.alpha for t, s in sources.items()}
        total = sum(power.values(), start=np.full(mixture.shape, EPS))
        return {t: mixture * (p / total) for t, p in power.items()}


class MultichannelWiener(_Oracle):
    """Multichannel Wiener filter from the true power spectra and spatial covariances.

    Each source has one spatial covariance per frequency and one power per time and frequency;
    the mixture's covariance is their sum.

    References
    ----------
    N. Duong, E. Vincent, R. Gribonval, "Under-determined reverberant audio source separation using
    a full-rank spatial covariance model", IEEE TASLP 18(7), 2010; the estimators of ``MWF.py`` in
    sigsep/sigsep-mus-oracle.

    Notes
    -----
    Two accidents of that code are not repeated. It divides every frequency's spatial covariance by a trace
    taken over the first two frequencies, which changes SDR by at most 0.02 dB on the demo data set. And for a
    source with two equal channels it inverts a singular matrix, that is, rounding noise, which can lose the
    source altogether; here a small diagonal is added first.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        check_parameters("mwf", parameters, ())
        super().__init__(context)

    def filter(self, mixture: Spectrum, sources: dict[str, Spectrum]) -> dict[str, Spectrum]:
        """Filter all channels together, frequency by frequency."""
        covariances = {t: _covariance(s) for t, s in sources.items()}
        n_channels = mixture.shape[2]
        total = sum(covariances.values(), start=EPS * np.eye(n_channels, dtype=complex))
        weighted = np.linalg.solve(total, mixture[..., np.newaxis])
        return {t: (c @ weighted)[..., 0] for t, c in covariances.items()}


def _covariance(source: Spectrum) -> Spectrum:
    """Return power times spatial covariance, shape (n_frames, n_bins, n_channels, n_channels)."""
    n_channels = source.shape[2]
    outer = source[..., :, np.newaxis] * source[..., np.newaxis, :].conj()
    power = np.mean(np.abs(source) ** 2, axis=2)[..., np.newaxis, np.newaxis]
    # Divided by the power, so that each frame counts equally: power is a factor of its own in the model.
    spatial = np.mean(outer / (EPS + power), axis=0)
    trace = np.trace(spatial, axis1=1, axis2=2).real[:, np.newaxis, np.newaxis]
    spatial = spatial * n_channels / np.where(trace > 0, trace, 1) + LOADING * np.eye(n_channels)
    # The power that fits this spatial model best (Duong et al.): trace(R⁻¹ y yᴴ) / n_channels.
    fitted = np.einsum("fij,tfji->tf", np.linalg.inv(spatial), outer).real / n_channels
    covariance: Spectrum = np.maximum(fitted, 0)[..., np.newaxis, np.newaxis] * spatial
    return covariance
