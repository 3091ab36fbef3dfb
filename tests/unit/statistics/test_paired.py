"""Intervals with known answers, and their coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest

from svbench.statistics.pairs import paired_difference


def test_pairs_matter() -> None:
    # Tracks differ wildly, the difference does not.
    before = [[float(v)] for v in (0, 50, -30, 80)]
    found = paired_difference(before, [[v - 2] for [v] in before], "mean")
    assert found is not None
    assert (found.value, found.n_tracks) == (-2.0, 4)
    assert (found.low, found.high) == (pytest.approx(-2.0), pytest.approx(-2.0))


def test_pooled_frames_move_with_their_track() -> None:
    before = [[0.0] * 9, [0.0]]
    after = [[1.0] * 9, [5.0]]
    found = paired_difference(before, after, "median")
    assert found is not None
    # The lone frame rules one draw in four: 1, 1, 1 or 5, with a mean of 2 and one degree of freedom.
    assert found.value == 1.0
    assert found.low is not None
    assert found.high is not None
    assert (found.low + found.high) / 2 == pytest.approx(2.0, abs=0.1)
    assert found.high > 12


def test_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    draw = np.random.default_rng(0)
    hits = 0
    for _ in range(100):
        sample = draw.normal(1.0, 2.0, 40)
        found = paired_difference([[0.0]] * 40, [[float(v)] for v in sample], "mean")
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 1.0 <= found.high
    assert 90 <= hits <= 99


def test_too_little_for_an_interval() -> None:
    assert paired_difference([], [], "mean") is None
    one = paired_difference([[1.0]], [[3.0]], "mean")
    assert one is not None
    assert (one.value, one.low, one.high, one.n_tracks) == (2.0, None, None, 1)


def test_infinite_values_make_no_difference() -> None:
    assert paired_difference([[math.inf], [1.0]], [[math.inf], [2.0]], "mean") is None
    found = paired_difference([[1.0, 2.0, math.inf]] * 3, [[0.0, 1.0, math.inf]] * 3, "median")
    assert found is not None
    assert found.value == pytest.approx(-1.0)
