"""Baselines without training: the mixture, silence, and centre/side cancellation."""

from __future__ import annotations

from typing import Any

import numpy as np

from svbench.audio import Audio
from svbench.systems.api import Context, SystemInfo
from svbench.systems.stft import istft, stft

N_FFT, HOP = 4096, 1024
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
        spectrum = stft(mixture.samples, N_FFT, HOP)
        centre = np.repeat(spectrum.mean(axis=2, keepdims=True), mixture.n_channels, axis=2)
        centre[:, : int(np.ceil(LOW_HZ * N_FFT / mixture.rate_hz))] = 0
        vocals = istft(centre, mixture.n_samples, N_FFT, HOP)
        return {
            "vocals": Audio(vocals, mixture.rate_hz),
            "accompaniment": Audio(mixture.samples - vocals, mixture.rate_hz),
        }
