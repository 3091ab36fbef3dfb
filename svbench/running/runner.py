"""Run a system: separate the tracks one by one while earlier ones are scored in other processes.

A track is separated once, however many protocols score it. The result of every track is written as soon as
it exists: whatever stops a run (Ctrl-C, a full disk) loses at most the tracks in progress, and the same
command continues from there.

`run_group` is the whole flow: list what needs to be done, open the run folders, then for each track get its
estimates, queue their scoring, collect the scores and write the result.
"""

from __future__ import annotations

import errno
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from svbench.datasets.api import Track
from svbench.datasets.verify import sum_notes
from svbench.errors import AudioError, OverBudget, SvbenchError, SystemFailure
from svbench.results.folders import refuse_links_out
from svbench.results.record import Provenance
from svbench.results.scores import TrackResult
from svbench.results.scratch import remove_partial_files, scratch_folder
from svbench.results.store import Run, load_run, read_record, slug, track_file
from svbench.running import reuse, run_folder
from svbench.running.jobs import Job
from svbench.running.separation import Fitted, Separated, fit, separate_track
from svbench.scoring.pool import Call, ScoringPool
from svbench.scoring.track import Scored, score_track
from svbench.systems.in_process import open_host
from svbench.systems.worker.host import WorkerHost

Report = Callable[[Job, TrackResult, bool], None]
Done = tuple[Job, TrackResult]


