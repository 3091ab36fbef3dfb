"""Merge runs of many labs into a leaderboard: a static site that opens from disk."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from svbench.cli.main import FINDINGS, OK
from svbench.cli.output import every_run_argument, print_line, strict_argument
from svbench.cli.verbs.diff import tolerance_argument


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
    from svbench.report.board.merge import merge, of_one_protocol, read_sources
    from svbench.report.board.site import write_board
    from svbench.report.view.leak_notes import refuse_leaks
    from svbench.results.differences import TOLERANCE
    from svbench.results.seal import read_keys

    trusted = read_keys(options.trust) if options.trust else None
    sourced = of_one_protocol(read_sources(options.runs, trusted, every=options.all), options.protocol)
    if options.strict:
        refuse_leaks([s.run for s in sourced])
    every = merge(sourced, tolerance=TOLERANCE if options.tolerance is None else options.tolerance)
    index = write_board(every, options.title, options.out)
    conflicts = dict.fromkeys(e.conflict for entries in every for e in entries if e.conflict)
    for conflict in conflicts:
        print_line(f"conflict: {conflict}", file=sys.stderr)
    if options.trust:
        for entry in (e for entries in every for e in entries):
            print_line(f"vouched for {entry.run.record.system.id} ({entry.run.path}): {entry.vouchers}")
    print(f"board: {index}")
    return FINDINGS if conflicts else OK
