"""Repeat a run from its record and compare: the same protocol, data, system and parameters."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from svbench.cli.arguments import json_argument, provenance_of, tolerance_argument, workers_argument
from svbench.cli.differences import report_difference
from svbench.cli.output import Progress, print_line

if TYPE_CHECKING:
    from svbench.results.store import Run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder")
    parser.add_argument(
        "--out", type=Path, default=Path("reruns"), help="folder of runs to write to (default: %(default)s)"
    )
    parser.add_argument(
        "--data", type=Path, metavar="PATH",
        help="where the recordings are now (default: where they were then)",
    )  # fmt: skip
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
    json_argument(parser, "print the comparison as JSON")


def run(options: argparse.Namespace) -> int:
    """Separate and score again, and print whether the result is the same."""
    from svbench.api.evaluation import rerun
    from svbench.results.store import load_run

    before = load_run(options.run)
    if not (options.trust or options.system):
        for line in recorded_commands(before):
            print_line(line, file=sys.stderr)
    after = rerun(
        before,
        options.out,
        data=options.data,
        system=options.system,
        trust=options.trust,
        workers=options.workers,
        progress=Progress(),
        provenance=provenance_of(options),
    )
    print(f"run: {after.path}", file=sys.stderr if options.json else sys.stdout)
    return report_difference(before, after, options)


def recorded_commands(run: Run) -> list[str]:
    """Return lines that list what repeating a run would execute and read on this machine.

    Values are written as JSON, so that nothing in them reaches the terminal as more than text.
    """
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
