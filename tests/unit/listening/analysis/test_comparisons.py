from __future__ import annotations

import math

import pandas as pd
import pytest
from scipy.stats import binomtest

from svbench.listening.analysis.comparisons import strengths
from svbench.listening.analysis.pipeline import analyse
from svbench.listening.ratings import ratings_table


def preferred(counts: dict[tuple[str, str], tuple[int, int, int]]) -> pd.DataFrame:
    """Wins, ties and losses of pairs, each answer from an assessor of its own."""
    rows: list[dict[str, object]] = []
    for (first, second), (wins, ties, losses) in counts.items():
        for i, value in enumerate([1.0] * wins + [0.5] * ties + [0.0] * losses):
            answer = {"assessor": f"a{i:02}", "trial": "t", "method": "ab"}
            rows.append({**answer, "condition": first, "against": second, "rating": value})
            rows.append({**answer, "condition": second, "against": first, "rating": 1 - value})
    return ratings_table(rows)


def test_preferences_are_counted_without_ties() -> None:
    analysis = analyse(preferred({("m", "n"): (14, 3, 4)}))
    (found,) = analysis.preferences
    assert (found.wins, found.ties, found.losses, found.n_assessors) == (14, 3, 4, 21)
    assert found.p == found.p_adjusted == pytest.approx(binomtest(14, 18).pvalue)
    assert found.share == 14 / 18
    interval = binomtest(14, 18).proportion_ci()
    assert (found.low, found.high) == (interval.low, interval.high)


def test_only_ties_say_nothing() -> None:
    (found,) = analyse(preferred({("m", "n"): (0, 6, 0)})).preferences
    assert found.p == 1.0
    assert math.isnan(found.share)


def test_strengths_of_bradley_and_terry() -> None:
    """Counts that the model fits exactly: worths 4, 2, 1."""
    counts = {("k", "l"): (20, 0, 10), ("k", "m"): (24, 0, 6), ("l", "m"): (20, 0, 10)}
    found = {s.condition: s for s in analyse(preferred(counts)).strengths}
    assert list(found) == ["k", "l", "m"]
    assert found["k"].strength - found["l"].strength == pytest.approx(math.log(2))
    assert found["l"].strength - found["m"].strength == pytest.approx(math.log(2))
    assert sum(s.strength for s in found.values()) == pytest.approx(0)
    assert found["k"].low < found["k"].strength < found["k"].high


def test_no_finite_strength_without_a_single_loss() -> None:
    assert strengths(analyse(preferred({("m", "n"): (9, 0, 0)})).preferences) == ()
    assert strengths(()) == ()


def test_all_presentations_of_a_pair_count() -> None:
    table = preferred({("m", "n"): (5, 0, 2)})
    again = table.assign(replicate=1)
    (found,) = analyse(pd.concat([table, again])).preferences
    assert (found.wins, found.losses, found.n_assessors) == (10, 4, 7)


def test_abx_counts_a_pair_whichever_was_x() -> None:
    rows = [
        {
            "assessor": f"a{i}", "trial": "t", "method": "abx", "condition": "mn"[i % 2], "against": "nm"[i % 2],
            "rating": float(i < 12),
        }
        for i in range(16)
    ]  # fmt: skip
    (found,) = analyse(ratings_table(rows)).discriminations
    assert (found.condition, found.against, found.correct, found.n) == ("m", "n", 12, 16)
    assert found.p == pytest.approx(0.0384063720703125)  # 2517 / 65536
