"""Resampling against scipy, and intervals on simulated scores whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from svbench.statistics.pairs import paired_difference
from svbench.statistics.resampling import (
    Array,
    draw_counts,
    expanded_percentile,
    influences,
    resampled,
    t_quantile,
    variance,
)

Draw = Callable[[np.random.Generator, int], Any]


def single(values: Any) -> list[np.ndarray]:
    return [np.array([v]) for v in values]


@pytest.mark.parametrize("reducer", ["mean", "median"])
@pytest.mark.parametrize("frames", [1, 9, 300])
def test_resampled_numbers_are_those_of_the_drawn_tracks(reducer: Any, frames: int) -> None:
    draw = np.random.default_rng(5)
    tracks = [np.round(draw.normal(0, 3, draw.integers(1, frames + 1)), 1) for _ in range(7)]  # with ties
    counts = draw_counts(7, 200, 1)
    slow = [
        getattr(np, reducer)(np.concatenate([np.tile(t, int(c)) for t, c in zip(tracks, row, strict=True)]))
        for row in counts
    ]
    np.testing.assert_allclose(resampled(tracks, reducer, counts), slow, atol=1e-12)


def test_draws_are_even_seeded_and_shared() -> None:
    counts = draw_counts(10, 20_000, 42)
    assert counts is draw_counts(10, 20_000, 42)
    assert not np.array_equal(counts, draw_counts(10, 20_000, 43))
    assert counts.sum(axis=1).tolist() == [10.0] * 20_000
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.03)
    np.testing.assert_allclose(counts.var(axis=0), 0.9, atol=0.04)
    # The raw stream of PCG64, so the same on every machine and under every NumPy.
    assert draw_counts(4, 100, 42)[:3].tolist() == FIRST_DRAWS


FIRST_DRAWS = [[0.0, 1.0, 1.0, 2.0], [1.0, 0.0, 0.0, 3.0], [1.0, 2.0, 0.0, 1.0]]


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_bounds_are_those_of_scipy_at_the_expanded_level(statistic: Any) -> None:
    values = np.random.default_rng(2).gamma(2, 2, 50)
    found = expanded_percentile(resampled(single(values), statistic, draw_counts(50, 10_000, 42)), 50, 0.05)
    share = stats.norm.cdf(np.sqrt(50 / 49) * stats.t.ppf(0.025, 49))
    theirs = stats.bootstrap(
        (values,), getattr(np, statistic), n_resamples=10_000, method="percentile",
        confidence_level=1 - 2 * share, random_state=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    assert found.low == pytest.approx(theirs.low, abs=0.06)
    assert found.high == pytest.approx(theirs.high, abs=0.06)


def test_the_smoothed_interval_of_a_mean_is_students() -> None:
    draw = np.random.default_rng(3)
    before, after = draw.normal(5, 3, 20), draw.normal(6, 3, 20)
    found = paired_difference([[v] for v in before], [[v] for v in after], "mean")
    theirs = stats.ttest_rel(after, before).confidence_interval(0.95)
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(theirs.low), pytest.approx(theirs.high))


def medians(draw: np.random.Generator, spread: float) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Two systems on the same 50 tracks, the second 1 dB better."""
    tracks = draw.normal(5, 3, 50)
    noise = draw.normal(0, spread, (2, 50))
    return single(tracks + noise[0]), single(tracks + 1 + noise[1])


def pooled(draw: np.random.Generator) -> list[np.ndarray]:
    return [m + draw.normal(0, 4, 30) for m in draw.normal(5, 3, 50)]


N_SIMULATED, COUNTS = 1500, draw_counts(50, 1000, 42)


