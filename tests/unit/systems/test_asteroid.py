"""Networks of asteroid, small and with random weights, saved as the package saves them."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from svbench.audio import Audio
from svbench.errors import SystemFailure
from svbench.specs.system import load_system
from svbench.systems.adapters import asteroid as adapter
from svbench.systems.api import Context
from svbench.testing.systems import check_system

pytestmark = pytest.mark.slow

torch = pytest.importorskip("torch")
needs_package = pytest.mark.skipif(
    not importlib.util.find_spec("asteroid"), reason="asteroid is not installed"
)
TASNET = {
    "n_src": 2,
    "n_blocks": 2,
    "n_repeats": 1,
    "bn_chan": 8,
    "hid_chan": 8,
    "skip_chan": 8,
    "n_filters": 16,
    "sample_rate": 44100,
}
XUMX = {"sources": ["bass", "drums", "other", "vocals"], "hidden_size": 16, "nb_layers": 1, "max_bin": 64}


def package(name: str, **arguments: Any) -> dict[str, Any]:
    """A model package with random weights; keys as ``serialize`` writes them."""
    sys.modules.setdefault("torch_stoi", None)  # type: ignore[arg-type]
    from asteroid.models import ConvTasNet, x_umx

    torch.manual_seed(0)
    cls = {"ConvTasNet": ConvTasNet, "XUMX": getattr(x_umx, "BrokenXUMX", x_umx.XUMX)}[name]
    return {
        "model_name": name,
        "model_args": arguments,
        "state_dict": cls(**arguments).state_dict(),
        "infos": {"software_versions": {"asteroid_version": "0.7.0"}},
    }


def save(content: Any, folder: Path) -> Context:
    torch.save(content, folder / "net.pth")
    return Context("net", folder, ("vocals",), (folder / "net.pth",))


def system_file(folder: Path, parameters: str) -> Path:
    path = folder / "net.toml"
    sha256 = hashlib.sha256((folder / "net.pth").read_bytes()).hexdigest()
    path.write_text(
        'schema = 1\nid = "net"\ntitle = "t"\nadapter = "asteroid"\ntraining_data = ["unknown"]\n'
        f'weights = [{{ path = "net.pth", sha256 = "{sha256}" }}]\nparameters = {{ {parameters} }}\n'
    )
    return path


def noise(n_samples: int, n_channels: int = 2) -> Audio:
    return Audio(0.1 * np.random.default_rng(0).standard_normal((n_samples, n_channels)), 44100)


@needs_package
@pytest.mark.filterwarnings("default")
def test_conv_tasnet_conforms(tmp_path: Path) -> None:
    save(package("ConvTasNet", **TASNET), tmp_path)
    parameters = 'targets = ["vocals", "accompaniment"], segment_samples = 30000'
    info = check_system(load_system(system_file(tmp_path, parameters)), tmp_path)
    assert (info.targets, info.rate_hz) == (("vocals", "accompaniment"), 44100)


@needs_package
@pytest.mark.filterwarnings("default")
def test_x_umx_conforms(tmp_path: Path) -> None:
    pytest.importorskip("norbert")
    save(package("XUMX", **XUMX, sample_rate=44100), tmp_path)
    info = check_system(load_system(system_file(tmp_path, "")), tmp_path)
    assert (info.targets, info.rate_hz) == (("bass", "drums", "other", "vocals"), 44100)


@needs_package
@pytest.mark.filterwarnings("default")
def test_conv_tasnet_separates_the_channels_one_by_one(tmp_path: Path) -> None:
    content = package("ConvTasNet", **TASNET)
    system = adapter.load({"targets": ["a", "b"]}, save(content, tmp_path))
    from asteroid.models import BaseModel

    theirs = BaseModel.from_pretrained(content).eval()
    mixture = noise(10_001)
    found = system.separate(mixture)
    for channel in range(2):
        with torch.inference_mode():
            wave = torch.from_numpy(mixture.samples[:, channel].astype(np.float32).copy())
            expected = theirs(wave[None])[0].numpy()
        for number, target in enumerate("ab"):
            assert np.abs(expected[number]).max() > 1e-4
            np.testing.assert_allclose(found[target].samples[:, channel], expected[number], atol=1e-6)


def constant(levels: dict[str, float]) -> dict[str, Any]:
    """An X-UMX whose masks are constants: the last layer gives 0, to which the mask's mean is added."""
    content = package("XUMX", **{**XUMX, "sources": list(levels), "sample_rate": 44100})
    for name, value in content["state_dict"].items():
        if ".dec.4." in name and name.endswith(("weight", "bias")):
            value.zero_()
        if "output_mean_" in name:
            value.fill_(levels[name.rpartition("_")[2]])
    return content


