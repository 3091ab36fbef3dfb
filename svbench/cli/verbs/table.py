"""Print a table from runs."""

from __future__ import annotations

import argparse

from svbench.cli.arguments import every_run_argument, runs_argument, strict_argument
from svbench.cli.main import OK
from svbench.cli.output import print_note

FORMATS = ("markdown", "csv", "latex", "html", "json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    runs_argument(parser)
    parser.add_argument("--format", choices=FORMATS, default="markdown", help="(default: %(default)s)")
    parser.add_argument(
        "--json", action="store_const", const="json", dest="format", help="same as --format json"
    )
    parser.add_argument("--target-set", help="only this target set")
    parser.add_argument("--metric", action="append", help="only this quantity, e.g. SDR; may be repeated")
    parser.add_argument("--protocol", help="only runs of this protocol")
    parser.add_argument(
        "--cost", action="store_true", help="score, size on disk, real-time factor and memory instead"
    )
    parser.add_argument("--layout", metavar="NAME", help="a layout of the literature: id or TOML file")
    parser.add_argument(
        "--published", nargs="?", const="", action="append", default=[], metavar="FILE",
        help="quote rows in print below the measured ones: those of the layout, or of a TOML file; may be "
        "repeated",
    )  # fmt: skip
    parser.add_argument(
        "--intervals", action=argparse.BooleanOptionalAction, default=None,
        help="print scores with their 95 %% intervals, or without where that is too wide (default: with, "
        "in layouts as they say; csv and json always hold them)",
    )  # fmt: skip
    strict_argument(parser)
    every_run_argument(parser)
    parser.add_argument("--frames", action="store_true", help="every frame as one long CSV table")


def run(options: argparse.Namespace) -> int:
    """Print the table."""
    from svbench.api.runs import frames_csv, table

    if options.frames:
        text = frames_csv(options.runs, protocol=options.protocol, all_versions=options.all, note=print_note)
        print(text, end="")
        return OK
    text = table(
        options.runs,
        format=options.format,
        protocol=options.protocol,
        target_set=options.target_set,
        metrics=options.metric,
        layout=options.layout,
        published=options.published,
        intervals=options.intervals,
        cost=options.cost,
        strict=options.strict,
        all_versions=options.all,
        note=print_note,
    )
    print(text)
    return OK
