from __future__ import annotations

import math

import numpy as np
import pytest

from svbench.listening.analysis.describe import bimodality, half_interval
from svbench.listening.analysis.pipeline import analyse
from svbench.listening.analysis.reliability import concordance, krippendorff_alpha
from svbench.listening.ratings import ratings_table


def test_the_published_example_of_krippendorff() -> None:
    """Four observers, twelve units, some of them missing: 0.849 for interval data (Krippendorff, 2011)."""
    n = math.nan
    ratings = np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, n, n, n],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, n, 3],
            [n, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, n],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, n],
        ]
    )
    assert krippendorff_alpha(ratings) == pytest.approx(0.849, abs=0.0005)


def test_alpha_is_zero_by_chance_and_below_for_opposites() -> None:
    rng = np.random.default_rng(0)
    assert krippendorff_alpha(rng.normal(size=(8, 2000))) == pytest.approx(0, abs=0.02)
    assert krippendorff_alpha(np.array([[0.0, 100.0], [100.0, 0.0]])) == pytest.approx(-0.5)
    assert math.isnan(krippendorff_alpha(np.array([[1.0, math.nan], [math.nan, 2.0]])))
    assert math.isnan(krippendorff_alpha(np.full((3, 4), 50.0)))


def test_concordance_by_its_formula() -> None:
    first, again = np.array([10.0, 20, 30, 40]), np.array([12.0, 18, 33, 45])
    below = np.var(first) + np.var(again) + (first.mean() - again.mean()) ** 2
    assert concordance(first, again) == pytest.approx(2 * np.cov(first, again, ddof=0)[0, 1] / below)
    assert math.isnan(concordance(np.full(3, 5.0), np.full(3, 5.0)))
    assert concordance(np.full(3, 5.0), np.full(3, 6.0)) == 0.0


def test_replicates_pair_with_the_first_rating() -> None:
    rows = [
        {"assessor": a, "trial": "t", "condition": c, "rating": r, "replicate": k}
        for a, ratings in {"p": ((10, 50, 90), (20, 50, 90)), "q": ((30, 60, 80), (30, 60, 80))}.items()
        for k, values in enumerate(ratings)
        for c, r in zip("klm", values, strict=True)
    ]
    found = analyse(ratings_table(rows)).reliability
    assert found is not None
    assert found.together is not None
    assert (found.together.n, found.together.difference) == (6, pytest.approx(10 / 6))
    by_assessor = {r.assessor: r for r in found.each}
    assert by_assessor["q"].concordance == 1.0
    assert by_assessor["p"].difference == pytest.approx(10 / 3)


def test_bimodality_and_intervals_at_the_edges() -> None:
    assert math.isnan(bimodality(np.array([1.0, 2.0, 3.0])))
    assert math.isnan(bimodality(np.full(9, 4.0)))
    assert bimodality(np.repeat([0.0, 100.0], 5)) > 5 / 9 > bimodality(np.repeat([0.0, 100.0], 4))
    assert bimodality(np.random.default_rng(0).normal(size=5000)) == pytest.approx(1 / 3, abs=0.02)
    assert math.isnan(half_interval(np.array([5.0])))
