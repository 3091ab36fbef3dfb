"""Which measure is best: signs, gaps, equal measures, the ceiling, and published ratings."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from svbench.agreement.evaluate import TargetAgreement, ceiling, evaluate
from svbench.agreement.stimuli import SCORED, joined, rated_stimuli
from svbench.errors import DataError
from svbench.listening.analysis.panel import panel
from svbench.listening.ratings import ratings_table

DATA = Path(__file__).parents[2] / "data/ratings"
Grid = NDArray[np.float64]
Table = Callable[[Grid, dict[str, Grid]], pd.DataFrame]
Raters = Callable[[Grid], pd.DataFrame]
SYSTEMS = ["s0", "s1", "s2", "s3"]


def test_lower_is_better_is_turned_and_the_best_stands_first(table_of: Table, raters_of: Raters) -> None:
    rng = np.random.default_rng(21)
    ratings = rng.uniform(0, 100, (5, 4))
    noise = rng.standard_normal((5, 4))
    table = table_of(ratings, {"loss": -(ratings**3), "noise": noise, "nearly": ratings + 30 * noise})
    table.loc[table["metric"] == "loss", "higher_is_better"] = False
    (found,) = evaluate(table, raters_of(ratings), SYSTEMS, 42)
    assert [(m.rank, m.measure.metric) for m in found.measures] == [(1, "loss"), (2, "nearly"), (3, "noise")]
    assert found.measures[0].stimuli.spearman.value == pytest.approx(1.0)
    assert found.measures[0].is_tied is None
    assert found.measures[2].is_tied is False
    assert found.notes == ()


def test_undefined_scores_are_left_out_and_counted(table_of: Table, raters_of: Raters) -> None:
    rng = np.random.default_rng(22)
    ratings, scores = rng.uniform(0, 100, (2, 5, 4))
    gaps = scores.copy()
    gaps[0, 1] = gaps[3, 3] = np.nan
    (found,) = evaluate(table_of(ratings, {"a": scores, "b": gaps}), raters_of(ratings), SYSTEMS, 42)
    one = next(m for m in found.measures if m.measure.metric == "b")
    there = np.isfinite(gaps)
    assert (one.n_stimuli, one.n_common, one.left_out) == (18, 3, {"undefined": 2})
    wanted = stats.spearmanr(ratings[there], gaps[there]).statistic
    assert one.stimuli.spearman.value == pytest.approx(wanted, abs=1e-12)
    assert found.notes == ("b (rule): 2 of 20 stimuli have no score, left out (2 undefined).",)


def test_equal_measures_are_one(table_of: Table, raters_of: Raters) -> None:
    rng = np.random.default_rng(23)
    ratings, scores = rng.uniform(0, 100, (2, 5, 4))
    (found,) = evaluate(table_of(ratings, {"a": scores, "b": scores}), raters_of(ratings), SYSTEMS, 42)
    assert [(m.measure.metric, m.measure.same) for m in found.measures] == [("a", ("b (rule)",))]


def test_few_tracks_and_systems_are_told_and_one_system_is_refused(
    table_of: Table, raters_of: Raters
) -> None:
    rng = np.random.default_rng(24)
    ratings, scores = rng.uniform(0, 100, (2, 2, 4))
    table = table_of(ratings, {"a": scores})
    (found,) = evaluate(table, raters_of(ratings), ["s0", "s1"], 42)
    assert found.notes == (
        "2 tracks: too few for intervals; they draw whole tracks.",
        "2 systems: two points lie on a line, so means of systems are not correlated.",
    )
    with pytest.raises(DataError, match="only s0 has both ratings and scores"):
        evaluate(table, raters_of(ratings), ["s0"], 42)


@pytest.mark.parametrize(("noise", "reliability"), [(10.0, 0.91), (30.0, 0.53)])
def test_the_ceiling_is_the_reliability_of_a_known_panel(noise: float, reliability: float) -> None:
    """Means of n ratings with variance s² of the stimuli and e² of the noise: s² / (s² + e² / n)."""
    rng = np.random.default_rng(25)
    truth = 10 * rng.standard_normal(400)
    ratings = truth + noise * rng.standard_normal((10, 400))
    rows = [(f"a{a}", f"e{i}", "s", r) for a, row in enumerate(ratings) for i, r in enumerate(row)]
    found = ceiling(pd.DataFrame(rows, columns=["assessor", "item", "condition", "rating"]), 42)
    assert reliability == pytest.approx(100 / (100 + noise**2 / 10), abs=0.01)
    assert found.reliability == pytest.approx(reliability, abs=0.06)
    assert found.reachable == pytest.approx(np.corrcoef(truth, ratings.mean(axis=0))[0, 1], abs=0.04)


def test_three_assessors_tell_no_reliability() -> None:
    rows = [(a, f"e{i}", "s", float(i)) for a in "abc" for i in range(5)]
    found = ceiling(pd.DataFrame(rows, columns=["assessor", "item", "condition", "rating"]), 42)
    assert (found.reliability, found.reachable, found.n_assessors) == (None, None, 3)


def test_abx_and_a_panel_without_anybody_are_refused() -> None:
    row = {"assessor": "a", "trial": "t", "condition": "c", "rating": 1.0}
    with pytest.raises(DataError, match="abx ratings say what can be distinguished"):
        rated_stimuli(panel(ratings_table([{**row, "method": "abx", "against": "d"}])))
    with pytest.raises(DataError, match="post-screening excludes all 1 assessors"):
        rated_stimuli(panel(ratings_table([row])), without=("a",))


@pytest.fixture(scope="module")
def published() -> tuple[TargetAgreement, pd.DataFrame, pd.DataFrame]:
    """DCR ratings of separated singing and three of the metrics published with them."""
    with (DATA / "gensvs-dcr.csv").open(newline="") as file:
        rows = [
            {"assessor": r[f"subject_rating_{i}"], "trial": r["file_id"], "track": r["file_id"],
             "target": "vocals", "method": "dcr", "condition": r["model_name"], "rating": float(r[f"rating_{i}"])}
            for r in csv.DictReader(file)
            for i in range(12)
        ]  # fmt: skip
    raters = panel(ratings_table(rows))
    metrics = pd.read_csv(DATA / "gensvs-metrics.csv")
    long = metrics.melt(["file_id", "model_name"], ["sdr", "visqol", "emb_mse_mert_df"], "metric", "score")
    long = long.rename(columns={"file_id": "trial", "model_name": "condition"}).assign(
        protocol="", target_set="", unit="", status="ok", higher_is_better=lambda t: t["metric"] != "emb_mse_mert_df"
    )  # fmt: skip
    table = joined(rated_stimuli(raters), long[SCORED])
    (found,) = evaluate(table, raters.table, raters.conditions, 42)
    return found, metrics, pd.read_csv(DATA / "gensvs-dcr.csv")


def test_published_ratings_correlate_as_scipy_says(
    published: tuple[TargetAgreement, pd.DataFrame, pd.DataFrame],
) -> None:
    found, metrics, ratings = published
    both = ratings.merge(metrics, on=["trial_uid", "file_id", "model_name"], validate="one_to_one")
    assert len(both) == 250
    assert [m.measure.label for m in found.measures] == ["emb_mse_mert_df", "visqol", "sdr"]
    for one in found.measures:
        sign = 1 if one.measure.higher_is_better else -1
        x, y = sign * both[one.measure.metric], both["DMOS"]
        assert one.stimuli.pearson.value == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-9)
        assert one.stimuli.spearman.value == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-9)
        assert one.stimuli.kendall.value == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-9)
        means = both.assign(x=x).groupby("model_name")[["x", "DMOS"]].mean()
        wanted = stats.pearsonr(means["x"], means["DMOS"]).statistic
        assert one.systems.pearson.value == pytest.approx(wanted, abs=1e-9)
        inside = [stats.spearmanr(sign * g[one.measure.metric], g["DMOS"]).statistic
                  for _, g in both.groupby("file_id")]  # fmt: skip
        assert one.within.n == np.sum(np.isfinite(inside))
        assert one.within.spearman.value == pytest.approx(np.nanmean(inside), abs=1e-9)
        assert (one.n_stimuli, one.n_tracks, one.n_systems, one.n_common) == (250, 50, 5, 50)


def test_on_published_ratings_sdr_is_surely_behind(
    published: tuple[TargetAgreement, pd.DataFrame, pd.DataFrame],
) -> None:
    found = published[0]
    assert [m.is_tied for m in found.measures] == [None, True, False]
    assert found.ceiling.reliability == pytest.approx(0.93, abs=0.01)
