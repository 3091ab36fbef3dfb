"""The audio-separator adapter, on networks of its architectures that are small, or known by heart."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from svbench.audio import Audio
from svbench.specs.system import load_system
from svbench.systems.adapters import audio_separator as adapter
from svbench.systems.api import Context
from svbench.testing.systems import check_system

pytestmark = pytest.mark.slow

MDX = {"compensate": 1.0, "mdx_dim_f_set": 1024, "mdx_dim_t_set": 8, "mdx_n_fft_scale_set": 2048}


def context(folder: Path) -> Context:
    return Context("uvr", folder, ("vocals", "accompaniment"))


@pytest.fixture(autouse=True)
def _installed() -> None:
    for package in ("torch", "onnx"):
        pytest.importorskip(package)
    if importlib.util.find_spec("audio_separator") is None:
        pytest.skip("audio-separator is not installed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a list of models and no models."""
    kinds = ("vr", "mdx", "mdx_vip", "mdx23c", "mdx23c_vip", "roformer", "demucs")
    names = [k.replace("_vip", "") + "_download" + ("_vip" if "vip" in k else "") + "_list" for k in kinds]
    models: dict[str, Any] = {name: {} for name in names}
    models["mdx_download_list"] = {"MDX-Net Model: Small": "small.onnx"}
    models["mdx23c_download_list"] = {"MDX23C Model: Four": {"four.ckpt": "four.yaml"}}
    models["vr_download_list"] = {"VR Arch: Small": "vr.pth"}
    models["roformer_download_list"] = {"Roformer Model: Small": {"small.ckpt": "small.yaml"}}
    (tmp_path / "download_checks.json").write_text(json.dumps(models))
    return tmp_path


