"""Tests of all conditions against scipy, statsmodels, and covariances whose sphericity is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import friedmanchisquare, ttest_rel

from svbench.listening.analysis.omnibus import blocks, epsilons, friedman, repeated_measures
from svbench.listening.analysis.panel import panel
from svbench.listening.ratings import ratings_table

Array = NDArray[np.float64]


@pytest.fixture
def cube() -> Array:
    """12 assessors, 4 conditions, 3 items: effects, and assessors of differing spread."""
    rng = np.random.default_rng(5)
    made: Array = 50 + rng.normal(0, 8, (12, 1, 1)) + np.array([0, 4, 5, 9])[:, None]
    return made + rng.normal(0, 3, (1, 4, 3)) + rng.normal(0, 6, (12, 4, 1)) + rng.normal(0, 5, (12, 4, 3))


def test_two_factors_equal_statsmodels(cube: Array) -> None:
    from statsmodels.stats.anova import AnovaRM

    index = pd.MultiIndex.from_product([range(n) for n in cube.shape], names=["a", "c", "i"])
    long = pd.Series(cube.ravel(), index=index, name="y").reset_index()
    theirs = AnovaRM(long, "y", "a", within=["c", "i"]).fit().anova_table
    ours = {e.name: e for e in repeated_measures(cube)}
    for name, row in zip(("condition", "item", "condition × item"), ("c", "i", "c:i"), strict=True):
        assert ours[name].f == pytest.approx(theirs.loc[row, "F Value"])
        assert ours[name].p == pytest.approx(theirs.loc[row, "Pr > F"])
        assert (ours[name].df, ours[name].df_error) == (theirs.loc[row, "Num DF"], theirs.loc[row, "Den DF"])


def test_partial_eta_squared_is_the_share_of_squares(cube: Array) -> None:
    means = cube.mean(axis=2)
    (effect,) = repeated_measures(means)
    condition = 12 * np.sum((means.mean(axis=0) - means.mean()) ** 2)
    rest = means - means.mean(axis=0) - means.mean(axis=1, keepdims=True) + means.mean()
    assert effect.partial_eta2 == pytest.approx(condition / (condition + np.sum(rest**2)))


def test_two_conditions_are_a_paired_t_test(cube: Array) -> None:
    two = cube.mean(axis=2)[:, :2]
    (effect,) = repeated_measures(two)
    test = ttest_rel(two[:, 0], two[:, 1])
    assert effect.f == pytest.approx(test.statistic**2)
    assert effect.p == effect.p_gg == effect.p_hf == pytest.approx(test.pvalue)
    assert (effect.epsilon_gg, effect.epsilon_hf) == (1.0, 1.0)


def contrasts_of(covariance: Array) -> Array:
    """Covariance of orthonormal contrasts of conditions that have the given one."""
    from scipy.linalg import helmert

    k = len(covariance)
    found: Array = helmert(k) @ covariance @ helmert(k).T
    return found


def test_compound_symmetry_is_spherical() -> None:
    symmetric = np.full((5, 5), 0.7) + 0.3 * np.eye(5)
    assert epsilons(contrasts_of(symmetric), 20) == (pytest.approx(1.0), 1.0)


def test_one_direction_is_as_far_from_it_as_can_be() -> None:
    one = np.outer([1.0, -1, 2, 0, 3], [1.0, -1, 2, 0, 3])
    assert epsilons(contrasts_of(one), 20) == pytest.approx((1 / 4, 1 / 4))


def test_epsilons_by_box_and_by_huynh_and_feldt() -> None:
    """Box's formula on the covariance of conditions itself, for variances 1, 1, 1, 9 without correlation."""
    s = np.diag([1.0, 1.0, 1.0, 9.0])
    k, n = 4, 30
    box = (k * (np.trace(s) / k - s.mean())) ** 2 / (
        (k - 1) * (np.sum(s**2) - 2 * k * np.sum(s.mean(axis=1) ** 2) + k**2 * s.mean() ** 2)
    )
    gg, hf = epsilons(contrasts_of(s), n)
    assert gg == pytest.approx(box)
    assert hf == pytest.approx((n * 3 * box - 2) / (3 * (n - 1 - 3 * box)))


def test_friedman_equals_scipy_with_ties() -> None:
    rng = np.random.default_rng(2)
    ratings = rng.integers(0, 5, (15, 4)).astype(float)
    ours = friedman(ratings)
    theirs = friedmanchisquare(*ratings.T)
    assert ours is not None
    assert (ours.chi2, ours.p) == (pytest.approx(theirs.statistic), pytest.approx(theirs.pvalue))
    assert ours.w == pytest.approx(theirs.statistic / (15 * 3))


