"""Baselines without training: the mixture, silence, and centre/side cancellation."""

from __future__ import annotations

from typing import Any

import numpy as np

from svbench.audio import Audio
from svbench.systems.api import Context, SystemInfo

STEMS = ("vocals", "drums", "bass", "other")
ALL = (*STEMS, "accompaniment")


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

    The vocals estimate is the mid signal (L + R)/2 in both channels, the accompaniment is what
    remains, (L − R)/2 with opposite signs. A mono mixture has no sides: vocals are the mixture
    and the accompaniment is silent.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        _no_parameters(parameters, "centre")
        self.info = SystemInfo(context.system_id, ("vocals", "accompaniment"))

    def separate(self, mixture: Audio) -> dict[str, Audio]:
        """Split into mid and side; the two add up to the mixture."""
        mid = np.repeat(mixture.samples.mean(axis=1, keepdims=True), mixture.n_channels, axis=1)
        return {
            "vocals": Audio(mid, mixture.rate_hz),
            "accompaniment": Audio(mixture.samples - mid, mixture.rate_hz),
        }
