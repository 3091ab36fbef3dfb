"""Chunks of a track, and checkpoints that fit or do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from svbench.systems.zoo.separator import Separator, in_chunks  # noqa: E402


@pytest.mark.parametrize("n_samples", [1, 6, 7, 8, 50])
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.9])
def test_chunks_of_what_changes_nothing_are_the_track(n_samples: int, overlap: float) -> None:
    track = np.random.default_rng(0).standard_normal((n_samples, 2)).astype(np.float32)
    lengths = []

    def call(chunk: Any) -> Any:
        lengths.append(len(chunk))
        return np.stack([chunk, -chunk])

    found = in_chunks(call, track, 7, overlap)
    np.testing.assert_allclose(found, np.stack([track, -track]), atol=1e-6)
    assert max(lengths) <= 7
    assert found.dtype == np.float32


def test_without_overlap_chunks_follow_each_other_unweighted() -> None:
    numbers = iter([10, 20, 30])
    found = in_chunks(lambda c: np.full((1, *c.shape), next(numbers)), np.zeros((7, 2), np.float32), 3)
    assert found[0, :, 0].tolist() == [10, 10, 10, 20, 20, 20, 30]


def test_overlapping_chunks_are_cross_faded_by_triangles() -> None:
    numbers = iter([0, 1])
    found = in_chunks(lambda c: np.full((1, *c.shape), next(numbers)), np.zeros((6, 2), np.float32), 4, 0.5)
    # Weights 1 2 2 1 of the first chunk meet 1 2 2 1 of the second, two samples later.
    np.testing.assert_allclose(found[0, :, 0], [0, 0, 1 / 3, 2 / 3, 1, 1], atol=1e-7)


def separator() -> Separator:
    def renamed(name: str) -> str:
        return f"net.{name}"

    return Separator(torch.nn.Linear(2, 3), ("vocals",), 8000, lambda s: s[None], renamed)


def test_a_checkpoint_by_its_authors_names() -> None:
    made = separator()
    state = {"net.weight": torch.arange(6.0).view(3, 2), "net.bias": torch.ones(3)}
    made.load(state)
    assert made.network.weight.tolist() == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({}, r"2 missing \(net\.weight, net\.bias\)"),
        ({"net.bias": torch.ones(3)}, r"of its weights, 1 missing \(net\.weight\)$"),
        (
            {"weight": torch.ones(3, 2), "net.bias": torch.ones(3)},
            r"1 missing \(net\.weight\), 1 unexpected \(weight\)$",
        ),
        (
            {"net.weight": torch.ones(2, 2), "net.bias": torch.ones(3)},
            r"net\.weight has shape \(2, 2\), the network's weight \(3, 2\)",
        ),
        ({f"layer{i}": torch.ones(1) for i in range(9)}, r"9 unexpected \(layer0, .*, layer5, and 3 more\)"),
    ],
)
def test_a_checkpoint_that_does_not_fit_changes_nothing(state: dict[str, Any], sentence: str) -> None:
    made = separator()
    before = made.network.bias.clone()
    with pytest.raises(ValueError, match=sentence):
        made.load(state)
    assert torch.equal(made.network.bias, before)
