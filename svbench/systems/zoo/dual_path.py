"""Dual-path modules: one recurrent network along the frames, one along the bins."""

from __future__ import annotations

import torch
from torch import nn


class DualPath(nn.Module):
    """The improved dual-path modules of DTTNet, one after the other.

    The channels are split into heads, which pass as if they were further examples of a batch: all heads
    share weights, and a module has a fraction of the parameters it would have on all channels.

    Parameters
    ----------
    channels : int
    modules : int
    heads : int
        Divides ``channels``.
    """

    def __init__(self, channels: int, modules: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        features = channels // heads
        self.pairs = nn.ModuleList(
            nn.ModuleDict({"frames": Path(features), "bins": Path(features)}) for _ in range(modules)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, channels, frames, bins) to the same shape."""
        shape = x.shape
        x = x.reshape(shape[0] * self.heads, -1, *shape[2:]).permute(0, 3, 2, 1)
        for pair in self.pairs:  # x is (batch · heads, bins, frames, features)
            x = pair["frames"](x).transpose(1, 2)
            x = pair["bins"](x).transpose(1, 2)
        return x.permute(0, 3, 2, 1).reshape(shape)


class Path(nn.Module):
    """Group norm → bidirectional LSTM → linear layer → + input.

    Parameters
    ----------
    features : int
        A multiple of 16: there are 16 to a group of the norm. The LSTM has twice as many per direction.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(features // 16, features)
        self.rnn = nn.LSTM(features, 2 * features, batch_first=True, bidirectional=True)
        self.back = nn.Linear(4 * features, features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Go along the third axis; (batch, rows, steps, features) to the same shape."""
        batch, rows, steps, features = x.shape
        flat = x.reshape(batch * rows, steps, features)
        normed = self.norm(flat.transpose(1, 2)).transpose(1, 2)
        found = self.back(self.rnn(normed)[0])
        return x + found.reshape(batch, rows, steps, features)
