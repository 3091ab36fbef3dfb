"""Runs of functions whose scores are known: resume, redo, failures, shared separations, kept estimates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from svbench.audio import Audio, read_audio, write_audio
from svbench.datasets.api import Dataset, open_dataset
from svbench.datasets.synthetic import write_folder
from svbench.results.record import Provenance, collect
from svbench.results.scores import TrackResult
from svbench.results.store import Run
from svbench.running.jobs import Job, Redo, jobs_of, share
from svbench.running.runner import run_group
from svbench.scoring.pool import ScoringPool, scoring_pool
from svbench.specs.manifest import load_manifest
from svbench.specs.protocol import load_protocol
from svbench.specs.system import LocatedSystem, load_system
from svbench.systems.in_process import callable_system

RATE_HZ = 8000
STEMS = ("vocals", "drums", "bass", "other")
N_SAMPLES = {"first": 4000, "second": 4400, "third": 4800}  # the function tells tracks apart by their length


@pytest.fixture(scope="module")
def equal_stems(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Three tracks whose four stems are all the same noise, so that each is a quarter of the mixture."""
    root = tmp_path_factory.mktemp("equal")
    for i, (track, n_samples) in enumerate(N_SAMPLES.items()):
        noise = 0.1 * np.random.default_rng(i).standard_normal((n_samples, 1))
        write_folder(root, {track: dict.fromkeys(STEMS, Audio(noise, RATE_HZ))})
    return open_dataset(load_manifest("folder"), root)


class Quarter:
    """Returns 0.9 times each stem, which is 20 dB, and counts the tracks that it separates."""

    targets = STEMS

    def __init__(self) -> None:
        self.separated: list[int] = []
        self.failing: set[int] = set()

    def __call__(self, mixture: Audio) -> dict[str, Audio]:
        self.separated.append(mixture.n_samples)
        if mixture.n_samples in self.failing:
            raise ValueError("no such chord")
        return {t: Audio(0.9 / 4 * mixture.samples, mixture.rate_hz) for t in STEMS}


class Bench:
    """One system on the three tracks, run as often as a test likes."""

    def __init__(self, dataset: Dataset, out: Path, pool: ScoringPool) -> None:
        self.dataset, self.out, self.pool = dataset, out, pool
        self.function = Quarter()
        self.system: LocatedSystem = callable_system(self.function, "quarter")
        self.provenance: Provenance = collect(["svbench"], {})

    def run(
        self,
        *protocols: str,
        redo: Redo = "failed",
        keep: bool = False,
        out: Path | None = None,
        stop: Callable[[TrackResult], None] = lambda result: None,
    ) -> tuple[list[Run], list[str], int]:
        """Return the runs, the tracks whose results are new, and how many separations there were."""
        self.function.separated.clear()
        new: list[str] = []

        def tell(job: Job, result: TrackResult, is_new: bool) -> None:
            if is_new:
                new.append(result.track)
                stop(result)

        jobs = [
            job
            for p in protocols or ("mdx21",)
            for job in jobs_of(self.system, load_protocol(p), self.dataset, out or self.out, redo, keep)
        ]
        runs = [run for group in share(jobs) for run in run_group(group, self.pool, self.provenance, tell)]
        return runs, new, len(self.function.separated)


@pytest.fixture
def bench(equal_stems: Dataset, tmp_path: Path, inline_pool: ScoringPool) -> Bench:
    return Bench(equal_stems, tmp_path, inline_pool)


def scores(run: Run) -> list[list[float]]:
    """Return the scores of each track, one for each target of both target sets."""
    return [[s for series in r.series for s in series.score if s is not None] for r in run.results]


def test_scores_are_those_of_the_estimates(bench: Bench) -> None:
    (run,), new, n_separated = bench.run()
    assert [r.status for r in run.results] == ["ok"] * 3
    assert np.array(scores(run)) == pytest.approx(np.full((3, 6), 20.0), abs=1e-3)
    assert (new, n_separated) == (list(N_SAMPLES), 3)
    assert len(run.record.provenance) == 1


def test_a_finished_run_is_resumed_without_work(bench: Bench) -> None:
    (before,), _, _ = bench.run()
    (after,), new, n_separated = bench.run()
    assert (new, n_separated) == ([], 0)
    assert after.results == before.results
    assert len(after.record.provenance) == 1  # a command that computes nothing adds none


