"""Run a system with several values of a parameter: quality against cost, as a table and a curve."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from svbench.cli.main import OK, SYSTEM_FAILED
from svbench.cli.output import print_json, print_line, print_rows
from svbench.cli.verbs.run import add_run_arguments, data_argument, limited, run_jobs

if TYPE_CHECKING:
    from svbench.report.layouts.sweeps import Point, Sweep


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("system", metavar="FILE_OR_NAME", help="the system to vary")
    parser.add_argument(
        "--param", action="append", required=True, metavar="NAME=VALUE,VALUE,…",
        help="a parameter of the system file and its values; several make a grid",
    )  # fmt: skip
    parser.add_argument("--protocol", required=True, help="protocol id or TOML file")
    parser.add_argument(
        "--data", required=True, metavar="MANIFEST=PATH",
        help="data set id or manifest, and where its files lie; `demo` alone is the embedded music",
    )  # fmt: skip
    parser.add_argument("--subset", help="only this subset of the data set, e.g. test")
    parser.add_argument(
        "--track", action="extend", nargs="+", default=[], help="only these tracks; may be repeated"
    )
    add_run_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the sweep as JSON")


def run(options: argparse.Namespace) -> int:
    """Run every derived system, print the table and write table and curve beside the runs."""
    from svbench.datasets.api import open_dataset
    from svbench.report.layouts.sweeps import sweep_of
    from svbench.running.jobs import Job, job_folder
    from svbench.specs.manifest import load_manifest
    from svbench.specs.protocol import load_protocol
    from svbench.specs.system import load_system
    from svbench.specs.variants import parameter_values, variants

    name, root = data_argument(options.data)
    protocol = load_protocol(options.protocol)
    located = limited(load_system(options.system), options)
    grid = variants(located, [parameter_values(text) for text in options.param])
    dataset = open_dataset(load_manifest(name), root, subset=options.subset, tracks=options.track)
    jobs = [
        Job(
            v.located,
            protocol,
            dataset,
            job_folder(options.out, v.located, protocol, dataset),
            options.redo,
            options.keep_estimates,
        )
        for v in grid
    ]
    runs = run_jobs(jobs, options)
    found = sweep_of(located.spec.id, runs, [v.values for v in grid])
    folder = _write(found, options.out)
    if options.json:
        import msgspec

        print_json(msgspec.to_builtins(found))
    else:
        _print(found)
        print(f"curve: {folder / 'sweep.svg'}")
    return SYSTEM_FAILED if any(r.failed for r in runs) else OK


def _write(found: Sweep, out: Path) -> Path:
    from svbench.report.layouts.sweeps import sweep_csv, sweep_curve
    from svbench.results.store import write_record
    from svbench.specs.records import digest

    identity = digest([p.run for p in found.points])
    folder = out / f"sweep--{found.system}--{found.protocol}--{identity[:8]}"
    write_record(folder / "sweep.json", found)
    (folder / "sweep.csv").write_text(sweep_csv(found), encoding="utf-8")
    (folder / "sweep.svg").write_text(sweep_curve(found, "sweep") + "\n", encoding="utf-8")
    return folder


def _score(point: Point) -> str:
    from svbench.report.view.leak_notes import LEAK
    from svbench.report.view.numbers import decibels

    clean = point.score_without_errata
    beside = f" ({decibels(clean, 'ok')})" if clean is not None else ""
    return decibels(point.score, point.status) + beside + (f" {LEAK}" if point.n_leaked_tracks else "")


def _print(found: Sweep) -> None:
    from svbench.report.view.numbers import bytes_text
    from svbench.specs.variants import value_text

    columns = [*found.parameters, "score", "rtf", "memory", "tracks"]
    head = {**{n: n for n in found.parameters}, "score": found.score, "rtf": "real-time factor"}
    rows = [{**head, "memory": "peak memory", "tracks": "tracks"}]
    for p in found.points:
        rows.append(
            {
                **{n: value_text(v) for n, v in p.values.items()},
                "score": _score(p),
                "rtf": "–" if p.rtf is None else f"{p.rtf:.4f}",
                "memory": "–" if p.peak_rss_bytes is None else bytes_text(p.peak_rss_bytes),
                "tracks": f"{p.n_tracks} of {found.n_tracks}",
            }
        )
    print(f"{found.system} · {found.protocol} {found.protocol_digest[:8]} · {found.label} [{found.unit}]")
    print_rows(rows, columns)
    for note in found.notes:
        print_line(note)
    print("Scoring ran on the same machine at the same time, so small differences of time are no finding.")
