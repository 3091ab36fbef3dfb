"""Harmonic/percussive separation by median filters, stretched to four stems by simple rules."""

from __future__ import annotations

from typing import Any

import numpy as np

from svbench.audio import Audio
from svbench.systems.api import Context, SystemInfo
from svbench.systems.stft import Spectrum, istft, stft

N_FFT, HOP = 2048, 512
BASS_HZ = 150.0


class HarmonicPercussive:
    """Four stems that add up to the mixture: drums are percussive, the rest harmonic.

    Harmonic sound lies in horizontal ridges of the spectrogram and percussive sound in vertical
    ones; each is found by a median filter along its direction, and soft masks share the mixture
    out. Of the harmonic part, bass is what lies below 150 Hz, vocals are its centre (what both
    channels have in common) and other its sides; in mono there are no sides, and other is silent.

    Parameters
    ----------
    parameters : dict
        ``length``: taps of both median filters, 17 by default.
    context : Context

    References
    ----------
    D. Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        unknown = set(parameters) - {"length"}
        if unknown:
            raise ValueError(f"hpss takes length, found {', '.join(sorted(unknown))}")
        self.length = int(parameters.get("length", 17))
        self.info = SystemInfo(context.system_id, ("vocals", "drums", "bass", "other"))

    def separate(self, mixture: Audio) -> dict[str, Audio]:
        """Separate one mixture."""
        spectrum = stft(mixture.samples, N_FFT, HOP)
        harmonic = spectrum * self._harmonic_mask(spectrum)
        n_low = int(np.ceil(BASS_HZ * N_FFT / mixture.rate_hz))
        low, high = harmonic.copy(), harmonic.copy()
        low[:, n_low:] = 0
        high[:, :n_low] = 0
        centre = np.repeat(high.mean(axis=2, keepdims=True), mixture.n_channels, axis=2)
        parts = {"vocals": centre, "drums": spectrum - harmonic, "bass": low, "other": high - centre}
        return {
            target: Audio(istft(part, mixture.n_samples, N_FFT, HOP), mixture.rate_hz)
            for target, part in parts.items()
        }

    def _harmonic_mask(self, spectrum: Spectrum) -> Any:
        """Wiener-like mask of the harmonic part, shape (n_frames, n_bins, 1)."""
        from scipy.ndimage import median_filter

        magnitude = np.abs(spectrum).mean(axis=2)
        along_time = median_filter(magnitude, (self.length, 1), mode="reflect") ** 2
        along_frequency = median_filter(magnitude, (1, self.length), mode="reflect") ** 2
        total = along_time + along_frequency
        mask = np.divide(along_time, total, out=np.full_like(total, 0.5), where=total > 0)
        return mask[:, :, np.newaxis]
