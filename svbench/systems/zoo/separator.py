"""Code that all architectures share: read sizes, load weights, separate a track of any length in chunks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from svbench.audio import Samples
from svbench.systems.waveform import check_count, check_overlap, overlap_add, triangle

# Separates one piece: (n_samples, 2) to (n_targets, n_samples, 2), both float32.
Call = Callable[[Samples], Samples]
_NAMED = 6  # names of weights that an error message lists; the others are only counted


@dataclass
class Separator:
    """A network, and the way in which its paper separates a track of any length with it.

    Attributes
    ----------
    network : torch.nn.Module
        In evaluation mode, with random weights until `load`.
    targets : tuple of str
        In the order of the network's outputs.
    rate_hz : int
    run : callable
        ``run(samples) -> estimates``, float32 of shapes (n_samples, 2) and (n_targets, n_samples, 2),
        n_samples at least 1: in the paper's chunks.
    names : callable
        Maps the name of a weight in ``network.state_dict()`` to its name in the authors' checkpoint.
    fitted : callable
        ``fitted(name, value)`` returns the authors' array with the axes that the weight ``name`` of
        ``network`` has.
    """

    network: torch.nn.Module
    targets: tuple[str, ...]
    rate_hz: int
    run: Call
    names: Callable[[str], str] = lambda name: name
    fitted: Callable[[str, torch.Tensor], torch.Tensor] = lambda name, value: value

    def separate(self, samples: Samples) -> dict[str, Samples]:
        """Separate a stereo track.

        Parameters
        ----------
        samples : ndarray (n_samples, 2)

        Returns
        -------
        dict of str to ndarray (n_samples, 2)
            float32.
        """
        with torch.inference_mode():
            estimates = self.run(np.ascontiguousarray(samples, dtype=np.float32))
        return dict(zip(self.targets, estimates, strict=True))

    def load(self, state: Mapping[str, Any]) -> None:
        """Fill the network with an authors' checkpoint.

        Parameters
        ----------
        state : mapping of str to torch.Tensor
            By the names in the authors' checkpoint.

        Raises
        ------
        ValueError
            Weights are missing, unexpected, or of another shape. The network stays as it was.
        """
        ours = self.network.state_dict()
        theirs = {self.names(name): name for name in ours}
        missing = [name for name in theirs if name not in state]
        unexpected = [name for name in state if name not in theirs]
        if missing or unexpected:
            differences = [
                f"{len(names)} {what} ({_listed(names)})"
                for what, names in (("missing", missing), ("unexpected", unexpected))
                if names
            ]
            raise ValueError(
                f"the checkpoint does not fit this size: of its weights, {', '.join(differences)}"
            )
        filled = {}
        for their_name, name in theirs.items():
            value = self.fitted(name, state[their_name])
            if value.shape != ours[name].shape:
                raise ValueError(
                    f"the checkpoint does not fit this size: {their_name} has shape "
                    f"{tuple(state[their_name].shape)}, the network's weight {tuple(ours[name].shape)}"
                )
            filled[name] = value
        self.network.load_state_dict(filled)


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f", and {more} more" if more > 0 else "")


def sized(sizes: dict[str, dict[str, Any]], size: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords of a published size, with the user's settings in place of some.

    Parameters
    ----------
    sizes : dict
        The sizes of the architecture.
    size : str
    settings : dict
        Replace keywords of the size.

    Raises
    ------
    ValueError
        There is no such size or keyword.

    Examples
    --------
    >>> sized({"small": {"blocks": 3, "hop": 8}}, "small", {"hop": 16})
    {'blocks': 3, 'hop': 16}
    >>> sized({"small": {"blocks": 3, "hop": 8}}, "large", {})
    Traceback (most recent call last):
    ValueError: there is no size 'large'; the sizes are small
    """
    if size not in sizes:
        raise ValueError(f"there is no size {size!r}; the sizes are {', '.join(sizes)}")
    unknown = sorted(set(settings) - set(sizes[size]))
    if unknown:
        raise ValueError(f"the network takes {', '.join(sizes[size])}; found {', '.join(unknown)}")
    given = {**sizes[size], **settings}
    if "segment_samples" in given:
        check_count("segment_samples", given["segment_samples"])
        check_overlap(given.get("overlap", 0.0))
    return given


