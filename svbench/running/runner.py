"""The flow on one page: a system separates the tracks one by one while earlier ones are scored.

A track is separated once, however many protocols score it. Every finished track is written at once:
what stops a run (Ctrl-C, a full disk) loses at most the tracks in flight, and the same command goes
on from there.
"""

from __future__ import annotations

import errno
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from svbench.audio import samples_digest
from svbench.datasets.api import Track
from svbench.datasets.verify import sum_notes
from svbench.errors import AudioError, OverBudget, SvbenchError, SystemFailure
from svbench.results.foreign import refuse_links_out
from svbench.results.provenance import Provenance
from svbench.results.scores import SeparationRecord, TrackResult
from svbench.results.scratch import remove_partial_files, scratch_folder
from svbench.results.store import Run, load_run, read_record, slug, track_file
from svbench.running.jobs import Job
from svbench.running.kept import find_kept, keep_estimates
from svbench.running.originals import Originals, has_estimates, kept_originals
from svbench.running.run_record import write_run_record
from svbench.running.separation import Fitted, Separated, fit, separate_track
from svbench.running.track_files import KeptLogs, hand_over, is_changing, keep_result
from svbench.scoring.coverage import covered_sets
from svbench.scoring.pool import ScoringPool
from svbench.scoring.result_key import ResultKey, result_key, separation_key
from svbench.scoring.track import Scored, failed_series, score_track
from svbench.specs.protocol import Protocol
from svbench.systems.in_process import open_host
from svbench.systems.worker.host import WorkerHost

Tell = Callable[[Job, TrackResult, bool], None]


class Wanted(msgspec.Struct, frozen=True):
    """A job that lacks the scores of a track; ``originals`` are what a variant's are compared with."""

    job: Job
    key: ResultKey
    originals: Originals | None


class Task(msgspec.Struct, frozen=True, eq=False):
    """A track to be separated once, for every job that lacks its scores."""

    track: Track
    track_digest: str
    wanted: tuple[Wanted, ...]


class Taken(msgspec.Struct, frozen=True, eq=False):
    """The estimates of a track with the record of where they come from.

    ``files`` are kept files that hold them already, by the digests of their samples.
    """

    separated: Separated
    made: SeparationRecord
    notes: tuple[str, ...]
    files: dict[str, Path]
    fits: dict[Any, Fitted] = msgspec.field(default_factory=dict)

    def fitted(self, track: Track, protocol: Protocol) -> Fitted:
        """Make the estimates fit for a protocol, once for all that have the same rule and targets."""
        rule = (protocol.alignment, protocol.targets)
        if rule not in self.fits:
            self.fits[rule] = fit(self.separated, track, protocol)
        return self.fits[rule]


class Pending(msgspec.Struct, frozen=True, eq=False):
    """A separated track whose scores under one protocol are being computed."""

    task: Task
    wanted: Wanted
    taken: Taken
    fitted: Fitted
    digests: dict[str, str]
    sets: tuple[str, ...]
    folder: Path
    arguments: tuple[Any, ...]
    future: Future[Scored]


