"""REPET-SIM: what repeats is accompaniment, what does not is vocals."""

from __future__ import annotations

from typing import Any

import numpy as np

from svbench.audio import Audio
from svbench.systems.api import Context, SystemInfo
from svbench.systems.stft import istft, stft

N_FFT, HOP = 2048, 1024
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
        spectrum = stft(mixture.samples, N_FFT, HOP)
        magnitude = np.abs(spectrum)
        frames = magnitude.mean(axis=2)
        norm = np.linalg.norm(frames, axis=1, keepdims=True)
        unit = np.divide(frames, norm, out=np.zeros_like(frames), where=norm > 0)
        similarity = unit @ unit.T
        apart = max(1, round(MIN_DISTANCE_S * mixture.rate_hz / HOP))
        background = np.empty_like(magnitude)
        for i, row in enumerate(similarity):
            background[i] = np.median(magnitude[_similar(row, i, apart)], axis=0)
        # A repeating part cannot be louder than the mixture it is in.
        background = np.minimum(background, magnitude)
        mask = np.divide(background, magnitude, out=np.ones_like(magnitude), where=magnitude > 0)
        mask[:, : int(np.ceil(HIGH_PASS_HZ * N_FFT / mixture.rate_hz))] = 1
        accompaniment = istft(spectrum * mask, mixture.n_samples, N_FFT, HOP)
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
