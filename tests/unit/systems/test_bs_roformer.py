"""BS-RoFormer and Mel-Band RoFormer, with small networks of random weights."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from svbench.audio import Audio
from svbench.errors import SystemFailure
from svbench.specs.system import load_system
from svbench.systems.adapters import bs_roformer as adapter
from svbench.systems.api import Context
from svbench.testing.systems import check_system

pytestmark = pytest.mark.slow

torch = pytest.importorskip("torch")
needs_package = pytest.mark.skipif(
    not importlib.util.find_spec("bs_roformer"), reason="bs_roformer is not installed"
)
MODEL = {
    "dim": 8,
    "depth": 2,
    "stereo": True,
    "num_stems": 1,
    "time_transformer_depth": 1,
    "freq_transformer_depth": 1,
    "dim_head": 8,
    "heads": 2,
}
# What such files hold: tuples by their Python name, keys of the training, and of other code.
CONFIG = """
audio:
  chunk_size: 22050
  num_channels: 2
  sample_rate: 44100
model:
  dim: 8
  depth: 2
  stereo: true
  num_stems: 1
  time_transformer_depth: 1
  freq_transformer_depth: 1
  linear_transformer_depth: 0
  freqs_per_bands: !!python/tuple
    - 25
    - 1000
  dim_head: 8
  heads: 2
  mlp_expansion_factor: 4
  use_torch_checkpoint: false
training:
  instruments: [vocals, other]
  target_instrument: vocals
  lr: 5.0e-05
inference:
  batch_size: 1
  num_overlap: 4
