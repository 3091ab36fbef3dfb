"""DTTNet, the dual-path TFC-TDF UNet: one network per target, from complex spectrogram to spectrogram.

J. Chen, S. Vekkot, P. Shukla, "Music Source Separation Based on a Lightweight Deep Learning Framework
(DTTNET: DUAL-PATH TFC-TDF UNET)", ICASSP 2024, arXiv:2309.08684. Sizes after the authors' code,
https://github.com/junyuchen-cjy/DTTNet-Pytorch (Apache-2.0).
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from svbench.audio import Samples
from svbench.systems.zoo.layers import Stft, TfcTdf, convolution, doubled, halved
from svbench.systems.zoo.separator import Separator, batch_of, check_halvings, sized, trimmed_chunks

RATE_HZ = 44100

_FULL: dict[str, Any] = {
    "n_fft": 6144,
    "hop": 1024,
    "bins": 2048,  # kept of n_fft / 2 + 1; those above are silent in the estimate
    "frames": 256,  # of a chunk, so that it is hop · 255 = 261,120 samples long
    "levels": 2,  # each halves frames and bins and adds `channels`; the authors' num_blocks is 2 · levels + 1
    "channels": 32,
    "layers": 3,
    "kernel": 3,
    "bottleneck": 8,
    "modules": 4,
    "heads": 2,
    "trim": 3072,  # samples dropped on either side of a chunk's estimate
    "overlap": 0.0,  # above 0, chunks are cross-faded instead; the authors' tables also have 0.5
}

# 4,968,712 parameters for vocals, drums and other, 4,199,368 for bass. The authors count the window (6,144)
# and the zeros above the bins (4,100 and 8,836) among them, which are not trained.
SIZES: dict[str, dict[str, Any]] = {
    "vocals": _FULL,
    "drums": _FULL,
    "other": _FULL,
    "bass": {**_FULL, "bins": 864, "bottleneck": 2},
}


def build(size: str, targets: tuple[str, ...] | None = None, **settings: Any) -> Separator:
    """Build the network of one target, with random weights.

    Parameters
    ----------
    size : str
        One of `SIZES`, the published networks.
    targets : tuple of str, optional
        The name of the one estimate; by default that of the size.
    **settings
        Replace keywords of the size. With ``overlap`` = 0, the ``trim`` samples on either side of each
        chunk's estimate are dropped, and silence surrounds the track. With ``overlap`` up to 0.5, whole
        chunks are cross-faded linearly.

    Returns
    -------
    Separator

    Raises
    ------
    ValueError
        Size or settings are unknown, there are several targets, or sizes cannot be halved often enough.

    Examples
    --------
    >>> with torch.device("meta"):
    ...     network = build("vocals").network
    >>> sum(p.numel() for p in network.parameters())
    4968712
    """
    names = (size,) if targets is None else targets
    given = sized(SIZES, size, settings)
    if len(names) != 1:
        raise ValueError(f"a DTTNet estimates one target, found {', '.join(names) or 'none'}")
    overlap, trim = given.pop("overlap"), given.pop("trim")
    frames = given.pop("frames")
    check_halvings(given["levels"], frames=frames, bins=given["bins"])
    length = given["hop"] * (frames - 1)
    network = Dttnet(**given).eval()

    def call(chunk: Samples) -> Any:
        return network(batch_of(chunk, network)).cpu().numpy().transpose(0, 2, 1)

    faded = (length, 0, overlap, "triangle")
    run = trimmed_chunks(call, *(faded if overlap else (length, trim)))
    return Separator(network, names, RATE_HZ, run, authors_name)


class Dttnet(nn.Module):
    """From a chunk of the mixture to its estimate: STFT → the lowest bins → `DttUnet` → inverse STFT.

    ``unet`` alone takes the spectrogram as real numbers, for file formats without an STFT.
    """

    def __init__(self, n_fft: int, hop: int, bins: int, **unet: int) -> None:
        super().__init__()
        self.front = Stft(n_fft, hop, counted=True)
        self.silence = nn.Parameter(torch.zeros(1, 4, n_fft // 2 + 1 - bins, 1), requires_grad=False)
        self.bins = bins
        self.unet = DttUnet(bins, **unet)

    def forward(self, mixture: torch.Tensor) -> torch.Tensor:
        """Separate; (batch, 2, hop · (frames − 1)) to the same shape."""
        spectra = torch.view_as_real(self.front(mixture))  # (batch, 2, n_fft / 2 + 1, frames, 2)
        planes = spectra.permute(0, 1, 4, 3, 2)  # (batch, 2, 2, frames, n_fft / 2 + 1)
        x = self.unet(planes.flatten(1, 2)[..., : self.bins])
        silence = self.silence.transpose(2, 3).expand(len(x), -1, x.shape[2], -1)
        planes = torch.cat((x, silence), 3).unflatten(1, (2, 2))
        return self.front.inverse(torch.view_as_complex(planes.permute(0, 1, 4, 3, 2).contiguous()))


class DttUnet(nn.Module):
    """A U-net of TFC-TDF blocks with dual-path modules in its latent space.

    The paper's figure in words: 1×1 convolution to g channels; on each level down a TFC-TDF block, then
    a strided convolution that halves frames and bins and adds g channels. At the bottom one more block
    and the dual-path modules. On each level up a transposed convolution undoes that of the level, the
    result is multiplied with what the block on the way down gave, and a block follows; a last 1×1
    convolution gives the target's spectrogram, no mask.

    Parameters
    ----------
    bins, levels, channels, layers, kernel, bottleneck, modules, heads : int
        See `SIZES`; ``channels`` is g.
    """

    def __init__(
        self,
        bins: int,
        levels: int,
        channels: int,
        layers: int,
        kernel: int,
        bottleneck: int,
        modules: int,
        heads: int,
    ) -> None:
        super().__init__()
        widths = [channels * (level + 1) for level in range(levels + 1)]

        def block(level: int) -> TfcTdf:
            return TfcTdf(widths[level], bins >> level, layers, kernel, bottleneck)

        self.first = convolution(4, channels, 1)
        self.encoders = nn.ModuleList(block(level) for level in range(levels))
        self.down = nn.ModuleList(halved(*pair).append(nn.ReLU()) for pair in pairwise(widths))
        self.middle = block(levels)
        self.dual_path = DualPath(widths[-1], modules, heads)
        self.up = nn.ModuleList(doubled(*pair).append(nn.ReLU()) for pair in pairwise(widths[::-1]))
        self.decoders = nn.ModuleList(block(level) for level in reversed(range(levels)))
        self.last = nn.Conv2d(channels, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, 4, frames, bins), real and imaginary part of left, then of right, to the same shape."""
        x = self.first(x)
        kept = []
        for encoder, down in zip(self.encoders, self.down, strict=True):
            kept.append(encoder(x))
            x = down(kept[-1])  # channels more, half the frames and bins
        x = self.dual_path(self.middle(x))
        for up, decoder in zip(self.up, self.decoders, strict=True):
            x = decoder(up(x) * kept.pop())
        return self.last(x)


