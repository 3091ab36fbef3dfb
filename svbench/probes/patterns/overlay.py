"""Where clips go: one timeline of all classes for a track, without overlap, drawn as DTTNet draws it.

Again and again a class is drawn, then one of its clips, then a place; where the place is taken it is
drawn anew, six times at most. The first clip without a place ends it, and so does having filled
more than a share of the track. Up-filters run backwards, downwards, half of the time.

Behaviour matched: ``insert_samples_to_a_track`` in junyuchen-cjy/DTTNet-Pytorch, branch
``bespoke``, ``src/bespoke/generate_partitions.py``. There one random stream runs through all tracks
in the order of the file system, and a clip longer than the track is a crash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from svbench.audio import Audio
from svbench.audio.draw import Draw
from svbench.errors import AudioError
from svbench.probes.patterns.clips import Clip

REDRAWS = 6
FLIPPED = "up-filters"


@dataclass(frozen=True)
class Placement:
    """One clip on the timeline: samples ``start`` to ``stop``."""

    clip: Clip
    start: int
    stop: int
    backwards: bool

    def samples(self, like: Audio) -> np.ndarray:
        """Return the clip in the form of a track, shape (stop - start, n_channels)."""
        found = self.clip.read(like.rate_hz, like.n_channels).samples
        return found[::-1] if self.backwards else found


def timeline(
    track: Audio, clips: Mapping[str, tuple[Clip, ...]], draw: Draw, share: float
) -> list[Placement]:
    """Draw the timeline of a track.

    Parameters
    ----------
    track : Audio
        Only its length, rate and channels count.
    clips : mapping of str to tuple of Clip
        Of every class.
    draw : Draw
    share : float
        Once more than this share of the track is filled, nothing is added; the last clip may go
        over it.

    Returns
    -------
    list of Placement
        In the order in which they were drawn.

    Raises
    ------
    AudioError
        A clip does not fit into the track at all.
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
