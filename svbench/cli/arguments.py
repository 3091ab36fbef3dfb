"""Options that several commands share, and the reading of numbers on the command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

TYPE_CHECKING = False  # spares the import of typing, see svbench.cli.main
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from svbench.results.record import Provenance

DATA_HELP = "data set id or manifest, and where its files are; `demo` alone is the embedded music"


def provenance_of(options: argparse.Namespace) -> Provenance:
    """Collect the provenance of this command, with all of its options."""
    from svbench.results.record import collect

    return collect(["svbench", *sys.argv[1:]], {k: str(v) for k, v in sorted(vars(options).items())})


def json_argument(parser: argparse.ArgumentParser, what: str = "print JSON") -> None:
    """Declare ``--json``."""
    parser.add_argument("--json", action="store_true", help=what)


def data_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which data set, and what of it."""
    parser.add_argument("--data", required=True, metavar="MANIFEST=PATH", help=DATA_HELP)
    parser.add_argument("--subset", help="only this subset of the data set, e.g. test")
    parser.add_argument(
        "--track", action="extend", nargs="+", default=[], help="only these tracks; may be repeated"
    )


def systems_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the systems to run."""
    parser.add_argument(
        "--system", action="extend", nargs="+", required=True, metavar="FILE_OR_NAME",
        help="one or more; may be given several times",
    )  # fmt: skip


def run_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where runs go, what is done again, and what a system may use of the machine."""
    parser.add_argument(
        "--out", type=Path, default=Path("runs"), help="folder of runs (default: %(default)s)"
    )
    parser.add_argument(
        "--redo", choices=["never", "missing", "failed", "all"], default="failed",
        help="which tracks to do again: never any that has a result; those whose data, system or protocol "
        "changed (missing); also failed ones (failed, the default); all",
    )  # fmt: skip
    parser.add_argument(
        "--keep-estimates", action="store_true",
        help="keep the estimates as float WAV; a later run of another protocol then scores them",
    )  # fmt: skip
    parser.add_argument(
        "--limits", choices=["default", "none"], default="default",
        help="what a system may use of the machine: the limits printed at the start (default), or only "
        "those of its file and of the protocol",
    )  # fmt: skip
    workers_argument(parser)


def run_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return what `run_arguments` declares, with progress and provenance, as keywords of the Python API."""
    from svbench.cli.output import Progress

    return {
        **{name: getattr(options, name) for name in ("out", "redo", "keep_estimates", "workers")},
        "limits": options.limits == "default",
        "progress": Progress(),
        "provenance": provenance_of(options),
    }


def workers_argument(parser: argparse.ArgumentParser) -> None:
    """Declare how many processes score."""
    parser.add_argument("--workers", type=count(1), help="scoring processes (default: one per core)")


def runs_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the runs that are read."""
    parser.add_argument("runs", nargs="+", type=Path, help="run folders, or folders of runs")


def strict_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the option that refuses systems trained on the tracks they are measured on."""
    parser.add_argument(
        "--strict", action="store_true", help="refuse systems trained on tracks that they are measured on"
    )


def every_run_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the option that shows all runs of a system file that was edited."""
    parser.add_argument(
        "--all", action="store_true",
        help="of systems whose file was edited show every run, not only the newest complete one",
    )  # fmt: skip


def random_weights_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the permission to measure networks without their weights."""
    parser.add_argument(
        "--random-weights", action="store_true",
        help="let systems that name no checkpoint have random weights: what they cost is real, scores mean "
        "nothing",
    )  # fmt: skip


def tolerance_argument(parser: argparse.ArgumentParser) -> None:
    """Declare how far apart two values may be."""
    parser.add_argument(
        "--tolerance", type=tolerance, metavar="X",
        help="largest difference of two values that passes, in the quantity's unit (default: 0.005, half of "
        "the last digit that tables print)",
    )  # fmt: skip


def column_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which number is compared."""
    parser.add_argument("--metric", help="another quantity than the protocol's headline, e.g. SIR")
    parser.add_argument("--target-set", help="only this target set (default: all)")
    parser.add_argument("--target", help="this target instead of the mean over targets")


def statistics_arguments(parser: argparse.ArgumentParser, sides: str = "two-sided") -> None:
    """Declare what every interval depends on."""
    parser.add_argument(
        "--alpha", type=float, default=0.05,
        help=f"1 − level of the intervals, {sides} (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--resamples", type=int, default=10_000, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=42, help="(default: %(default)s)")


def column_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return what `column_arguments` and `statistics_arguments` declare, as keywords of the Python API."""
    from svbench.statistics.track_values import IntervalSettings

    settings = IntervalSettings(options.resamples, options.seed, options.alpha)
    chosen = {name: getattr(options, name) for name in ("metric", "target_set", "target")}
    return {**chosen, "settings": settings}


def count(least: int) -> Callable[[str], int]:
    """Return a reader of whole numbers from ``least`` on."""

    def number(text: str) -> int:
        if not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, found {text!r}")
        return int(text)

    return number


def seconds(least: float, most: float) -> Callable[[str], float]:
    """Return a reader of durations."""
    return _reader(least, most, f"expected seconds from {least:g} to {most:g}, found")


def tolerance(text: str) -> float:
    """Read a difference that is allowed."""
    return _reader(0, sys.float_info.max, "expected a number of at least 0, found")(text)


def _reader(least: float, most: float, complaint: str) -> Callable[[str], float]:
    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:  # NaN is neither
            raise argparse.ArgumentTypeError(f"{complaint} {text!r}")
        return value

    return number
