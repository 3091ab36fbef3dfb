"""Coefficients and their intervals: they cover what they say, and tell when there are none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from svbench.agreement import coefficients
from svbench.agreement.coefficients import (
    Coefficient,
    per_stimulus,
    per_system,
    spearman_difference,
    within_excerpts,
)
from svbench.agreement.stimuli import Points

Grid = NDArray[np.float64]
Make = Callable[[Grid, Grid], Points]
REPEATS = 200


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulations repeat often; a thousand resamples tell an interval well enough for them."""
    monkeypatch.setattr(coefficients, "RESAMPLES", 1000)


def correlated(rng: np.random.Generator, n_tracks: int, rho: float) -> tuple[Grid, Grid]:
    """Draw ratings and scores of five systems with a true correlation; half of all variance is the track's."""

    def field() -> Grid:
        grid: Grid = rng.standard_normal((n_tracks, 1)) + rng.standard_normal((n_tracks, 5))
        return np.asarray(grid / np.sqrt(2))

    first = field()
    return first, rho * first + np.sqrt(1 - rho**2) * field()


@pytest.mark.parametrize(("n_tracks", "rho"), [(6, 0.0), (8, 0.85), (12, 0.6)])
def test_intervals_cover_the_true_correlation(points_of: Make, n_tracks: int, rho: float) -> None:
    truth = {
        "pearson": rho,
        "spearman": 6 / np.pi * np.arcsin(rho / 2),
        "kendall": 2 / np.pi * np.arcsin(rho),
    }
    rng = np.random.default_rng(11)
    hits = dict.fromkeys(truth, 0)
    for _ in range(REPEATS):
        found = per_stimulus(points_of(*correlated(rng, n_tracks, rho)), seed=42)
        for name, true in truth.items():
            one: Coefficient = getattr(found, name)
            assert one.low is not None
            assert one.high is not None
            hits[name] += one.low <= true <= one.high
    for name, n in hits.items():
        # 95 % less three standard errors; few tracks are told a little too wide.
        assert 0.90 * REPEATS <= n <= 0.995 * REPEATS, (name, n)


def test_two_equally_good_metrics_are_told_apart_no_more_than_one_time_in_twenty(points_of: Make) -> None:
    rng = np.random.default_rng(12)
    told = 0
    for _ in range(REPEATS):
        truth = rng.standard_normal((10, 5)) + rng.standard_normal((10, 1))
        one, other = (truth + rng.standard_normal((10, 5)) for _ in range(2))
        found = spearman_difference(points_of(truth, one), points_of(truth, other), seed=42)
        assert found.low is not None
        assert found.high is not None
        told += found.low > 0 or found.high < 0
    assert told <= 0.095 * REPEATS  # 5 % and three standard errors


def test_a_much_better_metric_is_told_apart(points_of: Make) -> None:
    rng = np.random.default_rng(13)
    truth = rng.standard_normal((10, 5))
    good = points_of(truth, truth + 0.1 * rng.standard_normal((10, 5)))
    bad = points_of(truth, rng.standard_normal((10, 5)))
    found = spearman_difference(good, bad, seed=42)
    assert found.low is not None
    assert found.low > 0.3


def test_the_difference_is_on_the_stimuli_that_both_score(points_of: Make) -> None:
    rng = np.random.default_rng(14)
    truth, one, other = rng.standard_normal((3, 4, 4))
    some = np.ones(16, dtype=bool)
    some[[1, 6]] = False
    a, b = points_of(truth, one), points_of(truth, other).only(some)
    wanted = (
        stats.spearmanr(truth.ravel()[some], one.ravel()[some]).statistic
        - stats.spearmanr(truth.ravel()[some], other.ravel()[some]).statistic
    )
    assert spearman_difference(a, b, seed=42).value == pytest.approx(wanted, abs=1e-12)


def test_means_of_systems_rest_on_common_excerpts(points_of: Make) -> None:
    rng = np.random.default_rng(15)
    ratings, scores = rng.standard_normal((2, 5, 4))
    there = np.ones(20, dtype=bool)
    there[2] = False  # system 2 of the first excerpt
    found, n = per_system(points_of(ratings, scores).only(there), seed=42)
    means = scores[1:].mean(axis=0), ratings[1:].mean(axis=0)
    assert n == 4
    assert found.pearson.value == pytest.approx(stats.pearsonr(*means).statistic, abs=1e-12)
    assert found.spearman.value == pytest.approx(stats.spearmanr(*means).statistic, abs=1e-12)
    assert found.kendall.value == pytest.approx(stats.kendalltau(*means).statistic, abs=1e-12)
    assert found.pearson.low is not None


def test_within_excerpts_easy_music_helps_no_metric(points_of: Make) -> None:
    """A metric that knows how easy a track is, and nothing of the systems, agrees over all stimuli only."""
    rng = np.random.default_rng(16)
    easy = 10 * np.arange(8.0)[:, np.newaxis]
    ratings, scores = (easy + rng.standard_normal((8, 5)) for _ in range(2))
    found = points_of(ratings, scores)
    over_all, within = per_stimulus(found, 42).spearman.value, within_excerpts(found, 42)
    assert over_all is not None
    assert over_all > 0.95
    wanted = np.mean([stats.spearmanr(a, b).statistic for a, b in zip(ratings, scores, strict=True)])
    assert within.n == 8
    assert within.spearman.value == pytest.approx(wanted, abs=1e-12)
    assert abs(wanted) < 0.4


def test_too_few_tracks_have_no_interval_and_two_systems_no_correlation(points_of: Make) -> None:
    rng = np.random.default_rng(17)
    found = points_of(*rng.standard_normal((2, 2, 4)))
    for one in (per_stimulus(found, 42).kendall, within_excerpts(found, 42).spearman):
        assert one.value is not None
        assert (one.low, one.high) == (None, None)
    pair = points_of(*rng.standard_normal((2, 6, 2)))
    assert per_system(pair, 42)[0].pearson == Coefficient(None)
    assert within_excerpts(pair, 42).n == 0
    assert per_stimulus(pair, 42).pearson.low is not None
