"""The flow of a run, in this process."""

from __future__ import annotations

from pathlib import Path

from svbench.datasets.api import open_dataset
from svbench.results.provenance import collect
from svbench.results.scores import TrackResult
from svbench.running.jobs import Job, jobs_of
from svbench.running.runner import run_group
from svbench.scoring.pool import scoring_pool
from svbench.specs.manifest import load_manifest
from svbench.specs.protocol import load_protocol
from svbench.specs.system import load_system


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
