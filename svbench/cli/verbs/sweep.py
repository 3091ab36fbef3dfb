"""Run a system with several values of a parameter: quality against cost, as a table and a curve."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from svbench.cli.arguments import data_arguments, json_argument, run_arguments, run_options
from svbench.cli.main import OK, SYSTEM_FAILED
from svbench.cli.output import print_json, print_line, print_rows

if TYPE_CHECKING:
    from svbench.report.layouts.sweeps import Point, Sweep


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("system", metavar="FILE_OR_NAME", help="the system to vary")
    parser.add_argument(
        "--param", action="append", required=True, metavar="NAME=VALUE,VALUE,…",
        help="a parameter of the system file and its values; several make a grid",
    )  # fmt: skip
    parser.add_argument("--protocol", required=True, help="protocol id or TOML file")
    data_arguments(parser)
    run_arguments(parser)
    json_argument(parser, "print the sweep as JSON")


def run(options: argparse.Namespace) -> int:
    """Run every derived system, print the table and write table and curve beside the runs."""
    from svbench.api.evaluation import sweep

    swept = sweep(
        options.system,
        options.param,
        options.data,
        options.protocol,
        tracks=options.track,
        subset=options.subset,
        **run_options(options),
    )
    if options.json:
        import msgspec

        print_json(msgspec.to_builtins(swept.sweep))
    else:
        _print(swept.sweep)
        print(f"curve: {swept.folder / 'sweep.svg'}")
    return SYSTEM_FAILED if swept.runs.failed else OK


def _score(point: Point) -> str:
    from svbench.report.view.numbers import decibels
    from svbench.tables.model import LEAK

    clean = point.score_without_errata
    beside = f" ({decibels(clean, 'ok')})" if clean is not None else ""
    return decibels(point.score, point.status) + beside + (f" {LEAK}" if point.n_leaked_tracks else "")


def _print(sweep: Sweep) -> None:
    from svbench.report.view.numbers import bytes_text
    from svbench.specs.system import value_text

    columns = [*sweep.parameters, "score", "rtf", "memory", "tracks"]
    head = {**{n: n for n in sweep.parameters}, "score": sweep.score, "rtf": "real-time factor"}
    rows = [{**head, "memory": "peak memory", "tracks": "tracks"}]
    for p in sweep.points:
        rows.append(
            {
                **{n: value_text(v) for n, v in p.values.items()},
                "score": _score(p),
                "rtf": "–" if p.rtf is None else f"{p.rtf:.4f}",
                "memory": "–" if p.peak_rss_bytes is None else bytes_text(p.peak_rss_bytes),
                "tracks": f"{p.n_tracks} of {sweep.n_tracks}",
            }
        )
    print(f"{sweep.system} · {sweep.protocol} {sweep.protocol_digest[:8]} · {sweep.label} [{sweep.unit}]")
    print_rows(rows, columns)
    for note in sweep.notes:
        print_line(note)
    print("Scoring ran on the same machine at the same time, so small differences of time are no finding.")
