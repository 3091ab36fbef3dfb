"""Vox-TasNet, a reading: it hears exactly as far ahead as it says, and segments change nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from svbench.systems.zoo import vox_tasnet  # noqa: E402

TINY = {
    "latent": 8,
    "window": 16,
    "bottleneck": 8,
    "hidden": 16,
    "blocks": 3,
    "repeats": 2,
    "lookahead_frames": 4,
}


def tiny(**settings: Any) -> Any:
    made = vox_tasnet.build(**{**TINY, **settings})
    for number, p in enumerate(made.network.parameters()):
        wave = torch.sin(torch.arange(1, p.numel() + 1, dtype=torch.float64) * (0.7 + number))
        p.data = (0.3 * wave).reshape(p.shape).float()
    return made


def noise(n_samples: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal((n_samples, 2)).astype(np.float32)


def test_parameters_by_layer() -> None:
    with torch.device("meta"):
        network = vox_tasnet.build().network
    block = 128 * 512 + 1 + 2 * 512 + 3 * 512 + 1 + 2 * 512 + 512 * 128
    ends = 2 * 512 * 88
    separator = 2 * 1024 + 1024 * 128 + 24 * block + 128 * 1024
    assert sum(p.numel() for p in network.parameters()) == ends + separator == 3_586_096


@pytest.mark.parametrize("frames", [0, 1, 5, 9])
def test_it_hears_as_far_ahead_as_configured(frames: int) -> None:
    torch.manual_seed(0)
    made = vox_tasnet.build(**{**TINY, "lookahead_frames": frames})
    mixture = noise(1200)
    plain = made.separate(mixture)["accompaniment"]
    furthest = 0
    for changed in range(600, 616):  # each place in a frame of 8 samples, twice
        other = mixture.copy()
        other[changed:] = noise(1200 - changed, seed=1)
        difference = np.abs(made.separate(other)["accompaniment"] - plain).max(axis=1)
        furthest = max(furthest, changed - int(np.flatnonzero(difference > 1e-7 * np.abs(plain).max())[0]))
    assert furthest == made.network.lookahead_samples == frames * 8 + 15


@pytest.mark.parametrize("frames", [0, 9])
@pytest.mark.parametrize("n_samples", [1, 7, 400, 401, 2003])
def test_segments_give_what_the_whole_track_gives(frames: int, n_samples: int) -> None:
    whole, parts = (tiny(lookahead_frames=frames, segment_samples=n) for n in (10_000, 200))
    mixture = noise(n_samples)
    expected = whole.separate(mixture)["accompaniment"]
    assert expected.shape == (n_samples, 2)
    found = parts.separate(mixture)["accompaniment"]
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())


def test_channels_share_their_filters_and_are_masked_apart() -> None:
    network = tiny().network
    stereo = torch.rand(1, 2, 160)
    # With masks of one, both channels pass the same encoder and decoder.
    network.separator.forward = lambda latent: torch.ones_like(latent)[:, None]
    out, swapped = network(stereo), network(stereo.flip(1))
    torch.testing.assert_close(out, swapped.flip(1))


GOLDEN = [-0.203473, -0.00100818, -0.0592275, 0.100813, 0.0200874]


def test_outputs_are_what_they_were() -> None:
    found = tiny(lookahead_frames=4).separate(noise(1003))["accompaniment"]
    np.testing.assert_allclose([*found[[0, 500, 1002], 0], *found[[1, 501], 1]], GOLDEN, rtol=1e-3)


@pytest.mark.parametrize("frames", [-1, 15])
def test_look_ahead_is_bounded_by_the_convolutions(frames: int) -> None:
    with pytest.raises(
        ValueError, match=f"lookahead_frames must be from 0 to 14 at these sizes, found {frames}"
    ):
        tiny(lookahead_frames=frames)


def test_windows_are_even() -> None:
    with pytest.raises(ValueError, match="window must be an even number of samples, found 15"):
        tiny(window=15)


def test_silence_stays_silent() -> None:
    assert not tiny().separate(np.zeros((500, 2)))["accompaniment"].any()
