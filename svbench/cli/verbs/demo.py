"""Run nine systems on the embedded music under two protocols and write a report."""

from __future__ import annotations

import argparse
from pathlib import Path

from svbench.cli.main import OK, SYSTEM_FAILED
from svbench.cli.verbs.run import add_run_arguments

PROTOCOLS = ("sisec18", "mdx21")
SYSTEMS = ("mixture", "silence", "centre", "hpss", "repet", "ibm1", "irm1", "irm2", "mwf")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_run_arguments(parser)
    parser.add_argument(
        "--report", type=Path, default=Path("out/demo"), help="folder of the report (default: %(default)s)"
    )
    parser.set_defaults(keep_estimates=True)


def run(options: argparse.Namespace) -> int:
    """Run all systems under both protocols, print the leaderboards, write the report."""
    from svbench.cli.verbs.run import limited, run_jobs
    from svbench.datasets.api import open_dataset
    from svbench.datasets.demo import DEMO_ID, demo_root
    from svbench.report.pages.render import write_report
    from svbench.report.text.terminal import print_leaderboard
    from svbench.running.jobs import Job, job_folder
    from svbench.specs.manifest import load_manifest
    from svbench.specs.protocol import load_protocol
    from svbench.specs.report import load_report
    from svbench.specs.system import load_system

    dataset = open_dataset(load_manifest(DEMO_ID), demo_root())
    protocols = [load_protocol(p) for p in PROTOCOLS]
    jobs = [
        Job(s, p, dataset, job_folder(options.out, s, p, dataset), options.redo, options.keep_estimates)
        for p in protocols
        for s in (limited(load_system(s), options) for s in SYSTEMS)
    ]
    runs = run_jobs(jobs, options)
    index = write_report(runs, load_report("default"), options.report)
    print_leaderboard(runs)
    print(f"report: {index.resolve()}")
    return SYSTEM_FAILED if any(r.failed for r in runs) else OK
