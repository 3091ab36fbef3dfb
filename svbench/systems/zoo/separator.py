"""What all architectures share: a network with its paper's way through a whole track, and its weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from svbench.audio import Samples

# Separates one piece: (n_samples, 2) to (n_targets, n_samples, 2), both float32.
Call = Callable[[Samples], Samples]
_NAMED = 6  # names of weights that an error lists before it only counts


def _same(name: str) -> str:
    return name


def _as_it_is(name: str, value: torch.Tensor) -> torch.Tensor:
    return value


@dataclass
class Separator:
    """A network, and how its paper separates a track of any length with it.

    Attributes
    ----------
    network : torch.nn.Module
        In evaluation mode, with random weights until `load`.
    targets : tuple of str
        In the order of the network's outputs.
    rate_hz : int
    run : callable
        ``run(samples) -> estimates``, float32 of shapes (n_samples, 2) and (n_targets, n_samples, 2),
        n_samples at least 1: the paper's chunks.
    names : callable
        What the authors' checkpoint calls a weight, given its name in ``network.state_dict()``.
    fitted : callable
        ``fitted(name, value)``: the authors' array as the weight ``name`` of ``network`` wants it, where
        its axes differ.
    """

    network: torch.nn.Module
    targets: tuple[str, ...]
    rate_hz: int
    run: Call
    names: Callable[[str], str] = _same
    fitted: Callable[[str, torch.Tensor], torch.Tensor] = _as_it_is

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
            By the authors' names.

        Raises
        ------
        ValueError
            Weights are missing, unexpected, or of another shape. The network is left as it was.
        """
        ours = self.network.state_dict()
        theirs = {self.names(name): name for name in ours}
        missing = [name for name in theirs if name not in state]
        unexpected = [name for name in state if name not in theirs]
        if missing or unexpected:
            found = [
                f"{len(names)} {what} ({_listed(names)})"
                for what, names in (("missing", missing), ("unexpected", unexpected))
                if names
            ]
            raise ValueError(f"the checkpoint does not fit this size: of its weights, {', '.join(found)}")
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


def in_chunks(call: Call, samples: Samples, length: int, overlap: float = 0.0) -> Samples:
    """Separate chunk by chunk, so that memory does not grow with the track beyond its estimates.

    Chunks begin every ``length * (1 - overlap)`` samples, rounded; the last one ends with the track.
    Where chunks overlap, their estimates are cross-faded with triangular weights.

    Parameters
    ----------
    call : callable
        Separates a chunk of at most ``length`` samples.
    samples : ndarray (n_samples, 2)
    length : int
        Samples.
    overlap : float
        Share of a chunk that the next one covers again, 0 to below 1.

    Returns
    -------
    ndarray (n_targets, n_samples, 2)

    Examples
    --------
    >>> halves = in_chunks(lambda chunk: chunk[None] / 2, np.ones((10, 2), np.float32), 4, 0.5)
    >>> halves.shape, bool(np.allclose(halves, 0.5))
    ((1, 10, 2), True)
    """
    n_samples = len(samples)
    hop = max(1, round(length * (1 - overlap)))
    position = np.arange(length, dtype=np.float32)
    triangle = np.minimum(position + 1, length - position)[:, np.newaxis]
    total, weights = None, np.zeros((n_samples, 1), np.float32)
    for start in range(0, max(n_samples - (length - hop), 1), hop):
        chunk = samples[start : start + length]
        part = slice(start, start + len(chunk))
        weight = triangle[: len(chunk)] if hop < length else np.ones((len(chunk), 1), np.float32)
        estimates = call(chunk)
        if total is None:
            total = np.zeros((len(estimates), *samples.shape), np.float32)
        total[:, part] += estimates * weight
        weights[part] += weight
    assert total is not None  # there is always a first chunk
    total /= weights
    return total


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f", and {more} more" if more > 0 else "")