def test_redo_says_what_is_done_again(bench: Bench) -> None:
    bench.function.failing = {N_SAMPLES["second"]}
    bench.run()
    assert bench.run(redo="never")[1] == []
    assert bench.run(redo="missing")[1] == []
    bench.function.failing = set()
    (run,), new, n_separated = bench.run(redo="failed")
    assert (new, n_separated) == (["second"], 1)
    assert [r.status for r in run.results] == ["ok"] * 3
    assert bench.run(redo="all")[1:] == (list(N_SAMPLES), 3)


def test_a_failing_track_leaves_the_others_alone(bench: Bench) -> None:
    bench.function.failing = {N_SAMPLES["second"]}
    (run,), new, _ = bench.run()
    assert set(new) == set(N_SAMPLES)
    assert [(r.track, r.status) for r in run.results] == [
        ("first", "ok"),
        ("second", "failed"),
        ("third", "ok"),
    ]
    failed = run.results[1]
    assert "no such chord" in failed.reason
    assert {status for s in failed.series for status in s.status} == {"failed"}
    assert {s.target for s in failed.series} == {*STEMS, "accompaniment"}
    assert [r.track for r in run.failed] == ["second"]


def test_a_failing_system_is_a_run_of_failed_tracks(bench: Bench) -> None:
    bench.function.failing = set(N_SAMPLES.values())
    (run,), _, n_separated = bench.run()
    assert [r.status for r in run.results] == ["failed"] * 3
    assert n_separated == 3
    assert scores(run) == [[], [], []]


def test_protocols_share_one_separation(bench: Bench) -> None:
    (first, second), new, n_separated = bench.run("mdx21", "si-sdr")
    assert n_separated == 3
    assert sorted(new) == sorted([*N_SAMPLES, *N_SAMPLES])
    assert [r.record.protocol.id for r in (first, second)] == ["mdx21", "si-sdr"]
    for a, b in zip(first.results, second.results, strict=True):
        assert a.estimate_digests == b.estimate_digests
        assert a.resources == b.resources


def test_kept_estimates_serve_another_protocol_until_they_are_edited(bench: Bench) -> None:
    (kept,), _, _ = bench.run(keep=True)
    path = kept.path / kept.results[0].estimates["vocals"]
    reference = read_audio(bench.dataset.root / "first/vocals.wav").samples
    assert np.allclose(read_audio(path).samples, 0.9 * reference, atol=1e-6)
    (other,), new, n_separated = bench.run("si-sdr")
    assert (new, n_separated) == (list(N_SAMPLES), 0)
    origins = [r.separation.origin for r in other.results if r.separation]
    assert origins == [kept.path.name] * 3
    write_audio(path, Audio(np.zeros((N_SAMPLES["first"], 1)), RATE_HZ))
    (other,), _, n_separated = bench.run("msst")
    assert n_separated == 1
    assert f"kept estimates of run {kept.path.name} are not used" in " ".join(other.results[0].notes)
    assert [bool(r.separation and r.separation.origin) for r in other.results] == [False, True, True]


def test_estimates_that_were_deleted_are_made_again_where_they_are_to_be_kept(bench: Bench) -> None:
    (run,), _, _ = bench.run(keep=True)
    (run.path / run.results[2].estimates["bass"]).unlink()
    assert bench.run()[1] == []
    assert bench.run(keep=True)[1:] == (["third"], 1)


def test_an_interrupted_run_goes_on_where_it_stopped(bench: Bench, tmp_path: Path) -> None:
    def interrupt(result: TrackResult) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.run(stop=interrupt)
    (run,), new, _ = bench.run()
    assert "first" not in new
    (undisturbed,), _, _ = bench.run(out=tmp_path / "again")
    plain = [msgspec.structs.replace(r, resources=None) for r in run.results]
    assert plain == [msgspec.structs.replace(r, resources=None) for r in undisturbed.results]
    assert not list(run.path.rglob(".partial-*"))


def test_what_another_process_finished_meanwhile_is_not_done_again(
    small_folder: Path, tmp_path: Path
) -> None:
    dataset = open_dataset(load_manifest("folder"), small_folder)
    protocol, system = load_protocol("mdx21"), load_system("mixture")
    jobs = jobs_of(system, protocol, dataset, tmp_path, keep_estimates=True)
    provenance = collect(["svbench"], {})
    with scoring_pool(1) as pool:

        def let_another_finish(job: Job, result: TrackResult, is_new: bool) -> None:
            run_group(jobs, pool, provenance, lambda *_: None)

        (run,) = run_group(jobs, pool, provenance, let_another_finish)
    assert [r.status for r in run.results] == ["ok"] * 3
    # Estimates of this very run are no reuse of another one's.
    assert [r.separation.origin for r in run.results if r.separation] == [""] * 3
