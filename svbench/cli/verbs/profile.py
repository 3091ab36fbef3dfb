"""Measure what a system costs: time, memory, size, operations."""

from __future__ import annotations

import argparse
from pathlib import Path

from svbench.cli.arguments import count, json_argument, provenance_of, random_weights_argument, seconds
from svbench.cli.main import OK
from svbench.cli.output import Progress, print_json, print_rows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("system", help="system id or TOML file")
    parser.add_argument(
        "--seconds", nargs="+", type=seconds(0.1, 3600), default=[10.0, 60.0, 240.0], metavar="S",
        help="durations of the inputs (default: 10 60 240)",
    )  # fmt: skip
    parser.add_argument(
        "--repeats", type=count(1), default=3, help="timed calls on each input (default: %(default)s)"
    )
    parser.add_argument(
        "--threads", nargs="+", type=count(1), metavar="N",
        help="numbers of threads, each pinned to as many cores (default: 1 and all cores)",
    )  # fmt: skip
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="(default: %(default)s)")
    parser.add_argument(
        "--out", type=Path, metavar="FILE",
        help="where to store it (default: runs/profiles/…, where reports of these runs find it)",
    )  # fmt: skip
    random_weights_argument(parser)
    json_argument(parser, "print the profile as JSON")


def run(options: argparse.Namespace) -> int:
    """Measure, store, print."""
    import msgspec

    from svbench.api.costs import profile
    from svbench.report.text.profiles import profile_lines
    from svbench.results.profile import profile_name
    from svbench.specs.system import load_system, permitted

    located = permitted(load_system(options.system), random_weights=options.random_weights)
    out = options.out or Path("runs/profiles") / profile_name(located.spec, options.device)
    measured = profile(
        located,
        seconds=options.seconds,
        repeats=options.repeats,
        threads=options.threads,
        device=options.device,
        random_weights=options.random_weights,
        out=out,
        progress=Progress(),
        provenance=provenance_of(options),
    )
    if options.json:
        print_json(msgspec.to_builtins(measured))
        return OK
    rows = [{"name": name, "value": value} for name, value in profile_lines(measured)]
    print_rows(rows, ["name", "value"])
    print(f"profile: {out}")
    return OK
