"""The flow on one page: a system separates the tracks one by one while earlier ones are scored.

Every finished track is written at once. What stops a run (Ctrl-C, a full disk) loses at most
the tracks in flight; the same command goes on from there.
"""

from __future__ import annotations

import errno
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from svbench.audio import Audio, samples_digest, write_audio
from svbench.datasets.api import Dataset, Track
from svbench.errors import AudioError, OverBudget, SpecError, SvbenchError, SystemFailure
from svbench.probes.tracks import probed
from svbench.results.integrity import data_digest
from svbench.results.provenance import Provenance
from svbench.results.scores import Resources, TrackResult
from svbench.results.scratch import scratch_folder
from svbench.results.seal import drop_seal
from svbench.results.store import (
    DataRecord,
    Run,
    RunRecord,
    load_run,
    read_record,
    run_name,
    slug,
    track_file,
    write_record,
)
from svbench.running.execution import ScoringPool
from svbench.running.keys import ResultKey, result_key
from svbench.running.originals import has_estimates, kept_originals
from svbench.running.scoring import Scored, failed_series, quantities_of, score_track
from svbench.running.separation import Separated, covered_sets, separate_track
from svbench.specs.protocol import ORIGINAL, Protocol
from svbench.specs.system import LocatedSystem
from svbench.systems.host import WorkerHost

Redo = Literal["never", "missing", "failed", "all"]
Tell = Callable[[TrackResult, bool], None]


class Job(msgspec.Struct, frozen=True):
    """One system on one protocol and data set, with what the user asked for.

    ``original`` is the run folder that holds the estimates of the original, for a variant whose
    protocol compares with them.
    """

    located: LocatedSystem
    protocol: Protocol
    dataset: Dataset
    folder: Path
    redo: Redo = "failed"
    keep_estimates: bool = False
    original: Path | None = None


class Pending(msgspec.Struct, frozen=True):
    """A separated track whose scores are being computed."""

    track: Track
    key: ResultKey
    track_digest: str
    separated: Separated
    sets: tuple[str, ...]
    paths: dict[str, Path]
    originals: dict[str, Path] | None
    future: Future[Scored]


def job_folder(out: Path, located: LocatedSystem, protocol: Protocol, dataset: Dataset) -> Path:
    """Return the run folder for a job, named by who, how and on what."""
    return out / run_name(located.spec, protocol, dataset_digest(dataset))


def jobs_of(
    located: LocatedSystem,
    protocol: Protocol,
    dataset: Dataset,
    out: Path,
    redo: Redo = "failed",
    keep_estimates: bool = False,
) -> list[Job]:
    """Make the jobs of one system: one, or one for each variant of a protocol with probes.

    The original comes first, and keeps its estimates if the protocol compares with them.

    Raises
    ------
    SpecError
        The protocol compares with the original, and its probes leave it out; or the system has random
        weights, and the protocol limits nothing, so that all it would tell are meaningless scores.
    """
    if located.spec.random_weights and not protocol.limits:
        raise SpecError(
            f"protocol {protocol.id}",
            "limits",
            f"has none, and with random weights only cost can be measured: run {located.spec.id} under a "
            "protocol with limits (mdx21-round1, sdx23), or use `svbench profile --random-weights`",
        )
    parts = sorted(probed(dataset, protocol), key=lambda d: d.variant != ORIGINAL)
    folders = [job_folder(out, located, protocol, d) for d in parts]
    if not protocol.compares_originals:
        return [
            Job(located, protocol, d, f, redo, keep_estimates) for d, f in zip(parts, folders, strict=True)
        ]
    if parts[0].variant != ORIGINAL:
        raise SpecError(
            f"protocol {protocol.id}", "probes", f"its metrics need a variant {ORIGINAL!r}; it has none"
        )
    return [
        Job(located, protocol, d, f, redo, keep_estimates or i == 0, folders[0] if i else None)
        for i, (d, f) in enumerate(zip(parts, folders, strict=True))
    ]


def dataset_digest(dataset: Dataset) -> str:
    """Digest of the manifest, of which of its tracks are measured, and in which variant."""
    return data_digest(dataset.manifest.digest, [t.name for t in dataset.tracks], dataset.variant)


