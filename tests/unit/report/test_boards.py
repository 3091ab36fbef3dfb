from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from svbench.report.boards import boards, comparable
from svbench.results.store import Run


def even(value: float) -> dict[str, float | None]:
    return dict.fromkeys(("vocals", "drums", "bass", "other"), value)


def test_systems_and_baselines_are_ranked_and_oracles_are_not(three: list[Run]) -> None:
    board = boards(three)[0]
    assert [(r.rank, r.run.record.system.id) for r in board.rows] == [
        (1, "net"),
        (2, "floor"),
        (None, "ideal"),
    ]
    assert board.columns == ("vocals", "drums", "bass", "other", "mean")
    assert board.best["vocals"] == 7.0  # the oracle's 20 is not the best


def test_the_mean_leaves_out_tracks_that_lack_a_target(three: list[Run]) -> None:
    cells = boards(three)[0].rows[0].cells
    assert (cells["vocals"].score, cells["vocals"].n_tracks) == (7.0, 3)
    assert (cells["bass"].score, cells["bass"].n_tracks) == (6.0, 2)
    assert (cells["mean"].score, cells["mean"].n_tracks) == (6.0, 2)


def test_a_system_that_failed_on_a_track_takes_no_rank_however_high_it_scores(make: Any) -> None:
    whole = make("whole", {"a": even(1), "b": even(2)})
    part = make("part", {"a": even(30)}, failed={"b": "it crashed"}, data_tracks=("a", "b"))
    board = boards([whole, part])[0]
    assert [(r.rank, r.run.record.system.id) for r in board.rows] == [(1, "whole"), (None, "part")]


def test_where_lower_is_better_the_least_is_the_best(make: Any) -> None:
    runs = [make("low", {"a": even(1)}), make("high", {"a": even(3)})]
    lower = [
        msgspec.structs.replace(
            r,
            record=msgspec.structs.replace(
                r.record,
                quantities=(msgspec.structs.replace(r.record.quantities[0], higher_is_better=False),),
            ),
        )
        for r in runs
    ]
    board = boards(lower)[0]
    assert [r.run.record.system.id for r in board.rows] == ["low", "high"]
    assert board.best["mean"] == 1.0


def test_rounding_noise_is_not_the_best(make: Any) -> None:
    runs = [make("one", {"a": even(208.6)}), make("two", {"a": even(3)}), make("three", {"a": even(2)})]
    assert boards(runs)[0].best["vocals"] == 3.0


@pytest.mark.parametrize("field", ["protocol_digest", "data"])
def test_other_protocols_or_data_never_share_a_board(three: list[Run], field: str) -> None:
    record = three[0].record
    other = msgspec.structs.replace(record.data, digest="e" * 64) if field == "data" else "f" * 64
    moved = msgspec.structs.replace(
        three[0], record=msgspec.structs.replace(record, **{field: other}), path=Path("x")
    )
    assert [len(g) for g in comparable([moved, *three])] == [1, 3]
