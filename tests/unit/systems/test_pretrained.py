"""Adapters of pretrained networks, on networks of their architecture with random weights.

The real weights cannot be had everywhere; loading them is what these tests do with random ones.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from svbench.audio import Audio
from svbench.specs.system import load_system
from svbench.systems.adapters import demucs as demucs_adapter
from svbench.systems.adapters import openunmix as openunmix_adapter
from svbench.systems.adapters import shared
from svbench.systems.api import Context
from svbench.testing.systems import check_system

pytestmark = pytest.mark.slow

torch = pytest.importorskip("torch")
needs_demucs = pytest.mark.skipif(not importlib.util.find_spec("demucs"), reason="demucs is not installed")
needs_openunmix = pytest.mark.skipif(
    not importlib.util.find_spec("openunmix"), reason="openunmix is not installed"
)
STEMS = ["drums", "bass", "other", "vocals"]


def context(folder: Path) -> Context:
    return Context("net", folder, ("vocals", "drums", "bass", "other"))


def system_file(folder: Path, adapter: str, parameters: str) -> Path:
    path = folder / "net.toml"
    path.write_text(
        f'schema = 1\nid = "net"\ntitle = "t"\nadapter = "{adapter}"\ntraining_data = []\n'
        f"parameters = {{ {parameters} }}\n"
    )
    return path


def save_demucs(model: Any, folder: Path, signature: str) -> None:
    """Write a model as demucs stores it: class, arguments and state, the checksum in the name."""
    args, kwargs = model._init_args_kwargs
    path = folder / "new.th"
    torch.save({"klass": type(model), "args": args, "kwargs": kwargs, "state": model.state_dict()}, path)
    path.rename(folder / f"{signature}-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.th")


def small_demucs(sources: list[str]) -> Any:
    from demucs.hdemucs import HDemucs

    torch.manual_seed(0)
    return HDemucs(sources, channels=4)


@needs_demucs
@pytest.mark.filterwarnings("default")
def test_demucs_conforms(tmp_path: Path) -> None:
    save_demucs(small_demucs(STEMS), tmp_path, "75fc33f5")  # the one file of hdemucs_mmi
    path = system_file(tmp_path, "demucs", 'model = "hdemucs_mmi", folder = ".", segment = 2')
    info = check_system(load_system(path), tmp_path)
    assert (set(info.targets), info.rate_hz) == (set(STEMS), 44100)


@needs_demucs
@pytest.mark.filterwarnings("default")
def test_six_stems_become_four_and_nothing_is_lost(tmp_path: Path) -> None:
    sources = [*STEMS, "guitar", "piano"]
    model = small_demucs(sources)
    save_demucs(model, tmp_path, "5c90dfd2")
    parameters = {"model": "htdemucs_6s", "folder": ".", "shifts": 0, "segment": 2}
    system = demucs_adapter.Demucs(parameters, context(tmp_path))
    assert system.info.targets == ("drums", "bass", "other", "vocals")
    mixture = Audio(0.1 * np.random.default_rng(0).standard_normal((44100, 2)), 44100)
    found = system.separate(mixture)
    from demucs.apply import apply_model

    signal = torch.from_numpy(mixture.samples.T.astype(np.float32).copy())
    mean, scale = signal.mean(0).mean(), signal.mean(0).std(correction=0) + 1e-8
    with torch.inference_mode():
        raw = apply_model(system.model, ((signal - mean) / scale)[None], shifts=0, segment=2)[0]
    raw = (raw * scale + mean).numpy()
    rest = sum(raw[sources.index(s)] for s in ("other", "guitar", "piano"))
    np.testing.assert_allclose(found["other"].samples, rest.T, atol=1e-6)
    np.testing.assert_allclose(found["vocals"].samples, raw[sources.index("vocals")].T, atol=1e-6)


@needs_demucs
@pytest.mark.filterwarnings("default")
def test_changed_demucs_weights_are_refused(tmp_path: Path) -> None:
    save_demucs(small_demucs(STEMS), tmp_path, "75fc33f5")
    (path,) = tmp_path.glob("*.th")
    path.rename(tmp_path / "75fc33f5-00000000.th")
    with pytest.raises(RuntimeError, match="Invalid checksum"):
        demucs_adapter.Demucs({"model": "hdemucs_mmi", "folder": "."}, context(tmp_path))


@needs_demucs
@pytest.mark.filterwarnings("default")
def test_missing_demucs_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError,
        match=r"weights of htdemucs_ft are missing: put into .* f7e0c4bc-ba3fe64a\.th from https://.*"
        r"\(its sha256 begins with ba3fe64a\); d12395a8",
    ):
        demucs_adapter.Demucs({"model": "htdemucs_ft", "folder": "."}, context(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"nosuch\.th, which is no model of demucs 4"):
        demucs_adapter.Demucs({"model": "nosuch", "folder": "."}, context(tmp_path))


@needs_demucs
@pytest.mark.filterwarnings("default")
def test_demucs_has_the_published_numbers_of_parameters() -> None:
    from demucs.hdemucs import HDemucs
    from demucs.htdemucs import HTDemucs

    with torch.device("meta"):
        hybrid, transformer = HDemucs(STEMS), HTDemucs(STEMS, bottom_channels=512)
    assert sum(p.numel() for p in hybrid.parameters()) == 83_637_832
    assert sum(p.numel() for p in transformer.parameters()) == 41_473_616


def save_openunmix(folder: Path) -> None:
    shared.stand_in("torchaudio")
    import openunmix

    torch.manual_seed(0)
    for target, network in openunmix.umxhq_spec(pretrained=False).items():
        torch.save(
            network.state_dict(), folder / f"{target}-{openunmix_adapter.FILES['umxhq'][1][target]}.pth"
        )


@needs_openunmix
@pytest.mark.filterwarnings("default")
def test_openunmix_conforms_and_has_the_published_number_of_parameters(tmp_path: Path) -> None:
    save_openunmix(tmp_path)
    info = check_system(load_system(system_file(tmp_path, "openunmix", 'folder = "."')), tmp_path)
    assert info.targets == ("vocals", "drums", "bass", "other")
    networks = openunmix_adapter.OpenUnmix({"folder": "."}, context(tmp_path)).separator.target_models
    assert [sum(p.numel() for p in n.parameters()) for n in networks.values()] == [8_893_348] * 4


@needs_openunmix
@pytest.mark.filterwarnings("default")
def test_openunmix_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    save_openunmix(tmp_path)
    torch.save({}, tmp_path / "vocals-b62c91ce.pth")
    with pytest.raises(ValueError, match=r"vocals-b62c91ce\.pth: no weights of umxhq"):
        openunmix_adapter.OpenUnmix({"folder": "."}, context(tmp_path))


@needs_openunmix
def test_missing_openunmix_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"put vocals-bccbd9aa\.pth, .* from https://zenodo\.org/records/5069601 into"
    ):
        openunmix_adapter.OpenUnmix({"folder": ".", "model": "umxl"}, context(tmp_path))


@pytest.mark.parametrize(
    ("adapter", "parameters", "sentence"),
    [
        (
            demucs_adapter.Demucs,
            {"shift": 1, "folder": "."},
            r"demucs takes .*shifts.*found folder, shift$",
        ),
        (demucs_adapter.Demucs, {}, r"\(needed: folder\); found none$"),
        (
            openunmix_adapter.OpenUnmix,
            {"folder": ".", "model": "umxx"},
            "no model 'umxx'; it has umxhq, umx, umxl",
        ),
        (openunmix_adapter.OpenUnmix, {"folder": ".", "iterations": 1}, "found folder, iterations$"),
    ],
)
def test_wrong_parameters(adapter: Any, parameters: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=sentence):
        adapter(parameters, context(tmp_path))


@pytest.mark.parametrize(
    ("adapter", "extra"), [(demucs_adapter.Demucs, "demucs"), (openunmix_adapter.OpenUnmix, "openunmix")]
)
def test_missing_packages_say_how_to_install(
    adapter: Any, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=rf"pip install '\.\[{extra}\]'"):
        adapter({"folder": "."}, context(tmp_path))
