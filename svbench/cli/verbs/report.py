"""Write an HTML report from runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from svbench.cli.arguments import every_run_argument, runs_argument, strict_argument
from svbench.cli.main import OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    runs_argument(parser)
    parser.add_argument("--report", default="default", help="report id or TOML file (default: %(default)s)")
    strict_argument(parser)
    every_run_argument(parser)
    parser.add_argument(
        "--out", type=Path, default=Path("out/report"), help="folder to write (default: %(default)s)"
    )


def run(options: argparse.Namespace) -> int:
    """Write the report and print where it is."""
    from svbench.api.runs import write_report

    index = write_report(
        options.runs, options.out, report=options.report, strict=options.strict, all_versions=options.all
    )
    print(f"report: {index}")
    return OK
