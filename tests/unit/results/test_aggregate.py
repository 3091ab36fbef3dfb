"""Reducers against values worked out by hand, and what becomes of frames without a value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from svbench.api.results import FRAME_COLUMNS, long_table
from svbench.errors import DataError
from svbench.results.aggregate import Summary, summarise, track_scores
from svbench.results.record import DataRecord, Quantity, RunRecord, collect
from svbench.results.scores import TrackResult, series, without_value
from svbench.results.store import Run
from svbench.specs.library import entries
from svbench.specs.protocol import MetricUse, Reduce, TargetSet, load_protocol
from svbench.specs.system import load_system
from svbench.statistics.comparison import run_intervals
from svbench.statistics.track_values import Column, IntervalSettings, track_values

NAN, INF = math.nan, math.inf


@dataclass
class Rule:
    frames: Any = "median"
    tracks: Any = "median"
    pooled: bool = False
    infinite: Any = "undefined"
    undefined: Any = "drop"
    quantum_db: float = 0.0
    targets_over: Any = "common tracks"


def make_run(
    frames: dict[str, dict[str, list[float] | None]], rule: Rule, failed: tuple[str, ...] = ()
) -> Run:
    """A run of tracks → targets → frame values; None is a target the track does not have."""
    targets = list(dict.fromkeys(t for per in frames.values() for t in per))
    protocol = msgspec.structs.replace(
        load_protocol("sisec18"),
        target_sets=(TargetSet(id="set", targets=tuple(targets)),),
        metrics=(MetricUse(id="m", reduce=Reduce(**vars(rule))),),
    )
    results = []
    for track, per in frames.items():
        rows = [
            without_value("set", t, "SDR", 1.0, "no target")
            if values is None
            else series("set", t, "SDR", [float(i) for i in range(len(values))], [1.0] * len(values), values)
            for t, values in per.items()
        ]
        status: Any = "failed" if track in failed else "ok"
        if track in failed:
            rows = [without_value("set", t, "SDR", 1.0, "failed") for t in targets]
        results.append(
            TrackResult(schema=1, key="", track=track, subset="", duration_s=1.0, n_samples=1, status=status,
                        series=tuple(rows))
        )  # fmt: skip
    located = load_system("mixture")
    record = RunRecord(
        schema=1, system=located.spec, system_digest="", protocol=protocol, protocol_digest="",
        quantities=(Quantity(name="SDR", unit="dB", higher_is_better=True, metric="m"),),
        data=DataRecord(id="d", version="1", title="", digest="", root="", manifest="", subset="",
                        tracks=tuple(frames)),
        provenance=(collect([], {}),),
    )  # fmt: skip
    return Run(Path("run"), record, tuple(results))


def one(run: Run, target: str = "v", **options: Any) -> Summary:
    return next(s for s in summarise(run, **options) if s.target == target)


TRACKS: dict[str, dict[str, list[float] | None]] = {
    "a": {"v": [1.0, 2.0, 30.0]},
    "b": {"v": [4.0, 6.0]},
    "c": {"v": [10.0]},
}


@pytest.mark.parametrize(
    ("rule", "value", "label"),
    [
        (Rule("median", "median"), 5.0, "median/median"),  # of 2, 5, 10
        (Rule("mean", "mean"), (11 + 5 + 10) / 3, "mean/mean"),
        (Rule("median", "mean"), 17 / 3, "median/mean"),
        (Rule("mean", "median"), 10.0, "mean/median"),
        (Rule("median", "mean", pooled=True), 5.0, "pooled median"),  # of 1 2 4 6 10 30
        (Rule("mean", "median", pooled=True), 53 / 6, "pooled mean"),
    ],
)
def test_reducers(rule: Rule, value: float, label: str) -> None:
    summary = one(make_run(TRACKS, rule))
    assert summary.score == pytest.approx(value)
    assert (summary.label, summary.n_tracks, summary.n_frames, summary.n_dropped) == (label, 3, 6, 0)


def test_undefined_frames_are_dropped_and_counted() -> None:
    run = make_run({"a": {"v": [1.0, NAN, -INF, INF, 3.0]}, "b": {"v": [NAN]}}, Rule())
    summary = one(run)
    assert (summary.score, summary.n_tracks, summary.n_frames, summary.n_dropped) == (2.0, 1, 2, 4)
    assert [s.status for s in track_scores(run)] == ["ok", "undefined"]


def test_perfect_frames_count_where_the_rule_keeps_them() -> None:
    frames: dict[str, dict[str, list[float] | None]] = {"a": {"v": [1.0, INF, INF]}, "b": {"v": [2.0]}}
    assert one(make_run(frames, Rule())).score == 1.5
    kept = one(make_run(frames, Rule(infinite="keep")))
    assert (kept.score, kept.status, kept.n_tracks) == (None, "perfect", 2)
    assert one(make_run({"a": {"v": [INF]}}, Rule())).status == "undefined"


def test_an_undefined_track_spreads_where_the_rule_says_so() -> None:
    run = make_run({"a": {"v": [1.0]}, "b": {"v": [NAN]}, "c": {"v": None}}, Rule(undefined="spread"))
    summary = one(run)
    assert (summary.score, summary.status, summary.n_tracks) == (None, "undefined", 1)
    lacking = make_run({"a": {"v": [1.0, NAN]}, "c": {"v": None}}, Rule(undefined="spread"))
    assert one(lacking).score == 1.0  # neither a dropped frame nor a track without the target spreads


def test_the_mean_over_targets_takes_what_the_rule_lets_in() -> None:
    frames: dict[str, dict[str, list[float] | None]] = {
        "a": {"v": [1.0], "b": [INF]},
        "b": {"v": [3.0], "b": [1.0]},
    }
    assert one(make_run(frames, Rule("mean", "mean", infinite="keep")), "mean").status == "perfect"
    assert one(make_run(frames, Rule("mean", "mean")), "mean").score == 2.0
    frames["a"]["b"] = [NAN]
    assert one(make_run(frames, Rule("mean", "mean", undefined="spread")), "mean").status == "undefined"
    assert one(make_run(frames, Rule("mean", "mean")), "mean").score == 2.0


def test_pooling_keeps_infinite_frames_where_the_rule_says_so() -> None:
    frames: dict[str, dict[str, list[float] | None]] = {"a": {"v": [1.0, INF, NAN]}, "b": {"v": [4.0]}}
    kept = one(make_run(frames, Rule(pooled=True, infinite="keep")))
    assert (kept.score, kept.label, kept.n_frames, kept.n_dropped) == (4.0, "pooled median", 3, 1)


def test_frames_are_rounded_once_where_the_rule_says() -> None:
    frames: dict[str, dict[str, list[float] | None]] = {"a": {"v": [1.000004, 1.000006]}}
    assert one(make_run(frames, Rule("mean"))).score == pytest.approx(1.000005, abs=1e-12)
    assert one(make_run(frames, Rule("mean", quantum_db=1e-5))).score == pytest.approx((1.0 + 1.00001) / 2)


def test_mean_over_targets_uses_tracks_that_have_them_all() -> None:
    frames: dict[str, dict[str, list[float] | None]] = {
        "a": {"v": [1.0], "b": [3.0]},
        "b": {"v": [100.0], "b": None},
        "c": {"v": [3.0], "b": [5.0]},
    }
    run = make_run(frames, Rule("mean", "mean"))
    mean = one(run, "mean")
    assert (mean.score, mean.n_tracks, mean.n_tracks_total) == (3.0, 2, 3)
    bass = one(run, "b")
    assert (bass.score, bass.n_tracks, bass.n_dropped) == (4.0, 2, 0)
    nowhere = make_run({"a": {"v": [1.0], "b": None}}, Rule())
    assert one(nowhere, "b").status == "no target"
    assert (one(nowhere, "mean").score, one(nowhere, "mean").status) == (None, "undefined")


def test_incomplete_runs_are_refused_unless_allowed() -> None:
    run = make_run(TRACKS, Rule(), failed=("b",))
    with pytest.raises(DataError, match="0 tracks missing and 1 failed of 3"):
        summarise(run)
    summary = one(run, allow_incomplete=True)
    assert (summary.score, summary.n_tracks, summary.n_tracks_total, summary.n_dropped) == (6.0, 2, 3, 0)
    short = Run(run.path, run.record, run.results[:1])
    with pytest.raises(DataError, match="2 tracks missing"):
        summarise(short)


def test_long_table_has_a_number_exactly_where_the_status_is_ok() -> None:
    table = long_table([make_run({"a": {"v": [1.0, NAN, INF], "b": None}}, Rule())])
    assert tuple(table.columns) == FRAME_COLUMNS
    assert list(table["status"]) == ["ok", "undefined", "perfect", "no target"]
    assert list(table["score"].notna()) == [True, False, False, False]


LACKING = {
    "one": {"vocals": [1.0], "drums": [1.0], "other": [1.0], "bass": [4.0]},
    "two": {"vocals": [1.0], "drums": [1.0], "other": [1.0], "bass": [6.0]},
    "three": {"vocals": [10.0], "drums": [10.0], "other": [10.0], "bass": None},
}


def test_the_mean_over_targets_on_common_and_on_own_tracks() -> None:
    """MSST: the mean over the tracks that have the instrument, then over instruments."""
    for over, value, n_tracks in (("common tracks", 2.0, 2), ("own tracks", 4.25, 3)):
        run = make_run(LACKING, Rule("mean", "mean", targets_over=over))
        (mean,) = [s for s in summarise(run) if s.target == "mean"]
        assert (mean.score, mean.n_tracks) == (pytest.approx(value), n_tracks)
        column = Column("set", "mean", "SDR")
        material = track_values(run, [column])[column]
        assert material.point(list(material.scores)) == pytest.approx(value)
    assert material.scores["three"] == 10.0
    found = run_intervals(run, [column], IntervalSettings(resamples=200))[column]
    # (1/3)^3 of the draws hold the last track alone, which has no bass.
    assert (found.low, found.note) == (
        None, "a target on so few tracks that a resample may lack it: no interval",
    )  # fmt: skip


def test_msst_takes_own_tracks_and_no_other_protocol_does() -> None:
    own = {p for p in entries("protocol") if any(
        m.reduce.targets_over == "own tracks" for m in load_protocol(p).metrics
    )}  # fmt: skip
    assert own == {"msst", "msst-community"}


def test_length_weighted_mean() -> None:
    run = make_run({"one": {"a": [3.0]}, "two": {"a": [9.0]}}, Rule("mean", "length-weighted mean"))
    results = tuple(
        msgspec.structs.replace(r, duration_s=d) for r, d in zip(run.results, (30.0, 10.0), strict=True)
    )
    run = Run(run.path, run.record, results)
    (summary,) = summarise(run)
    assert (summary.score, summary.label) == (pytest.approx(4.5), "mean/length-weighted mean")
    column = Column("set", "a", "SDR")
    assert track_values(run, [column])[column].point(["one", "two"]) == pytest.approx(4.5)


def test_an_unstable_track_brings_nothing_and_gives_its_name_to_the_number() -> None:
    run = make_run({"one": {"a": [3.0, 5.0]}, "two": {"a": [7.0, 9.0]}}, Rule())

    def marked(*tracks: str) -> Run:
        results = tuple(
            msgspec.structs.replace(
                r, series=(series("set", "a", "SDR", [0.0, 1.0], [1.0, 1.0], [3.0, 5.0], [True, False]),)
            )
            if r.track in tracks
            else r
            for r in run.results
        )
        return Run(run.path, run.record, results)

    (one,) = summarise(marked("one"))
    assert (one.score, one.status, one.n_tracks, one.n_dropped) == (8.0, "ok", 1, 2)
    assert [s.status for s in track_scores(marked("one"))] == ["unstable", "ok"]
    (both,) = summarise(marked("one", "two"))
    assert (both.score, both.status, both.n_tracks) == (None, "unstable", 0)
