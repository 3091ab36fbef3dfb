"""Correlations of resamples: equal to scipy's on the points they hold, ties included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from svbench.agreement.coefficients import Correlation, kendall, of_rows, pearson, spearman
from svbench.statistics.resampling import draw_counts

ORACLES: dict[Correlation, Any] = {
    pearson: stats.pearsonr,
    spearman: stats.spearmanr,
    kendall: stats.kendalltau,
}


@pytest.mark.parametrize("correlation", ORACLES, ids=lambda c: c.__name__)
@pytest.mark.parametrize("digits", [0, 6])
def test_a_resample_is_as_if_its_points_were_written_out(correlation: Correlation, digits: int) -> None:
    rng = np.random.default_rng(3)
    x = np.round(2 * rng.standard_normal(12), digits)
    y = np.round(x + 2 * rng.standard_normal(12), digits)
    counts = draw_counts(12, 20, 7)
    wanted = []
    for row in counts:
        held = np.repeat(np.arange(12), row.astype(int))
        wanted.append(ORACLES[correlation](x[held], y[held]).statistic)
    np.testing.assert_allclose(correlation(x, y, counts), wanted, atol=1e-12)


@pytest.mark.parametrize("correlation", ORACLES, ids=lambda c: c.__name__)
def test_rows_are_correlated_one_by_one(correlation: Correlation) -> None:
    rng = np.random.default_rng(4)
    x, y = np.round(rng.standard_normal((2, 30, 5)), 1)
    wanted = [ORACLES[correlation](a, b).statistic for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(of_rows(correlation, x, y), wanted, atol=1e-12)


@pytest.mark.parametrize("correlation", ORACLES, ids=lambda c: c.__name__)
def test_what_does_not_vary_has_no_correlation(correlation: Correlation) -> None:
    x, y = np.array([0.1, 0.1, 0.1, 5.0]), np.array([1.0, 2.0, 3.0, 4.0])
    found = correlation(x, y, np.array([[1.0, 2.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]]))
    assert np.isnan(found[0])
    assert found[1] > 0
    assert np.isnan(of_rows(correlation, x[np.newaxis, :3], y[np.newaxis, :3])[0])
