"""Separate and score a data set with one or more systems, under one or more protocols."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from svbench.cli.main import OK, SYSTEM_FAILED
from svbench.cli.output import Progress, print_json, random_weights_argument, strict_argument

if TYPE_CHECKING:
    from svbench.datasets.api import Dataset
    from svbench.results.scores import TrackResult
    from svbench.results.store import Run
    from svbench.running.jobs import Job
    from svbench.specs.system import LocatedSystem


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "protocol", nargs="+",
        help="protocol ids or TOML files; every track is separated once and scored under all of them",
    )  # fmt: skip
    parser.add_argument(
        "--data", required=True, metavar="MANIFEST=PATH",
        help="data set id or manifest, and where its files lie; `demo` alone is the embedded music",
    )  # fmt: skip
    parser.add_argument(
        "--system", action="extend", nargs="+", required=True, metavar="FILE_OR_NAME",
        help="one or more; may be given several times",
    )  # fmt: skip
    parser.add_argument("--subset", help="only this subset of the data set, e.g. test")
    parser.add_argument(
        "--track", action="extend", nargs="+", default=[], help="only these tracks; may be repeated"
    )
    add_run_arguments(parser)
    strict_argument(parser)
    random_weights_argument(parser)
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that `demo` shares."""
    parser.add_argument(
        "--out", type=Path, default=Path("runs"), help="folder of runs (default: %(default)s)"
    )
    parser.add_argument(
        "--redo", choices=["never", "missing", "failed", "all"], default="failed",
        help="which tracks to do again: never any that has a result; those whose data, system or protocol "
        "changed (missing); also failed ones (failed, the default); all",
    )  # fmt: skip
    parser.add_argument(
        "--keep-estimates", action="store_true",
        help="keep the estimates as float WAV; a later run of another protocol then scores them",
    )  # fmt: skip
    parser.add_argument(
        "--limits", choices=["default", "none"], default="default",
        help="what a system may take of the machine: the limits printed at the start (default), or none but "
        "those of its file and of the protocol",
    )  # fmt: skip
    workers_argument(parser)


def workers_argument(parser: argparse.ArgumentParser) -> None:
    """Declare how many processes score."""
    parser.add_argument("--workers", type=_positive, help="scoring processes (default: one per core)")


def run(options: argparse.Namespace) -> int:
    """Run every system in turn and print the leaderboard."""
    from svbench.datasets.api import open_dataset
    from svbench.specs.manifest import load_manifest
    from svbench.specs.protocol import load_protocol
    from svbench.specs.system import load_system, permitted

    name, root = data_argument(options.data)
    protocols = [load_protocol(p) for p in options.protocol]
    systems = [
        limited(permitted(load_system(s), random_weights=options.random_weights), options)
        for s in options.system
    ]
    dataset = open_dataset(load_manifest(name), root, subset=options.subset, tracks=options.track)
    if options.strict:
        _refuse_leaks(systems, dataset)
    from svbench.running.jobs import jobs_of

    jobs = [
        job
        for s in systems
        for p in protocols
        for job in jobs_of(s, p, dataset, options.out, options.redo, options.keep_estimates)
    ]
    runs = run_jobs(jobs, options)
    if options.json:
        print_json([run_summary(r) for r in runs])
    else:
        from svbench.report.text.terminal import print_leaderboard

        print_leaderboard(runs)
        for done in runs:
            variant = done.record.data.variant
            print(f"run: {done.path}{f' ({variant})' if variant else ''}")
    return SYSTEM_FAILED if any(r.failed for r in runs) else OK


def limited(located: LocatedSystem, options: argparse.Namespace) -> LocatedSystem:
    """Return a system as ``--limits`` has it."""
    from svbench.specs.system import unlimited

    return unlimited(located) if options.limits == "none" else located


def _refuse_leaks(systems: list[LocatedSystem], dataset: Dataset) -> None:
    """Refuse systems trained on tracks they would be measured on, before anything is separated."""
    from svbench.errors import DataError
    from svbench.specs.relations import overlap

    tracks = tuple(t.name for t in dataset.tracks)
    for spec in (s.spec for s in systems):
        shared = overlap(spec.training_data, dataset.manifest.head.id, tracks).tracks
        if shared:
            raise DataError(
                f"{spec.id} was trained on {', '.join(dict.fromkeys(shared.values()))}, which holds "
                f"{len(shared)} of the {len(tracks)} tracks; choose other tracks, or do without --strict"
            )


