"""What commands print: aligned plain rows or JSON on stdout, progress on stderr."""

from __future__ import annotations

import sys
import time

TYPE_CHECKING = False  # spares the import of typing, see svbench.cli
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any


def print_json(value: Any) -> None:
    """Print a value as indented JSON; NaN never gets here, so it is refused."""
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_rows(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> None:
    """Print rows in columns as wide as their longest cell."""
    widths = [max((len(str(r[c])) for r in rows), default=0) for c in columns]
    for row in rows:
        cells = [str(row[c]).ljust(w) for c, w in zip(columns, widths, strict=True)]
        print("  ".join(cells).rstrip())


class Progress:
    """One line per step on stderr, with the time left; on a terminal the line is rewritten.

    Parameters
    ----------
    total : int
        Steps in all.
    """

    def __init__(self, total: int) -> None:
        self.total, self.done, self.counted = total, 0, 0
        self.start = time.monotonic()
        self.live = sys.stderr.isatty()

    def step(self, text: str, *, counts: bool = True) -> None:
        """Tell that a step is done.

        Steps that cost nothing (``counts=False``) are left out of the estimate of the time left.
        """
        self.done += 1
        self.counted += counts
        left = self.total - self.done
        ending = ""
        if left and self.counted:
            seconds = (time.monotonic() - self.start) / self.counted * left
            ending = f" · about {clock(seconds)} left"
        line = f"[{self.done}/{self.total}] {text}{ending}"
        if self.live:
            print(f"\r\x1b[2K{line}", end="" if left else "\n", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """Print a line that stays."""
        print(f"\r\x1b[2K{text}" if self.live else text, file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    """Return a duration as h:mm:ss, or m:ss below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def strict_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the option that turns the mark for leaked training data into a refusal."""
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


def joined(items: Iterable[str]) -> str:
    """Join names for a sentence."""
    return ", ".join(items)