def run_job(job: Job, pool: ScoringPool, provenance: Provenance, tell: Tell) -> Run:
    """Separate and score what is not done yet.

    Parameters
    ----------
    job : Job
    pool : ScoringPool
    provenance : Provenance
        Added to the run's record when anything new is computed.
    tell : callable
        Called as ``tell(result, is_new)`` for each track, in the order they finish.

    Returns
    -------
    Run
        As it lies on disk. Failed tracks are rows of it, not exceptions.

    Raises
    ------
    SvbenchError
        The run cannot go on at all, e.g. the disk is full.
    """
    todo = []
    for track in job.dataset.tracks:
        track_digest = track.digest()
        originals = kept_originals(job.original, track.name).digests if job.original else None
        key = result_key(job.protocol, job.located, track.name, track_digest, originals)
        known = _known(job, track)
        if known and _is_done(known, key.digest, job):
            tell(known, False)
        else:
            todo.append((track, key, track_digest))
    if todo or not (job.folder / "run.json").exists():
        _write_run(job, provenance)
    try:
        with scratch_folder(job.folder) as scratch:
            for result in _results(job, pool, todo, scratch):
                tell(result, True)
    except OSError as error:
        if error.errno not in (None, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise
        # numpy reports a short write without a reason; there is only one.
        reason = error.strerror or "no space left"
        raise SvbenchError(
            f"{job.folder}: cannot be written ({reason}); what was scored is kept, "
            "make room and run the same command again"
        ) from error
    return load_run(job.folder)


def _results(
    job: Job, pool: ScoringPool, todo: list[tuple[Track, ResultKey, str]], scratch: Path
) -> Iterator[TrackResult]:
    """Separate in turn, score in the pool, and yield results as they are written."""
    pending: deque[Pending] = deque()
    limits = job.protocol.limits
    # Waiting estimates take disk space; and scoring must not slow a system down that is on the clock.
    most = 0 if limits.is_timed else pool.n_workers
    with WorkerHost(job.located, job.protocol.targets, scratch, limits) as host:
        for track, key, track_digest in todo:
            while len(pending) > most:
                yield _collect(job, pool, pending.popleft())
            try:
                pending.append(_separate(job, pool, host, track, key, track_digest, scratch))
            except (SystemFailure, AudioError) as error:
                sets = _sets(job, host.last_info.targets) if host.last_info else None
                yield _write(job, _failed(job, track, key, track_digest, error, sets or None))
        while pending:
            yield _collect(job, pool, pending.popleft())


def _separate(
    job: Job,
    pool: ScoringPool,
    host: WorkerHost,
    track: Track,
    key: ResultKey,
    track_digest: str,
    scratch: Path,
) -> Pending:
    separated = separate_track(host, track, job.protocol)
    sets = _sets(job, separated.info.targets)
    folder = scratch / slug(track.name)
    folder.mkdir(exist_ok=True)
    paths = {}
    for target, audio in separated.estimates.items():
        paths[target] = folder / f"{slug(target)}.npy"
        np.save(paths[target], audio.samples)
    originals = kept_originals(job.original, track.name).paths if job.original else None
    future = pool.submit(score_track, track, paths, job.protocol, sets, originals)
    return Pending(track, key, track_digest, separated, sets, paths, originals, future)


def _sets(job: Job, targets: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(s.id for s in covered_sets(targets, job.protocol, job.dataset.manifest.head.targets))


def _collect(job: Job, pool: ScoringPool, done: Pending) -> TrackResult:
    """Wait for the scores of a track, keep its estimates if asked, and write its result."""
    try:
        scored: Scored = pool.result(
            done.future, score_track, done.track, done.paths, job.protocol, done.sets, done.originals
        )
    except AudioError as error:
        reason = AudioError(f"cannot be scored: {error}")
        result = _failed(job, done.track, done.key, done.track_digest, reason, done.sets)
    else:
        result = _succeeded(job, done, scored)
    shutil.rmtree(next(iter(done.paths.values())).parent, ignore_errors=True)
    return _write(job, result)


def _succeeded(job: Job, done: Pending, scored: Scored) -> TrackResult:
    separated, track = done.separated, done.track
    duration_s = track.n_samples / track.rate_hz
    return TrackResult(
        **_common(track, done.key, done.track_digest),
        status="ok",
        notes=(*separated.notes, *scored.notes),
        target_sets=done.sets,
        absent_targets=scored.absent_targets,
        series=scored.series,
        system_version=separated.info.version,
        resources=Resources(
            load_s=separated.load_s,
            wall_s=separated.wall_s,
            cpu_s=separated.cpu_s,
            peak_rss_bytes=separated.peak_rss_bytes,
            rtf=separated.wall_s / duration_s,
            weights_bytes=separated.weights_bytes,
        ),
        estimates=_keep(job, track, separated.estimates) if job.keep_estimates else {},
        estimate_digests={t: samples_digest(a) for t, a in separated.estimates.items()},
    )


def _failed(
    job: Job,
    track: Track,
    key: ResultKey,
    track_digest: str,
    error: SvbenchError,
    sets: tuple[str, ...] | None = None,
) -> TrackResult:
    # A system that never said what it gives has failed in everything.
    chosen = sets if sets is not None else tuple(s.id for s in job.protocol.target_sets)
    return TrackResult(
        **_common(track, key, track_digest),
        status="failed",
        reason=str(error),
        over_budget=f"{error.limit}: {error.told}" if isinstance(error, OverBudget) else "",
        target_sets=chosen,
        series=failed_series(job.protocol, chosen, track.n_samples / track.rate_hz),
    )


def _common(track: Track, key: ResultKey, track_digest: str) -> dict[str, Any]:
    return {
        "schema": 1,
        "key": key.digest,
        "made_from": key.inputs,
        "track": track.name,
        "subset": track.subset,
        "duration_s": track.n_samples / track.rate_hz,
        "n_samples": track.n_samples,
        "track_digest": track_digest,
    }


def _keep(job: Job, track: Track, estimates: Mapping[str, Audio]) -> dict[str, str]:
    """Write estimates as float WAV inside the run folder; return their relative paths."""
    folder = job.folder / "estimates" / slug(track.name)
    folder.mkdir(parents=True, exist_ok=True)
    kept = {}
    for target, audio in estimates.items():
        path = folder / f"{slug(target)}.wav"
        write_audio(path, audio)
        kept[target] = path.relative_to(job.folder).as_posix()
    return kept


def _write(job: Job, result: TrackResult) -> TrackResult:
    write_record(track_file(job.folder, result.track), result)
    return result


def _known(job: Job, track: Track) -> TrackResult | None:
    path = track_file(job.folder, track.name)
    return read_record(path, TrackResult) if path.exists() else None


def _is_done(known: TrackResult, key: str, job: Job) -> bool:
    """Whether a stored result stands, by the user's ``--redo``."""
    if job.redo == "all":
        return False
    if job.redo == "never":
        return True
    if known.key != key or (job.redo == "failed" and known.status == "failed"):
        return False
    return not (job.keep_estimates and known.status == "ok" and not has_estimates(job.folder, known))


def _write_run(job: Job, provenance: Provenance) -> None:
    drop_seal(job.folder)
    path = job.folder / "run.json"
    earlier = read_record(path, RunRecord).provenance if path.exists() else ()
    manifest = job.dataset.manifest
    spec = job.located.spec
    record = RunRecord(
        schema=1,
        system=spec,
        system_digest=spec.digest,
        protocol=job.protocol,
        protocol_digest=job.protocol.digest,
        quantities=quantities_of(job.protocol),
        data=DataRecord(
            id=manifest.head.id,
            version=manifest.head.version,
            title=manifest.head.title,
            digest=dataset_digest(job.dataset),
            root=str(job.dataset.root.resolve()),
            manifest=str(manifest.path.resolve()),
            subset=job.dataset.subset or "",
            tracks=tuple(t.name for t in job.dataset.tracks),
            left_out=tuple(f"{f.track}: {f.message}" if f.track else f.message for f in job.dataset.skipped),
            variant=job.dataset.variant,
            variants=job.dataset.variants,
            variant_version=job.dataset.variant_version,
            expects=job.dataset.expects,
            manifest_digest=manifest.digest,
        ),
        provenance=(*earlier, provenance),
        system_folder=str(job.located.folder.resolve()),
    )
    write_record(path, record)
