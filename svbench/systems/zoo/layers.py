"""Layers that several networks share: the STFT and TFC-TDF blocks, and the separator of Conv-TasNet.

Time-frequency convolutions (TFC) see neighbours in time and frequency. Time-distributed fully connected
layers (TDF) see the whole frequency axis of one frame and channel, through a bottleneck. Real spectrograms
have shape (batch, channels, frames, bins).

W. Choi, M. Kim, J. Chung, D. Lee, S. Jung, "Investigating U-Nets with various intermediate blocks for
spectrogram-based singing voice separation", ISMIR 2020; later versions as each class says.

The separator of Conv-TasNet applies dilated convolutions to the frames of a latent representation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn


class Stft(nn.Module):
    """A short-time Fourier transform: centred frames, a periodic Hann window, ends reflected.

    Parameters
    ----------
    n_fft, hop : int
        Samples.
    counted : bool
        Whether the window counts among the network's parameters, though it is not trained, as in some
        papers. Checkpoints contain it either way.

    Examples
    --------
    >>> samples = torch.arange(2.0 * 5 * 8).reshape(1, 2, 40)
    >>> front = Stft(16, 8)
    >>> front(samples).shape, bool(torch.allclose(front.inverse(front(samples)), samples, atol=1e-4))
    (torch.Size([1, 2, 9, 6]), True)
    """

    def __init__(self, n_fft: int, hop: int, counted: bool = False) -> None:
        super().__init__()
        self.n_fft, self.hop = n_fft, hop
        window = torch.hann_window(n_fft)
        if counted:
            self.window = nn.Parameter(window, requires_grad=False)
        else:
            self.register_buffer("window", window)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Transform (batch, channels, hop · (frames − 1)) to (batch, channels, n_fft / 2 + 1, frames)."""
        batch, channels, n_samples = samples.shape
        spectra = torch.stft(
            samples.reshape(batch * channels, n_samples),
            self.n_fft,
            self.hop,
            window=self.window,
            return_complex=True,
        )
        return spectra.reshape(batch, channels, *spectra.shape[1:])

    def inverse(self, spectra: torch.Tensor) -> torch.Tensor:
        """Invert the transform; shapes as in `forward`."""
        batch, channels, bins, frames = spectra.shape
        flat = spectra.reshape(batch * channels, bins, frames)
        return torch.istft(flat, self.n_fft, self.hop, window=self.window).reshape(batch, channels, -1)


class TfcTdf(nn.Module):
    """The third version, of DTTNet: a TDF between two TFCs, with residual connections.

    The figure in words: input → TFC → + TDF of it → TFC → + one convolution of the input.

    Parameters
    ----------
    channels, bins : int
        Of input and output.
    layers : int
        Convolutions of each TFC.
    kernel : int
    bottleneck : int
        The factor by which the TDF narrows ``bins``.
    """

    def __init__(self, channels: int, bins: int, layers: int, kernel: int, bottleneck: int) -> None:
        super().__init__()
        self.before = chain(channels, layers, kernel)
        self.frequency = frequency_transform(channels, bins, bins // bottleneck, bins)
        self.after = chain(channels, layers, kernel)
        self.shortcut = chain(channels, 1, kernel)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, channels, frames, bins) to the same shape."""
        mapped = self.before(x)
        mapped = mapped + self.frequency(mapped)
        return self.after(mapped) + self.shortcut(x)


class DenseTfc(nn.Module):
    """The first version, of LaSAFT: every convolution sees the input and the outputs of all before it.

    Parameters
    ----------
    channels_in : int
    channels : int
        Of the output of each convolution, and so of the block.
    layers, kernel : int
    """

    def __init__(self, channels_in: int, channels: int, layers: int, kernel: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            convolution(channels_in + number * channels, channels, kernel) for number in range(layers)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, channels_in, frames, bins) to (batch, channels, frames, bins)."""
        newest = self.layers[0](x)
        for layer in self.layers[1:]:
            x = torch.cat((newest, x), 1)
            newest = layer(x)
        return newest


def chain(channels: int, layers: int, kernel: int) -> nn.Sequential:
    """Return convolutions in sequence that keep shapes."""
    return nn.Sequential(*(convolution(channels, channels, kernel) for _ in range(layers)))


def convolution(channels_in: int, channels: int, kernel: int) -> nn.Sequential:
    """Return convolution, batch norm and ReLU; (batch, channels_in, …) to (batch, channels, …), same size."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, kernel, padding=kernel // 2), nn.BatchNorm2d(channels), nn.ReLU()
    )


def halved(channels_in: int, channels: int) -> nn.Sequential:
    """Return a convolution of pairs of frames and bins; (…, frames, bins) to (…, frames / 2, bins / 2)."""
    return nn.Sequential(nn.Conv2d(channels_in, channels, 2, stride=2), nn.BatchNorm2d(channels))


def doubled(channels_in: int, channels: int) -> nn.Sequential:
    """Return the counterpart of `halved`; (…, frames, bins) to (…, 2 · frames, 2 · bins)."""
    return nn.Sequential(nn.ConvTranspose2d(channels_in, channels, 2, stride=2), nn.BatchNorm2d(channels))


def frequency_transform(channels: int, bins_in: int, bottleneck: int, bins_out: int) -> nn.Sequential:
    """Return a TDF; (batch, channels, frames, bins_in) to (batch, channels, frames, bins_out).

    Parameters
    ----------
    channels, bins_in, bins_out : int
    bottleneck : int
        Units between the two fully connected layers.
    """
    narrow, widen = connected(channels, bins_in, bottleneck), connected(channels, bottleneck, bins_out)
    return nn.Sequential(*narrow, *widen)


def connected(channels: int, bins_in: int, bins_out: int) -> nn.Sequential:
    """Return a fully connected layer without bias along the bins of each frame, batch norm and ReLU."""
    return nn.Sequential(nn.Linear(bins_in, bins_out, bias=False), nn.BatchNorm2d(channels), nn.ReLU())


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
