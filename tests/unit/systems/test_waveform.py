"""Segments, axes and channels around networks whose outputs are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from svbench.audio import Audio
from svbench.systems.waveform import WaveformSystem, check_input, describe


def described(**changes: Any) -> dict[str, Any]:
    return {"targets": ["vocals", "rest"], "rate_hz": 8000, **changes}


def noise(n_samples: int, n_channels: int = 2) -> Audio:
    return Audio(np.random.default_rng(n_samples).normal(size=(n_samples, n_channels)), 8000)


def thirds(array: np.ndarray) -> list[np.ndarray]:
    """Give one third and two thirds of an input of shape (1, channels, samples)."""
    return [np.stack([array / 3, array * 2 / 3], axis=1)]


@given(n_samples=st.integers(1, 60), segment=st.integers(1, 17), overlap=st.floats(0, 0.99))
def test_segments_of_any_length_add_up_to_the_whole(n_samples: int, segment: int, overlap: float) -> None:
    lengths = set()

    def network(array: np.ndarray) -> list[np.ndarray]:
        lengths.add(array.shape[2])
        return thirds(array)

    description = describe(described(segment_samples=segment, overlap=overlap))
    mixture = noise(n_samples)
    estimates = WaveformSystem("s", description, network, "").separate(mixture)
    np.testing.assert_allclose(estimates["vocals"].samples, mixture.samples / 3, atol=1e-5)
    np.testing.assert_allclose(estimates["rest"].samples, mixture.samples * 2 / 3, atol=1e-5)
    assert lengths == {segment}


def test_neighbours_fade_by_triangular_weights() -> None:
    calls = []

    def count(array: np.ndarray) -> list[np.ndarray]:
        calls.append(array.copy())
        return [np.full((1, 1, 1, 4), float(len(calls)))]

    description = describe(
        {"targets": ["vocals"], "rate_hz": 8000, "channels": 1, "segment_samples": 4, "overlap": 0.5}
    )
    estimate = WaveformSystem("s", description, count, "").separate(noise(7, 1))["vocals"]
    # Weights 1 2 2 1 every two samples: where two meet, they stand 2 : 1, then 1 : 2.
    found = estimate.samples[:, 0]
    np.testing.assert_allclose(found, [1, 1, 4 / 3, 5 / 3, 7 / 3, 8 / 3, 3], rtol=1e-6)
    assert len(calls) == 3
    assert calls[2][0, 0, 3] == 0, "the last segment is not filled with zeros"


def test_without_overlap_each_sample_is_separated_once() -> None:
    calls = []

    def network(array: np.ndarray) -> list[np.ndarray]:
        calls.append(array.shape)
        return thirds(array)

    description = describe(described(segment_samples=10, overlap=0))
    WaveformSystem("s", description, network, "").separate(noise(30))
    assert calls == [(1, 2, 10)] * 3


@pytest.mark.parametrize(
    ("inward", "outward", "shape_in", "shape_out"),
    [
        (["samples", "channels"], ["samples", "channels", "targets"], (9, 2), (9, 2, 2)),
        (
            ["channels", "batch", "samples"],
            ["targets", "batch", "samples", "channels"],
            (2, 1, 9),
            (2, 1, 9, 2),
        ),
    ],
)
def test_axes_come_in_any_order(
    inward: list[str], outward: list[str], shape_in: tuple[int, ...], shape_out: tuple[int, ...]
) -> None:
    mixture = noise(9)
    expected = np.stack([mixture.samples, mixture.samples[:, ::-1]])  # targets, samples, channels

    def network(array: np.ndarray) -> list[np.ndarray]:
        assert array.shape == shape_in
        index = [slice(None) if axis == "samples" else 0 for axis in inward]
        index[inward.index("channels")] = 1
        np.testing.assert_array_equal(array[tuple(index)], mixture.samples[:, 1].astype("f4"))
        named = ["targets", "samples", "channels"]
        made = expected.transpose([named.index(a) for a in outward if a in named])
        return [made.reshape(shape_out)]

    system = WaveformSystem("s", describe(described(input=inward, output=outward)), network, "")
    estimates = system.separate(mixture)
    np.testing.assert_allclose(estimates["vocals"].samples, expected[0], rtol=1e-6)
    np.testing.assert_allclose(estimates["rest"].samples, expected[1], rtol=1e-6)


def test_one_array_per_target_in_the_order_of_targets() -> None:
    description = describe(described(output=["batch", "channels", "samples"]))
    mixture = noise(9)
    estimates = WaveformSystem("s", description, lambda a: [a, -a], "").separate(mixture)
    np.testing.assert_allclose(estimates["rest"].samples, -mixture.samples, rtol=1e-6)


def test_mono_mixture_in_a_stereo_network_and_the_reverse() -> None:
    mono, stereo = noise(9, 1), noise(9, 2)

    def lopsided(array: np.ndarray) -> list[np.ndarray]:
        return thirds(array * np.array([[[0.0], [2.0]]]))

    estimate = WaveformSystem("s", describe(described()), lopsided, "").separate(mono)["vocals"]
    np.testing.assert_allclose(estimate.samples, mono.samples / 3, atol=1e-6)
    one = describe(described(channels=1))
    estimate = WaveformSystem("s", one, thirds, "").separate(stereo)["rest"]
    np.testing.assert_allclose(estimate.samples, stereo.samples * 2 / 3, atol=1e-6)
    with pytest.raises(ValueError, match="takes 2 channels, the mixture has 3"):
        WaveformSystem("s", describe(described()), thirds, "").separate(noise(9, 3))


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (
            np.zeros((1, 2, 2, 8)),
            r"gave shape \(1, 2, 2, 8\) for an input of shape \(1, 2, 9\); .* \(1, 2, 2, 9\)",
        ),
        (np.zeros((1, 4, 2, 9)), r"gave shape \(1, 4, 2, 9\)"),
        (np.zeros((2, 9)), r"gave shape \(2, 9\)"),
    ],
)
def test_wrong_output_shape_is_never_mended(made: np.ndarray, sentence: str) -> None:
    system = WaveformSystem("s", describe(described()), lambda _: [made], "")
    with pytest.raises(ValueError, match=sentence):
        system.separate(noise(9))


def test_wrong_number_of_outputs() -> None:
    description = describe(described(output=["channels", "samples"], input=["channels", "samples"]))
    system = WaveformSystem("s", description, lambda a: [a, a, a], "")
    with pytest.raises(
        ValueError, match=r"gave 3 arrays of shape \(2, 9\) .* means 2 arrays of shape \(2, 9\)"
    ):
        system.separate(noise(9))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"segment_s": 3}, "found unknown segment_s"),
        ({"targets": "vocals"}, "list of different names, found 'vocals'"),
        ({"targets": ["a", "a"]}, "list of different names"),
        ({"rate_hz": 44100.0}, "rate_hz must be a whole number of at least 1, found 44100.0"),
        ({"channels": 0}, "channels must be a whole number"),
        ({"segment_samples": True}, "segment_samples must be a whole number"),
        ({"overlap": 0.5}, "overlap = 0.5 needs segment_samples"),
        ({"segment_samples": 9, "overlap": 1}, "from 0 to below 1, found 1"),
        ({"input": ["batch", "samples"]}, "input lists the axes .* with channels and samples"),
        ({"input": ["targets", "channels", "samples"]}, "input lists the axes"),
        ({"output": ["samples", "samples", "channels"]}, "output lists the axes"),
        ({"output": "samples"}, "output lists the axes"),
    ],
)
def test_wrong_parameters(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        describe(described(**changes))


def test_missing_parameters() -> None:
    with pytest.raises(ValueError, match="found rate_hz and targets missing"):
        describe({})


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ([1, 2, 100], "takes exactly 100 samples; add segment_samples = 100"),
        (["b", 1, "n"], r"shape \[b, 1, n\], but channels = 2"),
        ([4, 2, "n"], "but batch = 1"),
        ([2, "n"], "has 3 axes"),
    ],
)
def test_a_file_made_for_another_input(shape: list[Any], sentence: str) -> None:
    check_input(describe(described(segment_samples=9)), [1, "c", 9])
    with pytest.raises(ValueError, match=sentence):
        check_input(describe(described()), shape)
