"""Repeat a run from its record, with the same protocol, data, system and parameters, or say why not.

The record holds the protocol and the system in full, so edits of their files do not matter. What it only
names must be unchanged: weights, files that parameters name, recordings, and the versions of metrics.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from svbench.datasets.api import Dataset, Track, open_dataset
from svbench.errors import DataError, SvbenchError
from svbench.results.record import manifest_of
from svbench.results.store import Run, find_runs, load_run, run_name
from svbench.running.jobs import Job, dataset_digest, jobs_of
from svbench.running.reuse import input_state, is_isolated, kept_originals, result_key
from svbench.scoring.bound import BoundProtocol, bind
from svbench.specs.protocol import ORIGINAL
from svbench.specs.system import LocatedSystem, isolated, load_system
from svbench.systems.in_process import CALLABLE
from svbench.systems.worker.limits import checked_weights


def rerun_jobs(run: Run, out: Path, *, data: Path | None = None, system: Path | None = None) -> list[Job]:
    """Make the jobs that repeat a run. The last one is for the run itself.

    Parameters
    ----------
    run : Run
    out : Path
        Folder of run folders; not the one that the run is in.
    data : Path, optional
        Folder of the recordings now; by default the one in the record.
    system : Path, optional
        The system's file, whose folder relative paths start from; by default the folder in the record.

    Returns
    -------
    list of Job
        One job; two for a variant whose protocol compares with the estimates of the original.

    Raises
    ------
    DataError, SystemFailure
        The run cannot be repeated, or something that it was made from has changed.
    """
    _refuse_others(run, out)
    located = _located(run, system)
    for weights in located.spec.weights:
        checked_weights(located.folder, weights)
    bound = bind(run.record.protocol)
    if bound.quantities != run.record.quantities:
        raise DataError(
            f"{run.path}: the metrics of this svbench give other quantities for {run.record.protocol.id} "
            f"than the run has; repeat it with svbench {run.record.provenance[-1].svbench}"
        )
    dataset = _dataset(run, data)
    if any(is_isolated(r) for r in run.results):
        located = isolated(located, [dataset.root, out])
    keep = any(r.estimates for r in run.results)
    jobs = jobs_of(located, run.record.protocol, dataset, out, "failed", keep)
    this_job = _job_of_run(run, jobs)
    if dataset_digest(this_job.dataset) != run.record.data.digest:
        raise DataError(
            f"{run.path}: the manifest of {run.record.data.id} is not the one of the run "
            f"({dataset.manifest.path} has version {dataset.manifest.head.version}, the run "
            f"{run.record.data.version}); repeat it with the manifest of the run"
        )
    _refuse_changes(run, bound, located, this_job.dataset.tracks)
    return [replace(j, may_reuse=False) for j in jobs if j.folder in (this_job.folder, this_job.original)]


def _refuse_others(run: Run, out: Path) -> None:
    """Raise an error for runs without a system, and if the run itself would be overwritten."""
    record = run.record
    if record.imported:
        raise DataError(
            f"{run.path}: its scores were imported, so there is no system to run; import the files again"
        )
    if record.system.adapter == CALLABLE:
        raise DataError(
            f"{run.path}: a Python function made it in the calling process, and a record cannot hold one; "
            "call svbench.evaluate with the function again"
        )
    if not run.results:
        raise DataError(f"{run.path}: none of its tracks has a result; finish it with `svbench run`")
    if not all(r.key for r in run.results):
        raise DataError(
            f"{run.path}: only scored, no system separated it; repeat its command: "
            f"{shlex.join(record.provenance[-1].command)}"
        )
    name = run_name(record.system, record.protocol, record.data.digest)
    if (out / name).resolve() == run.path.resolve():
        raise DataError(f"{out}: holds the run itself; give another folder with --out")


def _located(run: Run, system: Path | None) -> LocatedSystem:
    """Return the system from the record, and the folder that its relative paths start from."""
    record = run.record
    if system is None:
        folder = Path(record.system_folder)
        if not record.system_folder or not folder.is_dir():
            raise DataError(
                f"{run.path}: the folder of the system's file "
                f"({record.system_folder or 'not in the record'}) does not exist; "
                f"name the file of {record.system.id} with --system"
            )
        return LocatedSystem(record.system, folder)
    loaded = load_system(system)
    if loaded.spec.digest != record.system_digest:
        raise DataError(
            f"{system}: is no longer the system of {run.path} (its digest is {loaded.spec.digest[:8]}, "
            f"it was {record.system_digest[:8]}); `svbench show {run.path}` prints the one of the run"
        )
    return LocatedSystem(record.system, loaded.folder)


def _dataset(run: Run, root: Path | None) -> Dataset:
    """Open the recordings of the run."""
    data = run.record.data
    root = root or Path(data.root)
    if not root.is_dir():
        raise DataError(f"{root}: the recordings of {run.path} are not there; say where with --data")
    try:
        manifest = manifest_of(data)
    except SvbenchError:
        raise DataError(
            f"{run.path}: its manifest is no longer at {data.manifest}, and no data set here is called "
            f"{data.id!r}; put the manifest back"
        ) from None
    return open_dataset(manifest, root, subset=data.subset or None, tracks=data.tracks)


def _job_of_run(run: Run, jobs: Sequence[Job]) -> Job:
    """Return the job for the variant of the run."""
    wanted = run.record.data
    job = next((j for j in jobs if j.dataset.variant == wanted.variant), None)
    if job is None:
        raise DataError(f"{run.path}: variant {wanted.variant!r} cannot be made here; `svbench run` says why")
    if job.dataset.variant_version != wanted.variant_version:
        raise DataError(
            f"{run.path}: variant {wanted.variant} is now made by {job.dataset.variant_version!r}, "
            f"for the run it was made by {wanted.variant_version!r}"
        )
    return job


def _refuse_changes(run: Run, bound: BoundProtocol, located: LocatedSystem, tracks: Sequence[Track]) -> None:
    """Raise an error if recordings, files of the system or metrics are not those of the run."""
    record, known = run.record, {r.track: r for r in run.results}
    original = None
    if record.protocol.compares_originals and record.data.variant != ORIGINAL:
        original = _original_folder(run)
    for track in tracks:
        if track.name not in known:
            continue
        then, now = known[track.name], track.digest()
        if then.track_digest != now:
            raise DataError(
                f"{run.path}: the recordings of track {track.name!r} are not those of the run (their digest "
                f"is {now[:8]}, it was {then.track_digest[:8]}); say with --data where those of the run are"
            )
        originals = kept_originals(original, track.name).digests if original else None
        if then.key != result_key(bound, located, track.name, now, originals).digest:
            files = ", ".join(input_state(located, track.name))
            suspects = [f"the files or folders {files}"] if files else []
            suspects += ["the kept estimates of the original beside it"] if original else []
            suspects.append("the version of a metric")
            raise DataError(
                f"{run.path}: what track {track.name!r} was scored with has changed since: "
                f"{' or '.join(suspects)}"
            )


def _original_folder(run: Run) -> Path:
    """Find the run of the original beside the run of a variant."""
    record = run.record
    for path in find_runs([run.path.parent]):
        other = load_run(path).record
        alike = (other.system_digest, other.protocol_digest, other.data.id, other.data.tracks) == (
            record.system_digest,
            record.protocol_digest,
            record.data.id,
            record.data.tracks,
        )
        if alike and other.data.variant == ORIGINAL:
            return path
    raise DataError(f"{run.path}: the run of the original, which it was compared with, is not beside it")
