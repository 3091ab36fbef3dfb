"""Resampled numbers, against those of the drawn values."""

from __future__ import annotations

import numpy as np
import pytest

from svbench.specs.protocol import TrackReducer
from svbench.statistics.resampling import Array, draw_counts, resampled


@pytest.mark.parametrize("n", [2, 3, 50, 255, 256, 300])  # 256 counts need another type than 255
@pytest.mark.parametrize("most", [1, 6])
def test_medians_are_those_of_the_drawn_values(n: int, most: int) -> None:
    draw = np.random.default_rng(n)
    tracks = [np.round(draw.normal(size=draw.integers(1, most, endpoint=True)), 1) for _ in range(n)]
    tracks[0][0] = np.inf  # one perfect value; ties come from the rounding
    counts = draw_counts(n, 200, seed=7)
    drawn = [
        np.concatenate([t for t, k in zip(tracks, row, strict=True) for _ in range(int(k))]) for row in counts
    ]
    assert resampled(tracks, "median", counts).tolist() == [_median(values) for values in drawn]


@pytest.mark.parametrize("reducer", ["mean", "median", "length-weighted mean"])
def test_tracks_without_the_target_bring_nothing(reducer: TrackReducer) -> None:
    tracks = [np.array([1.0]), np.array([]), np.array([4.0])]
    counts = np.array([[1.0, 1.0, 1.0], [2.0, 0.0, 1.0], [0.0, 3.0, 0.0]])
    expected = {"mean": [2.5, 2.0], "median": [2.5, 1.0], "length-weighted mean": [3.25, 2.8]}[reducer]
    found = resampled(tracks, reducer, counts, [10.0, 1.0, 30.0])
    assert found[:2] == pytest.approx(expected)
    assert np.isnan(found[2])


def _median(values: Array) -> float:
    ordered = sorted(values.tolist())
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return low if low == high else (low + high) / 2
