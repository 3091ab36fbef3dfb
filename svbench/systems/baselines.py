"""Baselines without training: mixture, silence, centre/side cancellation, HPSS and REPET-SIM."""

from __future__ import annotations

from typing import Any

import numpy as np

from svbench.audio import Audio
from svbench.systems.adapters.shared import check_parameters
from svbench.systems.api import Context, SystemInfo
from svbench.systems.stft import Spectrum, istft, stft

# Window length and hop of each transform, in samples.
CENTRE_N_FFT, CENTRE_HOP = 4096, 1024
HPSS_N_FFT, HPSS_HOP = 2048, 512
REPET_N_FFT, REPET_HOP = 2048, 1024
LOW_HZ = 120.0  # below it, the centre is bass and kick drum rather than the voice
BASS_HZ = 150.0
N_SIMILAR = 25  # frames
MIN_DISTANCE_S = 0.5
HIGH_PASS_HZ = 100.0


class Mixture:
    """The mixture as the estimate of every target: the floor that every system should beat."""

    name = "mixture"

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        check_parameters(self.name, parameters, ())
        self.info = SystemInfo(context.system_id, context.targets)

    def separate(self, mixture: Audio) -> dict[str, Audio]:
        """Return the mixture for each target."""
        return dict.fromkeys(self.info.targets, mixture)


class Silence(Mixture):
    """Silence as the estimate of every target: shows how a protocol treats it."""

    name = "silence"

    def separate(self, mixture: Audio) -> dict[str, Audio]:
        """Return zeros for each target."""
        return super().separate(Audio(np.zeros_like(mixture.samples), mixture.rate_hz))


class CentreCancellation:
    """The centre as vocals and the sides as accompaniment: the oldest karaoke trick.

    Above 120 Hz, what both channels share, (L + R)/2, is vocals. The sides are accompaniment, and so is
    everything below 120 Hz, where bass and kick drum are in the centre too. The two add up to the mixture.
    In mono everything is in the centre.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        check_parameters("centre", parameters, ())
        self.info = SystemInfo(context.system_id, ("vocals", "accompaniment"))

    def separate(self, mixture: Audio) -> dict[str, Audio]:
        """Split into centre and the rest."""
        spectrum = stft(mixture.samples, CENTRE_N_FFT, CENTRE_HOP)
        centre = np.repeat(spectrum.mean(axis=2, keepdims=True), mixture.n_channels, axis=2)
        centre[:, : int(np.ceil(LOW_HZ * CENTRE_N_FFT / mixture.rate_hz))] = 0
        vocals = istft(centre, mixture.n_samples, CENTRE_N_FFT, CENTRE_HOP)
        return {
            "vocals": Audio(vocals, mixture.rate_hz),
            "accompaniment": Audio(mixture.samples - vocals, mixture.rate_hz),
        }


class HarmonicPercussive:
    """Harmonic/percussive separation by median filters, extended to four stems that add up to the mixture.

    Harmonic sound forms horizontal ridges in the spectrogram and percussive sound vertical ones. A median
    filter along each direction keeps one and suppresses the other, and soft masks divide the mixture between
    them. The percussive part is drums. Of the harmonic part, bass is what lies below 150 Hz, vocals are its
    centre (what both channels share) and other is its sides; in mono there are no sides, and other is silent.

    Parameters
    ----------
    parameters : dict
        ``length``: taps of both median filters, in frames and in bins, 17 by default.
    context : Context

    References
    ----------
    D. Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        check_parameters("hpss", parameters, ["length"])
        self.length = int(parameters.get("length", 17))
        self.info = SystemInfo(context.system_id, ("vocals", "drums", "bass", "other"))

    def separate(self, mixture: Audio) -> dict[str, Audio]:
        """Separate one mixture."""
        spectrum = stft(mixture.samples, HPSS_N_FFT, HPSS_HOP)
        harmonic = spectrum * self._harmonic_mask(spectrum)
        n_low = int(np.ceil(BASS_HZ * HPSS_N_FFT / mixture.rate_hz))
        low, high = harmonic.copy(), harmonic.copy()
        low[:, n_low:] = 0
        high[:, :n_low] = 0
        centre = np.repeat(high.mean(axis=2, keepdims=True), mixture.n_channels, axis=2)
        parts = {"vocals": centre, "drums": spectrum - harmonic, "bass": low, "other": high - centre}
        return {
            target: Audio(istft(part, mixture.n_samples, HPSS_N_FFT, HPSS_HOP), mixture.rate_hz)
            for target, part in parts.items()
        }

    def _harmonic_mask(self, spectrum: Spectrum) -> Any:
        """Return the paper's mask of the harmonic part, H² / (H² + P²), shape (n_frames, n_bins, 1)."""
        from scipy.ndimage import median_filter

        magnitude = np.abs(spectrum).mean(axis=2)
        along_time = median_filter(magnitude, (self.length, 1), mode="reflect") ** 2
        along_frequency = median_filter(magnitude, (1, self.length), mode="reflect") ** 2
        total = along_time + along_frequency
        mask = np.divide(along_time, total, out=np.full_like(total, 0.5), where=total > 0)
        return mask[:, :, np.newaxis]


