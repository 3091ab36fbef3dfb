"""The short-time Fourier transform in front of and behind networks that work on spectrograms."""

from __future__ import annotations

import torch
from torch import nn


class Stft(nn.Module):
    """Centred frames of a periodic Hann window, reflected at the ends.

    Parameters
    ----------
    n_fft, hop : int
        Samples.
    counted : bool
        Whether the window is among the network's parameters, though not trained, as papers count it.
        Checkpoints have it either way.

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
        """Go back; shapes as in `forward`."""
        batch, channels, bins, frames = spectra.shape
        flat = spectra.reshape(batch * channels, bins, frames)
        return torch.istft(flat, self.n_fft, self.hop, window=self.window).reshape(batch, channels, -1)
