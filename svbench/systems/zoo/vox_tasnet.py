"""Vox-TasNet as the paper describes it: Conv-TasNet made stereo and near-causal, for the accompaniment alone.

Neither code nor weights are public, and the sizes used here are not the authors' but Conv-TasNet's own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from svbench.audio import Samples
from svbench.systems.zoo.layers import FrameNorm, TemporalConvNet
from svbench.systems.zoo.separator import Separator, batch_of, named, sized

TARGETS = ("accompaniment",)
RATE_HZ = 44100

# Conv-TasNet's causal sizes; the window lasts 2 ms, as there.
SIZES: dict[str, dict[str, Any]] = {
    "reading": {
        "segment_samples": 10 * RATE_HZ,
        "latent": 512,
        "window": 88,
        "bottleneck": 128,
        "hidden": 512,
        "kernel": 3,
        "blocks": 8,
        "repeats": 3,
        "lookahead_frames": 20,
    }
}


def build(size: str = "reading", targets: tuple[str, ...] | None = None, **settings: Any) -> Separator:
    """Build the network with random weights.

    A track is separated in segments. Each is passed with as many samples before and after it as its estimate
    depends on, so the result equals that of the whole track at once, whatever the length of the segments.

    Parameters
    ----------
    size : str
        One of `SIZES`.
    targets : tuple of str, optional
        Another name of the one output.
    **settings
        Replace keywords of the size, such as ``lookahead_frames``; see `VoxTasNet`. ``segment_samples``
        bounds the memory and does not change the result.

    Returns
    -------
    Separator

    Raises
    ------
    ValueError
        Settings are unknown or impossible.
    """
    given = sized(SIZES, size, settings)
    segment_samples = given.pop("segment_samples")
    network = VoxTasNet(**given).eval()
    hop = network.stride
    n_frames = max(1, segment_samples // hop)

    def run(samples: Samples) -> Samples:
        n_samples = len(samples)
        estimate = np.empty((1, *samples.shape), np.float32)
        for start in range(0, n_samples, n_frames * hop):
            stop = min(start + n_frames * hop, n_samples)
            first = max(0, start - network.back_samples)
            needed = batch_of(samples[first : stop + network.lookahead_samples], network)
            part = network(needed)[0, :, start - first : stop - first]
            estimate[0, start:stop] = part.T.cpu().numpy()
        return estimate

    return Separator(network, named(targets, TARGETS), RATE_HZ, run)


class VoxTasNet(nn.Module):
    """Stereo encoder, causal separator with a limited look-ahead, stereo decoder.

    The figure in words: a two-dimensional convolution, one tap high, with ReLU gives the left and the
    right channel an embedding each by the same filters. Both are stacked as channels and go through
    a stack of depthwise separable convolutions, which estimates a mask for the left and one for the
    right embedding. The masked embeddings are turned back into the left and right channel of the
    accompaniment by a transposed convolution.

    What the paper leaves open: windows overlap by half. Norms are per frame, since with a norm over time
    every output would depend on the whole track. The first convolutions look ahead, by half their reach at
    most, until ``lookahead_frames`` are used up; all others look back only.

    Parameters
    ----------
    latent : int
        Filters of the encoder, and size of each channel's embedding.
    window : int
        Samples, even.
    lookahead_frames : int
        How many frames, of half a window each, masks look ahead.
    **separator
        ``bottleneck``, ``hidden``, ``kernel``, ``blocks`` and ``repeats`` of
        `svbench.systems.zoo.layers.TemporalConvNet`.

    Attributes
    ----------
    lookahead_samples : int
        How far ahead of a sample its estimate depends on the mixture:
        ``lookahead_frames * window / 2 + window - 1``, since the first sample of a frame is made from the
        whole frame.
    back_samples : int
        How far back it does, rounded up to whole frames.

    Notes
    -----
    Shapes: (batch, 2, n_samples) to (batch, 2, n_samples), any n_samples from 1 on.

    References
    ----------
    C. Borrelli, J. Rae, D. Basaran, M. McVicar, M. Souden, M. Mauch, "Resource-constrained Stereo
    Singing Voice Cancellation", ICASSP 2024, arXiv 2401.12068.
    """

    def __init__(self, latent: int, window: int, lookahead_frames: int, **separator: Any) -> None:
        super().__init__()
        kernel, blocks, repeats = (separator[key] for key in ("kernel", "blocks", "repeats"))
        if window % 2:
            raise ValueError(f"window must be an even number of samples, found {window}")
        self.stride = window // 2
        ahead = _ahead(lookahead_frames, [(kernel - 1) * 2**x for _ in range(repeats) for x in range(blocks)])
        # The reach of all dilated convolutions together, in frames: 1 + 2 + 4 + … for each of the repeats.
        reach = repeats * (kernel - 1) * (2**blocks - 1)
        self.lookahead_samples = lookahead_frames * self.stride + window - 1
        self.back_samples = (reach - lookahead_frames + 2) * self.stride
        self.encoder = nn.Conv2d(1, latent, (1, window), (1, self.stride), bias=False)
        self.separator = TemporalConvNet(2 * latent, 1, norm=FrameNorm, ahead=ahead, **separator)
        self.decoder = nn.ConvTranspose2d(latent, 1, (1, window), (1, self.stride), bias=False)

    def forward(self, mixture: torch.Tensor) -> torch.Tensor:
        """Estimate the accompaniment."""
        n_samples, hop = mixture.shape[2], self.stride
        padded = nn.functional.pad(mixture, (hop, hop + -n_samples % hop))  # two windows on every sample
        embeddings = torch.relu(self.encoder(padded[:, None]))  # (batch, latent, 2, frames)
        stacked = embeddings.transpose(1, 2).flatten(1, 2)
        masks = self.separator(stacked)[:, 0].unflatten(1, (2, -1)).transpose(1, 2)
        estimate: torch.Tensor = self.decoder(embeddings * masks)[:, 0, :, hop : hop + n_samples]
        return estimate


def _ahead(frames: int, reaches: list[int]) -> list[int]:
    """Distribute look-ahead among convolutions of the given reaches, the first ones first.

    Examples
    --------
    >>> _ahead(5, [2, 4, 8])
    [1, 2, 2]
    """
    most = sum(reach // 2 for reach in reaches)
    if not 0 <= frames <= most:
        raise ValueError(f"lookahead_frames must be from 0 to {most} at these sizes, found {frames}")
    ahead: list[int] = []
    for reach in reaches:
        ahead.append(min(reach // 2, frames - sum(ahead)))
    return ahead
