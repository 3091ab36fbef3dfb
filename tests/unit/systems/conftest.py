"""Small networks as model files, and the system files around them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from svbench.specs.system import LocatedSystem, load_system

TARGETS = ["vocals", "accompaniment"]
WriteOnnx = Callable[..., Path]
Describe = Callable[..., LocatedSystem]


@pytest.fixture
def describe_system(tmp_path: Path) -> Describe:
    """Write ``<id>.toml`` for a model file: ``describe(adapter, model, more_toml, **parameters)``."""

    def describe(adapter: str, model: Path, more: str = "", **parameters: Any) -> LocatedSystem:
        sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
        given = {"targets": TARGETS, "rate_hz": 8000, **parameters}
        values = ", ".join(
            f"{k} = {str(v).replace(chr(39), chr(34))}" for k, v in given.items() if v is not None
        )
        path = tmp_path / f"{model.stem}.toml"
        path.write_text(
            f'schema = 1\nid = "{model.stem}"\ntitle = "A small network"\nadapter = "{adapter}"\n'
            f"training_data = []\nparameters = {{ {values} }}\n"
            + (more or f'weights = [{{ path = "{model.name}", sha256 = "{sha256}" }}]\n')
        )
        return load_system(path)

    return describe


@pytest.fixture
def write_onnx(tmp_path: Path) -> WriteOnnx:
    """Write a network of two convolutions: ``write(name, n_samples="n", hidden=8)``."""
    pytest.importorskip("onnx")
    return lambda name, **wanted: _write_onnx(tmp_path / name, **wanted)


def _write_onnx(path: Path, *, n_samples: int | str = "n", hidden: int = 8, external: str = "") -> Path:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(7)
    tensors = [
        numpy_helper.from_array(rng.normal(0, 0.2, (hidden, 2, 9)).astype("f4"), "first"),
        numpy_helper.from_array(rng.normal(0, 0.2, (4, hidden, 1)).astype("f4"), "second"),
        numpy_helper.from_array(np.array([1, 2, 2]), "head"),
    ]
    nodes = [
        helper.make_node("Conv", ["mixture", "first"], ["a"], pads=[4, 4]),
        helper.make_node("Tanh", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "second"], ["c"]),
        helper.make_node("Shape", ["mixture"], ["length"], start=2),
        helper.make_node("Concat", ["head", "length"], ["shape"], axis=0),
        helper.make_node("Reshape", ["c", "shape"], ["estimates"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("mixture", TensorProto.FLOAT, ["batch", 2, n_samples])],
        [helper.make_tensor_value_info("estimates", TensorProto.FLOAT, [1, 2, 2, n_samples])],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if external:
        onnx.save(model, path, save_as_external_data=True, location=external, size_threshold=0)
    else:
        onnx.save(model, path)
    return path


@pytest.fixture(scope="session")
def onnx_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second interpreter with onnxruntime and soundfile, and nothing that only svbench needs."""
    folder = tmp_path_factory.mktemp("onnx-venv")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin/python"
    packages = ["onnxruntime", "numpy", "soundfile"]
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", *packages], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"{', '.join(packages)} cannot be installed here")
    absent = (
        "import importlib.util as u; assert not any(map(u.find_spec, ('msgspec', 'scipy', 'torch', 'onnx')))"
    )
    subprocess.run([python, "-c", absent], check=True)
    return python
