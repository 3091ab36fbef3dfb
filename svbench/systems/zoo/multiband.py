"""Multi-band Conv-TasNet: one separator for each band of latent channels."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from svbench.audio import Samples
from svbench.systems.zoo.layers import TemporalConvNet
from svbench.systems.zoo.separator import Separator, batch_of, in_chunks, named, sized

TARGETS = ("accompaniment", "vocals")
RATE_HZ = 22050
STRIDE = 10  # samples from frame to frame; windows have twice as many
# Released checkpoints refer to the class of their network; a stand-in of that name lets the arrays be read
# without its code.
STAND_INS = ("tasnet.tasnet.ConvTasNet",)

_M1: dict[str, Any] = {
    "segment_samples": 4 * RATE_HZ,
    "overlap": 0.0,
    "bottleneck": 256,
    "bands": 1,
    "full_band": False,
    "strong": False,
    "frozen": False,
    "latent": 256,
    "hidden": 512,
    "kernel": 3,
    "blocks": 8,
    "repeats": 3,
}
_M2 = {**_M1, "bottleneck": 128, "bands": 2}
SIZES: dict[str, dict[str, Any]] = {
    "M1": _M1,
    "M2": _M2,
    "M3": {**_M2, "full_band": True},
    "M4": {**_M1, "bottleneck": 64, "bands": 4},
    "M5": {**_M2, "frozen": True},
    "M6": {**_M2, "frozen": True},
    "S1": {**_M1, "strong": True},
    "S2": {**_M2, "strong": True},
}


def build(size: str, targets: tuple[str, ...] | None = None, **settings: Any) -> Separator:
    """Build one of the paper's networks, with random weights and its authors' way through a track.

    The mixture is normalised by the mean and standard deviation of its mono sum and cut into chunks of 4 s
    without overlap. A chunk that is shorter than the longest window, or not a whole number of strides, is
    padded with zeros on both sides. The authors' code adds one stride too many where 10 samples are left over
    and fails where 1 is, so results differ there, which happens in the last chunk of a track only.

    Parameters
    ----------
    size : str
        One of `SIZES`. M6 is M5 whose latent channels are sorted by spectral content before the
        bands are cut; the order is in the weights, so the network is the same.
    targets : tuple of str, optional
        Other names of the two outputs.
    **settings
        Replace keywords of the size, see `MultiBandTasNet`; ``overlap`` is the share of a chunk that the next
        one covers again.

    Returns
    -------
    Separator

    Raises
    ------
    ValueError
        Settings are unknown or impossible.
    """
    given = sized(SIZES, size, settings)
    segment_samples, overlap = given.pop("segment_samples"), given.pop("overlap")
    network = MultiBandTasNet(**given).eval()

    def run(samples: Samples) -> Samples:
        mono = samples.mean(axis=1, dtype=np.float64)
        mean, deviation = float(mono.mean()), float(mono.std(ddof=1)) if len(mono) > 1 else 0.0
        scale = deviation or 1.0  # silence stays silence

        def call(chunk: Samples) -> Samples:
            return _filled(network, (chunk - np.float32(mean)) / np.float32(scale))

        estimates = in_chunks(call, samples, segment_samples, overlap)
        estimates *= np.float32(scale)
        estimates += np.float32(mean)
        return estimates

    names = partial(_their_name, blocks=network.n_blocks)
    return Separator(network, named(targets, TARGETS), RATE_HZ, run, names, _fitted)


class MultiBandTasNet(nn.Module):
    """Encoder, one separator per band, decoder.

    The figure in words: a convolution with ReLU turns the stereo mixture into 256 latent channels. They are
    split into ``bands`` equal groups of neighbours. Each group goes through a temporal convolutional network
    of its own, which gives as many mask channels for each of two sources. The masks are concatenated again
    and multiply the latent channels, and a transposed convolution turns each product into stereo. With
    ``full_band``, one more separator sees all channels, and a linear layer mixes its masks with those of the
    bands.

    Parameters
    ----------
    bottleneck : int
        Channels between the blocks of a separator.
    bands : int
        Divides ``latent``.
    full_band, strong, frozen : bool
        Whether there is a further separator, and the stronger encoder and decoder; and whether the encoder
        and decoder are not trained.
    latent : int
        Channels of the encoder.
    **separator
        ``hidden``, ``kernel``, ``blocks`` and ``repeats`` of `svbench.systems.zoo.layers.TemporalConvNet`.

    Notes
    -----
    Shapes: (batch, 2, n_samples) to (batch, 2 sources, 2, n_samples), n_samples a multiple of 10
    and at least `shortest`.

    References
    ----------
    P. Papantonakis, C. Garoufis, P. Maragos, "Multi-band Masking for Waveform-based Singing Voice
    Separation", EUSIPCO 2022.
    """

    def __init__(
        self,
        bottleneck: int,
        bands: int,
        full_band: bool,
        strong: bool,
        frozen: bool,
        latent: int,
        **separator: Any,
    ) -> None:
        super().__init__()
        if latent % bands:
            raise ValueError(f"{bands} bands do not divide {latent} latent channels")
        self.bands, self.full_band, self.n_blocks = bands, full_band, separator["blocks"]
        # The spectrogram reflects half a window at the ends, which takes more samples than that.
        self.shortest = N_FFT // 2 + STRIDE if strong else 2 * STRIDE
        # The plain encoder maps (batch, 2, n_samples) to (batch, latent, n_samples / 10 - 1).
        self.encoder: nn.Module = (
            StrongEncoder(latent)
            if strong
            else nn.Sequential(nn.Conv1d(2, latent, 2 * STRIDE, STRIDE, bias=False), nn.ReLU())
        )
        widths = [latent // bands] * bands + [latent] * full_band
        self.separators = nn.ModuleList(
            TemporalConvNet(width, len(TARGETS), bottleneck=bottleneck, **separator) for width in widths
        )
        if full_band:
            self.combine = nn.Linear(2 * latent, latent, bias=False)
        self.decoder: nn.Module = (
            StrongDecoder(latent) if strong else nn.ConvTranspose1d(latent, 2, 2 * STRIDE, STRIDE, bias=False)
        )
        for part in (self.encoder, self.decoder):
            part.requires_grad_(not frozen)

    def forward(self, mixture: torch.Tensor) -> torch.Tensor:
        """Estimate both sources."""
        latent = self.encoder(mixture)
        inputs = [*latent.chunk(self.bands, dim=1), *([latent] if self.full_band else [])]
        masks = torch.cat([s(part) for s, part in zip(self.separators, inputs, strict=True)], dim=2)
        if self.full_band:
            masks = self.combine(masks.transpose(2, 3)).transpose(2, 3)
        sources = (latent[:, None] * masks).flatten(0, 1)
        estimates: torch.Tensor = self.decoder(sources).unflatten(0, (-1, len(TARGETS)))
        return estimates


N_FFT, HOP = 1024, 256
SCALES = 6  # filter banks of the stronger encoder and decoder, each twice as long as the one before


class StrongEncoder(nn.Module):
    """Filter banks of six lengths and a spectrogram, mixed by two 1×1 convolutions.

    Shapes: (batch, 2, n_samples) to (batch, latent, n_samples / 10). The spectrogram's power in both
    channels, as a logarithm, goes through a linear layer and is interpolated to the frames.

    References
    ----------
    D. Samuel, A. Ganeshan, J. Naradowsky, "Meta-learning Extractors for Music Source Separation",
    ICASSP 2020.
    """

    def __init__(self, latent: int) -> None:
        super().__init__()
        lengths = [2 * STRIDE * 2**scale for scale in range(SCALES)]
        self.filters = nn.ModuleList(
            nn.Conv1d(2, latent // 4, k, STRIDE, padding=(k - STRIDE) // 2, bias=False) for k in lengths
        )
        # A parameter, as in the authors' code, so that counts agree.
        self.window = nn.Parameter(torch.hann_window(N_FFT), requires_grad=False)
        self.spectral = nn.Conv1d(2 * (N_FFT // 2 + 1), latent, 1)
        self.mix = nn.Sequential(
            nn.Conv1d(SCALES * (latent // 4) + latent, latent, 1, bias=False),
            nn.ReLU(),
            nn.Conv1d(latent, latent, 1, bias=False),
        )

    def forward(self, mixture: torch.Tensor) -> torch.Tensor:
        """Encode."""
        # Interleaved: the first channel of each of the six banks, then the second of each, and so on.
        filtered = torch.relu(torch.stack([f(mixture) for f in self.filters], dim=2).flatten(1, 2))
        spectrum = torch.stft(mixture.flatten(0, 1), N_FFT, HOP, window=self.window, return_complex=True)
        power = spectrum.real.square() + spectrum.imag.square()
        level = torch.log10(power + 1e-8).unflatten(0, (-1, 2)).flatten(1, 2)
        spectral = nn.functional.interpolate(
            self.spectral(level), size=filtered.shape[2], mode="linear", align_corners=True
        )
        mixed: torch.Tensor = self.mix(torch.cat([filtered, spectral], dim=1))
        return mixed


class StrongDecoder(nn.Module):
    """The counterpart of `StrongEncoder`: fewer channels for longer filters, and the sum of their outputs.

    Shapes: (batch, latent, frames) to (batch, 2, 10 * frames).
    """

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.widths = [latent // 2 ** (scale + 1) for scale in range(SCALES)]
        lengths = [2 * STRIDE * 2**scale for scale in range(SCALES)]
        self.mix = nn.ConvTranspose1d(latent, sum(self.widths), 1, bias=False)
        self.filters = nn.ModuleList(
            nn.ConvTranspose1d(width, 2, k, STRIDE, padding=(k - STRIDE) // 2, bias=False)
            for width, k in zip(self.widths, lengths, strict=True)
        )

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """Decode."""
        parts = torch.relu(self.mix(latent)).split(self.widths, dim=1)
        return torch.stack([f(p) for f, p in zip(self.filters, parts, strict=True)]).sum(dim=0)


def _filled(network: MultiBandTasNet, chunk: Samples) -> Samples:
    """Separate a chunk of any length by padding it; (n, 2) to (targets, n, 2)."""
    n_samples = len(chunk)
    fill = max(network.shortest - n_samples, 0)
    fill += -(n_samples + fill) % STRIDE
    before = fill // 2
    given = batch_of(np.pad(chunk, ((before, fill - before), (0, 0))), network)
    estimates: Samples = network(given)[0].mT[:, before : before + n_samples].cpu().numpy()
    return estimates


# The authors' names of the parts of a separator and its blocks.
_PARTS = {
    "norm.weight": "network.0.gamma",
    "norm.bias": "network.0.beta",
    "narrow.weight": "network.1.weight",
    "mask.weight": "mask_conv1x1.weight",
}
_BLOCK = {
    "widen.0.weight": "net.0.weight",
    "widen.1.weight": "net.1.weight",
    "widen.2.weight": "net.2.gamma",
    "widen.2.bias": "net.2.beta",
    "depthwise.0.weight": "net.3.net.0.weight",
    "depthwise.1.weight": "net.3.net.1.weight",
    "depthwise.2.weight": "net.3.net.2.gamma",
    "depthwise.2.bias": "net.3.net.2.beta",
    "narrow.weight": "net.3.res_conv.weight",
}
_ENDS = {
    "encoder.0.weight": "encoder.conv1d_U.weight",
    "decoder.weight": "decoder.basis_signals.weight",
    "combine.weight": "linear_mask_combinator.weight",
    "encoder.window": "encoder.spectrogram.window",
    "encoder.spectral.weight": "encoder.spectrogram.mel_transform.weight",
    "encoder.spectral.bias": "encoder.spectrogram.mel_transform.bias",
    "encoder.mix.0.weight": "encoder.bottleneck.0.weight",
    "encoder.mix.2.weight": "encoder.bottleneck.2.weight",
    "decoder.mix.weight": "decoder.bottleneck.0.weight",
}


def _their_name(name: str, blocks: int) -> str:
    """Return the authors' name of a weight; they count blocks within each of the repeats."""
    parts = name.split(".")
    if parts[0] != "separators":
        return _ENDS.get(name, name)
    band, kind, rest = parts[1], parts[2], ".".join(parts[2:])
    if kind != "blocks":
        return f"separators.{band}.{_PARTS[rest]}"
    repeat, block = divmod(int(parts[3]), blocks)
    return f"separators.{band}.temporal_conv_net.{repeat}.{block}.{_BLOCK['.'.join(parts[4:])]}"


def _fitted(name: str, value: torch.Tensor) -> torch.Tensor:
    """Drop the outer axes of the authors' norms; make a transposed convolution of their linear decoder."""
    if name == "decoder.weight" and value.ndim == 2:
        return value.T.unflatten(1, (2, -1))
    is_norm = value.ndim == 3 and value.shape[0] == value.shape[2] == 1
    return value.flatten() if is_norm else value
