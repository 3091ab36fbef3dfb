"""Tracks and data sets changed by a variant; the rest of svbench treats them like any others."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from svbench.audio import Audio
from svbench.audio.sounds import ArraySound, Sound, whole
from svbench.datasets.api import Dataset, Track
from svbench.datasets.files import Finding
from svbench.probes.api import References, Variant, variants
from svbench.specs.protocol import ORIGINAL, Protocol


@dataclass(frozen=True)
class ProbedTrack(Track):
    """A track changed by a variant; its audio is computed on request and never kept.

    Its seed is derived from its name, so a track changes in the same way whatever tracks are run with it.
    """

    variant: Variant
    recorded: Track

    @property
    def original(self) -> Track:
        """The recorded track."""
        return self.recorded

    @property
    def seed(self) -> int:
        """The seed of everything random in this track, 32 bits."""
        return int.from_bytes(hashlib.sha256(self.name.encode()).digest()[:4], "big")

    def mixture(self) -> Audio:
        """Read and change the mixture."""
        return self.variant.apply(self.recorded.mixture(), {}, self.seed)[0]

    def reference(self, target: str) -> Audio | None:
        """Read and change a reference; None when the target is silent or absent even then."""
        return self.references([target]).get(target)

    def references(self, targets: Iterable[str]) -> dict[str, Audio]:
        """Read and change the references of several targets; silent ones are left out."""
        return {t: a for t, a in self._references(targets).items() if np.any(a.samples)}

    def reference_sound(self, target: str) -> Sound | None:
        """Return a target's changed reference; None when no stem is on disk and none was added."""
        found = self._references([target]).get(target)
        return None if found is None else ArraySound(found.samples, found.rate_hz)

    def mixture_sound(self) -> Sound:
        """Return the changed mixture."""
        mixture = self.mixture()
        return ArraySound(mixture.samples, mixture.rate_hz)

    def digest(self) -> str:
        """Return the SHA-256 of the recorded track's digest and of what the variant depends on."""
        parts = (self.recorded.digest(), self.variant.id, self.variant.version, str(self.seed))
        return hashlib.sha256(":".join(parts).encode()).hexdigest()

    def _references(self, targets: Iterable[str]) -> dict[str, Audio]:
        wanted = list(targets)
        sounds = {t: self.recorded.reference_sound(t) for t in wanted}
        before = {t: whole(sound) for t, sound in sounds.items() if sound is not None}
        after = self.changed(before)
        return {t: after[t] for t in wanted if t in after}

    def changed(self, signals: References) -> References:
        """Change signals in the way in which the track's references are changed."""
        if self.variant.keeps_references:
            return signals
        return self.variant.apply(self.recorded.mixture(), signals, self.seed)[1]


Sounds = Mapping[str, Sound]


def brought_back(track: Track, estimates: Sounds) -> tuple[Track, Sounds]:
    """Return estimates and the track to score them on: the recorded one where the change can be undone."""
    if isinstance(track, ProbedTrack) and track.variant.undo:
        return track.recorded, _sounds(track.variant.undo(_audio(estimates)))
    return track, estimates


def expected(track: Track, estimates: Sounds) -> Sounds:
    """Return the original's estimates as they should be after the change, to compare with `brought_back`."""
    if isinstance(track, ProbedTrack) and not track.variant.undo:
        return _sounds(track.changed(_audio(estimates)))
    return estimates


def _audio(sounds: Sounds) -> References:
    return {t: whole(s) for t, s in sounds.items()}


def _sounds(signals: References) -> Sounds:
    return {t: ArraySound(a.samples, a.rate_hz) for t, a in signals.items()}


def probed(dataset: Dataset, protocol: Protocol) -> list[Dataset]:
    """Return the data sets that a protocol uses: one for each variant, or the data set itself.

    Parameters
    ----------
    dataset : Dataset
    protocol : Protocol

    Returns
    -------
    list of Dataset
        The tracks of the variant ``original`` are the recorded ones. A variant that cannot be made here
        has no data set; the others note why.
    """
    all_variants = variants(protocol)
    ids = tuple(v.id for v in all_variants)
    missing = tuple(Finding(v.id, "", "probe", v.missing, "note") for v in all_variants if v.missing)
    dataset = dataclasses.replace(dataset, skipped=(*dataset.skipped, *missing))
    return [_varied(dataset, v, ids) for v in all_variants if not v.missing] or [dataset]


def _varied(dataset: Dataset, variant: Variant, ids: tuple[str, ...]) -> Dataset:
    tracks = dataset.tracks
    if variant.id != ORIGINAL:
        tracks = tuple(_probed(t, variant) for t in dataset.tracks)
    notes = (Finding(variant.id, "", "probe", note, "note") for note in variant.notes)
    return dataclasses.replace(
        dataset,
        tracks=tracks,
        variant=variant.id,
        variants=ids,
        variant_version=variant.version,
        expects=variant.expects,
        skipped=(*dataset.skipped, *notes),
    )


def _probed(track: Track, variant: Variant) -> ProbedTrack:
    fields = {f.name: getattr(track, f.name) for f in dataclasses.fields(Track)}
    if variant.length:
        fields["n_samples"] = variant.length(track.n_samples, track.rate_hz)
    return ProbedTrack(**fields, variant=variant, recorded=track)
