from __future__ import annotations

import pytest

from svbench.errors import DataError
from svbench.listening.analysis.panel import panel
from svbench.listening.analysis.pipeline import analyse
from svbench.listening.analysis.screening import easy_items, hinges, outliers, screen
from svbench.listening.ratings import ratings_table


def rows(assessor: str, condition: str, role: str, ratings: list[float]) -> list[dict[str, object]]:
    return [
        {"assessor": assessor, "trial": f"t{i:02}", "condition": condition, "role": role, "rating": r}
        for i, r in enumerate(ratings)
    ]


def with_references(low: int, of: int, low_rating: float = 89.0) -> bool:
    ratings = [low_rating] * low + [100.0] * (of - low)
    (verdict,) = screen(panel(ratings_table(rows("a", "reference", "reference", ratings))))
    return verdict.is_excluded


@pytest.mark.parametrize(
    ("low", "of", "excluded"),
    [
        (3, 20, False),
        (4, 20, True),
        (1, 8, False),
        (1, 6, True),
        (1, 7, False),
        (2, 13, True),
        (6, 40, False),
    ],
)
def test_hidden_reference(low: int, of: int, excluded: bool) -> None:
    assert with_references(low, of) is excluded


def test_ninety_passes_and_just_below_does_not() -> None:
    assert not with_references(6, 6, low_rating=90.0)
    assert with_references(6, 6, low_rating=89.999)


def test_only_items_that_the_assessor_rated_count() -> None:
    """One of six is too many, however many items others rated."""
    table = rows("few", "reference", "reference", [80.0] + [100.0] * 5)
    table += rows("many", "reference", "reference", [80.0] + [100.0] * 19)
    found = {v.assessor: v.is_excluded for v in screen(panel(ratings_table(table)))}
    assert found == {"few": True, "many": False}


def mid(assessor: str, ratings: list[float]) -> list[dict[str, object]]:
    return rows(assessor, "anchor70", "mid_anchor", ratings)


def test_mid_anchor() -> None:
    table = mid("high", [91.0] + [40.0] * 5) + mid("low", [90.0] * 6)
    for i in range(6):
        table += mid(f"other{i}", [40.0] * 6)
    found = {v.assessor: v for v in screen(panel(ratings_table(table)))}
    assert [a for a, v in found.items() if v.is_excluded] == ["high"]
    assert found["high"].reasons == (
        "rated the mid anchor above 90 in 1 of 6 items (17 %; more than 15 % excludes)",
    )


@pytest.mark.parametrize(("n_high", "left_out"), [(2, False), (3, True)])
def test_items_whose_mid_anchor_is_good_are_left_out_of_the_numerator(n_high: int, left_out: bool) -> None:
    """Eight assessors: two of them are a quarter, which is not more than one."""
    table = [row for i in range(8) for row in mid(f"a{i}", [95.0 if i < n_high else 40.0] + [40.0] * 5)]
    found = panel(ratings_table(table))
    assert easy_items(found) == (("t00",) if left_out else ())
    verdicts = screen(found)
    assert sum(v.is_excluded for v in verdicts) == (0 if left_out else n_high)
    assert {v.mid_items for v in verdicts} == {6}  # the denominator stays


def test_replicates_and_training_do_not_screen() -> None:
    table = rows("a", "reference", "reference", [100.0] * 6)
    table += [{**row, "replicate": 1, "rating": 20.0} for row in table]
    table += [{**row, "kind": "training", "trial": "x", "rating": 20.0} for row in table[:1]]
    (verdict,) = screen(panel(ratings_table(table)))
    assert (verdict.reference_low, verdict.reference_items) == (0, 6)


def test_when_all_are_excluded_it_says_so() -> None:
    with pytest.raises(DataError, match=r"excludes all 1 assessors .* below 90 in 6 of 6 .*--keep-excluded"):
        analyse(ratings_table(rows("a", "reference", "reference", [10.0] * 6)))


def test_hinges_of_odd_numbers_hold_the_median_twice() -> None:
    assert hinges([1, 2, 3, 4, 5, 6, 7]) == (2.5, 5.5)
    assert hinges([7.0]) == (7.0, 7.0)


@pytest.mark.parametrize(
    ("ratings", "expected"),
    [
        ([10.0, 20.0, 30.0, 40.0, 70.0, 70.5], []),  # hinges 20 and 70
        ([50.0] * 4 + [52.0] * 4 + [55.0, 55.1], [55.1]),  # hinges 50 and 52: 47 to 55, which is inside
        # Nine: the median belongs to both halves, hinges 52 and 56, fence 46 to 62. Without it they would be
        # 51.5 and 57, fence 43.25 to 65.25, and the last one inside.
        ([50.0, 51.0, 52.0, 53.0, 54.0, 55.0, 56.0, 58.0, 65.0], [65.0]),
        ([0.0, 50.0, 50.0], []),  # too few
    ],
)
def test_outliers(ratings: list[float], expected: list[float]) -> None:
    table = [row for i, r in enumerate(ratings) for row in rows(f"a{i}", "net", "system", [r])]
    table += [{**row, "trial": "other", "rating": 5.0} for row in table[:3]]  # a cell of its own
    found = panel(ratings_table(table)).table
    assert found.loc[outliers(found), "rating"].tolist() == expected
