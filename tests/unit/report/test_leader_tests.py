"""Systems compared with the leading one: the numbers of `svbench compare` with their signs turned."""

from __future__ import annotations

from typing import Any

import pytest

from svbench.report.pages.leaderboard import HEAD, MOST, compare_with_leader, comparison_note
from svbench.report.view.boards import boards
from svbench.report.view.content import Row
from svbench.results.store import Run
from svbench.statistics.comparison import against_best, compare
from svbench.statistics.track_values import columns

STEMS = ("vocals", "drums", "bass", "other")
TRACKS = [f"t{i:02}" for i in range(12)]


def even(value: float) -> dict[str, float]:
    return dict.fromkeys(STEMS, value)


def scored(make: Any, name: str, shift: float, jitter: float = 0.0, **more: Any) -> Run:
    return make(name, {t: even(6 + i % 3 + shift + jitter * (-1) ** i) for i, t in enumerate(TRACKS)}, **more)


@pytest.fixture
def runs(make: Any) -> list[Run]:
    return [
        scored(make, "best", 0.0),
        scored(make, "near", -0.05, 1.0),
        scored(make, "below", -0.5),
        scored(make, "ideal", 9.0, kind="oracle"),
    ]


def cells(row: Row) -> dict[str, str]:
    return dict(zip(HEAD, (row.name, *(" ".join([c.text, *c.more]) for c in row.cells)), strict=True))


def test_each_pair_is_shown_from_the_side_of_the_system_that_is_not_leading(runs: list[Run]) -> None:
    (board,) = boards(runs)
    (table,), (diagram,) = compare_with_leader(board, "here")
    rows = {row.name: cells(row) for row in table.rows}
    assert list(rows) == ["best", "near", "below"]  # the oracle takes no part
    assert rows["best"] == {**dict.fromkeys(HEAD, "–"), "system": "best", "rank interval": "1 to 2"}
    assert rows["below"]["difference"] == "−0.50 [−0.50, −0.50] detectable 0.00"
    assert rows["below"]["win/tie/loss"] == "0/0/12 12 tracks"
    assert rows["below"]["effect"].startswith("−1.00")
    assert rows["near"]["difference"].startswith("−0.05 [−")
    assert rows["near"]["win/tie/loss"] == "6/0/6 12 tracks"
    (pair,) = (p for p in against_best(compare(runs, columns(runs[0]))[0]).values() if p.second == "near")
    assert pair.low is not None
    assert pair.detectable is not None
    assert pair.tests is not None
    assert pair.tests.standardised is not None
    near = next(row for row in table.rows if row.name == "near")
    assert near.cells[1].sort == -(pair.value or 0.0)
    assert near.cells[1].more[1] == f"detectable {pair.detectable:.2f}"
    assert pair.typical is not None
    assert pair.typical.value is not None
    assert near.cells[2].sort == -pair.typical.value
    assert rows["below"]["paired"] == "−0.50 [−0.50, −0.50]"
    assert near.cells[4].sort == pair.p_holm
    assert near.cells[4].more == (f"p {pair.tests.p:.3f}",)
    assert near.cells[5].sort == -pair.tests.rank_biserial
    assert near.cells[5].more == (f"d_z −{pair.tests.standardised:.2f}",)
    assert "10000 resamples of tracks, seed 42" in table.note
    assert "Mean ranks over 12 tracks, best first: best" in diagram.text
    assert diagram.svg.startswith("<svg")


def test_a_note_warns_of_too_few_tracks(make: Any) -> None:
    one, two = (
        make(n, {"a": even(v), "b": even(v + i)}) for i, (n, v) in enumerate([("x", 5.0), ("y", 4.0)])
    )
    (board,) = boards([one, two])
    (table,), diagrams = compare_with_leader(board, "here")
    assert diagrams == []  # of two systems
    assert "With 2 tracks and 1 pair no p (Holm) can fall below 0.500" in table.note


def test_one_track_has_no_interval_and_a_single_system_no_comparison(make: Any) -> None:
    one, two = (make(n, {"a": even(v)}) for n, v in (("x", 5.0), ("y", 4.0)))
    (table,), _ = compare_with_leader(boards([one, two])[0], "here")
    assert cells(table.rows[1])["difference"] == "−1.00 one track only: no interval"
    assert compare_with_leader(boards([one])[0], "here") == ([], [])


def test_a_system_without_common_tracks_has_no_rank(make: Any) -> None:
    runs = [
        make("whole", {"a": even(5), "b": even(6)}),
        make("late", {"b": even(4)}, data_tracks=("a", "b")),
        make("early", {"a": even(3)}, data_tracks=("a", "b")),
    ]
    (table,), _ = compare_with_leader(boards(runs)[0], "here")
    assert {cells(row)["rank interval"] for row in table.rows} == {"–"}


def test_too_many_systems_are_not_compared_in_pairs(make: Any) -> None:
    crowd = [make(f"net-{i}", {"a": even(i), "b": even(i)}) for i in range(MOST + 1)]
    assert compare_with_leader(boards(crowd)[0], "here") == ([], [])
    assert f"{MOST + 1} systems are too many" in comparison_note(boards(crowd), any_table=False)
    assert comparison_note(boards(crowd[:2]), any_table=False) == ""


def test_signs_turn_where_lower_is_better(make: Any) -> None:
    from svbench.results.record import Quantity

    error = Quantity(name="uSDR", unit="dB", higher_is_better=False, metric="sdr")
    runs = [scored(make, n, s, quantities=(error,)) for n, s in (("low", 0.0), ("high", 1.0))]
    (table,), _ = compare_with_leader(boards(runs)[0], "here")
    high = cells(table.rows[1])
    assert (high["system"], high["difference"]) == ("high", "+1.00 [+1.00, +1.00] detectable 0.00")
    assert high["win/tie/loss"] == "0/0/12 12 tracks"
    assert high["effect"].startswith("−1.00")
