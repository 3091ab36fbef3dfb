"""Print a table from runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from svbench.cli.main import OK
from svbench.cli.output import every_run_argument, print_line, strict_argument

if TYPE_CHECKING:
    from svbench.results.store import Run

FORMATS = ("markdown", "csv", "latex", "html", "json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("runs", nargs="+", type=Path, help="run folders, or folders of runs")
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
    from svbench.errors import DataError
    from svbench.results.latest import read_runs

    if options.layout and (text := _in_print(options)):
        print(text)
        return OK
    runs = read_runs(options.runs, every=options.all)
    if options.protocol:
        present = sorted({r.record.protocol.id for r in runs})
        runs = [r for r in runs if r.record.protocol.id == options.protocol]
        if not runs:
            raise DataError(
                f"no run of protocol {options.protocol!r}; there are runs of {', '.join(present)}"
            )
    if options.frames or options.format == "csv":
        from svbench.report.view.leak_notes import other_runs

        for note in other_runs(runs):
            print_line(f"note: {note}", file=sys.stderr)  # CSV has no place for it
    for run in runs:
        if not run.results:  # tables of cost and of frames have no row for it
            print_line(
                f"note: {run.path}: {run.record.system.id} has no result of any track", file=sys.stderr
            )
    if options.frames:
        from svbench.results.table import long_table
        from svbench.tables.spreadsheet import frame_csv

        print(frame_csv(long_table(runs)), end="")
        return OK
    if options.cost:
        from svbench.report.layouts.costs import cost_table

        print(cost_table(runs, format=options.format))
        return OK
    from svbench.report.layouts.default import paper_table
    from svbench.report.view.leak_notes import refuse_leaks

    if options.strict:
        refuse_leaks(runs)
    if options.layout:
        print(_laid_out(runs, options))
        return OK
    if options.published:
        raise DataError("quoted rows need a layout to stand in: --layout NAME")
    print(
        paper_table(
            runs,
            format=options.format,
            target_set=options.target_set,
            metrics=options.metric,
            intervals=options.intervals is not False,
        )
    )
    return OK


def _in_print(options: argparse.Namespace) -> str:
    """Make the table of a layout whose rows are those in print; empty for other layouts."""
    from svbench.errors import DataError
    from svbench.report.layouts.table import layout_table, published_rows
    from svbench.results.latest import read_runs
    from svbench.results.profile import find_profiles
    from svbench.specs.report import load_layout

    spec, table, folder = load_layout(options.layout)
    if table.rows != "published":
        return ""
    for path in options.runs:
        if not path.is_dir():
            raise DataError(
                f"{path}: no such folder; it should hold runs, or profiles/ made by `svbench profile`"
            )
    profiles = find_profiles(options.runs)
    held = [p for p in options.runs if (p / "run.json").is_file() or list(p.glob("*/run.json"))]
    runs = read_runs(held, every=options.all)
    if options.protocol:
        runs = [r for r in runs if r.record.protocol.id == options.protocol]
    published = published_rows(table, folder, options.published or [""])
    return layout_table(runs, spec, table, format=options.format, published=published, profiles=profiles)


def _laid_out(runs: list[Run], options: argparse.Namespace) -> str:
    """Make the table of a layout."""
    from svbench.errors import DataError
    from svbench.report.layouts.table import layout_table, published_rows
    from svbench.specs.report import load_layout

    if options.metric or options.target_set:
        raise DataError(
            "a layout says which quantities and targets it shows; edit a copy of its file instead"
        )
    spec, table, folder = load_layout(options.layout)
    published = published_rows(table, folder, options.published)
    return layout_table(
        runs, spec, table, format=options.format, published=published, intervals=options.intervals
    )
