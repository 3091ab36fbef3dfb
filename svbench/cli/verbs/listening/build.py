"""Choose, cut and level excerpts of runs with kept estimates: a folder that can be served."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from svbench.cli.describe_test import print_new_test
from svbench.cli.main import OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN",
        help="run folders, or folders of runs, made with --keep-estimates",
    )  # fmt: skip
    parser.add_argument("--protocol", required=True, help="id or path of a listening protocol")
    parser.add_argument("--out", required=True, type=Path, metavar="TEST", help="folder to write")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="where the recordings are, if not where the runs found them"
    )
    parser.add_argument(
        "--excerpt", action="append", default=[], metavar="TRACK@START",
        help="an excerpt of the test, START in seconds, any number of times (default: the protocol's rule)",
    )  # fmt: skip
    parser.add_argument(
        "--seed",
        help="any text: builds from these runs with the same seed have the same names and dither (default: a "
        "secret seed). Take a long one: whoever guesses it and has the runs knows which file is which",
    )  # fmt: skip
    parser.add_argument("--force", action="store_true", help="replace a test that nobody has rated in")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Build the test and print what is in it."""
    from svbench.listening.building.build_test import build_test
    from svbench.listening.building.material import named_excerpt
    from svbench.results.record import collect
    from svbench.specs.listening import load_listening_protocol

    arguments = {name: str(value) for name, value in vars(options).items()}
    test = build_test(
        options.runs,
        load_listening_protocol(options.protocol),
        options.out,
        collect(["svbench", *sys.argv[1:]], arguments),
        data=options.data,
        named=[named_excerpt(text) for text in options.excerpt],
        seed=options.seed,
        force=options.force,
        progress=lambda text: print(text, file=sys.stderr, flush=True),
    )
    print_new_test(test, options.out, options.json)
    return OK