class DualPath(nn.Module):
    """The improved dual-path modules of DTTNet in sequence: one LSTM along the frames, one along the bins.

    The channels are split into heads, which are treated as further examples of the batch. All heads share
    weights, so a module has a fraction of the parameters that it would have on all channels.

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
        A multiple of 16, the size of a group of the norm. The LSTM has twice as many units per direction.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(features // 16, features)
        self.rnn = nn.LSTM(features, 2 * features, batch_first=True, bidirectional=True)
        self.back = nn.Linear(4 * features, features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run along the third axis; (batch, rows, steps, features) to the same shape."""
        batch, rows, steps, features = x.shape
        flat = x.reshape(batch * rows, steps, features)
        normed = self.norm(flat.transpose(1, 2)).transpose(1, 2)
        mapped = self.back(self.rnn(normed)[0])
        return x + mapped.reshape(batch, rows, steps, features)


# Regular expressions on the name of a weight here, and what replaces them in the authors' checkpoints.
NAMES = (
    (r"^front\.window$", "window"),
    (r"^silence$", "freq_pad"),
    (r"^unet\.", ""),
    (r"^first\.", "first_conv."),
    (r"^last\.", "final_conv.0."),
    (r"^encoders\.", "encoding_blocks."),
    (r"^decoders\.", "decoding_blocks."),
    (r"^middle\.", "bottleneck_block1."),
    (r"^down\.", "ds."),
    (r"^up\.", "us."),
    (r"^dual_path\.pairs\.", "bottleneck_block2.bsrnn."),
    (r"^(bottleneck_block2\.bsrnn\.\d+)\.frames\.", r"\1.0."),
    (r"^(bottleneck_block2\.bsrnn\.\d+)\.bins\.", r"\1.1."),
    (r"\.norm\.", ".groupnorm."),
    (r"\.back\.", ".fc."),
    (r"\.before\.", ".tfc1.H."),
    (r"\.after\.", ".tfc2.H."),
    (r"\.shortcut\.", ".res.H."),
    (r"\.frequency\.", ".tdf."),
)


def authors_name(name: str) -> str:
    """Return the name of a weight in the authors' checkpoints.

    Examples
    --------
    >>> authors_name("unet.encoders.1.shortcut.0.0.weight")
    'encoding_blocks.1.res.H.0.0.weight'
    >>> authors_name("unet.dual_path.pairs.3.bins.back.bias")
    'bottleneck_block2.bsrnn.3.1.fc.bias'
    """
    for ours, theirs in NAMES:
        name = re.sub(ours, theirs, name)
    return name
