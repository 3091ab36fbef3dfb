"""Compare two runs: bit-equal, within a tolerance, or different, and where first."""

from __future__ import annotations

import argparse
from pathlib import Path

from svbench.cli.arguments import json_argument, tolerance_argument
from svbench.cli.differences import report_difference


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("first", type=Path, metavar="RUN", help="a run folder")
    parser.add_argument("second", type=Path, metavar="RUN", help="another, of the same protocol and data")
    tolerance_argument(parser)
    json_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Print the verdict and where the runs first differ."""
    from svbench.results.store import load_run

    return report_difference(load_run(options.first), load_run(options.second), options)