"""


def network(kind: str, **more: Any) -> Any:
    """A network of the package with random weights, also where it starts with equal ones."""
    import bs_roformer

    torch.manual_seed(0)
    made = getattr(bs_roformer, adapter.CLASSES[kind])(**{**MODEL, **more}).eval()
    for parameter in made.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return made


def save(state: Any, folder: Path) -> Context:
    torch.save(state, folder / "net.ckpt")
    return Context("net", folder, ("vocals",), (folder / "net.ckpt",))


def system_file(folder: Path, parameters: str) -> Path:
    path = folder / "net.toml"
    sha256 = hashlib.sha256((folder / "net.ckpt").read_bytes()).hexdigest()
    path.write_text(
        'schema = 1\nid = "net"\ntitle = "t"\nadapter = "bs-roformer"\ntraining_data = ["unknown"]\n'
        f'weights = [{{ path = "net.ckpt", sha256 = "{sha256}" }}]\nparameters = {{ {parameters} }}\n'
    )
    return path


def noise(n_samples: int, n_channels: int = 2) -> Audio:
    return Audio(0.1 * np.random.default_rng(0).standard_normal((n_samples, n_channels)), 44100)


@needs_package
@pytest.mark.filterwarnings("default")
def test_a_published_configuration_conforms(tmp_path: Path) -> None:
    save({"state_dict": network("bs_roformer", freqs_per_bands=(25, 1000)).state_dict()}, tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG)
    parameters = 'network = "bs_roformer", config = "config.yaml", remainder = "accompaniment"'
    info = check_system(load_system(system_file(tmp_path, parameters)), tmp_path)
    assert (info.targets, info.rate_hz) == (("vocals", "accompaniment"), 44100)


@needs_package
@pytest.mark.filterwarnings("default")
def test_a_mel_band_network_of_two_stems_conforms(tmp_path: Path) -> None:
    save(network("mel_band_roformer", num_stems=2).state_dict(), tmp_path)
    keywords = ", ".join(f"{k} = {str(v).lower()}" for k, v in {**MODEL, "num_stems": 2}.items())
    parameters = (
        f'network = "mel_band_roformer", model = {{ {keywords} }}, targets = ["vocals", "accompaniment"], '
        "rate_hz = 44100, segment_samples = 22000"
    )
    info = check_system(load_system(system_file(tmp_path, parameters)), tmp_path)
    assert info.targets == ("vocals", "accompaniment")


@needs_package
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("kind", list(adapter.CLASSES))
def test_it_computes_what_the_package_computes(kind: str, tmp_path: Path) -> None:
    theirs = network(kind)
    parameters = {"network": kind, "model": MODEL, "targets": ["vocals"], "rate_hz": 44100}
    system = adapter.Roformer({**parameters, "remainder": "rest"}, save(theirs.state_dict(), tmp_path))
    mixture = noise(40 * 512)
    found = system.separate(mixture)
    with torch.inference_mode():
        expected = theirs(torch.from_numpy(mixture.samples.T.astype(np.float32)[None].copy()))[0].numpy().T
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_array_equal(found["vocals"].samples, expected)
    np.testing.assert_allclose(found["vocals"].samples + found["rest"].samples, mixture.samples, atol=1e-7)


@needs_package
@pytest.mark.filterwarnings("default")
def test_lengths_that_are_no_whole_hops_are_filled_with_zeros(tmp_path: Path) -> None:
    parameters = {"network": "bs_roformer", "model": MODEL, "targets": ["vocals"], "rate_hz": 44100}
    system = adapter.Roformer(parameters, save(network("bs_roformer").state_dict(), tmp_path))
    whole = noise(40 * 512).samples.copy()
    whole[39 * 512 + 1 :] = 0
    cut = system.separate(Audio(whole[: 39 * 512 + 1], 44100))["vocals"].samples
    np.testing.assert_array_equal(cut, system.separate(Audio(whole, 44100))["vocals"].samples[: 39 * 512 + 1])


@needs_package
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("kind", list(adapter.CLASSES))
def test_weights_named_as_in_older_versions_give_the_same(kind: str, tmp_path: Path) -> None:
    """Today's network with one residual stream and nothing mixed is the older one."""
    if kind == "bs_roformer":
        theirs = network(kind, num_residual_streams=1)
        for name, value in theirs.state_dict().items():
            if "to_value_residual_mix" in name:
                value.fill_(-1e4 if name.endswith("bias") else 0)
        shift = 0
    else:
        older = {"num_residual_streams": 1, "add_value_residual": False, "linear_transformer_depth": 0}
        theirs, shift = network(kind, **older), 1
    old = {}
    for name, value in theirs.state_dict().items():
        parts = name.replace(".branch.", ".").split(".")
        if parts[0] == "layers":
            parts[2] = str(int(parts[2]) - shift)
        if "to_value_residual_mix" not in name:
            old[".".join(parts)] = value
    parameters = {"network": kind, "model": MODEL, "targets": ["vocals"], "rate_hz": 44100}
    system = adapter.Roformer(parameters, save(old, tmp_path))
    mixture = noise(20 * 512)
    with torch.inference_mode():
        expected = theirs(torch.from_numpy(mixture.samples.T.astype(np.float32)[None].copy()))[0].numpy().T
    np.testing.assert_array_equal(system.separate(mixture)["vocals"].samples, expected)


@needs_package
@pytest.mark.filterwarnings("default")
def test_the_configuration_gives_way_to_the_system_file(tmp_path: Path) -> None:
    context = save(network("bs_roformer", freqs_per_bands=(25, 1000)).state_dict(), tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG)
    given = {"network": "bs_roformer", "config": "config.yaml"}
    description = adapter.Roformer(given, context).waveform.description
    assert (description.targets, description.segment_samples, description.overlap) == (
        ("vocals",),
        22050,
        0.75,
    )
    description = adapter.Roformer({**given, "overlap": 0.5}, context).waveform.description
    assert (description.segment_samples, description.overlap) == (22050, 0.5)


