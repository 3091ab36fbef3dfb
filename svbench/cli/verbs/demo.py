"""Run nine systems on the embedded music under two protocols and write a report."""

from __future__ import annotations

import argparse
from pathlib import Path

from svbench.cli.arguments import run_arguments, run_options
from svbench.cli.main import OK, SYSTEM_FAILED

PROTOCOLS = ("sisec18", "mdx21")
SYSTEMS = ("mixture", "silence", "centre", "hpss", "repet", "ibm1", "irm1", "irm2", "mwf")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    run_arguments(parser)
    parser.add_argument(
        "--report", type=Path, default=Path("out/demo"), help="folder of the report (default: %(default)s)"
    )
    parser.set_defaults(keep_estimates=True)


def run(options: argparse.Namespace) -> int:
    """Run all systems under both protocols, print the leaderboards, write the report."""
    from svbench.api.evaluation import evaluate
    from svbench.api.runs import write_report
    from svbench.report.text.terminal import print_leaderboard

    runs = evaluate(
        SYSTEMS,
        "demo",
        PROTOCOLS,
        **run_options(options),
    )
    index = write_report(runs, options.report)
    print_leaderboard(sorted(runs, key=lambda r: PROTOCOLS.index(r.record.protocol.id)))
    print(f"report: {index.resolve()}")
    return SYSTEM_FAILED if runs.failed else OK
