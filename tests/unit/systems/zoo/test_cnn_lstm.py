"""The CNN-LSTM mask model: its count, what a mask does, and any length."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from svbench.systems.zoo import cnn_lstm  # noqa: E402


def tiny(**settings: Any) -> Any:
    made = cnn_lstm.build(**{"n_fft": 64, "hidden": 6, **settings})
    for number, p in enumerate(made.network.parameters()):
        wave = torch.sin(torch.arange(1, p.numel() + 1, dtype=torch.float64) * (0.7 + number))
        p.data = (0.3 * wave).reshape(p.shape).float()
    return made


def noise(n_samples: int) -> Any:
    return 0.1 * np.random.default_rng(0).standard_normal((n_samples, 2)).astype(np.float32)


def test_parameters_are_those_of_the_listing() -> None:
    with torch.device("meta"):
        network = cnn_lstm.build().network
    # Each direction of a layer: 4 gates of 128, from its input and from itself, and two biases.
    first, second = 2 * 4 * 128 * (2050 + 128 + 2), 2 * 4 * 128 * (256 + 128 + 2)
    linear = 256 * 2050 + 2050
    assert sum(p.numel() for p in network.parameters()) == first + second + linear == 3_154_434


def test_the_mask_has_the_shape_of_its_input_and_frames_stay_frames() -> None:
    network = tiny().network
    magnitude = torch.rand(2, 2, 33, 7)
    frames = []
    network.lstm.register_forward_pre_hook(lambda module, given: frames.append(given[0]))
    assert network(magnitude).shape == magnitude.shape
    assert frames[0].shape == (2, 7, 66)
    torch.testing.assert_close(frames[0][1, 4, 33:], magnitude[1, 1, :, 4])


@pytest.mark.parametrize("value", [0.0, 1.0, 0.25])
def test_the_mask_gives_the_vocals_and_leaves_the_accompaniment(value: float) -> None:
    made = tiny(segment_samples=300)
    made.network.forward = lambda magnitude: torch.full_like(magnitude, value)
    mixture = noise(1001)
    found = made.separate(mixture)
    np.testing.assert_allclose(found["vocals"], value * mixture, atol=1e-6)
    np.testing.assert_allclose(found["accompaniment"], (1 - value) * mixture, atol=1e-6)


def test_the_network_gets_magnitudes_of_at_most_one() -> None:
    made, peaks = tiny(), []
    made.network.register_forward_pre_hook(lambda module, given: peaks.append(given[0].max().item()))
    made.separate(noise(500) * 50)
    assert peaks == [1.0]


@pytest.mark.parametrize("n_samples", [1, 15, 64, 999, 1000])
@pytest.mark.parametrize("overlap", [0, 0.5])
def test_tracks_of_any_length(n_samples: int, overlap: float) -> None:
    found = tiny(segment_samples=300, overlap=overlap).separate(noise(n_samples))
    assert {t: e.shape for t, e in found.items()} == dict.fromkeys(cnn_lstm.TARGETS, (n_samples, 2))
    assert all(np.isfinite(e).all() for e in found.values())


def test_silence_stays_silent() -> None:
    found = tiny().separate(np.zeros((500, 2)))
    assert not any(e.any() for e in found.values())


GOLDEN = [0.0107093, 0.0148102, 0.000442683, 0.00764724, -0.0270307]


def test_outputs_are_what_they_were() -> None:
    found = tiny().separate(noise(1003))["vocals"]
    np.testing.assert_allclose([*found[[0, 500, 1002], 0], *found[[1, 501], 1]], GOLDEN, rtol=1e-3)
