"""What systems are measured on when no score is at stake: an excerpt of music with its true targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from svbench.audio import Audio, resample
from svbench.datasets.api import Track
from svbench.datasets.synthetic import synthetic_track

RATE_HZ = 44100


@dataclass(frozen=True, eq=False)
class Material:
    """A mixture and the references of what sounds in it, all of one shape and rate."""

    name: str
    mixture: Audio
    references: Mapping[str, Audio]

    def at(self, rate_hz: int | None) -> Material:
        """Resample to the rate a system works at; None: leave as it is."""
        if rate_hz in (None, self.mixture.rate_hz):
            return self
        references = {t: resample(a, rate_hz) for t, a in self.references.items()}
        return Material(self.name, resample(self.mixture, rate_hz), references)


def synthetic_material(duration_s: float) -> Material:
    """Make a synthetic track, the same every time."""
    stems = synthetic_track(0, duration_s=duration_s, rate_hz=RATE_HZ)

    def total(names: list[str]) -> Audio:
        return Audio(np.sum([stems[n].samples for n in names], axis=0), RATE_HZ)

    backing = total([n for n in stems if n != "vocals"])
    return Material("synthetic track 0", total(list(stems)), {**stems, "accompaniment": backing})


def track_material(track: Track, duration_s: float) -> Material:
    """Take the beginning of a track, or all of a shorter one.

    Raises
    ------
    AudioError
        A file cannot be read.
    """
    n_samples = round(duration_s * track.rate_hz)

    def cut(audio: Audio) -> Audio:
        return Audio(audio.samples[:n_samples], audio.rate_hz)

    references = {t: cut(a) for t, a in track.references(track.targets).items()}
    return Material(track.name, cut(track.mixture()), references)
