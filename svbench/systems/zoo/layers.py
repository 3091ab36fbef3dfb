"""Layers of networks on spectrograms: the STFT around them, and TFC-TDF blocks.

Time-frequency convolutions (TFC) see neighbours in time and frequency. Time-distributed fully connected
layers (TDF) see the whole frequency axis of one frame and channel, through a bottleneck. Real spectrograms
have shape (batch, channels, frames, bins).

W. Choi, M. Kim, J. Chung, D. Lee, S. Jung, "Investigating U-Nets with various intermediate blocks for
spectrogram-based singing voice separation", ISMIR 2020; later versions as each class says.
"""

from __future__ import annotations

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