@needs_package
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("niter", "shares"),
    # The filter weighs by power: 0.3² and 0.6² of their sum.
    [(0, (0.3, 0.6)), (1, (0.2, 0.8))],
)
def test_x_umx_with_constant_masks(niter: int, shares: tuple[float, float], tmp_path: Path) -> None:
    pytest.importorskip("norbert")
    context = save(constant({"vocals": 0.3, "drums": 0.6}), tmp_path)
    mixture = noise(50_001)
    found = adapter.load({"niter": niter}, context).separate(mixture)
    for share, target in zip(shares, ("vocals", "drums"), strict=True):
        np.testing.assert_allclose(found[target].samples, share * mixture.samples, atol=2e-4)


@needs_package
@pytest.mark.filterwarnings("default")
def test_x_umx_estimates_what_the_package_estimates(tmp_path: Path) -> None:
    """Random masks: the package's transform of a wave gives the magnitudes the network multiplied."""
    pytest.importorskip("norbert")
    system = adapter.load({"niter": 0}, save(package("XUMX", **XUMX, sample_rate=44100), tmp_path))
    module = inspect.getclosurevars(system.network).nonlocals["module"]
    mixture = noise(44_100)
    wave = torch.from_numpy(mixture.samples.T.astype(np.float32)[None].copy())
    with torch.inference_mode():
        masked, _ = module(wave)
        magnitude, angle = module.encoder(wave)
        shown = masked.permute(0, 2, 3, 4, 1)[:, 0] * torch.exp(1j * angle)
        expected = torch.istft(
            shown.flatten(0, 1), 4096, 1024, window=module.encoder[0].window, length=44_100
        ).unflatten(0, (4, 2))
    assert not torch.allclose(masked[0], magnitude)
    found = system.separate(mixture)
    for number, target in enumerate(XUMX["sources"]):  # type: ignore[arg-type]
        np.testing.assert_allclose(found[target].samples.T, expected[number].numpy(), atol=1e-5)


@needs_package
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("arguments", "parameters", "sentence"),
    [
        (TASNET, {}, "targets missing"),
        (
            TASNET,
            {"targets": ["a", "b"], "rate_hz": 8000},
            "rate_hz = 8000, but the model package says 44100",
        ),
        (TASNET, {"targets": ["a", "b"], "niter": 1}, "niter is for X-UMX; ConvTasNet has no Wiener filter"),
    ],
)
def test_parameters_that_do_not_fit(
    arguments: dict[str, Any], parameters: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=sentence):
        adapter.load(parameters, save(package("ConvTasNet", **arguments), tmp_path))


@needs_package
@pytest.mark.filterwarnings("default")
def test_more_targets_than_estimates_are_noticed(tmp_path: Path) -> None:
    system = adapter.load({"targets": ["a", "b", "c"]}, save(package("ConvTasNet", **TASNET), tmp_path))
    with pytest.raises(ValueError, match=r"gave shape \(1, 2, 9000\).* means shape \(1, 3, 9000\)"):
        system.separate(noise(9000))


@needs_package
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"model_name": "NoNet"}, r"net\.pth: asteroid .* has no network 'NoNet'"),
        ({"state_dict": {}}, r"net\.pth: ConvTasNet does not take these .*Missing key"),
        ({"model_args": {}}, r"net\.pth: ConvTasNet does not take these .*n_src"),
        ({"scaler": Path("x")}, r"net\.pth: not a file of PyTorch that holds only arrays and plain values"),
    ],
)
def test_packages_that_cannot_be_loaded(change: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    context = save({**package("ConvTasNet", **TASNET), **change}, tmp_path)
    with pytest.raises(ValueError, match=sentence):
        adapter.load({"targets": ["a", "b"], "rate_hz": 44100}, context)


@needs_package
@pytest.mark.parametrize("content", [{"epoch": 1}, [1, 2]])
def test_files_that_are_no_package(content: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"net\.pth: a model package has .*, found (epoch|list)"):
        adapter.load({"targets": ["a"]}, save(content, tmp_path))


@needs_package
def test_missing_weights_say_where_they_come_from(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"weights must name a model package .*https://zenodo\.org/.*sha256"):
        adapter.load({"targets": ["a"]}, Context("net", tmp_path, ("vocals",)))


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    save({}, tmp_path)
    path = system_file(tmp_path, 'targets = ["vocals"]')
    (tmp_path / "net.pth").write_bytes(b"something else")
    with pytest.raises(SystemFailure, match=r"net\.pth have sha256 .*, the system file says"):
        check_system(load_system(path), tmp_path)


def test_unknown_parameters_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"asteroid takes .*targets; found stems"):
        adapter.load({"stems": 4}, Context("net", tmp_path, ("vocals",)))


def test_missing_package_says_how_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install '\.\[asteroid\]'"):
        adapter.load({}, Context("net", tmp_path, ("vocals",)))
