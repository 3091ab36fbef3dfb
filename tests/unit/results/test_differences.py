"""Comparisons of runs that differ in one known place."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from svbench.audio import Audio, read_audio, write_audio
from svbench.cli.differences import changes, sentence
from svbench.errors import DataError
from svbench.results.differences import compare_runs
from svbench.results.scores import Series, TrackResult
from svbench.results.store import Run, find_runs, load_run


@pytest.fixture
def run(small_runs: Path) -> Run:
    return load_run(next(p for p in find_runs([small_runs]) if p.name.startswith("hpss--sisec18")))


def changed(run: Run, track: int, **fields: object) -> Run:
    results = list(run.results)
    results[track] = msgspec.structs.replace(results[track], **fields)
    return msgspec.structs.replace(run, results=tuple(results))


def with_score(result: TrackResult, number: int, frame: int, score: float | None) -> tuple[Series, ...]:
    series = list(result.series)
    one = series[number]
    scores, statuses = list(one.score), list(one.status)
    scores[frame], statuses[frame] = score, "ok" if score is not None else "undefined"
    series[number] = msgspec.structs.replace(one, score=scores, status=statuses)
    return tuple(series)


def defined(result: TrackResult) -> tuple[int, int, float]:
    """The last frame of a track that has a number."""
    return next(
        (n, k, v)
        for n in reversed(range(len(result.series)))
        for k in reversed(range(len(result.series[n].score)))
        if (v := result.series[n].score[k]) is not None
    )


def test_a_run_is_equal_to_itself(run: Run) -> None:
    found = compare_runs(run, run)
    assert (found.verdict, found.n_unequal, found.first, found.largest) == ("bit-equal", 0, None, None)
    assert found.n_values == sum(len(s.score) for r in run.results for s in r.series)
    assert found.n_estimates == sum(len(r.estimate_digests) for r in run.results) > 0


@pytest.mark.parametrize(
    ("change", "verdict"), [(2.0**-30, "within tolerance"), (0.004, "within tolerance"), (0.01, "different")]
)
def test_the_place_and_the_size_are_told(run: Run, change: float, verdict: str) -> None:
    number, frame, value = defined(run.results[1])
    other = changed(run, 1, series=with_score(run.results[1], number, frame, value + change))
    found = compare_runs(run, other)
    assert found.verdict == verdict
    assert (found.n_unequal, found.n_beyond) == (1, int(verdict == "different"))
    series = run.results[1].series[number]
    assert found.first is not None
    place = (found.first.track, found.first.target_set, found.first.target, found.first.metric)
    assert place == ("track 1", series.target_set, series.target, series.metric)
    assert (found.first.frame, found.first.time_s) == (frame, series.time_s[frame])
    assert found.first.distance == pytest.approx(change, rel=1e-6)
    assert compare_runs(run, other, tolerance=0.0).verdict == "different"
    assert f"frame {frame} ({series.time_s[frame]:g} s): {value!r} and {value + change!r}" in sentence(found)


def test_the_first_place_beyond_the_tolerance_comes_first(run: Run) -> None:
    first, last = defined(run.results[0]), defined(run.results[2])
    near = changed(run, 0, series=with_score(run.results[0], first[0], first[1], first[2] + 1e-6))
    both = changed(near, 2, series=with_score(run.results[2], last[0], last[1], last[2] - 1.0))
    found = compare_runs(run, both)
    assert found.first is not None
    assert found.first.track == "track 2"
    assert (found.n_unequal, found.n_beyond) == (2, 1)
    assert found.first == found.largest


def test_no_tolerance_covers_a_status_a_track_or_a_series(run: Run) -> None:
    number, frame, value = defined(run.results[1])
    undefined = changed(run, 1, series=with_score(run.results[1], number, frame, None))
    found = compare_runs(run, undefined, tolerance=1e9)
    assert found.verdict == "different"
    assert found.first is not None
    assert (found.first.first, found.first.second) == (value, "undefined")

    fewer = msgspec.structs.replace(run, results=run.results[:2])
    found = compare_runs(run, fewer, tolerance=1e9)
    assert "track 'track 2': scored and no result" in sentence(found)

    failed = changed(run, 0, status="failed", reason="out of memory")
    assert "'track 0': scored and failed: out of memory" in sentence(compare_runs(run, failed))

    lacking = changed(run, 0, series=run.results[0].series[1:])
    assert " frames and no scores" in sentence(compare_runs(run, lacking))

    one = run.results[0].series[0]
    cut = msgspec.structs.replace(
        one, time_s=one.time_s[:1], duration_s=one.duration_s[:1], score=one.score[:1], status=one.status[:1]
    )
    short = changed(run, 0, series=(cut, *run.results[0].series[1:]))
    assert "frame 1 (1 s): 1 s at 1 s and no frame" in sentence(compare_runs(run, short))


def test_estimates_that_differ_are_told_though_all_scores_are_equal(run: Run) -> None:
    digests = run.results[1].estimate_digests
    target = next(iter(digests))
    other = changed(run, 1, estimates={}, estimate_digests={**digests, target: "0" * 64})
    found = compare_runs(run, other)
    assert (found.verdict, found.n_unequal, found.n_unequal_estimates) == ("within tolerance", 0, 1)
    assert found.n_claimed == len(digests)
    assert f"track 'track 1', {target}: estimate {digests[target][:8]} and estimate 00000000" in sentence(
        found
    )


def test_files_count_and_not_what_is_claimed_of_them(run: Run, tmp_path: Path) -> None:
    result = run.results[1]
    target, place = next(iter(result.estimates.items()))
    claims = changed(run, 1, estimate_digests={target: "0" * 64})
    found = compare_runs(run, claims)
    assert (found.verdict, found.n_claimed) == ("bit-equal", 0)
    shutil.copytree(run.path, tmp_path / "copy")
    other = load_run(tmp_path / "copy")
    audio = read_audio(other.path / place)
    write_audio(other.path / place, Audio(audio.samples * 0.5, audio.rate_hz))
    found = compare_runs(run, other)
    assert (found.verdict, found.n_unequal_estimates) == ("within tolerance", 1)
    assert f"track 'track 1', {target}: estimate" in sentence(found)


def test_other_protocols_and_data_are_refused(run: Run, small_runs: Path) -> None:
    other = load_run(next(p for p in find_runs([small_runs]) if p.name.startswith("hpss--mdx21")))
    with pytest.raises(DataError, match=r"of protocol sisec18 .* of mdx21 .* mean different things"):
        compare_runs(run, other)
    data = msgspec.structs.replace(run.record.data, digest="0" * 64, tracks=("a",))
    moved = msgspec.structs.replace(run, record=msgspec.structs.replace(run.record, data=data))
    with pytest.raises(DataError, match=r"on folder .*3 tracks .* on folder .*1 tracks \(00000000\)"):
        compare_runs(run, moved)


def test_what_may_be_the_reason_is_told(run: Run) -> None:
    assert changes(run, run) == []
    made = msgspec.structs.replace(run.record.provenance[-1], packages={"numpy": "1.0"}, python="3.99")
    record = msgspec.structs.replace(run.record, provenance=(made,), system_digest="f" * 64)
    told = changes(run, msgspec.structs.replace(run, record=record))
    assert told[0].startswith("the systems are not the same: hpss")
    assert any(t.startswith("Python: ") and t.endswith(" and 3.99") for t in told)
    assert any(t.startswith("numpy: ") and t.endswith(" and 1.0") for t in told)
