"""Build a test from a webMUSHRA configuration."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from svbench.cli.describe_test import print_new_test
from svbench.cli.main import OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("format", choices=("webmushra",), help="whose configuration it is")
    parser.add_argument("configuration", type=Path, metavar="CONFIG", help="file such as configs/mine.yaml")
    parser.add_argument("--out", required=True, type=Path, metavar="TEST", help="folder to write")
    parser.add_argument(
        "--root", type=Path, metavar="DIR",
        help="webMUSHRA's folder, which paths start from (default: the nearest above CONFIG that has it)",
    )  # fmt: skip
    parser.add_argument(
        "--align", action="store_true", help="bring each stimulus to the loudness of its reference"
    )
    parser.add_argument(
        "--only", choices=("mushra", "paired_comparison"),
        help="take pages of this type and leave out other pages with audio",
    )  # fmt: skip
    parser.add_argument(
        "--seed",
        help="any long text: imports with the same seed have the same names and dither (default: secret)",
    )
    parser.add_argument("--force", action="store_true", help="replace a test that nobody has rated in")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Import the test and print what is in it."""
    from svbench.listening.interchange.importing import import_webmushra
    from svbench.results.record import collect

    arguments = {name: str(value) for name, value in vars(options).items()}
    test = import_webmushra(
        options.configuration,
        options.out,
        collect(["svbench", *sys.argv[1:]], arguments),
        root=options.root,
        align=options.align,
        only=options.only,
        seed=options.seed,
        force=options.force,
        progress=lambda text: print(text, file=sys.stderr, flush=True),
    )
    print_new_test(test, options.out, options.json)
    return OK