def test_equal_ratings_find_nothing() -> None:
    same = np.full((5, 3), 70.0)
    found = friedman(same)
    assert found is not None
    assert (found.p, found.w) == (1.0, 0.0)
    (effect,) = repeated_measures(same)
    assert (effect.f, effect.p, effect.partial_eta2) == (0.0, 1.0, 0.0)


def test_assessors_who_agree_to_the_last_digit() -> None:
    (effect,) = repeated_measures(np.tile([20.0, 50.0, 90.0], (6, 1)))
    assert effect.f == np.inf
    assert effect.p == effect.p_gg == 0.0
    assert effect.partial_eta2 == pytest.approx(1.0)


@pytest.mark.parametrize("correlated", [False, True])
def test_false_alarms_are_as_many_as_they_may_be(correlated: bool) -> None:
    """1000 tests without any effect at 5 %; the standard error is 0.7 %.

    Where conditions vary unlike (one far more than the others) the uncorrected test gives more.
    """
    rng = np.random.default_rng(11)
    spread = np.array([1.0, 1, 1, 6]) if correlated else np.ones(4)
    corrected = uncorrected = ranks = 0
    for _ in range(1000):
        ratings = 50 + rng.normal(0, 5, (16, 1)) + spread * rng.normal(0, 1, (16, 4))
        (effect,) = repeated_measures(ratings)
        corrected += effect.p_corrected < 0.05
        uncorrected += effect.p < 0.05
        by_rank = friedman(ratings)
        ranks += by_rank is not None and by_rank.p < 0.05
    assert 0.03 < corrected / 1000 < 0.07
    assert (uncorrected / 1000 > 0.075) is correlated
    assert 0.025 < ranks / 1000 < 0.075


def rated(cells: dict[tuple[str, str, str], float]) -> pd.DataFrame:
    rows = [{"assessor": a, "trial": t, "condition": c, "rating": r} for (a, t, c), r in cells.items()]
    return panel(ratings_table(rows)).table


def test_what_blocks_rest_on() -> None:
    full = {
        (a, t, c): 10.0 * i for i, (a, t, c) in enumerate((a, t, c) for a in "pq" for t in "xy" for c in "mn")
    }
    found = blocks(rated(full), list("mn"))
    assert found is not None
    assert found.basis == "all items"
    assert found.ratings[1].tolist() == [[40.0, 60.0], [50.0, 70.0]]  # conditions of q, items within
    found = blocks(rated({k: v for k, v in full.items() if k != ("p", "y", "n")}), list("mn"))
    assert found is not None
    assert found.basis == "complete items"
    assert found.ratings.tolist() == [[0.0, 10.0], [50.0, 60.0]]
    apart = {k: v for k, v in full.items() if k[0] == "q" or (k[1] == "x") == (k[2] == "m")}
    found = blocks(rated(apart), list("mn"))
    assert found is not None
    assert found.basis == "adjusted means"
    item_x, item_y = (0 + 40 + 50) / 3, (30 + 60 + 70) / 3
    assert found.ratings[0].tolist() == pytest.approx([0 - item_x, 30 - item_y])
    lacks = {**{k: v for k, v in full.items() if k[0] == "q"}, ("p", "x", "m"): 1.0}
    assert blocks(rated(lacks), list("mn")) is None
    found = blocks(rated({**full, ("r", "x", "m"): 1.0}), list("mn"))
    assert found is not None
    assert found.left_out == ("r",)


def test_adjusted_means_hold_the_level_in_an_incomplete_design() -> None:
    """Each assessor hears half of the items under one condition each, as items differ by far."""
    rng = np.random.default_rng(3)
    alarms = 0
    for _ in range(160):
        items = rng.normal(50, 15, 12)
        cells = {}
        for a in range(12):
            for place, t in enumerate(rng.permutation(12)):
                rating = np.clip(items[t] + rng.normal(0, 8), 0, 100)
                cells[f"a{a}", f"t{t}", "klm"[place % 3]] = float(rating)
        found = blocks(rated(cells), list("klm"))
        assert found is not None
        (effect,) = repeated_measures(found.ratings)
        alarms += effect.p_corrected < 0.05
    assert 0.01 < alarms / 160 < 0.1  # the standard error is 1.7 %
