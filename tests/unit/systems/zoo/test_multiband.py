"""Multi-band Conv-TasNet: published counts, the authors' names, their arithmetic, any length."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from svbench.systems.zoo import multiband  # noqa: E402

TINY = {"latent": 64, "bottleneck": 4, "hidden": 6, "blocks": 2, "repeats": 2}
# Counted from the authors' code.
COUNTS = {
    "M1": 6_595_120, "M2": 6_582_880, "M3": 10_044_560, "M4": 6_705_856, "S1": 7_324_464, "S2": 7_312_224,
}  # fmt: skip


def tiny(size: str, **settings: Any) -> Any:
    """A small network whose weights are waves, alike on every machine."""
    made = multiband.build(size, **{**TINY, **settings})
    for number, p in enumerate(made.network.parameters()):
        wave = torch.sin(torch.arange(1, p.numel() + 1, dtype=torch.float64) * (0.7 + number))
        p.data = (0.3 * wave).reshape(p.shape).float()
    return made


def noise(n_samples: int) -> Any:
    return 0.1 * np.random.default_rng(0).standard_normal((n_samples, 2)).astype(np.float32)


def count(network: Any, trainable: bool = False) -> int:
    return sum(p.numel() for p in network.parameters() if p.requires_grad or not trainable)


@pytest.mark.parametrize(("size", "expected"), COUNTS.items())
def test_parameters_are_as_many_as_in_the_authors_code(size: str, expected: int) -> None:
    with torch.device("meta"):
        assert count(multiband.build(size).network) == expected


@pytest.mark.parametrize("size", ["M5", "M6"])
def test_frozen_ends_are_not_trained(size: str) -> None:
    with torch.device("meta"):
        network = multiband.build(size).network
    assert count(network) == COUNTS["M2"]
    # Less 2 channels · 256 filters · 20 samples at either end.
    assert count(network, trainable=True) == 6_562_400 == COUNTS["M2"] - 2 * 2 * 256 * 20


def test_where_the_published_count_of_m3_would_come_from() -> None:
    with torch.device("meta"):
        assert count(multiband.build("M2", bottleneck=256).network) == 12_972_640


def their_state(network: Any, bands: tuple[int, ...], strong: bool) -> dict[str, Any]:
    """Arrays by the authors' names and in their shapes, for two repeats of two blocks."""
    draw = torch.Generator().manual_seed(0)
    shapes: dict[str, tuple[int, ...]] = {}
    for i, n in enumerate(bands):
        own = {"network.0.gamma": (1, n, 1), "network.0.beta": (1, n, 1), "network.1.weight": (4, n, 1)}
        own["mask_conv1x1.weight"] = (2 * n, 4, 1)
        for block in ("0.0", "0.1", "1.0", "1.1"):
            start = f"temporal_conv_net.{block}.net"
            own |= {f"{start}.0.weight": (6, 4, 1), f"{start}.1.weight": (1,)}
            own |= {f"{start}.2.gamma": (1, 6, 1), f"{start}.2.beta": (1, 6, 1)}
            own |= {f"{start}.3.net.0.weight": (6, 1, 3), f"{start}.3.net.1.weight": (1,)}
            own |= {f"{start}.3.net.2.gamma": (1, 6, 1), f"{start}.3.net.2.beta": (1, 6, 1)}
            own |= {f"{start}.3.res_conv.weight": (4, 6, 1)}
        shapes |= {f"separators.{i}.{name}": shape for name, shape in own.items()}
    if strong:
        shapes |= {f"encoder.filters.{k}.weight": (16, 2, 20 * 2**k) for k in range(6)}
        shapes |= {"encoder.spectrogram.window": (1024,), "encoder.spectrogram.mel_transform.bias": (64,)}
        shapes |= {"encoder.spectrogram.mel_transform.weight": (64, 1026, 1)}
        shapes |= {"encoder.bottleneck.0.weight": (64, 160, 1), "encoder.bottleneck.2.weight": (64, 64, 1)}
        shapes |= {"decoder.bottleneck.0.weight": (64, 63, 1)}
        shapes |= {f"decoder.filters.{k}.weight": (32 // 2**k, 2, 20 * 2**k) for k in range(6)}
    else:
        shapes |= {"encoder.conv1d_U.weight": (64, 2, 20), "decoder.basis_signals.weight": (40, 64)}
    if sum(bands) > 64:
        shapes["linear_mask_combinator.weight"] = (64, 128)
    return {name: torch.randn(shape, generator=draw) for name, shape in shapes.items()}


@pytest.mark.parametrize(
    ("size", "bands"), [("M1", (64,)), ("M3", (32, 32, 64)), ("M4", (16,) * 4), ("S2", (32, 32))]
)
def test_checkpoints_load_by_the_authors_names(size: str, bands: tuple[int, ...]) -> None:
    made = multiband.build(size, **TINY)
    state = their_state(made.network, bands, strong=size == "S2")
    made.load(state)
    last = made.network.separators[-1]
    start = f"separators.{len(bands) - 1}."
    for block, (r, x) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
        theirs = state[f"{start}temporal_conv_net.{r}.{x}.net.3.net.0.weight"]
        assert torch.equal(last.blocks[block].depthwise[0].weight, theirs)
        theirs = state[f"{start}temporal_conv_net.{r}.{x}.net.2.beta"].flatten()
        assert torch.equal(last.blocks[block].widen[2].bias, theirs)
    if size == "S2":
        assert torch.equal(
            made.network.encoder.spectral.bias, state["encoder.spectrogram.mel_transform.bias"]
        )
    else:
        # Their decoder: a linear layer gives 20 samples of each channel, frames are laid over each other.
        latent = torch.randn(1, 64, 5)
        expected = torch.zeros(1, 2, 60)
        for frame in range(5):
            part = (state["decoder.basis_signals.weight"] @ latent[0, :, frame]).view(2, 20)
            expected[0, :, 10 * frame : 10 * frame + 20] += part
        torch.testing.assert_close(made.network.decoder(latent), expected, atol=1e-4, rtol=1e-4)


def test_a_checkpoint_of_another_size_is_refused() -> None:
    made = multiband.build("M2", **TINY)
    with pytest.raises(ValueError, match=r"missing \(separators\.1\.network\.0\.gamma.* and \d+ more\)"):
        made.load(their_state(made.network, (64,), strong=False))


GOLDEN = {
    "M1": [-0.00332223, -0.00337158, 0.00419287, -0.00155554, -0.00146424, -0.000472601],
    "M2": [0.00651168, 0.00169821, -0.00864879, 0.00397459, -0.0013788, -0.000725202],
    "M3": [-0.0174367, 0.00641016, 0.00553323, -0.0143029, 0.00542241, -0.0010401],
    "S1": [-0.000984504, 0.0059817, -0.00232279, -0.00108205, -0.00259032, -0.00144858],
}


@pytest.mark.parametrize("size", GOLDEN)
def test_outputs_are_what_they_were(size: str) -> None:
    estimates = tiny(size, segment_samples=1500).separate(noise(2003))
    found = [
        *estimates["accompaniment"][[0, 1000, 2002], 0], *estimates["vocals"][[1, 999, 1501], 1],
    ]  # fmt: skip
    np.testing.assert_allclose(found, GOLDEN[size], rtol=1e-3)


@pytest.mark.parametrize("size", ["M2", "S2"])
@pytest.mark.parametrize("n_samples", [1, 9, 21, 100, 2001, 2010])
@pytest.mark.parametrize("overlap", [0, 0.5])
def test_tracks_of_any_length(size: str, n_samples: int, overlap: float) -> None:
    estimates = tiny(size, segment_samples=700, overlap=overlap).separate(noise(n_samples))
    assert {t: e.shape for t, e in estimates.items()} == dict.fromkeys(multiband.TARGETS, (n_samples, 2))
    assert all(np.isfinite(e).all() for e in estimates.values())


def test_estimates_follow_the_level_of_the_mixture() -> None:
    quiet, loud = (tiny("M2").separate(noise(1000) * gain) for gain in (0.01, 1))
    for target in multiband.TARGETS:
        np.testing.assert_allclose(100 * quiet[target], loud[target], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("size", ["M2", "S2"])
def test_silence_stays_finite(size: str) -> None:
    estimates = tiny(size).separate(np.zeros((2000, 2), np.float32))
    assert all(np.isfinite(e).all() for e in estimates.values())
    if size == "M2":
        assert not any(e.any() for e in estimates.values())


def test_bands_are_masked_apart() -> None:
    network = tiny("M2").network
    latent = torch.rand(1, 64, 30)
    other = latent.clone()
    other[:, 32:] *= 2
    masks = [network.separators[0](x[:, :32]) for x in (latent, other)]
    assert torch.equal(*masks)
    assert masks[0].shape == (1, 2, 32, 30)


def test_bands_must_divide_the_latent_channels() -> None:
    with pytest.raises(ValueError, match="3 bands do not divide 256 latent channels"):
        multiband.build("M1", bottleneck=4, bands=3)


def test_targets_can_be_renamed() -> None:
    made = multiband.build("M1", ("rest", "choir"), **TINY)
    assert set(made.separate(noise(50))) == {"rest", "choir"}
