"""CNN-LSTM, the mask model of a thesis: two recurrent layers over a stereo magnitude spectrogram."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn

from svbench.audio import Samples
from svbench.systems.zoo.separator import Separator, batch_of, in_chunks, named, sized

TARGETS = ("vocals", "accompaniment")
RATE_HZ = 44100

# The listing does not say how to separate long tracks.
SIZES: dict[str, dict[str, Any]] = {
    "listing": {"segment_samples": 10 * RATE_HZ, "overlap": 0.25, "n_fft": 2048, "hidden": 128, "layers": 2}
}


def build(size: str = "listing", targets: tuple[str, ...] | None = None, **settings: Any) -> Separator:
    """Build the listing's network with random weights.

    The mask multiplies the mixture's complex spectrum, which gives the vocals; the rest is the accompaniment.
    The listing does not say how to separate long tracks. Here, segments of 10 s that overlap by a quarter
    keep memory constant, and each is normalised by its own largest magnitude.

    Parameters
    ----------
    size : str
        One of `SIZES`.
    targets : tuple of str, optional
        Other names of the masked part and the rest.
    **settings
        Replace keywords of the size, see `MaskNetwork`; ``overlap`` is the share of a segment that the next
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
    network = MaskNetwork(**given).eval()

    def call(chunk: Samples) -> Samples:
        mixture = batch_of(chunk, network)[0]
        spectrum = torch.stft(
            mixture,
            network.n_fft,
            network.hop,
            window=network.window,
            pad_mode="constant",
            return_complex=True,
        )
        magnitude = spectrum.abs()
        mask = network(normalised(magnitude)[None])[0]
        vocals = torch.istft(
            spectrum * mask, network.n_fft, network.hop, window=network.window, length=len(chunk)
        )
        estimates: Samples = torch.stack([vocals, mixture - vocals]).mT.cpu().numpy()
        return estimates

    run = partial(in_chunks, call, length=segment_samples, overlap=overlap)
    return Separator(network, named(targets, TARGETS), RATE_HZ, run)


class MaskNetwork(nn.Module):
    """Estimates a mask of a spectrogram: bidirectional LSTM over the frames, linear layer.

    The text of the thesis mentions a CNN, but its listing has no convolution and nothing that bounds the
    mask; this follows the listing. That the two planes of the input are the magnitudes of both channels is
    our interpretation.

    Parameters
    ----------
    n_fft : int
        Samples in a window; each frame has 2 · (n_fft / 2 + 1) values. The hop is a quarter of it.
    hidden, layers : int
        Of the LSTM, in each direction.

    Notes
    -----
    Shapes: (batch, 2, bins, frames), magnitudes divided by the largest, to the same.

    References
    ----------
    Listing 4.5 of the thesis.
    """

    def __init__(self, n_fft: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.n_fft, self.hop = n_fft, n_fft // 4
        width = 2 * (n_fft // 2 + 1)
        self.lstm = nn.LSTM(width, hidden, layers, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(2 * hidden, width)
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.window: torch.Tensor

    def forward(self, magnitude: torch.Tensor) -> torch.Tensor:
        """Estimate the mask."""
        frames = magnitude.permute(0, 3, 1, 2).flatten(2)
        mask: torch.Tensor = self.linear(self.lstm(frames)[0]).unflatten(2, (2, -1)).permute(0, 2, 3, 1)
        return mask


def normalised(magnitude: torch.Tensor) -> torch.Tensor:
    """Divide a spectrogram by its largest magnitude; silence stays silent."""
    return magnitude / magnitude.max().clamp_min(torch.finfo(magnitude.dtype).tiny)
