"""DTTNet: its size, a tiny one's output as numbers, and whole tracks in chunks."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from svbench.systems.zoo import dttnet  # noqa: E402

TINY: dict[str, Any] = {
    "n_fft": 64,
    "hop": 16,
    "bins": 20,
    "frames": 12,
    "levels": 1,
    "channels": 16,
    "layers": 2,
    "bottleneck": 2,
    "modules": 1,
    "trim": 32,
}
LENGTH = 16 * 11


def tiny(**more: Any) -> Any:
    """A tiny network whose weights depend on no random generator of PyTorch."""
    made = dttnet.build("vocals", **{**TINY, **more})
    rng = np.random.default_rng(0)
    for name, value in sorted(made.network.state_dict().items()):
        if value.is_floating_point() and name not in ("front.window", "silence"):
            drawn = torch.from_numpy(rng.standard_normal(tuple(value.shape)))
            value.copy_(0.5 + drawn.abs() if name.endswith("running_var") else 0.3 * drawn)
    return made


def noise(n_samples: int) -> Any:
    return np.random.default_rng(1).standard_normal((n_samples, 2)).astype(np.float32)


@pytest.mark.parametrize("size", list(dttnet.SIZES))
def test_it_has_as_many_parameters_as_the_authors_count(size: str) -> None:
    with torch.device("meta"):
        network = dttnet.build(size).network
    counted = sum(p.numel() for p in network.parameters())
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    # The rest: the window of 6144, and zeros for four planes of the bins that are cut off.
    expected = (4_199_368, 6144 + 4 * 2209) if size == "bass" else (4_968_712, 6144 + 4 * 1025)
    assert (counted, counted - trained) == expected


@pytest.mark.parametrize(
    ("size", "digest"),
    [
        ("vocals", "29dea8cca055aa305aba4449aca211ce88232caf963c2cfb47c7c50b568d092b"),
        ("bass", "8dff968508422f94f09a1de65533275451ade1bac99faf531f4292eca3ecf632"),
    ],
)
def test_checkpoints_have_the_names_and_shapes_of_the_authors(size: str, digest: str) -> None:
    """The digest is that of the state of the network that the authors' code builds."""
    with torch.device("meta"):
        made = dttnet.build(size)
    state = made.network.state_dict()
    lines = sorted(f"{made.names(name)} {list(value.shape)}" for name, value in state.items())
    assert len(lines) == 440
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == digest


def test_a_tiny_one_gives_these_numbers() -> None:
    made = tiny()
    with torch.inference_mode():
        found = made.network(torch.from_numpy(noise(LENGTH).T[None].copy()))[0].numpy()
    np.testing.assert_allclose(found[:, [0, 50, 100, 175]], GOLDEN, rtol=1e-4, atol=1e-6)


# What the authors' network gives with the same weights.
GOLDEN = [
    [-0.004095315, 0.005195955, 0.02408062, -0.003322985],
    [0.003209182, -0.00008981676, 0.02752433, -0.01528493],
]


def test_weights_come_and_go_by_the_authors_names() -> None:
    made, other = tiny(), dttnet.build("vocals", **TINY)
    state = {made.names(name): value for name, value in made.network.state_dict().items()}
    assert {"window", "freq_pad", "ds.0.1.running_var", "us.0.0.bias", "final_conv.0.weight"} < set(state)
    mixture = noise(500)
    assert not np.allclose(other.separate(mixture)["vocals"], made.separate(mixture)["vocals"], rtol=0.1)
    other.load(state)
    np.testing.assert_array_equal(other.separate(mixture)["vocals"], made.separate(mixture)["vocals"])
    del state["ds.0.1.running_var"]
    with pytest.raises(ValueError, match=r"1 missing \(ds\.0\.1\.running_var\), 1 unexpected \(epoch\)"):
        other.load({**state, "epoch": torch.zeros(1)})


@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.5])
@pytest.mark.parametrize("n_samples", [1, 31, 112, 113, LENGTH, LENGTH + 1, 1000])
def test_any_length_is_separated(overlap: float, n_samples: int) -> None:
    found = tiny(overlap=overlap).separate(noise(n_samples))
    assert list(found) == ["vocals"]
    assert found["vocals"].shape == (n_samples, 2)
    assert found["vocals"].dtype == np.float32
    assert np.isfinite(found["vocals"]).all()
    assert np.abs(found["vocals"]).max() > 1e-3


def test_chunks_without_overlap_are_trimmed_and_joined() -> None:
    """The second chunk begins where the middle of the first ends, less what is trimmed of it."""
    made, mixture = tiny(), noise(200)
    kept = LENGTH - 2 * 32
    padded = np.pad(mixture, ((32, LENGTH), (0, 0)))
    with torch.inference_mode():
        second = made.network(torch.from_numpy(padded[kept : kept + LENGTH].T[None].copy()))[0].numpy().T
    found = made.separate(mixture)["vocals"]
    np.testing.assert_allclose(found[kept:], second[32 : 32 + 200 - kept], rtol=1e-4, atol=1e-6)


def test_overlapping_chunks_are_cross_faded() -> None:
    made, mixture = tiny(overlap=0.5), noise(LENGTH + 88)
    with torch.inference_mode():
        first, second = (
            made.network(torch.from_numpy(mixture[start : start + LENGTH].T[None].copy()))[0].numpy().T
            for start in (0, 88)
        )
    found = made.separate(mixture)["vocals"]
    np.testing.assert_allclose(found[:88], first[:88], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found[LENGTH:], second[88:], rtol=1e-4, atol=1e-6)
    rising = (np.arange(88)[:, None] + 1) / 89
    faded = first[88:] * (1 - rising) + second[:88] * rising
    np.testing.assert_allclose(found[88:LENGTH], faded, rtol=1e-4, atol=1e-5)


def test_bins_above_the_cut_are_silent() -> None:
    """20 of 33 bins are kept: what lies above them is the leakage of the window only."""
    made = tiny()
    with torch.inference_mode():
        estimate = made.network(torch.from_numpy(noise(LENGTH).T[None].copy()))
        level = made.network.front(estimate)[..., 3:-3].abs().mean((0, 1, 3))
    assert level[24:].max() < 0.05 * level[:20].min()


def test_what_it_cannot_be_built_from() -> None:
    with pytest.raises(ValueError, match="no size 'guitar'; the sizes are vocals, drums, other, bass"):
        dttnet.build("guitar")
    with pytest.raises(ValueError, match=r"the network takes n_fft, .*; found width"):
        dttnet.build("vocals", width=3)
    with pytest.raises(ValueError, match="one target, found vocals, drums"):
        dttnet.build("vocals", ("vocals", "drums"))
    with pytest.raises(ValueError, match="frames must be a multiple of 2, found 11"):
        tiny(frames=11)
    with pytest.raises(ValueError, match=r"overlap is a share of a chunk from 0 to 0\.5, found 0\.7"):
        tiny(overlap=0.7)
    with pytest.raises(ValueError, match="nothing is left of chunks of 176 samples without 88"):
        tiny(trim=88)
