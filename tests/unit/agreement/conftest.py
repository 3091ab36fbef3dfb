"""Ratings and scores whose correlations are known, as points and as tables."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from svbench.agreement.stimuli import SCORED, Measure, Points, joined

MEASURE = {"protocol": "rule", "target_set": "", "unit": "dB", "higher_is_better": True}
Grid = NDArray[np.float64]  # n_tracks × n_systems


@pytest.fixture
def points_of() -> Callable[[Grid, Grid], Points]:
    """Make points of ratings and scores, one excerpt a track."""

    def make(ratings: Grid, scores: Grid) -> Points:
        n_tracks, n_systems = ratings.shape
        tracks = np.repeat([f"t{t:03}" for t in range(n_tracks)], n_systems)
        systems = np.tile([f"s{s}" for s in range(n_systems)], n_tracks)
        flat = ratings.ravel()
        return Points(Measure("m", "rule"), tracks, tracks, systems, flat, flat, scores.ravel(), {})

    return make


@pytest.fixture
def table_of() -> Callable[[Grid, dict[str, Grid]], pd.DataFrame]:
    """Join ratings with the scores of several metrics."""

    def make(ratings: Grid, scores: dict[str, Grid]) -> pd.DataFrame:
        cells = list(np.ndindex(ratings.shape))
        rated = [
            {"trial": f"e{t:03}", "track": f"t{t:03}", "target": "vocals", "condition": f"s{s}",
             "role": "system", "mean": ratings[t, s], "median": ratings[t, s], "n_assessors": 9}
            for t, s in cells
        ]  # fmt: skip
        rows = [
            {"trial": f"e{t:03}", "condition": f"s{s}", **MEASURE, "metric": name, "score": values[t, s],
             "status": "ok" if np.isfinite(values[t, s]) else "undefined"}
            for name, values in scores.items()
            for t, s in cells
        ]  # fmt: skip
        return joined(pd.DataFrame(rated), pd.DataFrame(rows, columns=SCORED))

    return make


@pytest.fixture
def raters_of() -> Callable[[Grid], pd.DataFrame]:
    """Write the same ratings down for four assessors."""

    def make(ratings: Grid) -> pd.DataFrame:
        return pd.DataFrame(
            [
                {"assessor": a, "item": f"e{t:03}", "condition": f"s{s}", "target": "vocals",
                 "rating": ratings[t, s]}
                for a in "abcd"
                for t, s in np.ndindex(ratings.shape)
            ]
        )  # fmt: skip

    return make