def run_group(jobs: Sequence[Job], pool: ScoringPool, provenance: Provenance, tell: Tell) -> list[Run]:
    """Separate what is not done yet, once for all jobs of a group, and score it for each of them.

    Parameters
    ----------
    jobs : sequence of Job
        One group of `share`.
    pool : ScoringPool
    provenance : Provenance
        Added to the record of each run in which anything new is computed.
    tell : callable
        Called as ``tell(job, result, is_new)`` for each track of each job, in the order they finish.

    Returns
    -------
    list of Run
        As they lie on disk. Failed tracks are rows of them, not exceptions.

    Raises
    ------
    SvbenchError
        The runs cannot go on at all, e.g. the disk is full.
    """
    for job in jobs:
        refuse_links_out(job.folder)
    tasks = []
    for track in jobs[0].dataset.tracks:
        track_digest, wanted = track.digest(), []
        for job in jobs:
            originals = kept_originals(job.original, track.name) if job.original else None
            digests = originals.digests if originals else None
            key = result_key(job.protocol, job.located, track.name, track_digest, digests)
            if known := _done(job, track, key):
                tell(job, known, False)
            else:
                wanted.append(Wanted(job, key, originals))
        if wanted:
            tasks.append(Task(track, track_digest, tuple(wanted)))
    new = [any(w.job is job for t in tasks for w in t.wanted) for job in jobs]
    try:
        with ExitStack() as scratches:
            folders = []  # one in each run folder, which also says that somebody is at work there
            for job, is_new in zip(jobs, new, strict=True):
                job.folder.mkdir(parents=True, exist_ok=True)
                folders.append(scratches.enter_context(scratch_folder(job.folder)))
                remove_partial_files(job.folder, folders[-1])
                write_run_record(job, provenance, is_new=is_new)
            for job, result in _results(jobs, pool, tasks, folders[0]):
                tell(job, result, True)
            for job, is_new in zip(jobs, new, strict=True):
                if is_new:
                    write_run_record(job, provenance, is_new=True, again=True)
    except OSError as error:
        if error.errno not in (None, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise
        # numpy reports a short write without a reason; there is only one.
        reason = error.strerror or "no space left"
        raise SvbenchError(
            f"{jobs[0].folder}: cannot be written ({reason}); what was scored is kept, "
            "make room and run the same command again"
        ) from error
    return [load_run(job.folder) for job in jobs]


def _results(
    jobs: Sequence[Job], pool: ScoringPool, tasks: list[Task], scratch: Path
) -> Iterator[tuple[Job, TrackResult]]:
    """Separate in turn, score in the pool, and yield results as they are written."""
    pending: deque[Pending] = deque()
    limits = jobs[0].protocol.limits
    # Waiting estimates take disk space; and scoring must not slow a system down that is on the clock.
    most = 0 if limits.is_timed else pool.n_workers
    asked = tuple(dict.fromkeys(t for job in jobs for t in job.protocol.targets))
    logs = {job.folder: KeptLogs(job.folder) for job in jobs}
    with open_host(jobs[0].located, asked, scratch, limits) as host:
        for task in tasks:
            while len(pending) > most:
                yield _collect(pool, pending)
            remaining = []
            for wanted in task.wanted:
                # Another process on the same run may have finished the track since this one began.
                if known := _done(wanted.job, task.track, wanted.key):
                    yield wanted.job, known
                else:
                    remaining.append(wanted)
            if not remaining:
                continue
            task = msgspec.structs.replace(task, wanted=tuple(remaining))
            try:
                taken = _take(host, task)
            except (SystemFailure, AudioError) as error:
                given = host.last_info.targets if host.last_info else None
                for wanted in task.wanted:
                    # Audio that cannot be read is not the system's fault, so its log does not help.
                    log = host.log if isinstance(error, SystemFailure) else None
                    kept = logs[wanted.job.folder].keep(log, task.track.name)
                    yield _write(wanted.job, _failed(task, wanted, error, given, kept))
                continue
            for wanted in task.wanted:
                try:
                    pending.append(_submit(pool, task, wanted, taken, scratch))
                except SystemFailure as error:
                    kept = logs[wanted.job.folder].keep(host.log, task.track.name)
                    yield _write(wanted.job, _failed(task, wanted, error, taken.separated.targets, kept))
        while pending:
            yield _collect(pool, pending)


def _take(host: WorkerHost, task: Task) -> Taken:
    """Find estimates of the track that another run keeps, or have the system make them."""
    track, jobs = task.track, [w.job for w in task.wanted]
    protocols, limits = [j.protocol for j in jobs], jobs[0].protocol.limits
    mixture = track.mixture()
    key = separation_key(jobs[0].located, track, mixture, host.targets, limits)
    notes: tuple[str, ...] = ()
    # A budget is a verdict on this run, so what was measured in another one does not count.
    if jobs[0].may_reuse and jobs[0].redo != "all" and not limits:
        spec = jobs[0].located.spec
        kept = find_kept(jobs[0].folder.parent, spec.id, track, key, host.targets, protocols)
        if kept.separated and kept.made:
            return Taken(kept.separated, kept.made, kept.notes, kept.paths)
        notes = kept.notes
    separated = separate_track(host, track, mixture, protocols)
    # A system that gives more than it says leaves no key: later its gifts would be taken for sums.
    tells_all = set(separated.estimates) == set(separated.targets)
    made = SeparationRecord(key=key if tells_all else "", asked=host.targets, given=separated.targets)
    return Taken(separated, made, notes, {})


def _submit(pool: ScoringPool, task: Task, wanted: Wanted, taken: Taken, scratch: Path) -> Pending:
    """Make estimates fit for one protocol and queue their scoring."""
    track, protocol = task.track, wanted.job.protocol
    fitted = taken.fitted(track, protocol)
    sets = _sets(wanted.job, taken.separated.targets)
    if not sets:
        given = ", ".join(taken.separated.targets)
        raise SystemFailure(f"gives {given}; {' and '.join(wanted.job.scorable[1])}")
    folder, digests = scratch / slug(track.name), {t: samples_digest(a) for t, a in fitted.estimates.items()}
    paths = hand_over(folder, fitted.estimates, digests)
    originals = wanted.originals.paths if wanted.originals else None
    arguments = (track, paths, protocol, sets, originals)
    future = pool.submit(score_track, *arguments)
    return Pending(task, wanted, taken, fitted, digests, sets, folder, arguments, future)


def _sets(job: Job, targets: tuple[str, ...]) -> tuple[str, ...]:
    covered = covered_sets(targets, job.protocol, job.dataset.manifest.head.targets)
    return tuple(s.id for s in covered if s.id in job.scorable[0])


def _collect(pool: ScoringPool, pending: deque[Pending]) -> tuple[Job, TrackResult]:
    """Wait for the oldest scores, keep the estimates if asked, and write the result."""
    done = pending.popleft()
    try:
        scored: Scored = pool.result(done.future, score_track, *done.arguments)
    except AudioError as error:
        reason = AudioError(f"cannot be scored: {error}")
        result = _failed(done.task, done.wanted, reason, done.taken.separated.targets)
    except FileNotFoundError:
        paths: dict[str, Path] = done.arguments[1]
        if all(path.exists() for path in paths.values()):
            raise
        gone = SystemFailure("deleted its scratch folder before this track was scored")
        result = _failed(done.task, done.wanted, gone, done.taken.separated.targets)
    else:
        result = _succeeded(done, scored)
    if not any(p.task is done.task for p in pending):
        shutil.rmtree(done.folder, ignore_errors=True)
    return _write(done.wanted.job, result)


def _succeeded(done: Pending, scored: Scored) -> TrackResult:
    job, separated, fitted = done.wanted.job, done.taken.separated, done.fitted
    made = done.taken.made
    made = msgspec.structs.replace(
        made, notes=(*separated.notes, *fitted.aligned), aligned=made.aligned or bool(fitted.aligned)
    )
    kept = {}
    if job.keep_estimates:
        name, here = done.task.track.name, done.taken.files
        kept = keep_estimates(job.folder, name, fitted.estimates, done.digests, here)
    return TrackResult(
        **_common(done.task, done.wanted),
        status="ok",
        notes=(*separated.notes, *done.taken.notes, *fitted.aligned, *fitted.summed, *scored.notes),
        target_sets=done.sets,
        absent_targets=scored.absent_targets,
        series=scored.series,
        system_version=separated.version,
        resources=separated.resources,
        estimates=kept,
        estimate_digests=done.digests,
        separation=made,
        data_notes=sum_notes(job.dataset.manifest, done.task.track.name, scored.sums),
    )


def _failed(
    task: Task, wanted: Wanted, error: SvbenchError, given: tuple[str, ...] | None, log: str = ""
) -> TrackResult:
    """Build the result of a track without scores; ``given`` are the system's targets, if it said them."""
    job, track = wanted.job, task.track
    # A system that never said what it gives, or gives nothing that is scored, has failed in everything.
    sets = (_sets(job, given) if given else ()) or job.scorable[0]
    return TrackResult(
        **_common(task, wanted),
        status="failed",
        reason=str(error),
        over_budget=f"{error.limit}: {error.told}" if isinstance(error, OverBudget) else "",
        log=log,
        target_sets=sets,
        series=failed_series(job.protocol, sets, track.n_samples / track.rate_hz),
    )


def _common(task: Task, wanted: Wanted) -> dict[str, Any]:
    track = task.track
    return {
        "schema": 1,
        "key": wanted.key.digest,
        "made_from": wanted.key.inputs,
        "track": track.name,
        "subset": track.subset,
        "duration_s": track.n_samples / track.rate_hz,
        "n_samples": track.n_samples,
        "track_digest": task.track_digest,
    }


def _write(job: Job, result: TrackResult) -> tuple[Job, TrackResult]:
    keep_result(job.folder, result)
    return job, result


def _done(job: Job, track: Track, key: ResultKey) -> TrackResult | None:
    """Return the stored result of a track if it need not be made again."""
    path = track_file(job.folder, track.name)
    known = read_record(path, TrackResult) if path.exists() else None
    return known if known and _is_done(known, key.digest, job) else None


def _is_done(known: TrackResult, key: str, job: Job) -> bool:
    """Whether a stored result stands, by the user's ``--redo``."""
    if job.redo == "all":
        return False
    if job.redo == "never":
        return True
    if is_changing(job.folder, known.track):
        return False
    if known.key != key or (job.redo == "failed" and known.status == "failed"):
        return False
    return not (job.keep_estimates and known.status == "ok" and not has_estimates(job.folder, known))
