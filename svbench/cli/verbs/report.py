"""Write an HTML report from runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from svbench.cli.main import OK
from svbench.cli.output import every_run_argument, strict_argument


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("runs", nargs="+", type=Path, help="run folders, or folders of runs")
    parser.add_argument("--report", default="default", help="report id or TOML file (default: %(default)s)")
    strict_argument(parser)
    every_run_argument(parser)
    parser.add_argument(
        "--out", type=Path, default=Path("out/report"), help="folder to write (default: %(default)s)"
    )


def run(options: argparse.Namespace) -> int:
    """Write the report and say where it is."""
    from svbench.report.pages.render import write_report
    from svbench.report.view.leak_notes import refuse_leaks
    from svbench.results.latest import read_runs
    from svbench.specs.report import load_report

    spec = load_report(options.report)
    runs = read_runs(options.runs, every=options.all)
    if options.strict:
        refuse_leaks(runs)
    index = write_report(runs, spec, options.out)
    print(f"report: {index}")
    return OK
