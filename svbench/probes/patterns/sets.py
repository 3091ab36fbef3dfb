"""The seven sets: the original, each class alone, and all of them, from one timeline per track.

A timeline holds clips of all classes without overlap, drawn as DTTNet draws it. Again and again a class is
drawn, then one of its clips, then a place; if the place is taken, it is drawn anew, six times at most. The
timeline ends with the first clip that finds no place, or once more than a share of the track is filled.

Behaviour matched: ``insert_samples_to_a_track`` in junyuchen-cjy/DTTNet-Pytorch, branch ``bespoke``,
``src/bespoke/generate_partitions.py``. There one random stream runs through all tracks in the order of the
file system, and a clip longer than the track is a crash; here each track has a stream of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from svbench.audio import Audio
from svbench.audio.draw import Draw
from svbench.errors import AudioError, SpecError
from svbench.probes.api import References, Variant, unchanged
from svbench.probes.patterns.clips import KIT, PARTS, Clip, load_clips, part_of
from svbench.probes.patterns.kit import CLASSES
from svbench.specs.protocol import ORIGINAL

ALL = "all"
CHOPS, TARGET = "vocal-chops", "vocals"
# In the order of DTTNet's table.
SETS = (ORIGINAL, "wah-guitar", "horns", "sirens", "up-filters", CHOPS, ALL)
# Raised when the timeline or what is added to which target changes.
VERSION = "1"
SEED = 42
REDRAWS = 6  # of a place that is taken, before the timeline ends
FLIPPED = "up-filters"  # run backwards, that is downwards, half of the time


@dataclass(frozen=True)
class Overlay:
    """Adds the clips of some classes to the mixture and to the targets to which they belong.

    Vocal chops belong to ``vocals`` unless ``chops`` is ``"interference"``; everything else belongs to
    ``other`` and ``accompaniment``. References therefore still add up to the mixture.
    """

    clips: tuple[tuple[str, tuple[Clip, ...]], ...]
    classes: tuple[str, ...]
    seed: int
    share: float
    chops: Literal["target", "interference"]

    def __call__(self, mixture: Audio, references: References, seed: int) -> tuple[Audio, References]:
        """Mix the clips into one track; ``seed`` is the track's own."""
        placed = timeline(mixture, dict(self.clips), Draw(self.seed, seed), self.share)
        wanted = [p for p in placed if p.clip.pattern in self.classes]
        sung = [p for p in wanted if p.clip.pattern == CHOPS and self.chops == "target"]
        rest = [p for p in wanted if p not in sung]
        added = {TARGET: laid_out(mixture, sung)}
        added |= dict.fromkeys(("other", "accompaniment"), laid_out(mixture, rest))
        changed = {
            name: Audio(audio.samples + added[name], audio.rate_hz) if name in added else audio
            for name, audio in references.items()
        }
        for name, samples in added.items():
            if name not in references and np.any(samples):
                changed[name] = Audio(samples, mixture.rate_hz)
        return Audio(mixture.samples + laid_out(mixture, wanted), mixture.rate_hz), changed


def pattern_variants(
    clips: str = KIT,
    part: str = "test",
    seed: int = SEED,
    share: float = 0.45,
    chops: Literal["target", "interference"] = "target",
) -> list[Variant]:
    """Make the seven sets.

    Parameters
    ----------
    clips : str
        ``"kit"``, or a folder with one folder of audio per class.
    part : {"test", "valid", "train", "all"}
        Which of the clips to use, by DTTNet's split 5 : 1 : 3.
    seed : int
        Decides the split and, together with a track's name, its timeline.
    share : float
        The share of a track that is filled, 0 to 1.
    chops : {"target", "interference"}
        Whether vocal chops belong to the vocals.

    Raises
    ------
    SpecError
        A parameter is out of its range.
    DataError, AudioError
        The clips cannot be used.
    """
    if chops not in ("target", "interference"):
        raise SpecError("probe patterns", "chops", f"expected 'target' or 'interference', found {chops!r}")
    if part not in PARTS:
        raise SpecError("probe patterns", "part", f"expected one of {', '.join(PARTS)}, found {part!r}")
    if not isinstance(share, int | float) or not 0 < share < 1:
        raise SpecError("probe patterns", "share", f"expected a number between 0 and 1, found {share!r}")
    if not isinstance(seed, int) or seed < 0:
        raise SpecError("probe patterns", "seed", f"expected a whole number from 0, found {seed!r}")
    known = load_clips(clips)
    chosen = tuple(part_of(known, part, seed).items())
    version = f"{VERSION}, {known.version}"
    sets = [Variant(ORIGINAL, unchanged, version=version, notes=known.notes)]
    for name in SETS[1:]:
        classes = CLASSES if name == ALL else (name,)
        overlay = Overlay(chosen, classes, seed, share, chops)
        sets.append(Variant(name, overlay, version=version, notes=known.notes))
    return sets


@dataclass(frozen=True)
class Placement:
    """One clip on the timeline: samples ``start`` to ``stop``."""

    clip: Clip
    start: int
    stop: int
    backwards: bool

    def samples(self, like: Audio) -> np.ndarray:
        """Return the clip at the rate and with the channels of a track, shape (stop - start, n_channels)."""
        samples = self.clip.read(like.rate_hz, like.n_channels).samples
        return samples[::-1] if self.backwards else samples


def timeline(
    track: Audio, clips: Mapping[str, tuple[Clip, ...]], draw: Draw, share: float
) -> list[Placement]:
    """Draw the timeline of a track.

    Parameters
    ----------
    track : Audio
        Only its length, rate and channels matter.
    clips : mapping of str to tuple of Clip
        The clips of every class.
    draw : Draw
    share : float
        Once more than this share of the track is filled, nothing is added; the last clip may exceed it.

    Returns
    -------
    list of Placement
        In the order in which they were drawn.

    Raises
    ------
    AudioError
        A clip is as long as the track or longer.
    """
    placed: list[Placement] = []
    patterns = sorted(clips)
    while True:
        pattern = draw.choice(patterns)
        clip = draw.choice(clips[pattern])
        backwards = pattern == FLIPPED and draw.below(2) == 1
        if sum(p.stop - p.start for p in placed) > share * track.n_samples:
            return placed
        length = clip.read(track.rate_hz, track.n_channels).n_samples
        if length >= track.n_samples:
            raise AudioError(
                f"the track lasts {track.duration_s:.1f} s, one of the {pattern} clips "
                f"{length / track.rate_hz:.1f} s; "
                "patterns are laid over tracks longer than any clip"
            )
        for _ in range(1 + REDRAWS):
            start = draw.below(track.n_samples - length)
            if all(start >= p.stop or start + length <= p.start for p in placed):
                placed.append(Placement(clip, start, start + length, backwards))
                break
        else:
            return placed


def laid_out(track: Audio, placements: list[Placement]) -> np.ndarray:
    """Return the sum of clips on an empty track, shape (n_samples, n_channels)."""
    total = np.zeros_like(track.samples)
    for placement in placements:
        total[placement.start : placement.stop] += placement.samples(track)
    return total
