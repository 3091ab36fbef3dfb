"""Repeat a run from its record and compare: the same protocol, data, system and parameters."""

from __future__ import annotations

import argparse
from pathlib import Path

from svbench.cli.diff_ import report_difference, tolerance_argument
from svbench.cli.run_ import run_jobs, workers_argument


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder")
    parser.add_argument(
        "--out", type=Path, default=Path("reruns"), help="folder of runs to write to (default: %(default)s)"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="PATH",
        help="where the recordings lie now (default: where they lay then)",
    )
    parser.add_argument(
        "--system", type=Path, metavar="FILE",
        help="the system's file, if it has moved; its relative paths start there",
    )  # fmt: skip
    tolerance_argument(parser)
    workers_argument(parser)
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")


def run(options: argparse.Namespace) -> int:
    """Separate and score again, then say whether the same came out."""
    import sys

    from svbench.results.store import load_run
    from svbench.running.rerun import rerun_jobs

    before = load_run(options.run)
    jobs = rerun_jobs(before, options.out, data=options.data, system=options.system)
    after = run_jobs(jobs, options)[-1]
    print(f"run: {after.path}", file=sys.stderr if options.json else sys.stdout)
    return report_difference(before, after, options)
