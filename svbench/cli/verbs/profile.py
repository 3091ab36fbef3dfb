"""Measure what a system costs: time, memory, size, operations."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from svbench.cli.main import OK
from svbench.cli.output import Progress, print_json, print_rows, random_weights_argument


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("system", help="system id or TOML file")
    parser.add_argument(
        "--seconds", nargs="+", type=_duration, default=[10.0, 60.0, 240.0], metavar="S",
        help="durations of the inputs (default: 10 60 240)",
    )  # fmt: skip
    parser.add_argument(
        "--repeats", type=_count, default=3, help="timed calls on each input (default: %(default)s)"
    )
    parser.add_argument(
        "--threads", nargs="+", type=_count, metavar="N",
        help="numbers of threads, each pinned to as many cores (default: 1 and all cores)",
    )  # fmt: skip
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="(default: %(default)s)")
    parser.add_argument(
        "--out", type=Path, metavar="FILE",
        help="where to store it (default: runs/profiles/…, where reports of these runs find it)",
    )  # fmt: skip
    random_weights_argument(parser)
    parser.add_argument("--json", action="store_true", help="print the profile as JSON")


def run(options: argparse.Namespace) -> int:
    """Measure, store, print."""
    import msgspec

    from svbench.cost.resources import measure_profile
    from svbench.report.text.profiles import profile_lines
    from svbench.results.profile import profile_name
    from svbench.results.provenance import collect
    from svbench.results.scratch import scratch_folder
    from svbench.results.store import write_record
    from svbench.scoring.pool import n_cores
    from svbench.specs.system import load_system, permitted

    located = permitted(load_system(options.system), random_weights=options.random_weights)
    threads = sorted(set(options.threads or [1, n_cores()]))
    seconds = sorted(set(options.seconds))
    out = options.out or Path("runs/profiles") / profile_name(located.spec, options.device)
    arguments = {k: str(v) for k, v in sorted(vars(options).items())}
    progress = Progress(len(threads) * (2 + options.repeats * len(seconds)) + 1)
    out.parent.mkdir(parents=True, exist_ok=True)
    with scratch_folder(out.parent) as scratch:
        profile = measure_profile(
            located,
            collect(["svbench", *sys.argv[1:]], arguments),
            scratch,
            lambda text: progress.step(f"{located.spec.id} · {text}"),
            seconds=seconds,
            repeats=options.repeats,
            threads=threads,
            device=options.device,
        )
    write_record(out, profile)
    if options.json:
        print_json(msgspec.to_builtins(profile))
        return OK
    rows = [{"name": name, "value": value} for name, value in profile_lines(profile)]
    print_rows(rows, ["name", "value"])
    print(f"profile: {out}")
    return OK


def _duration(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.1 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"expected seconds from 0.1 to 3600, found {text!r}")
    return value


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, found {text!r}")
    return int(text)
