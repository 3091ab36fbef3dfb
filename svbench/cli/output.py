"""What commands print: aligned plain rows or JSON on stdout, progress on stderr."""

from __future__ import annotations

import sys
import time

from svbench.printing.streams import styled
from svbench.printing.visible import json_text, visible

TYPE_CHECKING = False  # spares the import of typing, see svbench.cli
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any, TextIO


def print_json(value: Any) -> None:
    """Print a value as indented JSON; NaN never gets here, so it is refused."""
    print(json_text(value))


def print_line(text: str, *, file: TextIO | None = None) -> None:
    """Print one line, whatever is in it: a name with a line break cannot begin another one."""
    print(visible(text), file=file)


def print_rows(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> None:
    """Print rows in columns as wide as their longest cell."""
    lines = [[visible(row[c]) for c in columns] for row in rows]
    widths = [max((len(line[i]) for line in lines), default=0) for i in range(len(columns))]
    for line in lines:
        print("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip())


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
        self._print(f"[{self.done}/{self.total}] {text}{ending}", stays=not left)

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._print(text, stays=True)

    def _print(self, line: str, *, stays: bool) -> None:
        start, end = ("\r\x1b[2K", "\n" if stays else "") if self.live else ("", "\n")
        print(f"{start}{visible(line)}", end=end, file=styled(sys.stderr), flush=True)


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
