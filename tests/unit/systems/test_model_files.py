"""TorchScript, torch.export and ONNX files as systems: they conform, or say in words why not."""

from __future__ import annotations

import hashlib
import inspect
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from svbench.audio import Audio
from svbench.errors import SystemFailure
from svbench.specs.system import LocatedSystem, load_system
from svbench.systems.adapters.network_files import load_onnx
from svbench.systems.api import Context
from svbench.systems.worker.host import Separation, WorkerHost
from svbench.testing.systems import check_system

pytestmark = pytest.mark.slow

MIXTURE = Audio(np.random.default_rng(0).normal(0, 0.1, (1000, 2)).astype("f4"), 8000)


def separate(located: LocatedSystem, scratch: Path) -> Separation:
    with WorkerHost(located, ("vocals",), scratch) as host:
        return host.separate("a track", MIXTURE)


def torch_file(path: Path, *, n_samples: int | None = None, stateful: bool = False) -> tuple[Path, Any]:
    """Save a small network with dropout and normalisation by the file's ending; return it as well."""
    torch = pytest.importorskip("torch")

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = torch.nn.Conv1d(2, 8, 9, padding=4)
            self.between = torch.nn.Sequential(
                torch.nn.BatchNorm1d(8), torch.nn.Tanh(), torch.nn.Dropout(0.5)
            )
            self.second = torch.nn.Conv1d(8, 4, 1)

        def forward(self, mixture):  # type: ignore[no-untyped-def]
            made = self.second(self.between(self.first(mixture)))
            return made.reshape(mixture.shape[0], 2, 2, mixture.shape[2])

    class Stateful(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("gain", torch.ones(1))

        def forward(self, mixture):  # type: ignore[no-untyped-def]
            self.gain *= 0.5
            return torch.stack([mixture * self.gain, mixture], dim=1)

    torch.manual_seed(3)
    network = Stateful() if stateful else Network()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch announces the end of its own formats by turns
        if path.suffix == ".pt":
            torch.jit.save(torch.jit.script(network), str(path))  # in training mode, as many are
        elif path.suffix == ".pt2":
            free = None if n_samples else ({2: torch.export.Dim("n", min=8)},)
            example = torch.zeros(1, 2, n_samples or 500)
            torch.export.save(torch.export.export(network.eval(), (example,), dynamic_shapes=free), str(path))
        else:
            torch.save(network.state_dict(), path)
    return path, network.eval()


@pytest.mark.parametrize(("name", "adapter"), [("ts.pt", "torchscript"), ("export.pt2", "torch-export")])
@pytest.mark.parametrize(
    "segments", [{}, {"segment_samples": 700, "overlap": 0.5}], ids=["whole", "segments"]
)
def test_torch_files_conform(
    name: str, adapter: str, segments: dict[str, Any], tmp_path: Path, describe_system: Any
) -> None:
    path, _ = torch_file(tmp_path / name)
    info = check_system(describe_system(adapter, path, **segments), tmp_path)
    assert info.targets == ("vocals", "accompaniment")
    assert info.rate_hz == 8000
    assert info.version.startswith("torch 2.")


@pytest.mark.parametrize(("name", "adapter"), [("ts.pt", "torchscript"), ("export.pt2", "torch-export")])
def test_torch_files_give_what_the_network_gives(
    name: str, adapter: str, tmp_path: Path, describe_system: Any
) -> None:
    path, network = torch_file(tmp_path / name)
    torch = pytest.importorskip("torch")
    with torch.no_grad():
        expected = network(torch.from_numpy(MIXTURE.samples.T[np.newaxis].copy())).numpy()[0]
    done = separate(describe_system(adapter, path), tmp_path)
    for number, target in enumerate(("vocals", "accompaniment")):
        np.testing.assert_allclose(done.estimates[target].samples, expected[number].T, atol=1e-6)
    assert done.weights_bytes == path.stat().st_size


def test_kit_catches_a_torchscript_file_that_keeps_state(tmp_path: Path, describe_system: Any) -> None:
    path, _ = torch_file(tmp_path / "stateful.pt", stateful=True)
    with pytest.raises(AssertionError, match="keeps state from track to track"):
        check_system(describe_system("torchscript", path), tmp_path)


@pytest.mark.parametrize(
    ("name", "renamed", "adapter", "sentence"),
    [
        (
            "a.pt2",
            "a.pt",
            "torchscript",
            "a.pt is a torch.export file, expected a TorchScript file; it is made by",
        ),
        (
            "b.bin",
            "b.pt",
            "torchscript",
            r"a checkpoint \(weights without their network\), expected a TorchScript",
        ),
        ("c.pt", "c.pt2", "torch-export", "c.pt2 is a TorchScript file, expected a torch.export file"),
    ],
)
def test_wrong_kind_of_torch_file(
    name: str, renamed: str, adapter: str, sentence: str, tmp_path: Path, describe_system: Any
) -> None:
    path = torch_file(tmp_path / name)[0].rename(tmp_path / renamed)
    with pytest.raises(SystemFailure, match=sentence):
        separate(describe_system(adapter, path), tmp_path)


def test_file_that_is_not_of_pytorch(tmp_path: Path, describe_system: Any) -> None:
    pytest.importorskip("torch")
    path = tmp_path / "text.pt"
    path.write_text("no network")
    with pytest.raises(SystemFailure, match=r"text.pt is not a file of PyTorch, expected a TorchScript file"):
        separate(describe_system("torchscript", path), tmp_path)


def test_torch_export_for_one_length_needs_segments(tmp_path: Path, describe_system: Any) -> None:
    path, _ = torch_file(tmp_path / "fixed.pt2", n_samples=600)
    with pytest.raises(SystemFailure, match="takes exactly 600 samples; add segment_samples = 600"):
        separate(describe_system("torch-export", path), tmp_path)
    check_system(describe_system("torch-export", path, segment_samples=600), tmp_path)


def test_torchscript_that_refuses_its_input(tmp_path: Path, describe_system: Any) -> None:
    path, _ = torch_file(tmp_path / "stereo.pt")
    with pytest.raises(SystemFailure, match=r"the network refuses an input of shape \(1, 1, 1000\)"):
        separate(describe_system("torchscript", path, channels=1), tmp_path)


@pytest.mark.parametrize("segments", [{}, {"segment_samples": 700}], ids=["whole", "segments"])
def test_onnx_file_conforms(
    segments: dict[str, Any], tmp_path: Path, describe_system: Any, write_onnx: Any
) -> None:
    pytest.importorskip("onnxruntime")
    info = check_system(describe_system("onnx", write_onnx("net.onnx"), **segments), tmp_path)
    assert info.version.startswith("onnxruntime 1.")


def test_onnx_file_gives_what_the_network_gives(
    tmp_path: Path, describe_system: Any, write_onnx: Any
) -> None:
    runtime = pytest.importorskip("onnxruntime")
    path = write_onnx("net.onnx")
    expected = runtime.InferenceSession(str(path)).run(None, {"mixture": MIXTURE.samples.T[np.newaxis]})[0][0]
    done = separate(describe_system("onnx", path), tmp_path)
    np.testing.assert_allclose(done.estimates["accompaniment"].samples, expected[1].T, atol=1e-6)
    assert done.weights_bytes == path.stat().st_size


def test_onnx_for_one_length_needs_segments(tmp_path: Path, describe_system: Any, write_onnx: Any) -> None:
    pytest.importorskip("onnxruntime")
    path = write_onnx("net.onnx", n_samples=640)
    with pytest.raises(SystemFailure, match="takes exactly 640 samples; add segment_samples = 640"):
        separate(describe_system("onnx", path), tmp_path)
    check_system(describe_system("onnx", path, segment_samples=640), tmp_path)


def test_onnx_tensors_in_another_file_must_be_covered_by_a_digest(
    tmp_path: Path, describe_system: Any, write_onnx: Any
) -> None:
    pytest.importorskip("onnxruntime")
    path = write_onnx("net.onnx", external="net.data")
    with pytest.raises(SystemFailure, match=r"keeps tensors in net.data; add it to weights with its sha256"):
        separate(describe_system("onnx", path), tmp_path)
    files = [path, tmp_path / "net.data"]
    rows = ", ".join(
        f'{{ path = "{f.name}", sha256 = "{hashlib.sha256(f.read_bytes()).hexdigest()}" }}' for f in files
    )
    done = separate(describe_system("onnx", path, f"weights = [{rows}]\n"), tmp_path)
    assert done.weights_bytes == sum(f.stat().st_size for f in files)


def test_onnx_runtime_uses_the_threads_of_the_system_file(
    tmp_path: Path, write_onnx: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    context = Context("net", tmp_path, ("vocals",), (write_onnx("net.onnx"),))
    network = load_onnx({"targets": ["vocals", "accompaniment"], "rate_hz": 8000}, context).network
    session = inspect.getclosurevars(network).nonlocals["session"]
    assert session.get_session_options().intra_op_num_threads == 3


def test_onnx_file_that_is_none(tmp_path: Path, describe_system: Any) -> None:
    pytest.importorskip("onnxruntime")
    path = tmp_path / "text.onnx"
    path.write_text("no network")
    with pytest.raises(SystemFailure, match=r"text.onnx is not an ONNX file that ONNX Runtime can run"):
        separate(describe_system("onnx", path), tmp_path)


def test_more_targets_than_the_network_gives(tmp_path: Path, describe_system: Any, write_onnx: Any) -> None:
    pytest.importorskip("onnxruntime")
    located = describe_system("onnx", write_onnx("net.onnx"), targets=["vocals", "drums", "bass"])
    with pytest.raises(SystemFailure, match=r"gave shape \(1, 2, 2, 1000\) .* means shape \(1, 3, 2, 1000\)"):
        separate(located, tmp_path)


@pytest.mark.parametrize("adapter", ["torchscript", "torch-export", "onnx"])
def test_weights_must_name_the_model(adapter: str, tmp_path: Path, describe_system: Any) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"x")
    with pytest.raises(SystemFailure, match=r"weights must name .*sha256sum.*found model.bin"):
        separate(describe_system(adapter, path), tmp_path)


@pytest.mark.parametrize(
    ("adapter", "name", "extra"),
    [("torchscript", "m.pt", "torch"), ("torch-export", "m.pt2", "torch"), ("onnx", "m.onnx", "onnx")],
)
def test_missing_package_names_the_extra(
    adapter: str, name: str, extra: str, tmp_path: Path, describe_system: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = {"torch": "torch", "onnx": "onnxruntime"}[extra]
    # A finder that knows the package to be absent, in the worker only.
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nclass Absent:\n    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {package!r}:\n            raise ModuleNotFoundError(name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / name
    path.write_bytes(b"x")
    with pytest.raises(
        SystemFailure, match=rf"{package} is not installed; .* -m pip install {package}, .*\.\[{extra}\]"
    ):
        separate(describe_system(adapter, path), tmp_path)


def test_onnx_under_another_interpreter(
    onnx_python: Path, tmp_path: Path, describe_system: Any, write_onnx: Any
) -> None:
    located = describe_system("onnx", write_onnx("net.onnx"), segment_samples=700)
    text = (tmp_path / "net.toml").read_text()
    (tmp_path / "net.toml").write_text(f'python = "{onnx_python}"\n{text}')
    foreign = load_system(tmp_path / "net.toml")
    check_system(foreign, tmp_path)
    for target, estimate in separate(located, tmp_path).estimates.items():
        there = separate(foreign, tmp_path).estimates[target]
        np.testing.assert_allclose(there.samples, estimate.samples, atol=1e-6)
