"""Turn score files of museval into runs that aggregate, compare and report like any other."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from svbench.cli.main import FINDINGS, OK
from svbench.cli.output import print_json, print_line


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
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(options: argparse.Namespace) -> int:
    """Import every system and print the leaderboard; a file that could not be imported is a finding."""
    from svbench.cli.verbs.run import run_summary
    from svbench.results.interchange.museval_import import Plan, import_museval
    from svbench.results.provenance import collect
    from svbench.results.store import load_run
    from svbench.scoring.bound import bind
    from svbench.specs.protocol import load_protocol

    protocol = load_protocol(options.protocol)
    imported = import_museval(
        Plan(
            folder=options.folder,
            out=options.out,
            protocol=protocol,
            quantities=bind(protocol).quantities,
            provenance=collect(
                ["svbench", *sys.argv[1:]], {k: str(v) for k, v in sorted(vars(options).items())}
            ),
            system=options.system,
            subset=options.subset,
            oracles=tuple(options.oracle),
            data=load_run(options.data_of) if options.data_of else None,
        )
    )
    for finding in imported.findings:
        print_line(f"not imported: {finding}", file=sys.stderr)
    code = FINDINGS if imported.findings else OK
    runs = [load_run(path) for path in imported.folders]
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
