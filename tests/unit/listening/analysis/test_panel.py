from __future__ import annotations

import pytest

from svbench.errors import DataError
from svbench.listening.analysis.panel import panel
from svbench.listening.ratings import ratings_table

ROW = {"assessor": "a", "session": "s", "trial": "t", "condition": "net", "rating": 60.0}


def test_first_ratings_count_and_later_ones_are_kept() -> None:
    found = panel(ratings_table([{**ROW, "replicate": 1, "rating": 10.0}, ROW]))
    assert found.table["rating"].tolist() == [60.0]
    assert found.again["rating"].tolist() == [10.0]


def test_unfinished_sessions_are_left_out_and_told() -> None:
    gone = {**ROW, "session": "s1", "complete": False, "rating": 1.0}
    back = {**ROW, "session": "s2", "replicate": 1}
    found = panel(ratings_table([gone, back]))
    assert found.table["rating"].tolist() == [60.0]  # the first that counts, though it was the second
    assert found.notes == ("1 session was not finished: 1 rating is left out.",)


def test_missing_cells_are_told() -> None:
    found = panel(ratings_table([ROW, {**ROW, "assessor": "b"}, {**ROW, "condition": "old"}]))
    assert found.notes[0].startswith("1 of 4 cells (assessor × item × condition) have no rating.")


def test_trials_of_two_tests_are_items_of_their_own() -> None:
    found = panel(ratings_table([{**ROW, "test": "x"}, {**ROW, "test": "y"}]))
    assert found.table["item"].tolist() == ["x/t", "y/t"]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "no ratings to analyse"),
        ([{**ROW, "kind": "training"}], "none of the 1 ratings count"),
        ([{**ROW, "complete": False}], "sessions never finished"),
        ([ROW, {**ROW, "method": "acr", "rating": 3.0}], r"several methods \(acr, mushra\)"),
        ([{**ROW, "method": "bs1116"}], "unknown method 'bs1116'"),
        ([{**ROW, "rating": 101.0}], "a rated net in trial t 101; mushra goes from 0 to 100"),
        ([{**ROW, "rating": float("nan")}], "trial t nan; mushra"),
        ([{**ROW, "method": "acr", "rating": 0.0}], "acr goes from 1 to 5"),
        ([ROW, ROW], "twice as replicate 0; are the same ratings given in two files"),
        ([{**ROW, "role": "boss"}], "condition 'net' has role 'boss'"),
        ([ROW, {**ROW, "trial": "u", "role": "reference"}], "is once .* and once"),
    ],
)
def test_what_cannot_be_analysed(rows: list[dict[str, object]], told: str) -> None:
    with pytest.raises(DataError, match=told):
        panel(ratings_table(rows))
