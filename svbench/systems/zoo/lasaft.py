"""LaSAFT-Net and LightSAFT-Net: one network for four targets, conditioned on the one to estimate.

W. Choi, M. Kim, J. Chung, S. Jung, "LaSAFT: Latent Source Attentive Frequency Transformation for
Conditioned Source Separation", ICASSP 2021, arXiv:2010.11631; Y.-S. Jeong, J. Kim, W. Choi, J. Chung,
S. Jung, "LightSAFT: Lightweight Latent Source Aware Frequency Transform for Source Separation", MDX
Workshop at ISMIR 2021, arXiv:2111.12516. Sizes after the authors' code (MIT),
https://github.com/ws-choi/Conditioned-Source-Separation-LaSAFT and
https://github.com/ws-choi/LightSAFT-Net-for-MDX-Challenge.
"""

from __future__ import annotations

import math
import re
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from svbench.audio import Samples
from svbench.systems.zoo.layers import DenseTfc, Stft, connected, doubled, frequency_transform, halved
from svbench.systems.zoo.separator import Separator, batch_of, check_halvings, sized, trimmed_chunks

RATE_HZ = 44100
TARGETS = ("vocals", "drums", "bass", "other")  # in the order of the embedding's rows
# Checkpoints of PyTorch Lightning before 1.5 refer to the classes of its callbacks; stand-ins of these names
# let the arrays be read without it.
STAND_INS = (
    "pytorch_lightning.callbacks.early_stopping.EarlyStopping",
    "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
)

_BASE: dict[str, Any] = {
    "light": False,
    "n_fft": 2048,
    "hop": 1024,
    "frames": 128,  # of a chunk, so that it is hop · 127 = 130,048 samples long
    "levels": 3,  # each halves frames and bins; the authors' n_blocks is 2 · levels + 1
    "channels": 24,
    "layers": 5,
    "kernel": 3,
    "sources": 6,  # latent ones, |S_L|
    "key_size": 32,  # d_k
    "embedding": 32,
    "bottleneck": 16,
    "least_units": 16,  # of a bottleneck, however few bins there are
    "trim": 5120,  # samples dropped on either side of a chunk's estimate
    "overlap": 0.5,  # of the kept part; two estimates of a sample are averaged
}

# Parameters: light 4,159,844, base 8,424,028, large 31,541,908. No public configuration
# has the published 3.8 M or 4.5 M. The window is not counted.
SIZES: dict[str, dict[str, Any]] = {
    "light": {
        **_BASE,
        "light": True,
        "frames": 256,
        "levels": 4,
        "channels": 16,
        "sources": 16,
        "key_size": 64,
        "embedding": 64,
        "trim": 8192,
        "overlap": 0.0,
    },
    "base": _BASE,
    "large": {**_BASE, "n_fft": 4096, "levels": 4, "embedding": 64},
}


