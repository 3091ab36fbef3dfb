"""What commands print: aligned plain rows or JSON on standard output, progress on standard error."""

from __future__ import annotations

import sys
import time

from svbench.printing.numbers import clock
from svbench.printing.streams import styled
from svbench.printing.visible import json_text, visible

TYPE_CHECKING = False  # spares the import of typing, see svbench.cli.main
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, TextIO

    from svbench.api.inputs import Step
    from svbench.results.store import Run


def print_json(value: Any) -> None:
    """Print a value as indented JSON; NaN is refused, since JSON has none."""
    print(json_text(value))


def print_line(text: str, *, file: TextIO | None = None) -> None:
    """Print one line with control characters made visible, so that a name cannot begin another line."""
    print(visible(text), file=file)


def print_note(text: str) -> None:
    """Print a note on standard error."""
    print_line(f"note: {text}", file=sys.stderr)


def print_rows(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> None:
    """Print rows in columns as wide as their longest cell."""
    lines = [[visible(row[c]) for c in columns] for row in rows]
    widths = [max((len(line[i]) for line in lines), default=0) for i in range(len(columns))]
    for line in lines:
        print("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip())


class Progress:
    """Prints one line per step on standard error, with the time left; on a terminal the line is rewritten."""

    def __init__(self) -> None:
        self.done = self.counted = 0
        self.start = time.monotonic()
        self.live = sys.stderr.isatty()

    def __call__(self, step: Step) -> None:
        """Print a step of a use case, and before it what the user should read."""
        for message in step.messages:
            self._print(message, stays=True)
        if step.text:
            self.step(step.text, step.total, counts=step.is_new)

    def count(self, done: int, total: int, text: str) -> None:
        """Print a step of a function that counts for itself."""
        self.done = done - 1
        self.step(text, total)

    def step(self, text: str, total: int, *, counts: bool = True) -> None:
        """Print that a step is done.

        Steps that cost nothing (``counts=False``) are left out of the estimate of the time left.
        """
        self.done += 1
        self.counted += counts
        left = total - self.done
        ending = ""
        if left and self.counted:
            seconds = (time.monotonic() - self.start) / self.counted * left
            ending = f" · about {clock(seconds)} left"
        self._print(f"[{self.done}/{total}] {text}{ending}", stays=not left)

    def _print(self, line: str, *, stays: bool) -> None:
        start, end = ("\r\x1b[2K", "\n" if stays else "") if self.live else ("", "\n")
        print(f"{start}{visible(line)}", end=end, file=styled(sys.stderr), flush=True)


def run_summary(run: Run) -> dict[str, object]:
    """Return a run's printed numbers as plain values, for JSON."""
    import msgspec

    from svbench.report.view.caveats import affected_cells, overlap_of, unstable_sentences
    from svbench.results.aggregate import summarise

    affected = affected_cells(run)
    clean = summarise(run, allow_incomplete=True, leave_out=affected) if affected else []
    return {
        "run": str(run.path),
        "system": run.record.system.id,
        "kind": run.record.system.kind,
        "protocol": run.record.protocol.id,
        "protocol_digest": run.record.protocol_digest,
        "dataset": run.record.data.id,
        "variant": run.record.data.variant,
        "n_tracks": len(run.record.data.tracks),
        "left_out": list(run.record.data.left_out),
        "read_as": list(run.record.data.read_as),
        "data_notes": list(run.data_notes),
        "failed": {r.track: r.reason for r in run.failed},
        "missing": list(run.missing),
        "summaries": msgspec.to_builtins(summarise(run, allow_incomplete=True)),
        "summaries_without_errata": msgspec.to_builtins(clean),
        "errata": [{"track": t, "target": s, "defect": d} for (t, s), d in affected.items()],
        "leaked_tracks": overlap_of(run).tracks,
        "unstable": unstable_sentences([run]),
    }
