from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from svbench.report.view.boards import Board, boards, by_rank, comparable
from svbench.results.store import Run
from svbench.specs.protocol import load_protocol


def even(value: float) -> dict[str, float | None]:
    return dict.fromkeys(("vocals", "drums", "bass", "other"), value)


def marked(board: Board, mark: str) -> dict[str, list[str]]:
    """Return the systems that are best, second or partial in each column."""
    return {c: [r.run.record.system.id for r in board.rows if c in getattr(r, mark)] for c in board.columns}


def unknown(run: Run, target: str) -> Run:
    """Take one target's numbers from a run, as imported files do."""
    results = tuple(
        msgspec.structs.replace(
            r,
            series=tuple(
                msgspec.structs.replace(s, score=[None], status=["unknown"]) if s.target == target else s
                for s in r.series
            ),
        )
        for r in run.results
    )
    return msgspec.structs.replace(run, results=results)


def test_systems_and_baselines_are_ranked_and_oracles_are_not(three: list[Run]) -> None:
    board = boards(three)[0]
    assert [(r.rank, r.run.record.system.id) for r in board.rows] == [
        (1, "net"),
        (2, "floor"),
        (None, "ideal"),
    ]
    assert board.columns == ("vocals", "drums", "bass", "other", "mean")
    assert marked(board, "best") == {c: ["net"] for c in board.columns}  # and not the oracle, with 20
    assert marked(board, "second") == {c: ["floor"] for c in board.columns}


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
    assert board.unranked == (
        "Not ranked, since not scored on all of the 2 tracks that any of them was scored on: part on 1."
    )
    assert marked(board, "best") == {c: [] for c in board.columns}  # one alone is better than nothing


def test_the_same_number_of_tracks_is_not_the_same_tracks(make: Any) -> None:
    one = make("one", {t: even(7) for t in "abcd"}, data_tracks=tuple("abcdefgh"))
    other = make("other", {t: even(6) for t in "efgh"}, data_tracks=tuple("abcdefgh"))
    (board,) = boards([one, other])
    assert [r.rank for r in board.rows] == [None, None]
    assert board.unranked == (
        "No rank: no system was scored on all of the 8 tracks that any of them was scored on: "
        "one on 4, other on 4."
    )
    assert not any(r.best or r.second for r in board.rows)


def test_equal_scores_share_a_rank_and_the_next_one_counts_them(make: Any) -> None:
    runs = [make(n, {"a": even(v)}) for n, v in (("zeta", 5), ("low", 4), ("alpha", 5), ("mid", 5))]
    (board,) = boards(runs)
    assert [(r.rank, r.run.record.system.id) for r in board.rows] == [
        (1, "alpha"), (1, "mid"), (1, "zeta"), (4, "low"),
    ]  # fmt: skip
    assert marked(board, "best")["vocals"] == ["alpha", "mid", "zeta"]
    assert marked(board, "second")["vocals"] == ["low"]
    near = make("near", {"a": even(5 - 1e-12)})
    assert [r.rank for r in boards([*runs, near])[0].rows] == [1, 1, 1, 4, 5]  # no bit is rounded away


def test_a_system_without_a_mean_may_be_the_best_of_a_column(make: Any) -> None:
    known = [make(n, {"a": even(v)}) for n, v in (("a", 2), ("b", 3))]
    files = unknown(make("files", {"a": even(9)}), "vocals")
    (board,) = boards([*known, files])
    assert [(r.rank, r.run.record.system.id) for r in board.rows] == [(1, "b"), (2, "a"), (None, "files")]
    assert marked(board, "best") == {
        "vocals": ["b"], "drums": ["files"], "bass": ["files"], "other": ["files"], "mean": ["b"],
    }  # fmt: skip
    assert marked(board, "second")["drums"] == ["b"]


def test_where_most_means_are_unknown_nobody_is_ranked_and_rows_go_by_a_known_column(make: Any) -> None:
    files = [unknown(make(n, {"a": even(v)}), "vocals") for n, v in (("x", 7), ("y", 9), ("z", 8))]
    runs = [make("a", {"a": even(2)}), make("b", {"a": even(3)}), *files]
    (board,) = boards(runs)
    assert [(r.rank, r.run.record.system.id) for r in board.rows] == [
        (None, "y"), (None, "z"), (None, "x"), (None, "b"), (None, "a"),
    ]  # fmt: skip
    assert board.unranked == (
        "No rank: the mean is unknown for 3 of 5 systems. Rows are in the order of drums."
    )
    assert marked(board, "best") == {
        "vocals": [], "drums": ["y"], "bass": ["y"], "other": ["y"], "mean": [],
    }  # fmt: skip
    alone = boards(files)[0].unranked
    assert alone == "No rank: the mean is unknown for 3 of 3 systems. Rows are in the order of drums."
    assert [r.record.system.id for r in by_rank(runs)] == ["y", "z", "x", "b", "a"]


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
    assert marked(board, "best")["mean"] == ["low"]


def test_rounding_noise_is_not_the_best(make: Any) -> None:
    runs = [make("one", {"a": even(208.6)}), make("two", {"a": even(3)}), make("three", {"a": even(2)})]
    assert marked(boards(runs)[0], "best")["vocals"] == ["two"]
    assert marked(boards(runs)[0], "second")["vocals"] == ["three"]


@pytest.mark.parametrize("field", ["protocol_digest", "data"])
def test_other_protocols_or_data_never_share_a_board(three: list[Run], field: str) -> None:
    record = three[0].record
    other = msgspec.structs.replace(record.data, digest="e" * 64) if field == "data" else "f" * 64
    moved = msgspec.structs.replace(
        three[0], record=msgspec.structs.replace(record, **{field: other}), path=Path("x")
    )
    assert [len(g) for g in comparable([moved, *three])] == [1, 3]


def test_a_mean_over_own_tracks_asks_for_the_same_stems(make: Any) -> None:
    mdx21 = load_protocol("mdx21")
    use = mdx21.metrics[0]
    rule = msgspec.structs.replace(use.reduce, targets_over="own tracks")
    own = msgspec.structs.replace(mdx21, metrics=(msgspec.structs.replace(use, reduce=rule),))
    lacking = {**even(5), "bass": None}
    one, two = (make(n, {"a": lacking, "b": even(v)}, protocol=own) for n, v in (("one", 5), ("two", 4)))
    (board,) = boards([one, two])
    assert [r.rank for r in board.rows] == [1, 2]
    results = (
        one.results[0],
        msgspec.structs.replace(
            one.results[1],
            series=tuple(
                msgspec.structs.replace(s, score=[None], status=["undefined"]) if s.target == "drums" else s
                for s in one.results[1].series
            ),
        ),
    )
    (board,) = boards([Run(one.path, one.record, results), two])
    assert [(r.rank, r.run.record.system.id) for r in board.rows] == [(1, "two"), (None, "one")]
    assert board.unranked == (
        "Not ranked, since not scored on all of the 7 stems that any of them was scored on: one on 6."
    )