def build(size: str, targets: tuple[str, ...] | None = None, **settings: Any) -> Separator:
    """Build the network, with random weights.

    Parameters
    ----------
    size : str
        ``"light"``, ``"base"`` or ``"large"``, see `SIZES`.
    targets : tuple of str, optional
        The targets to estimate, each in a pass of its own; by default all of `TARGETS`.
    **settings
        Replace keywords of the size. The part of a chunk that is kept after trimming ``trim`` samples on
        either side shares ``overlap`` with its neighbour; silence surrounds the track.

    Returns
    -------
    Separator

    Raises
    ------
    ValueError
        Size, settings or targets are unknown, or sizes cannot be halved often enough.

    Examples
    --------
    >>> with torch.device("meta"):
    ...     network = build("light").network
    >>> sum(p.numel() for p in network.parameters())
    4159844
    """
    names = TARGETS if targets is None else targets
    given = sized(SIZES, size, settings)
    if not names or not set(names) <= set(TARGETS):
        raise ValueError(f"LaSAFT estimates {', '.join(TARGETS)}; found {', '.join(names) or 'none'}")
    overlap, trim = given.pop("overlap"), given.pop("trim")
    frames = given.pop("frames")
    check_halvings(given["levels"], frames=frames, **{"n_fft / 2": given["n_fft"] // 2})
    network = Lasaft(**given).eval()

    def call(chunk: Samples) -> Any:
        mixture = batch_of(chunk, network)
        # One target at a time: all four at once would take four times the memory.
        numbers = [torch.tensor([TARGETS.index(name)], device=mixture.device) for name in names]
        passes = [network(mixture, number).cpu() for number in numbers]
        return torch.cat(passes).numpy().transpose(0, 2, 1)

    run = trimmed_chunks(call, given["hop"] * (frames - 1), trim, overlap)
    return Separator(network, names, RATE_HZ, run, authors_name)


class Lasaft(nn.Module):
    """From a chunk of the mixture and a target's number to its estimate: STFT → `LasaftUnet` → inverse STFT.

    ``unet`` alone takes the spectrogram as real numbers, for file formats without an STFT.
    """

    def __init__(self, n_fft: int, hop: int, **unet: Any) -> None:
        super().__init__()
        self.front = Stft(n_fft, hop)
        self.unet = LasaftUnet(n_fft // 2, **unet)

    def forward(self, mixture: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Separate; (batch, 2, hop · (frames − 1)) and (batch,) to the shape of the first."""
        spectra = torch.view_as_real(self.front(mixture))  # (batch, 2, n_fft / 2 + 1, frames, 2)
        planes = spectra.permute(0, 4, 1, 3, 2)  # (batch, 2, 2, frames, n_fft / 2 + 1)
        planes = self.unet(planes.flatten(1, 2), target).unflatten(1, (2, 2))
        return self.front.inverse(torch.view_as_complex(planes.permute(0, 2, 4, 3, 1).contiguous()))


class LasaftUnet(nn.Module):
    """A U-net of dense TFCs with latent source attention, gated by the target on its way up.

    The papers' figures in words: the target's number becomes an embedding. First there is a convolution over
    pairs of bins; on each level down a `LatentBlock` and a strided convolution that halves frames and bins;
    at the bottom one more block; on each level up a transposed convolution, whose output is concatenated with
    that of the block on the way down, and a block. In the blocks on the way up, the output of the
    convolutions is multiplied by a gate (GPoCM): the sigmoid of a 1×1 convolution of it, whose weights
    `Control` makes from the embedding. A last convolution over pairs of bins gives the target's spectrogram,
    not a mask.

    Parameters
    ----------
    bins : int
        n_fft / 2.
    light, levels, channels, layers, kernel, sources, key_size, embedding, bottleneck, least_units
        See `SIZES`.
    """

    def __init__(
        self,
        bins: int,
        light: bool,
        levels: int,
        channels: int,
        layers: int,
        kernel: int,
        sources: int,
        key_size: int,
        embedding: int,
        bottleneck: int,
        least_units: int,
    ) -> None:
        super().__init__()

        def block(level: int, inputs: int) -> LatentBlock:
            """Make the block of a level; ``inputs`` times the channels come in."""
            n_bins = bins >> level
            transform = (LightTransform if light else LatentTransform)(
                channels, n_bins, sources, bottleneck, least_units
            )
            attention = Attention(embedding, key_size, sources)
            return LatentBlock(DenseTfc(inputs * channels, channels, layers, kernel), attention, transform)

        self.embedding = nn.Embedding(len(TARGETS), embedding)
        self.control = Control(embedding, levels, channels)
        self.first = nn.Sequential(nn.Conv2d(4, channels, (1, 2)), nn.BatchNorm2d(channels), nn.ReLU())
        self.encoders = nn.ModuleList(block(level, 1) for level in range(levels))
        self.down = nn.ModuleList(halved(channels, channels) for _ in range(levels))
        self.middle = block(levels, 1)
        self.up = nn.ModuleList(doubled(channels, channels) for _ in range(levels))
        self.decoders = nn.ModuleList(block(level, 2) for level in reversed(range(levels)))
        self.last = nn.Conv2d(channels, 4, (1, 2), padding=(0, 1))

    def forward(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Map (batch, 4, frames, bins + 1), real parts of left and right, then imaginary, to the same shape.

        ``target`` has shape (batch,).
        """
        embedded = self.embedding(target)  # (batch, embedding)
        x = self.first(x)  # (batch, channels, frames, bins)
        kept = []
        for encoder, down in zip(self.encoders, self.down, strict=True):
            kept.append(encoder(x, embedded))
            x = down(kept[-1])  # half the frames and bins
        x = self.middle(x, embedded)
        for up, decoder, gate in zip(self.up, self.decoders, self.control(embedded), strict=True):
            x = decoder(torch.cat((up(x), kept.pop()), 1), embedded, gate)
        return self.last(x)


# A point-wise convolution: its weights (batch, channels in, channels out) and shifts (batch, channels).
Pointwise = tuple[torch.Tensor, torch.Tensor]


class LatentBlock(nn.Module):
    """A dense TFC, times a gate on the way up, plus the latent sources to which the target attends."""

    def __init__(self, convolutions: DenseTfc, attention: nn.Module, transform: nn.Module) -> None:
        super().__init__()
        self.convolutions, self.attention, self.transform = convolutions, attention, transform

    def forward(self, x: torch.Tensor, embedded: torch.Tensor, gate: Pointwise | None = None) -> torch.Tensor:
        """Map (batch, channels in, frames, bins); ``embedded`` has shape (batch, embedding)."""
        x = self.convolutions(x)
        if gate is not None:
            weights, shifts = gate
            mixed = torch.einsum("bctf,bcd->bdtf", x, weights) + shifts[:, :, None, None]
            x = x * torch.sigmoid(mixed)
        return x + self.transform(x, self.attention(embedded))


class Attention(nn.Module):
    """Scaled dot-product attention of a target to the latent sources: its query against their keys."""

    def __init__(self, embedding: int, key_size: int, sources: int) -> None:
        super().__init__()
        self.query = nn.Linear(embedding, key_size)
        self.keys = nn.Parameter(torch.randn(key_size, sources))

    def forward(self, embedded: torch.Tensor) -> torch.Tensor:
        """Map (batch, embedding) to (batch, sources), rows of sum 1."""
        return torch.softmax(self.query(embedded) @ self.keys / math.sqrt(len(self.keys)), -1)


class LatentTransform(nn.Module):
    """LaSAFT: one TDF gives the frequency transforms of all latent sources, which are then mixed."""

    def __init__(self, channels: int, bins: int, sources: int, bottleneck: int, least_units: int) -> None:
        super().__init__()
        units = max(bins * sources // bottleneck, least_units)
        self.frequency = frequency_transform(channels, bins, units, bins * sources)

    def forward(self, x: torch.Tensor, attention: torch.Tensor) -> torch.Tensor:
        """Map (batch, channels, frames, bins) and (batch, sources) to the shape of the first."""
        values = self.frequency(x).unflatten(-1, (x.shape[-1], -1))
        return torch.einsum("bctfs,bs->bctf", values, attention)


class LightTransform(nn.Module):
    """LightSAFT: each latent source has a bottleneck of its own; the mix of them is widened once."""

    def __init__(self, channels: int, bins: int, sources: int, bottleneck: int, least_units: int) -> None:
        super().__init__()
        units = max(bins // bottleneck, least_units)
        self.narrow = connected(channels, bins, units * sources)
        self.widen = connected(channels, units, bins)

    def forward(self, x: torch.Tensor, attention: torch.Tensor) -> torch.Tensor:
        """Map (batch, channels, frames, bins) and (batch, sources) to the shape of the first."""
        values = self.narrow(x).unflatten(-1, (attention.shape[1], -1))
        return self.widen(torch.einsum("bctsu,bs->bctu", values, attention))


class Control(nn.Module):
    """Map the embedding to the point-wise convolutions of all levels on the way up."""

    def __init__(self, embedding: int, levels: int, channels: int) -> None:
        super().__init__()
        self.shape = (levels, channels, channels)
        widths = [embedding * 2**power for power in range(4)]
        self.hidden = nn.Sequential(nn.Linear(widths[0], widths[1]), nn.ReLU())
        for narrow, wide in pairwise(widths[1:]):
            self.hidden.extend((nn.Linear(narrow, wide), nn.ReLU(), nn.Dropout(), nn.BatchNorm1d(wide)))
        self.weights = _normed(widths[-1], levels * channels**2)
        self.shifts = _normed(widths[-1], levels * channels)

    def forward(self, embedded: torch.Tensor) -> list[Pointwise]:
        """Map (batch, embedding) to the weights and shifts of each level, the lowest first."""
        hidden = self.hidden(embedded)
        weights = self.weights(hidden).unflatten(1, self.shape)
        shifts = self.shifts(hidden).unflatten(1, self.shape[:2])
        return list(zip(weights.unbind(1), shifts.unbind(1), strict=True))


def _normed(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs, affine=False))


# Regular expressions on the name of a weight here, and what replaces them in the authors' checkpoints.
NAMES = (
    (r"^front\.", "stft.stft."),
    (r"^unet\.", "spec2spec."),
    (r"^spec2spec\.first\.", "spec2spec.first_conv."),
    (r"^spec2spec\.last\.", "spec2spec.last_conv.0."),
    (r"^spec2spec\.down\.", "spec2spec.downsamplings."),
    (r"^spec2spec\.up\.", "spec2spec.upsamplings."),
    (r"^spec2spec\.middle\.", "spec2spec.mid_block."),
    (r"\.convolutions\.layers\.", ".tfc.H."),
    (r"\.attention\.query\.", ".linear_query."),
    (r"\.attention\.keys$", ".keys"),
    (r"\.transform\.frequency\.", ".tdfs.tdf."),
    (r"\.transform\.narrow\.", ".LaSAFT_bn_layer."),
    (r"\.transform\.widen\.", ".LaSIFT."),
    (r"\.control\.hidden\.", ".condition_generator.dense_control_block.linear."),
    (r"\.control\.(weights|shifts)\.1\.", r".control.\1.2."),
    (r"\.control\.weights\.", ".condition_generator.linear_gamma."),
    (r"\.control\.shifts\.", ".condition_generator.linear_beta."),
)


def authors_name(name: str) -> str:
    """Return the name of a weight in the authors' checkpoints.

    Examples
    --------
    >>> authors_name("unet.decoders.3.convolutions.layers.0.1.running_mean")
    'spec2spec.decoders.3.tfc.H.0.1.running_mean'
    >>> authors_name("unet.control.weights.1.running_var")
    'spec2spec.condition_generator.linear_gamma.2.running_var'
    """
    for ours, theirs in NAMES:
        name = re.sub(ours, theirs, name)
    return name
