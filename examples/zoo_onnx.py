"""Put a network of the zoo into one ONNX file with its system file, here with random weights.

Run it where the extras ``zoo,onnx`` and onnxscript are installed, then compare fp32 and int8::

    python examples/zoo_onnx.py cnn-lstm listing systems
    svbench quantize systems/cnn-lstm-listing.toml --out systems/cnn-lstm-listing-int8.toml
    svbench profile systems/cnn-lstm-listing.toml
    svbench profile systems/cnn-lstm-listing-int8.toml

A fourth word names a checkpoint, which is loaded first.
"""

import hashlib
import importlib
import sys
from pathlib import Path

import torch
from onnxscript.optimizer import fold_constants, remove_unused_nodes

from svbench.systems.adapters.shared import read_checkpoint
from svbench.systems.adapters.zoo import ARCHITECTURES
from svbench.systems.zoo.cnn_lstm import MaskNetwork, normalised
from svbench.systems.zoo.separator import Separator


class Masked(torch.nn.Module):
    """The CNN-LSTM model with its transforms: (1, 2, samples) to (1, targets, 2, samples).

    ONNX has neither complex numbers to multiply nor an inverse short-time transform, so frames are
    cut and laid over each other here, and real and imaginary parts stand on the last axis.
    """

    n_frames = 345  # 4 s

    def __init__(self, separator: Separator) -> None:
        super().__init__()
        network = separator.network
        assert isinstance(network, MaskNetwork)
        self.network, self.hop, self.n_fft = network, network.hop, network.n_fft
        self.segment_samples = (self.n_frames - 1) * self.hop
        envelope = self._overlapped(network.window.square().expand(1, self.n_frames, self.n_fft))
        self.register_buffer("envelope", envelope.clamp_min(1e-8))

    def forward(self, mixture: torch.Tensor) -> torch.Tensor:
        """Separate one segment."""
        half, n = self.n_fft // 2, self.n_fft // self.hop
        padded = torch.nn.functional.pad(mixture[0], (half, half))
        hops = padded.reshape(2, self.n_frames + n - 1, self.hop)
        frames = torch.cat([hops[:, k : k + self.n_frames] for k in range(n)], dim=2)
        spectrum = torch.view_as_real(torch.fft.rfft(frames * self.network.window))
        magnitude = spectrum.square().sum(dim=3).sqrt().mT
        mask = self.network(normalised(magnitude)[None])[0].mT
        masked = torch.view_as_complex(spectrum * mask[..., None])
        back = torch.fft.irfft(masked, n=self.n_fft) * self.network.window
        vocals = (self._overlapped(back) / self.envelope)[:, half : half + self.segment_samples]
        return torch.stack([vocals, mixture[0] - vocals])[None]

    def _overlapped(self, frames: torch.Tensor) -> torch.Tensor:
        """Add frames up where they lie: (channels, frames, n_fft) to (channels, samples)."""
        n = self.n_fft // self.hop
        pieces = frames.reshape(frames.shape[0], self.n_frames, n, self.hop)
        placed = [torch.nn.functional.pad(pieces[:, :, k], (0, 0, k, n - 1 - k)) for k in range(n)]
        return sum(placed).reshape(frames.shape[0], -1)


class Normalised(torch.nn.Module):
    """A multi-band Conv-TasNet that normalises each segment by itself, not by the whole track's level."""

    segment_samples = 4 * 22050

    def __init__(self, separator: Separator) -> None:
        super().__init__()
        self.network = separator.network

    def forward(self, mixture: torch.Tensor) -> torch.Tensor:
        """Separate one segment."""
        mono = mixture.mean(dim=1, keepdim=True)
        mean = mono.mean(dim=2, keepdim=True)
        deviation = (mono - mean).square().mean(dim=2, keepdim=True).sqrt().clamp_min(1e-8)
        return self.network((mixture - mean) / deviation) * deviation[:, None] + mean[:, None]


class OneTarget(torch.nn.Module):
    """Vox-TasNet, with an axis for its one target."""

    segment_samples = 4 * 44100

    def __init__(self, separator: Separator) -> None:
        super().__init__()
        self.network = separator.network

    def forward(self, mixture: torch.Tensor) -> torch.Tensor:
        """Separate one segment."""
        return self.network(mixture)[:, None]


LARGE = 10**9  # bytes
WAVEFORMS = {"cnn-lstm": Masked, "multiband-conv-tasnet": Normalised, "vox-tasnet": OneTarget}


def main() -> None:
    """Write the model and the system file into a folder."""
    architecture, size, out = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    zoo = importlib.import_module(f"svbench.systems.zoo.{ARCHITECTURES[architecture]}")
    torch.manual_seed(0)
    separator = zoo.build(size)
    if len(sys.argv) > 4:
        separator.load(read_checkpoint(Path(sys.argv[4]), getattr(zoo, "STAND_INS", ())))
    module = WAVEFORMS[architecture](separator).eval()
    name = f"{architecture}-{size}"
    model = out / f"{name}.onnx"
    example = torch.randn(1, 2, module.segment_samples)
    # Not optimised: the optimiser takes a logarithm's 1e-8 for nothing, and silence becomes infinite.
    # Constants are folded, so that an LSTM's weights stand in one piece, as quantising wants them.
    program = torch.onnx.export(module, (example,), dynamo=True, optimize=False)
    fold_constants(program.model, input_size_limit=LARGE, output_size_limit=LARGE)
    remove_unused_nodes(program.model)
    program.save(model, external_data=False)
    sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
    (out / f"{name}.toml").write_text(
        f"""schema = 1
id = "{name}"
title = "{architecture} {size} as one ONNX file"
adapter = "onnx"
training_data = ["unknown"]
weights = [{{ path = "{model.name}", sha256 = "{sha256}" }}]

[parameters]
targets = {list(separator.targets)}
rate_hz = {separator.rate_hz}
segment_samples = {module.segment_samples}
overlap = 0.25
""".replace("'", '"'),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