@pytest.mark.parametrize(
    ("reducer", "tracks", "truth"),
    [
        ("mean", lambda d: single(d.normal(5, 3, 50)), 5.0),
        ("median", lambda d: single(d.normal(5, 3, 50)), 5.0),
        ("median", lambda d: single(d.gamma(2, 2, 50)), float(stats.gamma.median(2, scale=2))),
        ("median", lambda d: single(d.standard_t(3, 50)), 0.0),
        ("median", pooled, 5.0),
    ],
    ids=["mean", "median", "skewed", "heavy tails", "pooled"],
)
def test_95_percent_of_headline_intervals_hold_the_truth(reducer: Any, tracks: Any, truth: float) -> None:
    draw, hits = np.random.default_rng(7), 0
    for _ in range(N_SIMULATED):
        found = expanded_percentile(resampled(tracks(draw), reducer, COUNTS), 50, 0.05)
        hits += found.low <= truth <= found.high
    assert 0.93 <= hits / N_SIMULATED <= 0.97


@pytest.mark.parametrize("spread", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("reducer", ["mean", "median"])
def test_95_percent_of_difference_intervals_hold_the_truth(reducer: Any, spread: float) -> None:
    draw, hits, plain = np.random.default_rng(8), 0, 0
    for _ in range(N_SIMULATED):
        before, after = (resampled(side, reducer, COUNTS) for side in medians(draw, spread))
        slopes, rest = influences(after - before, COUNTS)
        reach = t_quantile(0.975, 49) * float(np.sqrt(variance(slopes, float(rest.var()), len(COUNTS))))
        hits += abs(float(rest.mean()) - 1) <= reach
        low, high = np.quantile(after - before, [0.025, 0.975])
        plain += low <= 1 <= high
    assert 0.93 <= hits / N_SIMULATED <= 0.97
    if reducer == "median" and spread < 3:  # the reason for the smoothed interval
        assert plain / N_SIMULATED > 0.965


def test_coverage_of_few_tracks() -> None:
    draw, counts = np.random.default_rng(9), draw_counts(8, 1000, 42)
    expanded = plain = 0
    for _ in range(N_SIMULATED):
        samples = resampled(single(draw.normal(5, 3, 8)), "mean", counts)
        found = expanded_percentile(samples, 8, 0.05)
        expanded += found.low <= 5 <= found.high
        low, high = np.quantile(samples, [0.025, 0.975])
        plain += low <= 5 <= high
    assert 0.93 <= expanded / N_SIMULATED <= 0.97
    assert plain / N_SIMULATED < 0.92


def test_infinite_values_leave_a_bound_open() -> None:
    tracks = single([1.0, 2.0, 3.0, np.inf, np.inf])
    found = expanded_percentile(resampled(tracks, "median", draw_counts(5, 1000, 42)), 5, 0.05)
    assert (found.low, found.high) == (1.0, None)


def test_many_tracks_are_worked_on_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same draws and numbers as in one piece, and variances that agree with the regression's."""
    from svbench.statistics import resampling

    values = np.random.default_rng(3).normal(5, 3, 300)
    draw_counts.cache_clear()
    plain = draw_counts(300, 4000, 42)
    means = resampled(single(values), "mean", plain)
    middles = resampled(single(values), "median", plain)
    errors = [_error(s, plain) for s in (means, middles)]
    monkeypatch.setattr(resampling, "MANY_TRACKS", 100)
    monkeypatch.setattr(resampling, "BLOCK_BYTES", 300 * 8 * 37)
    draw_counts.cache_clear()
    counts = draw_counts(300, 4000, 42)
    assert counts.dtype == np.uint8
    np.testing.assert_array_equal(counts, plain)
    np.testing.assert_allclose(resampled(single(values), "mean", counts), means, rtol=1e-13)
    np.testing.assert_array_equal(resampled(single(values), "median", counts), middles)
    np.testing.assert_allclose([_error(s, counts) for s in (means, middles)], errors, rtol=0.05)
    assert _error(means, counts) == pytest.approx(values.std(ddof=1) / np.sqrt(300), rel=0.05)
    draw_counts.cache_clear()


def _error(samples: Array, counts: Any) -> float:
    slopes, rest = influences(samples, counts)
    return float(np.sqrt(variance(slopes, float(rest.var()), len(samples))))
