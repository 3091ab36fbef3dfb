"""Run systems on data: evaluate, repeat a run from its record, sweep a parameter."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from svbench.api import inputs
from svbench.api.results import Results, Run, results_of
from svbench.datasets.api import Dataset
from svbench.errors import DataError, SpecError, SvbenchError
from svbench.results import store
from svbench.results.record import Provenance, collect
from svbench.scoring.pool import n_cores, scoring_pool
from svbench.specs.protocol import Protocol
from svbench.specs.system import Isolation, LocatedSystem, isolated
from svbench.systems.in_process import CallableSystem

if TYPE_CHECKING:
    from svbench.report.layouts.sweeps import Sweep
    from svbench.results.scores import TrackResult
    from svbench.running.jobs import Job, Redo


def evaluate(
    system: inputs.System | Sequence[inputs.System],
    data: str | Path | Dataset,
    protocol: str | Path | Protocol | Sequence[str | Path | Protocol],
    *,
    tracks: Sequence[str] = (),
    subset: str | None = None,
    name: str | None = None,
    out: str | Path | None = None,
    redo: Redo = "failed",
    keep_estimates: bool = False,
    limits: bool = True,
    isolation: Isolation = "none",
    random_weights: bool = False,
    strict: bool = False,
    workers: int | None = None,
    progress: inputs.Progress = inputs.ignore,
    provenance: Provenance | None = None,
) -> Results:
    """Separate and score a data set with one or more systems, under one or more protocols.

    Every track is separated once, whatever the number of protocols. Each finished track is written at once;
    the same call with the same ``out`` goes on where an earlier one stopped.

    Parameters
    ----------
    system : str, Path, LocatedSystem, callable, or a list of these
        An id (``"hpss"``), a system file (``"my_system.toml"``), or a function that takes the mixture as an
        `Audio` (``samples`` of shape (n_samples, n_channels), ``rate_hz``) and returns a dict of target to
        array of that shape. Systems that have a file run in a process of their own. A function runs in
        this process: it is not isolated, no limit is enforced, and its runs are marked by the adapter
        ``callable``. Every call measures it anew. It may have the attributes ``targets``, ``rate_hz`` (the
        rate it works at) and ``training_data``.
    data : str, Path or Dataset
        ``"demo"`` (the music that comes with svbench), ``"MANIFEST=PATH"`` such as
        ``"musdb18-hq=/data/musdb18hq"``, or the path of a folder of ``<track>/<stem>.wav``.
    protocol : str, Path, Protocol, or a list of these
        Ids or TOML files.
    tracks : sequence of str, optional
        Only these tracks.
    subset : str, optional
        Only this subset of the data set, such as ``"test"``.
    name : str, optional
        What to call a function; its own name by default.
    out : path, optional
        A folder of runs to write to, such as ``"runs"``. By default the runs lie in a temporary folder
        that is deleted together with what is returned.
    redo : {"never", "missing", "failed", "all"}
        Which tracks in ``out`` to do again: none that has a result; those whose data, system or protocol
        changed; also failed ones; all.
    keep_estimates : bool
        Keep the estimates as float WAV in the run folders.
    limits : bool
        Whether the default limits of memory, disk and time hold for systems; those of a system file and
        of a protocol always do.
    isolation : {"none", "sandbox"}
        ``"sandbox"`` keeps each system's worker from the data set, the runs, other processes and the
        network; for systems that are not your own. Times are then taken by svbench's clock.
    random_weights : bool
        Let systems that name no checkpoint run with random weights, to measure what they cost.
    strict : bool
        Refuse systems trained on tracks that they would be measured on.
    workers : int, optional
        Scoring processes; one per core by default.
    progress : callable, optional
        Called with a `Step` for each track of each run.
    provenance : Provenance, optional
        The command to be recorded; this call by default.

    Returns
    -------
    Results
        A run for each system, protocol and variant of the data. A track that a system failed on is a row
        with the reason, not an exception; see `Results.failed`.

    Raises
    ------
    SpecError, UnknownNameError
        A system, protocol, data set or track is not known or its file is wrong; a function under a
        protocol with limits, which cannot be enforced in this process.
    DataError, AudioError
        The data set cannot be opened, or ``strict`` refuses a system.

    Examples
    --------
    >>> import svbench
    >>> def half(mixture):
    ...     return {"vocals": mixture.samples / 2, "accompaniment": mixture.samples / 2}
    >>> results = svbench.evaluate(half, "demo", "mdx21", tracks=["caesium"], workers=1)
    >>> results
    Results(1 run: half under mdx21, 1 of 1 tracks)
    >>> results.summary()[["system", "target", "score"]].round(2)
      system         target  score
    0   half         vocals   3.74
    1   half  accompaniment   1.17
    2   half           mean   2.46
    """
    given = inputs.given_data(data)
    protocols = [inputs.read_protocol(p) for p in inputs.listed(protocol)]
    systems = [
        inputs.read_system(s, name=name, random_weights=random_weights, limits=limits)
        for s in inputs.listed(system)
    ]
    if not (systems and protocols):
        raise SpecError("system" if protocols else "protocol", "", "the list is empty; give one or more")
    dataset = inputs.chosen_dataset(given, subset, tracks)
    for located in systems:
        _refuse_unenforced(located, protocols, isolation)
        if strict:
            _refuse_leaks(located, dataset)
    if isolation == "sandbox":
        hidden = [dataset.root, *([Path(out)] if out is not None else [])]
        systems = [isolated(s, hidden) for s in systems]
    from svbench.running.jobs import jobs_of

    provenance = provenance or collect(
        ["svbench.evaluate"], {"system": ", ".join(s.spec.id for s in systems), "data": str(data)}
    )
    folder = Path(out) if out is not None else Path(tempfile.mkdtemp(prefix="svbench-"))
    try:
        jobs = [
            job
            for s in systems
            for p in protocols
            for job in jobs_of(s, p, dataset, folder, redo, keep_estimates)
        ]
        runs = run_jobs(jobs, workers, progress, provenance)
    except BaseException:
        if out is None:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return Results(runs, folder if out is None else None)


def run_jobs(
    jobs: Sequence[Job], workers: int | None, progress: inputs.Progress, provenance: Provenance
) -> list[store.Run]:
    """Run jobs in one scoring pool, those that can share a separation together, and return their runs."""
    from svbench.running.jobs import share
    from svbench.running.runner import run_group
    from svbench.systems.worker.limits import describe_limits
    from svbench.systems.worker.sandbox import describe_sandbox

    groups = share(jobs)
    total = sum(len(j.dataset.tracks) for group in groups for j in group)
    limits = describe_limits(j.located.spec for j in jobs)
    arguments, messages = {**provenance.arguments, "limits": limits}, limits.splitlines()
    if any(job.located.isolation == "sandbox" for job in jobs):
        arguments["isolation"] = describe_sandbox()
        messages.append(f"isolation: {arguments['isolation']}")
    progress(inputs.Step(total, "", tuple(messages)))
    arguments = dict(sorted(arguments.items()))
    provenance = msgspec.structs.replace(provenance, arguments=arguments)

    def report(job: Job, result: TrackResult, is_new: bool) -> None:
        parts = (job.protocol.id, job.located.spec.id, job.dataset.variant, result.track)
        label = " · ".join(p for p in parts if p)
        log = f" (log: {job.folder / result.log})" if result.log else ""
        messages = [f"{label} FAILED: {result.reason}{log}"] if result.status == "failed" else []
        messages += [f"{label}: warning: {note}" for note in result.data_notes]
        made = result.separation
        origin = f" (estimates of {made.origin})" if is_new and made and made.origin else ""
        text = f"{label}{origin if is_new else ' (kept)'}"
        progress(inputs.Step(total, text, tuple(messages), is_new))

    done: dict[Path, store.Run] = {}
    with scoring_pool(workers or n_cores()) as pool:
        for group in groups:
            for run in run_group(group, pool, provenance, report):
                done[run.path] = run
    return [done[job.folder] for job in jobs]


def rerun(
    run: store.Run | str | Path,
    out: str | Path = "reruns",
    *,
    data: str | Path | None = None,
    system: str | Path | None = None,
    trust: bool = False,
    workers: int | None = None,
    progress: inputs.Progress = inputs.ignore,
    provenance: Provenance | None = None,
) -> Run:
    """Repeat a run from its record: the same protocol, data, system and parameters.

    Parameters
    ----------
    run : Run or path
    out : path
        Folder of runs to write to; not the one that holds the run.
    data : path, optional
        Where the recordings are now; by default where they were then.
    system : path, optional
        The system's file, if it has moved.
    trust : bool
        Execute what the record names. A record may come from a stranger, and repeating it runs programs;
        not needed with ``system``.
    workers, progress, provenance
        As in `evaluate`.

    Returns
    -------
    Run

    Raises
    ------
    SvbenchError
        Neither ``trust`` nor ``system`` is given, or something that the run was made from has changed.
    """
    from svbench.running.rerun import rerun_jobs

    before = inputs.read_run(run)
    if not (trust or system):
        raise SvbenchError(
            f"{before.path}: nothing was run, since a record may come from a stranger; if you know who "
            "made it, add --trust (trust=True in Python), or name your own file of the system with --system"
        )
    jobs = rerun_jobs(
        before, Path(out), data=(data and Path(data)) or None, system=(system and Path(system)) or None
    )
    provenance = provenance or collect(["svbench.rerun"], {"run": str(before.path)})
    return results_of(run_jobs(jobs, workers, progress, provenance)[-1])[0]


class Swept(NamedTuple):
    """A sweep, the folder with its table and curve, and its runs."""

    sweep: Sweep
    folder: Path
    runs: Results


def sweep(
    system: str | Path | LocatedSystem,
    parameters: Sequence[str],
    data: str | Path | Dataset,
    protocol: str | Path | Protocol,
    *,
    tracks: Sequence[str] = (),
    subset: str | None = None,
    out: str | Path = "runs",
    redo: Redo = "failed",
    keep_estimates: bool = False,
    limits: bool = True,
    workers: int | None = None,
    progress: inputs.Progress = inputs.ignore,
    provenance: Provenance | None = None,
) -> Swept:
    """Run a system with several values of a parameter, and write quality against cost as table and curve.

    Parameters
    ----------
    system : str, Path or LocatedSystem
    parameters : sequence of str
        Such as ``"window=1024,2048"``: a parameter of the system file and its values; several make a grid.
    out : path
        Folder of runs; the sweep is written beside them.
    data, protocol, tracks, subset, redo, keep_estimates, limits, workers, progress, provenance
        As in `evaluate`.

    Returns
    -------
    Swept

    Raises
    ------
    SpecError
        The system has no such parameter.
    """
    from svbench.report.layouts.sweeps import sweep_csv, sweep_curve, sweep_of
    from svbench.running.jobs import Job, job_folder
    from svbench.specs.records import digest
    from svbench.specs.system import parameter_values, variants

    given, rule, place = inputs.given_data(data), inputs.read_protocol(protocol), Path(out)
    located = inputs.read_system(system, limits=limits, check_weights=False)
    grid = variants(located, [parameter_values(text) for text in parameters])
    dataset = inputs.chosen_dataset(given, subset, tracks)
    jobs = [
        Job(v.located, rule, dataset, job_folder(place, v.located, rule, dataset), redo, keep_estimates)
        for v in grid
    ]
    provenance = provenance or collect(["svbench.sweep"], {"parameters": ", ".join(parameters)})
    runs = run_jobs(jobs, workers, progress, provenance)
    curve = sweep_of(located.spec.id, runs, [v.values for v in grid])
    identity = digest([p.run for p in curve.points])
    folder = place / f"sweep--{curve.system}--{curve.protocol}--{identity[:8]}"
    store.write_record(folder / "sweep.json", curve)
    (folder / "sweep.csv").write_text(sweep_csv(curve), encoding="utf-8")
    (folder / "sweep.svg").write_text(sweep_curve(curve, "sweep") + "\n", encoding="utf-8")
    return Swept(curve, folder, Results(runs))


def _refuse_unenforced(located: LocatedSystem, protocols: Sequence[Protocol], isolation: Isolation) -> None:
    if isinstance(located, CallableSystem) and isolation != "none":
        raise SpecError(
            f"system {located.spec.id}",
            "isolation",
            "is a function in this process, which no sandbox can hold; write a system file with "
            'adapter = "python" for it',
        )
    limited = next((p for p in protocols if p.limits), None)
    if limited and isinstance(located, CallableSystem):
        raise SpecError(
            f"protocol {limited.id}",
            "limits",
            f"cannot be enforced on {located.spec.id}, a function in this process; write a system file with "
            'adapter = "python" for it, or choose a protocol without limits',
        )


def _refuse_leaks(located: LocatedSystem, dataset: Dataset) -> None:
    """Refuse a system trained on tracks it would be measured on, before anything is separated."""
    from svbench.specs.relations import overlap

    tracks = tuple(t.name for t in dataset.tracks)
    shared = overlap(located.spec.training_data, dataset.manifest.head.id, tracks).tracks
    if shared:
        raise DataError(
            f"{located.spec.id} was trained on {', '.join(dict.fromkeys(shared.values()))}, which holds "
            f"{len(shared)} of the {len(tracks)} tracks; choose other tracks, or do without --strict"
        )
