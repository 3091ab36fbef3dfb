"""Baselines without training: the mixture, silence, and centre/side cancellation."""

from __future__ import annotations

from typing import Any

import numpy as np

from svbench.audio import Audio
from svbench.systems.api import Context, SystemInfo
from svbench.systems.stft import Spectrum, istft, stft

CENTRE_N_FFT, CENTRE_HOP = 4096, 1024
LOW_HZ = 120.0


def _no_parameters(parameters: dict[str, Any], name: str) -> None:
    if parameters:
        raise ValueError(f"{name} takes no parameters, found {', '.join(sorted(parameters))}")


class Mixture:
    """The mixture as the estimate of every target: the floor every system should beat."""

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        _no_parameters(parameters, "mixture")
        self.info = SystemInfo(context.system_id, context.targets)

    def separate(self, mixture: Audio) -> dict[str, Audio]:
        """Return the mixture for each target."""
        return dict.fromkeys(self.info.targets, mixture)


class Silence:
    """Silence as the estimate of every target: shows how a protocol treats it."""

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        _no_parameters(parameters, "silence")
        self.info = SystemInfo(context.system_id, context.targets)

    def separate(self, mixture: Audio) -> dict[str, Audio]:
        """Return zeros for each target."""
        return dict.fromkeys(self.info.targets, Audio(np.zeros_like(mixture.samples), mixture.rate_hz))


class CentreCancellation:
    """Centre as vocals, sides as accompaniment: the oldest karaoke trick.

    Above 120 Hz what both channels share, (L + R)/2, is vocals; the sides, and everything below
    120 Hz, where bass and kick drum sit in the centre too, are accompaniment. The two add up to
    the mixture. In mono the centre is everything.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        _no_parameters(parameters, "centre")
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


HPSS_N_FFT, HPSS_HOP = 2048, 512
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
        """Wiener-like mask of the harmonic part, shape (n_frames, n_bins, 1)."""
        from scipy.ndimage import median_filter

        magnitude = np.abs(spectrum).mean(axis=2)
        along_time = median_filter(magnitude, (self.length, 1), mode="reflect") ** 2
        along_frequency = median_filter(magnitude, (1, self.length), mode="reflect") ** 2
        total = along_time + along_frequency
        mask = np.divide(along_time, total, out=np.full_like(total, 0.5), where=total > 0)
        return mask[:, :, np.newaxis]


REPET_N_FFT, REPET_HOP = 2048, 1024
N_SIMILAR = 25
MIN_DISTANCE_S = 0.5
HIGH_PASS_HZ = 100.0


class RepetSim:
    """Vocals and accompaniment that add up to the mixture.

    For every frame the most similar ones (cosine of magnitude spectra, at least half a second
    apart) are found; their median is the repeating background. What exceeds it is vocals; below
    100 Hz nothing is.

    Parameters
    ----------
    parameters : dict
        None are taken.
    context : Context

    References
    ----------
    Z. Rafii, B. Pardo, "Music/voice separation using the similarity matrix", ISMIR 2012.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        if parameters:
            raise ValueError(f"repet takes no parameters, found {', '.join(sorted(parameters))}")
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
        # A repeating part cannot be louder than the mixture it is in.
        background = np.minimum(background, magnitude)
        mask = np.divide(background, magnitude, out=np.ones_like(magnitude), where=magnitude > 0)
        mask[:, : int(np.ceil(HIGH_PASS_HZ * REPET_N_FFT / mixture.rate_hz))] = 1
        accompaniment = istft(spectrum * mask, mixture.n_samples, REPET_N_FFT, REPET_HOP)
        return {
            "vocals": Audio(mixture.samples - accompaniment, mixture.rate_hz),
            "accompaniment": Audio(accompaniment, mixture.rate_hz),
        }


def _similar(row: Any, own: int, apart: int) -> list[int]:
    """Frames most similar to one, itself first, no two of them closer than ``apart`` frames."""
    chosen = [own]
    free = np.ones(len(row), dtype=bool)
    free[max(0, own - apart + 1) : own + apart] = False
    for frame in np.argsort(-row, kind="stable"):
        if len(chosen) > N_SIMILAR:
            break
        if free[frame]:
            chosen.append(int(frame))
            free[max(0, frame - apart + 1) : frame + apart] = False
    return chosen
