"""Turn a run into score files that museval's own loaders read."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from svbench.cli.main import OK
from svbench.cli.output import print_line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("format", choices=["museval"], help="whose files to write")
    parser.add_argument("run_folder", metavar="RUN", type=Path, help="a run folder")
    parser.add_argument("--out", type=Path, required=True, help="folder to write, one file per track")
    parser.add_argument("--target-set", help="only this one, where museval's files cannot hold all")


def run(options: argparse.Namespace) -> int:
    """Write the files; print on standard error what they could not hold."""
    from svbench.results.museval_files import export_museval
    from svbench.results.store import load_run

    losses = export_museval(load_run(options.run_folder), options.out, target_set=options.target_set)
    for loss in losses:
        print_line(f"note: {loss}", file=sys.stderr)
    print(f"museval: {options.out}")
    return OK