def run_jobs(jobs: list[Job], options: argparse.Namespace) -> list[Run]:
    """Run jobs in one scoring pool, those that share separations together; tell the progress on stderr."""
    from svbench.results.provenance import collect
    from svbench.running.jobs import share
    from svbench.running.runner import run_group
    from svbench.scoring.pool import n_cores, scoring_pool
    from svbench.systems.worker.limits import described

    limits = described(j.located.spec for j in jobs)
    print(limits, file=sys.stderr)
    arguments = {**{k: str(v) for k, v in vars(options).items()}, "limits": limits}
    arguments = dict(sorted(arguments.items()))
    provenance = collect(["svbench", *sys.argv[1:]], arguments)
    groups = share(jobs)
    progress = Progress(sum(len(j.dataset.tracks) for group in groups for j in group))

    def tell(job: Job, result: TrackResult, is_new: bool) -> None:
        parts = (job.protocol.id, job.located.spec.id, job.dataset.variant, result.track)
        label = " · ".join(p for p in parts if p)
        if result.status == "failed":
            log = f" (log: {job.folder / result.log})" if result.log else ""
            progress.say(f"{label} FAILED: {result.reason}{log}")
        for note in result.data_notes:
            progress.say(f"{label}: warning: {note}")
        made = result.separation
        origin = f" (estimates of {made.origin})" if is_new and made and made.origin else ""
        progress.step(f"{label}{origin if is_new else ' (kept)'}", counts=is_new)

    done: dict[Path, Run] = {}
    with scoring_pool(options.workers or n_cores()) as pool:
        for group in groups:
            for run in run_group(group, pool, provenance, tell):
                done[run.path] = run
    return [done[job.folder] for job in jobs]


def run_summary(run: Run) -> dict[str, object]:
    """Return a run's printed numbers as plain values."""
    import msgspec

    from svbench.report.view.leak_notes import affected_cells, overlap_of, unstable_sentences
    from svbench.results.aggregate import summarise

    affected = affected_cells(run)
    clean = summarise(run, allow_incomplete=True, leave_out=affected) if affected else []
    return {
        "run": str(run.path),
        "system": run.record.system.id,
        "kind": run.record.system.kind,
        "protocol": run.record.protocol.id,
        "protocol_digest": run.record.protocol_digest,
        "dataset": run.record.data.id,
        "variant": run.record.data.variant,
        "n_tracks": len(run.record.data.tracks),
        "left_out": list(run.record.data.left_out),
        "read_as": list(run.record.data.read_as),
        "data_notes": list(run.data_notes),
        "failed": {r.track: r.reason for r in run.failed},
        "missing": list(run.missing),
        "summaries": msgspec.to_builtins(summarise(run, allow_incomplete=True)),
        "summaries_without_errata": msgspec.to_builtins(clean),
        "errata": [{"track": t, "target": s, "defect": d} for (t, s), d in affected.items()],
        "leaked_tracks": overlap_of(run).tracks,
        "unstable": unstable_sentences([run]),
    }


def data_argument(text: str) -> tuple[str, Path]:
    """Split ``MANIFEST=PATH``; ``demo`` alone means the music shipped with svbench.

    Raises
    ------
    SpecError
        There is no ``=``, or no such folder.
    """
    from svbench.errors import SpecError

    name, equals, path = text.partition("=")
    if text == "demo":
        from svbench.datasets.demo import DEMO_ID, demo_root

        return DEMO_ID, demo_root()
    if not equals or not name or not path:
        raise SpecError(
            "--data", "", f"expected MANIFEST=PATH (e.g. folder=my_music) or demo, found {text!r}"
        )
    root = Path(path).expanduser()
    if not root.is_dir():
        raise SpecError("--data", "", f"{path}: no such folder")
    return name, root


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, found {text!r}")
    return int(text)
