"""Write a test as webMUSHRA's configuration and ratings, or its ratings as pymushra's CSV."""

from __future__ import annotations

import argparse
from pathlib import Path

from svbench.cli.main import OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("format", choices=("webmushra", "pymushra"), help="whose formats to write")
    parser.add_argument("test", type=Path, metavar="TEST", help="folder of a MUSHRA test")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="DIR|FILE",
        help="webmushra: new folder for config.yaml, stimuli and mushra.csv; pymushra: new CSV file",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Write the export and print what a reader of it must know."""
    from svbench.listening.interchange.exporting import export_pymushra, export_webmushra

    export = export_webmushra if options.format == "webmushra" else export_pymushra
    for note in export(options.test, options.out):
        print(f"note: {note}")
    print(f"written: {options.out}")
    return OK
