"""Through a whole track with networks that take chunks of one length and know too little at their ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from svbench.audio import Samples


def in_trimmed_chunks(
    call: Callable[[Samples], Samples],
    samples: Samples,
    length: int,
    trim: int,
    overlap: float = 0.0,
    fade: Literal["mean", "triangle"] = "mean",
) -> Samples:
    """Separate chunk by chunk, and keep the middle of each.

    Every chunk begins ``trim`` samples before the part that is kept of it. Before and after the track
    there is silence, so that a track of any length, however short, is covered.

    Parameters
    ----------
    call : callable
        Separates a chunk: (length, 2) to (n_targets, length, 2).
    samples : ndarray (n_samples, 2)
    length, trim : int
        Of a chunk, and what is dropped on either side of its estimate.
    overlap : float
        Share of what is kept that the next chunk estimates again, 0 to 0.5.
    fade : {"mean", "triangle"}
        Two estimates of a sample: their mean, or a linear cross-fade.

    Returns
    -------
    ndarray (n_targets, n_samples, 2)

    Raises
    ------
    ValueError
        Nothing would be kept, or ``overlap`` is out of its range.

    Examples
    --------
    >>> halves = in_trimmed_chunks(lambda c: c[None] / 2, np.ones((10, 2), np.float32), 6, 1, 0.5, "triangle")
    >>> halves.shape, bool(np.allclose(halves, 0.5))
    ((1, 10, 2), True)
    """
    kept = length - 2 * trim
    if kept < 1:
        raise ValueError(f"nothing is left of chunks of {length} samples without {trim} on either side")
    if not 0 <= overlap <= 0.5:
        raise ValueError(f"overlap is a share of a chunk from 0 to 0.5, found {overlap!r}")
    hop = math.ceil(kept * (1 - overlap))
    weight = _weight(kept, kept - hop, fade)
    n_samples = len(samples)
    n_chunks = 1 + math.ceil(max(n_samples - kept, 0) / hop)
    total, weights = None, np.zeros((n_samples, 1), np.float32)
    for start in range(0, n_chunks * hop, hop):
        estimates = call(_chunk(samples, start - trim, length))[:, trim : trim + kept]
        part = slice(start, min(start + kept, n_samples))
        n_inside = part.stop - start
        if total is None:
            total = np.zeros((len(estimates), *samples.shape), np.float32)
        total[:, part] += estimates[:, :n_inside] * weight[:n_inside]
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


def _chunk(samples: Samples, start: int, length: int) -> Samples:
    """Cut (length, 2) from ``start`` on, which may lie before the track, with silence around the track."""
    before = max(0, -start)
    inside = samples[max(0, start) : start + length]
    return np.pad(inside, ((before, length - before - len(inside)), (0, 0)))
