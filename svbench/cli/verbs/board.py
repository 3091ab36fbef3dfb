"""Merge runs of many labs into a leaderboard: a static site that opens from disk."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from svbench.cli.arguments import every_run_argument, strict_argument, tolerance_argument
from svbench.cli.main import FINDINGS, OK
from svbench.cli.output import print_line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "runs", nargs="+", metavar="[LAB=]RUNS",
        help="run folders, or folders of runs, also imported ones; with a name for who made them",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=Path("out/board"), metavar="SITE",
        help="folder to write (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--protocol", help="only runs of this one: an id, or the first digits of a digest")
    parser.add_argument("--title", default="Leaderboard", help="(default: %(default)s)")
    parser.add_argument(
        "--trust", type=Path, metavar="KEYS",
        help="mark who vouches for each row (see `svbench seal`): a file of public keys, or a folder of them",
    )  # fmt: skip
    tolerance_argument(parser)
    strict_argument(parser)
    every_run_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Write the site; runs of one system with other scores are findings."""
    from svbench.api.runs import write_board

    site = write_board(
        options.runs,
        options.out,
        title=options.title,
        protocol=options.protocol,
        trust=options.trust,
        tolerance=options.tolerance,
        strict=options.strict,
        all_versions=options.all,
    )
    for conflict in site.conflicts:
        print_line(f"conflict: {conflict}", file=sys.stderr)
    if options.trust:
        for entry in (e for board in site.boards for e in board):
            print_line(f"vouched for {entry.run.record.system.id} ({entry.run.path}): {entry.vouchers}")
    print(f"board: {site.page}")
    return FINDINGS if site.conflicts else OK
