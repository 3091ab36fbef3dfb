"""Repeat a run from its record and compare: the same protocol, data, system and parameters."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from svbench.cli.output import print_line
from svbench.cli.verbs.diff import report_difference, tolerance_argument
from svbench.cli.verbs.run import run_jobs, workers_argument

if TYPE_CHECKING:
    from svbench.results.store import Run


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
    parser.add_argument(
        "--trust", action="store_true",
        help="run what the record says, although it may come from a stranger; not needed with --system",
    )  # fmt: skip
    tolerance_argument(parser)
    workers_argument(parser)
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")


def run(options: argparse.Namespace) -> int:
    """Separate and score again, and report whether the result is the same."""
    from svbench.errors import SvbenchError
    from svbench.results.store import load_run
    from svbench.running.rerun import rerun_jobs

    before = load_run(options.run)
    if not (options.trust or options.system):
        for line in recorded_commands(before):
            print_line(line, file=sys.stderr)
        raise SvbenchError(
            f"{before.path}: nothing was run, since a record may come from a stranger; if you know who "
            "made it, add --trust, or name your own file of the system with --system"
        )
    jobs = rerun_jobs(before, options.out, data=options.data, system=options.system)
    after = run_jobs(jobs, options)[-1]
    print(f"run: {after.path}", file=sys.stderr if options.json else sys.stdout)
    return report_difference(before, after, options)


def recorded_commands(run: Run) -> list[str]:
    """Return lines that list what repeating a run would execute and read on this machine.

    Values are written as JSON, so that nothing in them reaches the terminal as more than text.
    """
    import json

    record = run.record
    spec = record.system
    rows = {
        "system": spec.id,
        "adapter": spec.adapter,
        "interpreter": spec.python or "this one",
        "parameters": spec.parameters,
        "weights": [w.path for w in spec.weights],
        "paths start in": record.system_folder,
        "recordings in": record.data.root,
        "manifest": record.data.manifest,
    }
    listed = [f"  {name}: {json.dumps(value)}" for name, value in rows.items() if value]
    return [f"{run.path}: repeating this run would execute and read what its record names:", *listed]
