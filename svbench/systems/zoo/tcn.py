"""The separator of Conv-TasNet: dilated convolutions over the frames of a latent representation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

EPSILON = 1e-8
Norm = Callable[[int], nn.Module]


class TemporalConvNet(nn.Module):
    """Estimates masks of a latent representation.

    The parts in order: a norm of each frame, a 1×1 convolution to ``bottleneck`` channels, ``repeats`` times
    ``blocks`` blocks with dilations 1, 2, 4, …, a 1×1 convolution to all masks, and ReLU.

    Parameters
    ----------
    channels : int
        Of the latent representation.
    masks : int
    bottleneck, hidden : int
        Channels between the blocks and inside them.
    kernel : int
        Taps of the dilated convolutions, odd.
    blocks, repeats : int
    norm : callable
        Makes the norm inside the blocks for a number of channels.
    ahead : sequence of int, optional
        How many frames each of the ``repeats * blocks`` convolutions sees ahead; by default half its reach,
        so that it sees as far back as ahead.

    Notes
    -----
    Shapes: (batch, channels, frames) to (batch, masks, channels, frames).

    References
    ----------
    Y. Luo, N. Mesgarani, "Conv-TasNet: Surpassing Ideal Time–Frequency Magnitude Masking for Speech
    Separation", IEEE/ACM TASLP 27(8), 2019, figure 1 B and C.
    """

    def __init__(
        self,
        channels: int,
        masks: int,
        *,
        bottleneck: int,
        hidden: int,
        kernel: int,
        blocks: int,
        repeats: int,
        norm: Norm | None = None,
        ahead: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.masks = masks
        dilations = [2**x for _ in range(repeats) for x in range(blocks)]
        lookahead = ahead if ahead is not None else [(kernel - 1) * d // 2 for d in dilations]
        self.norm = FrameNorm(channels)
        self.narrow = nn.Conv1d(channels, bottleneck, 1, bias=False)
        self.blocks = nn.Sequential(
            *(
                Block(bottleneck, hidden, kernel, d, a, norm or global_norm)
                for d, a in zip(dilations, lookahead, strict=True)
            )
        )
        self.mask = nn.Conv1d(bottleneck, masks * channels, 1, bias=False)

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """Estimate one non-negative mask per source."""
        masks = torch.relu(self.mask(self.blocks(self.narrow(self.norm(latent)))))
        return masks.unflatten(1, (self.masks, -1))


class Block(nn.Module):
    """1×1 convolution to ``hidden`` channels, depthwise dilated convolution, 1×1 back; added to the input.

    PReLU and a norm follow the first two. The depthwise convolution sees ``ahead`` frames ahead and the rest
    of its reach back; the shape stays (batch, channels, frames).
    """

    def __init__(
        self, channels: int, hidden: int, kernel: int, dilation: int, ahead: int, norm: Norm
    ) -> None:
        super().__init__()
        reach = (kernel - 1) * dilation
        self.widen = nn.Sequential(nn.Conv1d(channels, hidden, 1, bias=False), nn.PReLU(), norm(hidden))
        self.pad = nn.ConstantPad1d((reach - ahead, ahead), 0.0)
        self.depthwise = nn.Sequential(
            nn.Conv1d(hidden, hidden, kernel, dilation=dilation, groups=hidden, bias=False),
            nn.PReLU(),
            norm(hidden),
        )
        self.narrow = nn.Conv1d(hidden, channels, 1, bias=False)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Add the output of the convolutions to the signal."""
        refined: torch.Tensor = signal + self.narrow(self.depthwise(self.pad(self.widen(signal))))
        return refined


def global_norm(channels: int) -> nn.Module:
    """Return a norm over all channels and frames at once (gLN); with it each output depends on all frames."""
    return nn.GroupNorm(1, channels, eps=EPSILON)


class FrameNorm(nn.LayerNorm):
    """Normalises each frame over its channels (the cLN of common code), so it depends on that frame only."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=EPSILON)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Normalise (batch, channels, frames) over the channels."""
        normalised: torch.Tensor = super().forward(signal.transpose(1, 2)).transpose(1, 2)
        return normalised
