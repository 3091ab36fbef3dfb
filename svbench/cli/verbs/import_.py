"""Turn score files of museval into runs that aggregate, compare and report like any other."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from svbench.cli.arguments import json_argument, provenance_of
from svbench.cli.main import FINDINGS, OK
from svbench.cli.output import print_json, print_line, run_summary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("format", choices=["museval"], help="whose files they are")
    parser.add_argument(
        "folder", type=Path, help="JSON files of one system, or a folder of such files for each of many"
    )
    parser.add_argument("--system", metavar="ID", help="name of a single system (default: its folder's)")
    parser.add_argument(
        "--protocol", default="sisec18", help="the rule they were made by (default: %(default)s)"
    )
    parser.add_argument("--subset", help="only files in folders of this name, e.g. test")
    parser.add_argument(
        "--oracle", action="append", default=[], metavar="ID",
        help="a system that saw the references, so it takes no rank; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--data-of", type=Path, metavar="RUN",
        help="a run on the very recordings that the files were scored on: the imported runs share its tables",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=Path("runs"), help="folder of runs (default: %(default)s)"
    )
    json_argument(parser, "print the summary as JSON")


def run(options: argparse.Namespace) -> int:
    """Import every system and print the leaderboard; a file that could not be imported is a finding."""
    from svbench.api.scores import import_scores

    runs, findings = import_scores(
        options.folder,
        out=options.out,
        system=options.system,
        protocol=options.protocol,
        subset=options.subset,
        oracles=options.oracle,
        data_of=options.data_of,
        provenance=provenance_of(options),
    )
    for finding in findings:
        print_line(f"not imported: {finding}", file=sys.stderr)
    code = FINDINGS if findings else OK
    if options.json:
        print_json([run_summary(r) for r in runs])
        return code
    from svbench.report.text.terminal import print_leaderboard

    print_leaderboard(runs)
    for note in dict.fromkeys(n for r in runs for result in r.results for n in result.notes):
        print_line(f"note: {note}")
    for done in runs:
        print(f"run: {done.path}")
    return code
