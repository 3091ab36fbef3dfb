"""Put Spleeter's two networks, with their transforms and masks, into one ONNX file with its system file.

Run it where the extras ``spleeter,onnx`` and onnxscript are installed, then compare fp32 and int8::

    python examples/spleeter_onnx.py systems
    svbench quantize systems/spleeter-onnx.toml --out systems/spleeter-onnx-int8.toml
    svbench run mdx21 --data demo --system systems/spleeter-onnx.toml systems/spleeter-onnx-int8.toml
    svbench table runs --cost
"""

import hashlib
import sys
from pathlib import Path

import torch

from svbench.systems.adapters.spleeter import (
    HOP,
    N_BINS,
    N_FFT,
    N_FRAMES,
    RATE_HZ,
    TARGETS,
    SpleeterTorch,
    forward,
)
from svbench.systems.api import Context

# Of so many samples, 512 frames are made.
SEGMENT_SAMPLES = (N_FRAMES - 1) * HOP


class Waveforms(torch.nn.Module):
    """Stereo segments to both estimates: (1, 2, samples) to (1, targets, 2, samples).

    ONNX has neither complex numbers to multiply nor an inverse short-time transform, so frames are
    cut and laid over each other here, and real and imaginary parts stand on the last axis.
    """

    def __init__(self, system: SpleeterTorch) -> None:
        super().__init__()
        self.networks = system.networks
        self.register_buffer("window", system.window)
        envelope = self._overlapped(system.window.square().expand(1, N_FRAMES, N_FFT))
        self.register_buffer("envelope", envelope.clamp_min(1e-8))

    def forward(self, mixture: torch.Tensor) -> torch.Tensor:
        """Separate one segment."""
        padded = torch.nn.functional.pad(mixture[0], (N_FFT // 2, N_FFT // 2))
        hops = padded.reshape(2, N_FRAMES + N_FFT // HOP - 1, HOP)
        frames = torch.cat([hops[:, k : k + N_FRAMES] for k in range(N_FFT // HOP)], dim=2)
        spectrum = torch.view_as_real(torch.fft.rfft(frames * self.window))
        low = spectrum[:, :, :N_BINS]
        magnitude = low.square().sum(dim=3).sqrt()
        powers = [forward(network, magnitude[None])[0] ** 2 for network in self.networks]
        total = sum(powers) + 1e-10
        estimates = []
        for power in powers:
            masked = low * ((power + 5e-11) / total)[..., None]
            whole = torch.nn.functional.pad(masked, (0, 0, 0, N_FFT // 2 + 1 - N_BINS))
            back = torch.fft.irfft(torch.view_as_complex(whole), n=N_FFT) * self.window
            samples = self._overlapped(back) / self.envelope
            estimates.append(samples[:, N_FFT // 2 : N_FFT // 2 + SEGMENT_SAMPLES])
        return torch.stack(estimates)[None]

    @staticmethod
    def _overlapped(frames: torch.Tensor) -> torch.Tensor:
        """Add frames up where they lie: (channels, frames, N_FFT) to (channels, samples)."""
        n = N_FFT // HOP
        pieces = frames.reshape(frames.shape[0], N_FRAMES, n, HOP)
        placed = [torch.nn.functional.pad(pieces[:, :, k], (0, 0, k, n - 1 - k)) for k in range(n)]
        return sum(placed).reshape(frames.shape[0], -1)


def main() -> None:
    """Write the model and the system file into a folder."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    module = Waveforms(SpleeterTorch({}, Context("spleeter-onnx", out, TARGETS, ()))).eval()
    model = out / "spleeter-onnx.onnx"
    example = torch.zeros(1, 2, SEGMENT_SAMPLES)
    # Not optimised: the optimiser takes the masks' 1e-10 for nothing, and silence becomes 0 / 0.
    torch.onnx.export(module, (example,), model, dynamo=True, external_data=False, optimize=False)
    sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
    (out / "spleeter-onnx.toml").write_text(
        f"""schema = 1
id = "spleeter-onnx"
title = "Spleeter, two stems, as one ONNX file"
adapter = "onnx"
training_data = ["unknown"]
weights = [{{ path = "{model.name}", sha256 = "{sha256}" }}]

[parameters]
targets = {list(TARGETS)}
rate_hz = {RATE_HZ}
segment_samples = {SEGMENT_SAMPLES}
overlap = 0.25
""".replace("'", '"'),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