def named(targets: tuple[str, ...] | None, default: tuple[str, ...]) -> tuple[str, ...]:
    """Return names for a network's outputs: its own ones, or as many different others.

    Raises
    ------
    ValueError
    """
    if targets is None:
        return default
    if len(targets) != len(default) or len(set(targets)) < len(targets):
        raise ValueError(
            f"targets must be {len(default)} different names for {', '.join(default)}, in this order; "
            f"found {', '.join(targets) or 'none'}"
        )
    return targets


def check_halvings(levels: int, **sizes: int) -> None:
    """Check that every size can be halved on each level of a U-net; else raise a ValueError."""
    for name, value in sizes.items():
        if value % 2**levels:
            raise ValueError(f"{name} must be a multiple of {2**levels}, found {value}")


def batch_of(chunk: Samples, network: torch.nn.Module) -> torch.Tensor:
    """Return a chunk (n_samples, 2) as a batch of one, shape (1, 2, n_samples), on the network's device."""
    batch = torch.from_numpy(np.ascontiguousarray(chunk.T, np.float32))[None]
    return batch.to(next(network.parameters()).device)


def in_chunks(call: Call, samples: Samples, length: int, overlap: float = 0.0) -> Samples:
    """Separate chunk by chunk, so that memory does not grow with the track beyond its estimates.

    Chunks begin every ``length * (1 - overlap)`` samples, rounded; the last one is cut at the end of the
    track. Where chunks overlap, their estimates are cross-faded with triangular weights. A network that needs
    chunks of one length, or knows too little at their ends, takes `trimmed_chunks` instead.

    Parameters
    ----------
    call : callable
        Separates a chunk of at most ``length`` samples.
    samples : ndarray (n_samples, 2)
    length : int
        Samples.
    overlap : float
        The share of a chunk that the next one covers again, 0 to below 1.

    Returns
    -------
    ndarray (n_targets, n_samples, 2)

    Examples
    --------
    >>> halves = in_chunks(lambda chunk: chunk[None] / 2, np.ones((10, 2), np.float32), 4, 0.5)
    >>> halves.shape, bool(np.allclose(halves, 0.5))
    ((1, 10, 2), True)
    """
    hop = max(1, round(length * (1 - overlap)))
    # Without overlap, estimates are not weighted: x * w / w is not always x in floating point.
    weight = triangle(length) if hop < length else np.ones((length, 1), np.float32)
    return overlap_add(lambda start: call(samples[start : start + length]), len(samples), weight, hop)


def trimmed_chunks(
    call: Call, length: int, trim: int, overlap: float = 0.0, fade: Literal["mean", "triangle"] = "mean"
) -> Call:
    """Separate chunks of one length and keep the middle of each estimate.

    Every chunk begins ``trim`` samples before the part of it that is kept. The track is surrounded by
    silence, so that a track of any length, however short, is covered.

    Parameters
    ----------
    call : callable
        Separates a chunk: (length, 2) to (n_targets, length, 2).
    length, trim : int
        Samples in a chunk, and samples dropped on either side of its estimate.
    overlap : float
        The share of the kept part that the next chunk estimates again, 0 to 0.5.
    fade : {"mean", "triangle"}
        How two estimates of a sample are combined: their mean, or a linear cross-fade.

    Returns
    -------
    callable
        Separates a track: (n_samples, 2) to (n_targets, n_samples, 2).

    Raises
    ------
    ValueError
        Nothing would be kept, or ``overlap`` is out of its range.

    Examples
    --------
    >>> run = trimmed_chunks(lambda chunk: chunk[None] / 2, 6, 1, 0.5, "triangle")
    >>> halves = run(np.ones((10, 2), np.float32))
    >>> halves.shape, bool(np.allclose(halves, 0.5))
    ((1, 10, 2), True)
    """
    kept = length - 2 * trim
    if kept <= 0:
        raise ValueError(f"nothing is left of chunks of {length} samples without {trim} on either side")
    if not 0 <= overlap <= 0.5:
        raise ValueError(f"overlap is a share of a chunk from 0 to 0.5, found {overlap!r}")
    hop = math.ceil(kept * (1 - overlap))
    weight = np.ones((kept, 1), np.float32)
    if fade == "triangle" and hop < kept:  # rises and falls within the samples that two chunks share
        weight = np.minimum(triangle(kept), kept - hop)

    def run(samples: Samples) -> Samples:
        def part(start: int) -> Samples:
            before = max(0, trim - start)  # silence before the track
            inside = samples[max(0, start - trim) : start - trim + length]
            chunk = np.pad(inside, ((before, length - before - len(inside)), (0, 0)))
            return call(chunk)[:, trim:]

        return overlap_add(part, len(samples), weight, hop)

    return run
