"""Resampled medians, against numpy on every resample."""

from __future__ import annotations

import numpy as np
import pytest

from svbench.results.statistics.draws import Array, draw_counts, resampled


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


def _median(values: Array) -> float:
    ordered = sorted(values.tolist())
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return low if low == high else (low + high) / 2