def add_mdx_net(folder: Path, gain: float) -> None:
    """An MDX-Net file whose network multiplies the spectrum by a number."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    shape = ["batch", 4, MDX["mdx_dim_f_set"], 2 ** int(MDX["mdx_dim_t_set"])]
    graph = helper.make_graph(
        [helper.make_node("Mul", ["input", "gain"], ["output"])],
        "gain",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.array(gain, np.float32), "gain")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "small.onnx")
    digest = hashlib.md5((folder / "small.onnx").read_bytes()).hexdigest()
    (folder / "mdx_model_data.json").write_text(json.dumps({digest: {**MDX, "primary_stem": "Vocals"}}))
    (folder / "vr_model_data.json").write_text("{}")


ROFORMER: dict[str, Any] = {
    "model": {
        "dim": 16,
        "depth": 1,
        "stereo": True,
        "num_stems": 1,
        "time_transformer_depth": 1,
        "freq_transformer_depth": 1,
        "linear_transformer_depth": 0,
        "freqs_per_bands": (64, 64, 64, 65),
        "dim_head": 8,
        "heads": 2,
        "dim_freqs_in": 257,
        "stft_n_fft": 512,
        "stft_hop_length": 128,
        "stft_win_length": 512,
    },
    "audio": {"chunk_size": 44100, "hop_length": 512, "sample_rate": 44100, "num_channels": 2},
    "training": {"instruments": ["vocals", "other"], "target_instrument": "vocals"},
    "inference": {"dim_t": 256, "num_overlap": 2},
}
MDX23C: dict[str, Any] = {
    "model": {
        "act": "gelu",
        "bottleneck_factor": 4,
        "growth": 8,
        "norm": "InstanceNorm",
        "num_blocks_per_scale": 1,
        "num_channels": 16,
        "num_scales": 2,
        "num_subbands": 4,
        "scale": [2, 2],
    },
    "audio": {"dim_f": 512, "hop_length": 512, "n_fft": 2048, "num_channels": 2},
    "training": {"instruments": ["Vocals", "Drums", "Bass", "Other"], "target_instrument": None},
    "inference": {"dim_t": 64, "num_overlap": 2},
}


def add_roformer(folder: Path, **training: Any) -> None:
    """A small BS-RoFormer with random weights, as checkpoint and description."""
    import torch
    import yaml
    from audio_separator.separator.roformer.roformer_loader import RoformerLoader

    description = {**ROFORMER, "training": {**ROFORMER["training"], **training}}
    (folder / "small.yaml").write_text(yaml.dump(description))
    torch.manual_seed(0)
    network = RoformerLoader()._create_bs_roformer(description["model"])
    torch.save(network.state_dict(), folder / "small.ckpt")


def add_mdx23c(folder: Path) -> None:
    import torch
    import yaml
    from audio_separator.separator.uvr_lib_v5.tfc_tdf_v3 import TFC_TDF_net
    from ml_collections import ConfigDict

    (folder / "four.yaml").write_text(yaml.dump(MDX23C))
    torch.manual_seed(0)
    network = TFC_TDF_net(ConfigDict(MDX23C), device="cpu")
    torch.save(network.state_dict(), folder / "four.ckpt")


def add_vr(folder: Path) -> None:
    """The smallest VR network, 31 MB: the package tells architectures apart by the size of the file."""
    import torch
    from audio_separator.separator.uvr_lib_v5.vr_network import nets

    torch.manual_seed(0)
    torch.save(nets.determine_model_capacity(672 * 2, 31191).state_dict(), folder / "vr.pth")
    digest = hashlib.md5((folder / "vr.pth").read_bytes()[-10_240_000:]).hexdigest()
    data = {digest: {"vr_model_param": "4band_v2", "primary_stem": "Instrumental"}}
    (folder / "vr_model_data.json").write_text(json.dumps(data))
    (folder / "mdx_model_data.json").write_text("{}")


# In a process of its own, where demucs is the package's copy: that is how its files name the class.
SAVE_DEMUCS = """
import sys
from pathlib import Path
from audio_separator.separator import uvr_lib_v5
sys.path.insert(0, str(Path(uvr_lib_v5.__file__).parent))
import torch
from demucs.hdemucs import HDemucs
torch.manual_seed(0)
model = HDemucs(["drums", "bass", "other", "vocals"], channels=4)
args, kwargs = model._init_args_kwargs
torch.save({"klass": HDemucs, "args": args, "kwargs": kwargs, "state": model.state_dict()}, sys.argv[1])
"""


def add_demucs(folder: Path) -> None:
    """A small hybrid Demucs with random weights."""
    file = folder / "new.th"
    subprocess.run([sys.executable, "-c", SAVE_DEMUCS, str(file)], check=True, capture_output=True)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    file.rename(folder / f"75fc33f5-{digest}.th")
    (folder / "bag.yaml").write_text("models: ['75fc33f5']\n")
    path = folder / "download_checks.json"
    files = {
        "weights": f"https://example.org/75fc33f5-{digest}.th",
        "bag.yaml": "https://example.org/bag.yaml",
    }
    lists = json.loads(path.read_text())
    path.write_text(json.dumps({**lists, "demucs_download_list": {"Demucs v4: bag": files}}))


def system_file(folder: Path, parameters: str) -> Path:
    path = folder / "uvr.toml"
    path.write_text(
        'schema = 1\nid = "uvr"\ntitle = "t"\nadapter = "audio-separator"\ntraining_data = []\n'
        f"parameters = {{ {parameters} }}\n"
    )
    return path


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("add", "parameters", "targets"),
    [
        (lambda folder: add_mdx_net(folder, gain=0.5), 'model = "small.onnx"', ("vocals", "accompaniment")),
        (add_roformer, 'model = "small.ckpt", overlap = 2', ("vocals", "accompaniment")),
        (add_mdx23c, 'model = "four.ckpt"', ("vocals", "drums", "bass", "other")),
        (add_vr, 'model = "vr.pth"', ("accompaniment", "vocals")),
        (add_demucs, 'model = "bag.yaml", segment_size = "2"', ("drums", "bass", "other", "vocals")),
    ],
    ids=["mdx-net", "roformer", "mdx23c", "vr", "demucs"],
)
def test_every_architecture_conforms(
    add: Callable[[Path], None], parameters: str, targets: tuple[str, ...], folder: Path
) -> None:
    add(folder)
    info = check_system(load_system(system_file(folder, f'{parameters}, folder = "."')), folder)
    assert (info.targets, info.rate_hz) == (targets, 44100)
    assert ", audio-separator 0." in info.version


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("peak", [0.2, 1.0, 3.0])
def test_estimates_keep_the_level_of_the_mixture(peak: float, folder: Path) -> None:
    add_mdx_net(folder, gain=0.25)
    system = adapter.AudioSeparator({"model": "small.onnx", "folder": "."}, context(folder))
    noise = np.random.default_rng(0).uniform(-1, 1, (3 * 44100, 2))
    mixture = Audio(peak * noise / np.abs(noise).max(), 44100)
    found = system.separate(mixture)
    # The lowest three bins are not given to the network; the vocals are else a quarter.
    expected = 0.25 * mixture.samples
    error = np.mean((found["vocals"].samples - expected) ** 2) / np.mean(expected**2)
    assert error < 0.01
    rest = mixture.samples - found["vocals"].samples
    np.testing.assert_allclose(found["accompaniment"].samples, rest, atol=1e-5 * peak)


@pytest.mark.filterwarnings("default")
def test_roformer_estimates_add_up_at_any_level(folder: Path) -> None:
    add_roformer(folder)
    system = adapter.AudioSeparator({"model": "small.ckpt", "folder": "."}, context(folder))
    mixture = Audio(np.random.default_rng(0).uniform(-2, 2, (44100, 2)), 44100)
    total = sum(e.samples for e in system.separate(mixture).values())
    np.testing.assert_allclose(total, mixture.samples, atol=1e-5)
    assert sum(p.numel() for p in system.modules()["network"].parameters()) > 1000
    assert system.weight_files() == [folder / "small.ckpt"]


@pytest.mark.filterwarnings("default")
def test_threads_of_onnx_runtime_are_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    seen = []
    start = onnxruntime.InferenceSession

    def session(path: str, sess_options: Any, **more: Any) -> Any:
        seen.append(sess_options.intra_op_num_threads)
        return start(path, sess_options=sess_options, **more)

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    add_mdx_net(folder, gain=1)
    adapter.AudioSeparator({"model": "small.onnx", "folder": "."}, context(folder))
    assert seen == [3]


@pytest.mark.filterwarnings("default")
def test_a_single_target_is_named_by_the_description(folder: Path) -> None:
    add_roformer(folder, instruments=["drums", "bass", "other"], target_instrument="other")
    system = adapter.AudioSeparator({"model": "small.ckpt", "folder": "."}, context(folder))
    assert system.info.targets == ("other", "no other")
    assert set(system.separate(Audio(np.ones((44100, 2)), 44100))) == {"other", "no other"}


@pytest.mark.filterwarnings("default")
def test_missing_files_are_named(folder: Path) -> None:
    with pytest.raises(
        FileNotFoundError,
        match=r"files of small\.onnx are missing: put into .* small\.onnx from https://github\.com/TRvlvr/.*"
        r"mdx_model_data\.json from https://raw\..*; vr_model_data\.json from",
    ):
        adapter.AudioSeparator({"model": "small.onnx", "folder": "."}, context(folder))
    with pytest.raises(
        FileNotFoundError, match=r"small\.ckpt from https.*; small\.yaml from https.*mdx_c_configs"
    ):
        adapter.AudioSeparator({"model": "small.ckpt", "folder": "."}, context(folder))
    with pytest.raises(FileNotFoundError, match=r"into .*nowhere download_checks\.json from https://raw"):
        adapter.AudioSeparator({"model": "small.onnx", "folder": "nowhere"}, context(folder))
    assert not (folder / "nowhere").exists()


@pytest.mark.filterwarnings("default")
def test_wrong_models_and_options(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"knows no model 'nosuch\.onnx'; `audio-separator --list_models`"):
        adapter.AudioSeparator({"model": "nosuch.onnx", "folder": "."}, context(folder))
    add_mdx_net(folder, gain=1)
    with pytest.raises(ValueError, match=r"small\.onnx takes batch_size, .*overlap.*; found .*shifts"):
        adapter.AudioSeparator({"model": "small.onnx", "folder": ".", "shifts": 2}, context(folder))
    with pytest.raises(ValueError, match=r"needs model and folder, found \['model'\]"):
        adapter.AudioSeparator({"model": "small.onnx"}, context(folder))


@pytest.mark.filterwarnings("default")
def test_a_checkpoint_of_another_network_is_refused(folder: Path) -> None:
    import torch

    add_roformer(folder)
    torch.save({"weight": torch.zeros(3)}, folder / "small.ckpt")
    with pytest.raises(ValueError, match=r"small\.ckpt is not of the architecture that its \.yaml"):
        adapter.AudioSeparator({"model": "small.ckpt", "folder": "."}, context(folder))


def test_missing_package_says_how_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install '\.\[audio-separator\]'"):
        adapter.AudioSeparator({"model": "m.onnx", "folder": "."}, context(tmp_path))