def run_group(jobs: Sequence[Job], pool: ScoringPool, provenance: Provenance, report: Report) -> list[Run]:
    """Separate each track that needs it once for all jobs of a group, and score it for each of them.

    Parameters
    ----------
    jobs : sequence of Job
        One group of `share`.
    pool : ScoringPool
    provenance : Provenance
        Added to the record of each run in which anything new is computed.
    report : callable
        Called as ``report(job, result, is_new)`` for each track of each job, in the order they finish.

    Returns
    -------
    list of Run
        The runs as they are on disk. A failed track is a result with a reason, not an exception.

    Raises
    ------
    SvbenchError
        The runs cannot go on, for example because the disk is full.
    """
    for job in jobs:
        refuse_links_out(job.folder)
    todo = _todo(jobs, report)
    changed = {item.job.folder for items in todo for item in items}
    try:
        with ExitStack() as stack:
            scratches = []  # one in each run folder, where it also shows that a process is at work
            for job in jobs:
                job.folder.mkdir(parents=True, exist_ok=True)
                scratches.append(stack.enter_context(scratch_folder(job.folder)))
                remove_partial_files(job.folder, scratches[-1])
                run_folder.write_run_record(job, provenance, is_new=job.folder in changed)
            for job, result in _results(jobs, pool, todo, scratches[0]):
                report(job, result, True)
            for job in jobs:
                if job.folder in changed:
                    run_folder.write_run_record(job, provenance, is_new=True, again=True)
    except OSError as error:
        if error.errno not in (None, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise
        # numpy reports a short write as an OSError without errno; a full disk is its only cause here.
        reason = error.strerror or "no space left"
        raise SvbenchError(
            f"{jobs[0].folder}: cannot be written ({reason}); what was scored is kept, "
            "make room and run the same command again"
        ) from error
    return [load_run(job.folder) for job in jobs]


class Item(msgspec.Struct, frozen=True, eq=False):
    """A track to be done for one job.

    ``originals`` are the estimates that those of a variant are compared with, if the protocol does so.
    """

    job: Job
    track: Track
    track_digest: str
    key: reuse.ResultKey
    originals: reuse.Originals | None


class Pending(msgspec.Struct, frozen=True, eq=False):
    """A separated track that is being scored under one protocol; ``folder`` is its scratch folder."""

    item: Item
    separated: Separated
    fitted: Fitted
    sets: tuple[str, ...]
    folder: Path
    paths: dict[str, Path]
    call: Call[Scored]


def _todo(jobs: Sequence[Job], report: Report) -> list[list[Item]]:
    """List, track by track, the jobs that need the track; report the results that need not be made again."""
    todo = []
    for track in jobs[0].dataset.tracks:
        track_digest, items = track.digest(), []
        for job in jobs:
            originals = reuse.kept_originals(job.original, track.name) if job.original else None
            digests = originals.digests if originals else None
            key = reuse.result_key(job.bound, job.located, track.name, track_digest, digests)
            item = Item(job, track, track_digest, key, originals)
            if stored := _stored(item):
                report(job, stored, False)
            else:
                items.append(item)
        if items:
            todo.append(items)
    return todo


def _stored(item: Item) -> TrackResult | None:
    """Return the stored result of a track if, by the user's ``--redo``, it need not be made again."""
    job = item.job
    path = track_file(job.folder, item.track.name)
    known = read_record(path, TrackResult) if path.exists() else None
    if known is None or job.redo == "all":
        return None
    if job.redo == "never":
        return known
    is_stale = (
        run_folder.is_changing(job.folder, known.track)
        or known.key != item.key.digest
        or (job.redo == "failed" and known.status == "failed")
        or (job.keep_estimates and known.status == "ok" and not run_folder.has_estimates(job.folder, known))
    )
    return None if is_stale else known


def _results(jobs: Sequence[Job], pool: ScoringPool, todo: list[list[Item]], scratch: Path) -> Iterator[Done]:
    """Separate the tracks in turn, score them in the pool, and yield each result once it is written."""
    pending: deque[Pending] = deque()
    limits = jobs[0].protocol.limits
    # Estimates that wait for scoring take disk space, so only a few may. Under a time limit none may:
    # scoring would take cores from the system and so decide whether it keeps the limit.
    max_pending = 0 if limits.is_timed else pool.n_workers
    asked = tuple(dict.fromkeys(t for job in jobs for t in job.protocol.targets))
    logs = {job.folder: run_folder.KeptLogs(job.folder) for job in jobs}
    with open_host(jobs[0].located, asked, scratch, limits) as host:

        def failed(item: Item, error: SvbenchError, targets: tuple[str, ...] | None) -> Done:
            # Audio that cannot be read is not the system's fault, so its log does not help.
            log = host.log if isinstance(error, SystemFailure) else None
            kept_log = logs[item.job.folder].keep(log, item.track.name)
            return _written(item, _failed(item, error, targets, kept_log))

        for all_items in todo:
            while len(pending) > max_pending:
                yield _collect(pending)
            items = []
            for item in all_items:
                # Another process on the same run may have finished the track since this one began.
                if stored := _stored(item):
                    yield item.job, stored
                else:
                    items.append(item)
            if not items:
                continue
            try:
                separated = _separated(host, items)
            except (SystemFailure, AudioError) as error:
                for item in items:
                    yield failed(item, error, host.last_info.targets if host.last_info else None)
                continue
            fits: dict[Any, Fitted] = {}  # protocols with the same rule and targets share one
            for item in items:
                protocol = item.job.protocol
                rule = (protocol.alignment, protocol.targets)
                try:
                    if rule not in fits:
                        fits[rule] = fit(separated, item.track, item.job.bound)
                    pending.append(_submit(pool, item, separated, fits[rule], scratch))
                except SystemFailure as error:
                    yield failed(item, error, separated.made.given)
        while pending:
            yield _collect(pending)


def _separated(host: WorkerHost, items: Sequence[Item]) -> Separated:
    """Find estimates of a track that another run keeps, or have the system make them."""
    track, job = items[0].track, items[0].job
    protocols, limits = [item.job.protocol for item in items], job.protocol.limits
    mixture = track.mixture()
    key = reuse.separation_key(job.located, track, mixture, host.targets, limits)
    notes: tuple[str, ...] = ()
    # A run under limits must show that the system keeps them, so times measured in another run do not count.
    if job.may_reuse and job.redo != "all" and not limits:
        kept, notes = reuse.find_kept(
            job.folder.parent, job.located.spec.id, track, key, host.targets, protocols
        )
        if kept:
            return kept
    separated = separate_track(host, track, mixture, protocols)
    # The estimates of a system that returns more targets than it declares get no key: another run would
    # take those that it did not declare for sums of others, and leave them out.
    if set(separated.estimates) != set(separated.made.given):
        key = ""
    return replace(separated, made=msgspec.structs.replace(separated.made, key=key), origin=notes)


def _submit(pool: ScoringPool, item: Item, separated: Separated, fitted: Fitted, scratch: Path) -> Pending:
    """Queue the scoring of a track's estimates under one protocol."""
    sets = item.job.covered(separated.made.given)
    if not sets:
        given = ", ".join(separated.made.given)
        raise SystemFailure(f"gives {given}; {' and '.join(item.job.scorable[1])}")
    folder = scratch / slug(item.track.name)
    paths = run_folder.hand_over(folder, fitted.estimates, fitted.digests)
    originals = item.originals.paths if item.originals else None
    call = pool.submit(score_track, item.track, paths, item.job.bound, sets, originals)
    return Pending(item, separated, fitted, sets, folder, paths, call)


def _collect(pending: deque[Pending]) -> Done:
    """Wait for the oldest scores, keep the estimates if asked, and write the result."""
    done = pending.popleft()
    item, targets = done.item, done.separated.made.given
    try:
        scored = done.call.result()
    except AudioError as error:
        result = _failed(item, AudioError(f"cannot be scored: {error}"), targets)
    except FileNotFoundError:
        if all(path.exists() for path in done.paths.values()):
            raise
        gone = SystemFailure("deleted its scratch folder before this track was scored")
        result = _failed(item, gone, targets)
    else:
        result = _succeeded(done, scored)
    # The protocols of a track share its scratch folder, so the last of them removes it.
    if not any(p.folder == done.folder for p in pending):
        shutil.rmtree(done.folder, ignore_errors=True)
    return _written(item, result)


def _succeeded(done: Pending, scored: Scored) -> TrackResult:
    """Keep the estimates of a scored track if asked, and build its result."""
    item, separated, fitted = done.item, done.separated, done.fitted
    job, name, made = item.job, item.track.name, separated.made
    kept = {}
    if job.keep_estimates:
        kept = run_folder.keep_estimates(job.folder, name, fitted.estimates, fitted.digests, separated.files)
    return _result(
        item,
        status="ok",
        notes=(*separated.notes, *separated.origin, *fitted.aligned, *fitted.summed, *scored.notes),
        target_sets=done.sets,
        absent_targets=scored.absent_targets,
        series=scored.series,
        system_version=separated.version,
        resources=separated.resources,
        estimates=kept,
        estimate_digests=fitted.digests,
        separation=msgspec.structs.replace(
            made, notes=(*separated.notes, *fitted.aligned), aligned=made.aligned or bool(fitted.aligned)
        ),
        data_notes=sum_notes(job.dataset.manifest, name, scored.sums),
    )


def _failed(item: Item, error: SvbenchError, targets: tuple[str, ...] | None, log: str = "") -> TrackResult:
    """Build the result of a track without scores; ``targets`` are the system's, if it has declared them."""
    job, track = item.job, item.track
    # A system that never declared its targets, or gives none that are scored, has failed in all target sets.
    sets = (job.covered(targets) if targets else ()) or job.scorable[0]
    return _result(
        item,
        status="failed",
        reason=str(error),
        over_budget=f"{error.limit}: {error.excess}" if isinstance(error, OverBudget) else "",
        log=log,
        target_sets=sets,
        series=job.bound.failed_series(sets, track.n_samples / track.rate_hz),
    )


def _result(item: Item, **outcome: Any) -> TrackResult:
    track = item.track
    return TrackResult(
        schema=1,
        key=item.key.digest,
        made_from=item.key.inputs,
        track=track.name,
        subset=track.subset,
        duration_s=track.n_samples / track.rate_hz,
        n_samples=track.n_samples,
        track_digest=item.track_digest,
        **outcome,
    )


def _written(item: Item, result: TrackResult) -> Done:
    run_folder.keep_result(item.job.folder, result)
    return item.job, result
