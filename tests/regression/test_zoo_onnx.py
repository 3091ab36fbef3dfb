"""The example that puts networks of the zoo into ONNX files: the files compute what the networks compute."""

from __future__ import annotations

import importlib
import runpy
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from svbench.audio import Audio
from svbench.specs.system import load_system
from svbench.systems.quantization import quantize_system
from svbench.systems.worker.host import WorkerHost

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[2] / "examples" / "zoo_onnx.py"
SMALL = {
    ("cnn-lstm", "listing"): {"n_fft": 64, "hidden": 4, "layers": 2},
    ("multiband-conv-tasnet", "S2"): {
        "bottleneck": 4, "bands": 2, "strong": True, "latent": 64, "hidden": 6, "blocks": 2, "repeats": 1,
    },
    ("vox-tasnet", "reading"): {
        "latent": 8, "window": 16, "bottleneck": 4, "hidden": 6, "kernel": 3, "blocks": 2, "repeats": 1,
        "lookahead_frames": 3,
    },
}  # fmt: skip


@pytest.mark.parametrize(("architecture", "size"), SMALL)
def test_one_segment_is_separated_alike(
    architecture: str, size: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("torch", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    import torch

    from svbench.systems.adapters.zoo import ARCHITECTURES

    zoo = importlib.import_module(f"svbench.systems.zoo.{ARCHITECTURES[architecture]}")
    monkeypatch.setitem(zoo.SIZES, size, {**zoo.SIZES[size], **SMALL[architecture, size]})
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), architecture, size, str(tmp_path)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own, which differ between versions
        runpy.run_path(str(EXAMPLE), run_name="__main__")
    torch.manual_seed(0)
    separator = zoo.build(size)
    located = load_system(tmp_path / f"{architecture}-{size}.toml")
    parameters = located.spec.parameters
    mixture = 0.1 * np.random.default_rng(0).standard_normal((parameters["segment_samples"], 2))
    expected = separator.separate(mixture)
    with WorkerHost(located, separator.targets, tmp_path) as host:
        found = host.separate("noise", Audio(mixture, separator.rate_hz)).estimates
        silence = host.separate("silence", Audio(0 * mixture, separator.rate_hz)).estimates
    for target in separator.targets:
        error = found[target].samples - expected[target]
        assert np.sum(error**2) < 1e-6 * np.sum(expected[target] ** 2)
        assert np.abs(silence[target].samples).max() < 1e-6
    if architecture == "cnn-lstm":
        made = quantize_system(located, tmp_path / "int8.toml")
        assert made.quantized == {"MatMulInteger": 1, "DynamicQuantizeLSTM": 2}
