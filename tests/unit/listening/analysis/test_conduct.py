"""The analysis finds out who was simulated how."""

from __future__ import annotations

from itertools import product

import pytest
from simulated.assessors import Assessor, Kind, mushra_truth, simulate

from svbench.listening.analysis.pipeline import Analysis, Settings, analyse
from svbench.listening.ratings import ratings_table

ODD: tuple[Kind, ...] = (
    "careless", "reversed", "reference-blind", "anchors-high", "compressed", "constant", "unmoved", "fast",
    "unsteady",
)  # fmt: skip
TRUTH = mushra_truth({"good": 75.0, "fair": 60.0, "poor": 45.0, "twin": 45.0})


def panel_of(seed: int) -> Analysis:
    people = [Assessor(f"s{i:02}", TRUTH, bias=(i % 5 - 2) * 4.0) for i in range(14)]
    people += [Assessor(kind, TRUTH, kind=kind) for kind in ODD]
    return analyse(simulate(people, trials=6, replicates=2, seed=seed), Settings(seed=1))


@pytest.mark.parametrize("seed", range(4))
def test_everybody_is_found_out(seed: int) -> None:
    analysis = panel_of(seed)
    reasons = {v.assessor: " ".join(v.reasons) for v in analysis.verdicts if v.is_excluded}
    for name in ("careless", "reversed", "reference-blind", "constant"):
        assert "hidden reference below 90" in reasons[name]
    for name in ("anchors-high", "unmoved"):
        assert "mid anchor above 90" in reasons[name]
    flags = {(f.assessor, f.kind) for f in analysis.flags}
    assert flags >= {
        ("careless", "unrelated"), ("reversed", "reversed"), ("compressed", "narrow"), ("constant", "same value"),
        ("unmoved", "unmoved"), ("fast", "fast"), ("unsteady", "unsteady"),
    }  # fmt: skip
    suspects = set(reasons) | {name for name, _ in flags}
    assert not [name for name in suspects if name not in ODD]  # nobody of the sound ones


def test_systems_come_out_as_they_were_put_in() -> None:
    analysis = panel_of(0)
    found = {s.condition: s for s in analysis.summaries}
    for name, worth in TRUTH.means.items():
        items = [TRUTH.worth(name, f"trial{i + 1:02}") for i in range(6)]
        assert found[name].mean == pytest.approx(sum(items) / 6, abs=5 if name != "anchor35" else 6), worth
    different = {frozenset((p.first, p.second)): p.p_adjusted < 0.05 for p in analysis.tests.pairs}
    for pair in product(("good", "fair"), ("poor", "twin")):
        assert different[frozenset(pair)]
    assert not different[frozenset(("poor", "twin"))]


def test_screens_of_comparisons_are_timed_one_by_one() -> None:
    rows = [
        {
            "assessor": "a", "trial": "t", "method": "ab", "condition": c, "against": o, "rating": r, "screen": n,
            "replicate": n, "seconds": 3.0,
        }
        for n in range(6)
        for c, o, r in (("m", "n", 1.0), ("n", "m", 0.0))
    ]  # fmt: skip
    assert analyse(ratings_table(rows)).flags == ()
    (flag,) = analyse(ratings_table([{**row, "seconds": 1.5} for row in rows])).flags
    assert (flag.kind, flag.told) == ("fast", "took less than 1 s a stimulus in 6 of 6 trials")


def test_two_slow_assessors_are_not_fast_and_unknown_times_say_nothing() -> None:
    table = simulate([Assessor(n, TRUTH) for n in "pq"], trials=3, replicates=0)
    assert analyse(table).flags == ()
    assert analyse(table.assign(seconds=float("nan"))).flags == ()
