"""Through a whole track with networks that take chunks of one length and know too little at their ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from svbench.audio import Samples


@dataclass(frozen=True)
class TrimmedChunks:
    """A way through a track: chunks of one length, of whose estimates the middles are kept.

    Every chunk begins ``trim`` samples before the part that is kept of it. Before and after the track
    there is silence, so that a track of any length, however short, is covered.

    Attributes
    ----------
    length, trim : int
        Samples of a chunk, and of what is dropped on either side of its estimate.
    overlap : float
        Share of what is kept that the next chunk estimates again, 0 to 0.5.
    fade : {"mean", "triangle"}
        Two estimates of a sample: their mean, or a linear cross-fade.

    Raises
    ------
    ValueError
        Nothing would be kept, or ``overlap`` is out of its range.

    Examples
    --------
    >>> chunks = TrimmedChunks(6, 1, 0.5, "triangle")
    >>> halves = chunks.run(lambda chunk: chunk[None] / 2, np.ones((10, 2), np.float32))
    >>> halves.shape, bool(np.allclose(halves, 0.5))
    ((1, 10, 2), True)
    """

    length: int
    trim: int
    overlap: float = 0.0
    fade: Literal["mean", "triangle"] = "mean"

    def __post_init__(self) -> None:
        if self.length <= 2 * self.trim:
            raise ValueError(
                f"nothing is left of chunks of {self.length} samples without {self.trim} on either side"
            )
        if not 0 <= self.overlap <= 0.5:
            raise ValueError(f"overlap is a share of a chunk from 0 to 0.5, found {self.overlap!r}")

    def run(self, call: Callable[[Samples], Samples], samples: Samples) -> Samples:
        """Separate chunk by chunk, so that memory does not grow with the track beyond its estimates.

        Parameters
        ----------
        call : callable
            Separates a chunk: (length, 2) to (n_targets, length, 2).
        samples : ndarray (n_samples, 2)

        Returns
        -------
        ndarray (n_targets, n_samples, 2)
        """
        kept = self.length - 2 * self.trim
        hop = math.ceil(kept * (1 - self.overlap))
        weight = _weight(kept, kept - hop, self.fade)
        n_samples = len(samples)
        n_chunks = 1 + math.ceil(max(n_samples - kept, 0) / hop)
        total, weights = None, np.zeros((n_samples, 1), np.float32)
        for start in range(0, n_chunks * hop, hop):
            chunk = _filled(samples, start - self.trim, self.length)
            part = slice(start, min(start + kept, n_samples))
            n_inside = part.stop - start
            estimates = call(chunk)[:, self.trim : self.trim + n_inside]
            if total is None:
                total = np.zeros((len(estimates), *samples.shape), np.float32)
            total[:, part] += estimates * weight[:n_inside]
            weights[part] += weight[:n_inside]
        assert total is not None  # there is always a first chunk
        total /= weights
        return total


def _weight(kept: int, shared: int, fade: str) -> Samples:
    """Weights of a chunk's samples, shape (kept, 1); those of neighbours need not sum to 1."""
    position = np.arange(kept, dtype=np.float32)[:, np.newaxis]
    if fade == "mean" or shared == 0:
        return np.ones_like(position)
    return np.minimum(np.minimum(position + 1, kept - position), shared)


def _filled(samples: Samples, start: int, length: int) -> Samples:
    """Cut (length, 2) from ``start`` on, which may lie before the track, with silence around the track."""
    before = max(0, -start)
    inside = samples[max(0, start) : start + length]
    return np.pad(inside, ((before, length - before - len(inside)), (0, 0)))