@needs_package
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "use_torch_checkpoint: false",
            "skip_connection: true",
            "BSRoformer of bs-roformer .* cannot follow skip_connection = True of the model; it takes",
        ),
        ("  dim: 8", "  width: 8", "cannot follow width = 8"),
        ("  dim: 8", "  heads: 4", "BSRoformer cannot be built from the model's keywords: .*dim"),
        ("  depth: 2", "  depth: 1", r"net\.ckpt does not fit .*: layers\.1\..* expected none"),
        ("num_overlap: 4", "normalize: true", r"config\.yaml: inference\.normalize = true is not supported"),
        ("  chunk_size: 22050", "", r"config\.yaml: .* 'chunk_size' is missing"),
        ("training:", "trained:", r"config\.yaml: .* 'training' is missing"),
        ("!!python/tuple", "!!python/object/apply:os.getcwd", r"config\.yaml: not a configuration"),
        ("target_instrument: vocals", "", "num_stems = 1 estimates, but targets are vocals, other"),
    ],
)
def test_configurations_that_cannot_be_followed(old: str, new: str, sentence: str, tmp_path: Path) -> None:
    context = save(network("bs_roformer", freqs_per_bands=(25, 1000)).state_dict(), tmp_path)
    assert old in CONFIG
    (tmp_path / "config.yaml").write_text(CONFIG.replace(old, new))
    with pytest.raises(ValueError, match=sentence):
        adapter.Roformer({"network": "bs_roformer", "config": "config.yaml"}, context)


@needs_package
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"a": Path("x")}, r"net\.ckpt: not a file of PyTorch that holds only arrays"),
        ([1, 2], r"net\.ckpt: no state dict"),
        ({"epoch": 3}, r"net\.ckpt: no state dict"),
        ({}, r"net\.ckpt does not fit .*: .* has shape none, expected \("),
    ],
)
@pytest.mark.filterwarnings("default")
def test_files_that_are_no_weights(content: Any, sentence: str, tmp_path: Path) -> None:
    parameters = {"network": "bs_roformer", "model": MODEL, "targets": ["vocals"], "rate_hz": 44100}
    with pytest.raises(ValueError, match=sentence):
        adapter.Roformer(parameters, save(content, tmp_path))


@needs_package
def test_missing_files_are_named(tmp_path: Path) -> None:
    parameters = {"network": "bs_roformer", "config": "config.yaml"}
    with pytest.raises(
        ValueError, match=r"weights must name a checkpoint .*listed in .*https://.*found nothing"
    ):
        adapter.Roformer(parameters, Context("net", tmp_path, ("vocals",)))
    with pytest.raises(FileNotFoundError, match=r"config\.yaml is missing; put the YAML file published with"):
        adapter.Roformer(parameters, save({}, tmp_path))


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    save({}, tmp_path)
    path = system_file(tmp_path, 'network = "bs_roformer", config = "config.yaml"')
    (tmp_path / "net.ckpt").write_bytes(b"something else")
    with pytest.raises(SystemFailure, match=r"net\.ckpt have sha256 .*, the system file says"):
        check_system(load_system(path), tmp_path)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"network": "htdemucs", "config": "c"},
        {"network": "bs_roformer"},
        {"network": "bs_roformer", "config": "c", "model": {}},
        {"network": "bs_roformer", "config": "c", "stem": "vocals"},
    ],
)
def test_wrong_parameters(parameters: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"bs-roformer takes .*network is one of .*either config or model"):
        adapter.Roformer(parameters, Context("net", tmp_path, ("vocals",)))


@pytest.mark.parametrize(("targets", "name"), [(("vocals", "drums"), "rest"), (("vocals",), "vocals")])
def test_a_remainder_is_what_one_target_leaves(targets: tuple[str, ...], name: str) -> None:
    with pytest.raises(ValueError, match=f"remainder = '{name}' names .* the targets are vocals"):
        adapter._remainder(name, targets)


def test_missing_package_says_how_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    parameters = {"network": "bs_roformer", "config": "config.yaml"}
    with pytest.raises(ModuleNotFoundError, match=r"pip install '\.\[bs-roformer\]'"):
        adapter.Roformer(parameters, Context("net", tmp_path, ("vocals",)))
