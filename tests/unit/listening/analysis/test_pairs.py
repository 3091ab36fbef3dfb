from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wilcoxon
from statsmodels.stats.multitest import multipletests

from svbench.listening.analysis.pairs import pairs, permutation_of_medians
from svbench.listening.analysis.panel import panel
from svbench.listening.ratings import ratings_table
from svbench.statistics.signed_rank import hochberg, holm


def test_corrections_equal_statsmodels() -> None:
    rng = np.random.default_rng(0)
    for n in (1, 2, 7, 30):
        p = rng.uniform(0, 0.2, n).tolist()
        assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
        assert hochberg(p) == pytest.approx(multipletests(p, method="simes-hochberg")[1])
    assert hochberg([]) == []


def table_of(ratings: dict[str, np.ndarray]) -> list[dict[str, object]]:
    return [
        {"assessor": f"a{a:02}", "trial": f"t{t}", "condition": name, "rating": float(r)}
        for name, values in ratings.items()
        for (a, t), r in np.ndenumerate(values)
    ]


def test_wilcoxon_is_that_of_assessors_means() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.uniform(20, 60, (14, 5)), rng.uniform(30, 75, (14, 5))
    found = panel(ratings_table(table_of({"m": first, "n": second})))
    (pair,) = pairs(found.table, "mn", "holm", 0)
    assert (pair.n_assessors, pair.n) == (14, 70)
    better = first.mean(axis=1) - second.mean(axis=1)
    assert pair.p == pytest.approx(wilcoxon(better).pvalue)
    assert pair.mean == pytest.approx(better.mean())
    assert pair.median == pytest.approx(np.median(first) - np.median(second))
    ranks = np.argsort(np.argsort(np.abs(better))) + 1
    assert pair.rank_biserial == pytest.approx(np.sum(np.sign(better) * ranks) / ranks.sum())


def test_a_pair_rests_on_items_rated_under_both() -> None:
    rows = table_of({"m": np.full((6, 2), 50.0), "n": np.full((6, 2), 40.0)})
    rows += [{"assessor": f"a{a:02}", "trial": "odd", "condition": "m", "rating": 0.0} for a in range(6)]
    (pair,) = pairs(panel(ratings_table(rows)).table, "mn", "holm", 0)
    assert (pair.n, pair.median, pair.mean) == (12, 10.0, 10.0)


def test_permutations_of_few_assessors_come_near_all_of_them() -> None:
    first = np.array([70.0, 64, 81, 77, 58, 69, 90, 73])
    second = np.array([60.0, 66, 70, 52, 55, 71, 64, 60])
    exact = 0
    for swaps in range(2**8):
        swapped = np.array([swaps >> i & 1 for i in range(8)], dtype=bool)
        difference = np.median(np.where(swapped, second, first)) - np.median(np.where(swapped, first, second))
        exact += abs(difference) >= abs(np.median(first) - np.median(second)) - 1e-9
    found = permutation_of_medians(first, second, np.arange(8), seed=4)
    assert found == pytest.approx(exact / 2**8, abs=0.015)
    assert found == permutation_of_medians(first, second, np.arange(8), seed=4)
    assert permutation_of_medians(first, second, np.arange(8), seed=5) != found


def test_p_is_never_zero_and_counts_the_observed() -> None:
    high, low = np.linspace(80, 95, 30), np.linspace(5, 20, 30)
    assert permutation_of_medians(high, low, np.arange(30), seed=0, permutations=99) == 0.01


def test_whole_assessors_are_swapped() -> None:
    """Ten equal ratings of each of three assessors are three observations, not thirty."""
    owners = np.repeat([0, 1, 2], 10)
    high, low = np.repeat([70.0, 75.0, 80.0], 10), np.repeat([30.0, 35.0, 40.0], 10)
    assert permutation_of_medians(high, low, owners, seed=0) > 0.2


def test_false_alarms_of_both_tests() -> None:
    """500 panels without a difference at 5 %; the standard error is 1 %."""
    rng = np.random.default_rng(21)
    by_rank = by_median = 0
    for seed in range(500):
        own = rng.normal(50, 10, (12, 1))
        first, second = (own + rng.normal(0, 6, (12, 3)) for _ in range(2))
        test = permutation_of_medians(
            first.ravel(), second.ravel(), np.repeat(np.arange(12), 3), seed=seed, permutations=199
        )
        by_median += test <= 0.05
        by_rank += wilcoxon(first.mean(axis=1) - second.mean(axis=1)).pvalue <= 0.05
    assert 0.02 < by_median / 500 < 0.08
    assert 0.02 < by_rank / 500 < 0.08