class RepetSim:
    """REPET-SIM: what repeats is accompaniment, what does not is vocals.

    For every frame, the 25 most similar ones are found (by the cosine of their magnitude spectra, at least
    half a second apart); their median is the repeating background. What exceeds it is vocals, except below
    100 Hz. Vocals and accompaniment add up to the mixture.

    Parameters
    ----------
    parameters : dict
        Must be empty.
    context : Context

    References
    ----------
    Z. Rafii, B. Pardo, "Music/voice separation using the similarity matrix", ISMIR 2012.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        check_parameters("repet", parameters, ())
        self.info = SystemInfo(context.system_id, ("vocals", "accompaniment"))

    def separate(self, mixture: Audio) -> dict[str, Audio]:
        """Separate one mixture."""
        spectrum = stft(mixture.samples, REPET_N_FFT, REPET_HOP)
        magnitude = np.abs(spectrum)
        frames = magnitude.mean(axis=2)
        norm = np.linalg.norm(frames, axis=1, keepdims=True)
        unit = np.divide(frames, norm, out=np.zeros_like(frames), where=norm > 0)
        similarity = unit @ unit.T
        apart = max(1, round(MIN_DISTANCE_S * mixture.rate_hz / REPET_HOP))
        background = np.empty_like(magnitude)
        for i, row in enumerate(similarity):
            background[i] = np.median(magnitude[_similar(row, i, apart)], axis=0)
        # A repeating part cannot be louder than the mixture that contains it.
        background = np.minimum(background, magnitude)
        mask = np.divide(background, magnitude, out=np.ones_like(magnitude), where=magnitude > 0)
        mask[:, : int(np.ceil(HIGH_PASS_HZ * REPET_N_FFT / mixture.rate_hz))] = 1
        accompaniment = istft(spectrum * mask, mixture.n_samples, REPET_N_FFT, REPET_HOP)
        return {
            "vocals": Audio(mixture.samples - accompaniment, mixture.rate_hz),
            "accompaniment": Audio(accompaniment, mixture.rate_hz),
        }


def _similar(row: Any, frame: int, apart: int) -> list[int]:
    """Return the frames most similar to one, itself first, no two of them closer than ``apart`` frames.

    ``row`` holds the similarities of all frames to ``frame``, shape (n_frames,).
    """
    chosen = [frame]
    free = np.ones(len(row), dtype=bool)
    free[max(0, frame - apart + 1) : frame + apart] = False
    for other in np.argsort(-row, kind="stable"):  # stable, so that equals come in the same order everywhere
        if len(chosen) > N_SIMILAR:
            break
        if free[other]:
            chosen.append(int(other))
            free[max(0, other - apart + 1) : other + apart] = False
    return chosen
