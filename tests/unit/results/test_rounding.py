"""Rounding many numbers at once gives the bits of Python's own."""

from __future__ import annotations

import numpy as np
import pytest

from svbench.results.aggregate import rounded


def halves() -> list[float]:
    whole = np.random.default_rng(1).integers(-(10**6), 10**6, 20_000)
    return [*(whole / 2).tolist(), *(whole / 1e3).tolist(), *((whole + 0.5) / 1e5).tolist()]


def any_size() -> list[float]:
    draw = np.random.default_rng(2)
    return (draw.normal(size=50_000) * 10.0 ** draw.uniform(-9, 15, 50_000)).tolist()


@pytest.mark.parametrize("digits", [0, 2, 5, 9])
@pytest.mark.parametrize("values", [halves(), any_size(), [0.0, -0.0, -1e-9, 1e308, -1e308, 5e-324]])
def test_as_python_rounds(values: list[float], digits: int) -> None:
    assert [v.hex() for v in rounded(values, digits)] == [round(v, digits).hex() for v in values]


def test_powers_of_ten_that_are_not_exact() -> None:
    assert rounded([1234.5678, 15.0], -1) == [1230.0, 20.0]
    assert rounded([1e-24], 25) == [1e-24]


def test_plain_rounding_of_numpy_would_not_do() -> None:
    assert rounded([2.675], 2) == [2.67] != np.round([2.675], 2).tolist()
