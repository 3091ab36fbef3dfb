"""LaSAFT and LightSAFT: their sizes, tiny ones' output as numbers, and whole tracks in chunks."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from svbench.systems.zoo import lasaft  # noqa: E402

TINY: dict[str, Any] = {
    "n_fft": 32,
    "hop": 16,
    "frames": 8,
    "levels": 2,
    "channels": 3,
    "layers": 2,
    "sources": 3,
    "key_size": 4,
    "embedding": 5,
    "bottleneck": 4,
    "least_units": 2,
    "trim": 16,
}
LENGTH = 16 * 7
KEPT = LENGTH - 2 * 16


def tiny(size: str, targets: tuple[str, ...] | None = None, **more: Any) -> Any:
    """A tiny network whose weights depend on no random generator of PyTorch."""
    made = lasaft.build(size, targets, **{**TINY, **more})
    rng = np.random.default_rng(0)
    for name, value in sorted(made.network.state_dict().items()):
        if value.is_floating_point() and name != "front.window":
            drawn = torch.from_numpy(rng.standard_normal(tuple(value.shape)))
            value.copy_(0.5 + drawn.abs() if name.endswith("running_var") else 0.5 * drawn)
    return made


def noise(n_samples: int) -> Any:
    return np.random.default_rng(1).standard_normal((n_samples, 2)).astype(np.float32)


def estimate(made: Any, samples: Any, target: int) -> Any:
    """What the network gives for one chunk."""
    with torch.inference_mode():
        return made.network(torch.from_numpy(samples.T[None].copy()), torch.tensor([target]))[0].numpy().T


@pytest.mark.parametrize(
    ("size", "count"), [("light", 4_159_844), ("base", 8_424_028), ("large", 31_541_908)]
)
def test_it_has_as_many_parameters_as_the_authors_code(size: str, count: int) -> None:
    with torch.device("meta"):
        network = lasaft.build(size).network
    assert sum(p.numel() for p in network.parameters()) == count


@pytest.mark.parametrize(
    ("size", "n_names", "digest"),
    [
        ("light", 543, "5b463e7987b0d9d74d074ad850c6fbb3010d1355e848065f056aa49c071bcba9"),
        ("base", 429, "e5b34926da1b9a30a7f8e9be68800ac818484c86e322e059baee28b24d65a087"),
        ("large", 543, "163ae5b764bcac14b73c89c8ec1222869d42464c391ff38c7fe4fd5d6ac87ac0"),
    ],
)
def test_checkpoints_have_the_names_and_shapes_of_the_authors(size: str, n_names: int, digest: str) -> None:
    """The digest is that of the state of the network that the authors' code builds."""
    with torch.device("meta"):
        made = lasaft.build(size)
    state = made.network.state_dict()
    lines = sorted(f"{made.names(name)} {list(value.shape)}" for name, value in state.items())
    assert len(lines) == n_names
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == digest


@pytest.mark.parametrize("size", ["light", "base"])
def test_a_tiny_one_gives_these_numbers(size: str) -> None:
    made = tiny(size)
    found = [estimate(made, noise(LENGTH), target)[[0, 40, 111]].ravel() for target in (0, 2)]
    np.testing.assert_allclose(found, GOLDEN[size], rtol=1e-4, atol=1e-6)


# What the authors' networks give with the same weights.
GOLDEN = {
    "light": [
        [-0.008084953, -0.06817111, 0.05311639, 0.06337806, -0.1725564, 0.6222182],
        [-0.007881299, -0.06773925, 0.04473353, 0.06287022, -0.1741787, 0.6145998],
    ],
    "base": [
        [-0.07094357, 0.3127322, 0.01828392, 0.024792, -0.08936839, 0.2911896],
        [-0.05121008, 0.2204760, 0.01041675, 0.05669393, -0.06833012, 0.2159782],
    ],
}


@pytest.mark.parametrize("size", ["light", "base"])
def test_weights_come_and_go_by_the_authors_names(size: str) -> None:
    made, other = tiny(size), lasaft.build(size, **TINY)
    state = {made.names(name): value for name, value in made.network.state_dict().items()}
    mixture = noise(300)
    assert not np.allclose(other.separate(mixture)["bass"], made.separate(mixture)["bass"], rtol=0.1)
    other.load(state)
    for name, value in made.separate(mixture).items():
        np.testing.assert_array_equal(other.separate(mixture)[name], value)
    del state["spec2spec.mid_block.keys"]
    with pytest.raises(ValueError, match=r"1 missing \(spec2spec\.mid_block\.keys\), 1 unexpected \(epoch\)"):
        other.load({**state, "epoch": torch.zeros(1)})


@pytest.mark.parametrize("size", ["light", "base"])
@pytest.mark.parametrize("n_samples", [1, 15, KEPT, KEPT + 1, 3 * KEPT + 7])
def test_any_length_is_separated(size: str, n_samples: int) -> None:
    found = tiny(size).separate(noise(n_samples))
    assert tuple(found) == ("vocals", "drums", "bass", "other")
    for value in found.values():
        assert value.shape == (n_samples, 2)
        assert value.dtype == np.float32
        assert np.isfinite(value).all()
    assert not np.allclose(found["vocals"], found["drums"], rtol=0.01)


def test_what_two_chunks_estimate_is_averaged() -> None:
    made, mixture = tiny("base", ("drums",)), noise(KEPT + KEPT // 2)
    padded = np.pad(mixture, ((16, 16), (0, 0)))
    first = estimate(made, padded[:LENGTH], 1)[16:-16]
    second = estimate(made, padded[KEPT // 2 :], 1)[16:-16]
    found = made.separate(mixture)["drums"]
    half = KEPT // 2
    wanted = np.concatenate((first[:half], (first[half:] + second[:half]) / 2, second[half:]))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_one_target_of_the_four_is_the_same_alone() -> None:
    alone, all_four = tiny("light", ("other",)), tiny("light")
    mixture = noise(200)
    found = alone.separate(mixture)
    assert list(found) == ["other"]
    np.testing.assert_array_equal(found["other"], all_four.separate(mixture)["other"])


def test_what_it_cannot_be_built_from() -> None:
    with pytest.raises(ValueError, match="no size 'huge'; the sizes are light, base, large"):
        lasaft.build("huge")
    with pytest.raises(ValueError, match=r"the network takes light, .*; found width"):
        lasaft.build("base", width=3)
    with pytest.raises(ValueError, match="estimates vocals, drums, bass, other; found accompaniment"):
        lasaft.build("base", ("accompaniment",))
    with pytest.raises(ValueError, match=r"frames must be a multiple of 4, found 10"):
        tiny("base", frames=10)
    with pytest.raises(ValueError, match=r"n_fft / 2 must be a multiple of 4, found 18"):
        tiny("base", n_fft=36)
