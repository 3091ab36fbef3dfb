"""The robustness table: how much each transform of the mixture costs, and whether estimates follow it.

A row is a transform with the claim it makes; a system has two columns: the change of the headline against
the original, and how well its estimate matches the transformed estimate of the original.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from svbench.report.view import numbers
from svbench.report.view.caveats import footnotes, marked_name
from svbench.report.view.content import Cell, Row, Table
from svbench.report.view.variants import (
    VariantBoard,
    VariantCell,
    below,
    board_caption,
    change_lines,
    first_runs,
    score_text,
    shortfalls,
)
from svbench.results.standing import PRACTICALLY_INFINITE_DB
from svbench.specs.protocol import ORIGINAL

CHANGE = "First of each system: the change against the original over the tracks that have both"
INTERVAL = ", with its 95 % interval (paired bootstrap over tracks)"
CLAIMS = (
    "The row of the original holds the score itself. "
    "Invariant: estimates should stay; equivariant: they should change as the mixture does; degraded: "
    "something is lost in the mixture, and the change shows how gracefully."
)
EXACT = f"Exact: beyond {PRACTICALLY_INFINITE_DB:.0f} dB, where only rounding errors are left."


@dataclass(frozen=True)
class Battery:
    """The headline of one target on each variant, and the equivariance beside it (None: not measured)."""

    headline: VariantBoard
    equivariance: VariantBoard | None


def claims(board: VariantBoard) -> dict[str, str]:
    """Return the claim of each variant that was run; empty for protocols without claims."""
    claimed = {
        v: cell.run.record.data.expects
        for v in board.variants
        for _, cells in board.rows
        if (cell := cells.get(v))
    }
    return claimed if any(claimed.values()) else {}


def batteries(boards: Sequence[VariantBoard]) -> list[Battery]:
    """Pair each board of the headline with its comparison with the original, if variants have claims."""
    found = []
    for board in boards:
        if board.quantity.name == board.runs[0].record.protocol.headline and claims(board):
            beside = (
                b
                for b in boards
                if b.quantity.against == "original"
                and (b.target_set, b.target) == (board.target_set, board.target)
            )
            found.append(Battery(board, next(beside, None)))
    return found


def battery_head(battery: Battery) -> list[str]:
    """Return the names of the columns."""
    first = battery.headline.quantity.name
    second = [battery.equivariance.quantity.name] if battery.equivariance else []
    names = [marked_name(run) for run in first_runs(battery.headline)]
    return ["variant", "should be", *(f"{s}: {q}" for s in names for q in (first, *second))]


def battery_rows(battery: Battery, intervals: bool = True) -> list[list[str]]:
    """Return the table as texts, a change with its interval in one cell."""
    return [
        [variant, claim, *(" ".join([c.text, *(c.more if intervals else ())]) for c in cells)]
        for variant, claim, cells in _rows(battery)
    ]


def battery_note(battery: Battery, intervals: bool = True) -> str:
    """Explain the table, and list where it rests on fewer tracks and what limits its numbers."""
    beside = battery.equivariance
    second = f"Second: {board_caption(beside)}." if beside else ""
    change = f"{CHANGE}{INTERVAL if intervals else ''}."
    parts = [change, CLAIMS, second, EXACT if beside else "", *shortfalls(battery.headline)]
    if beside:
        parts += [f"{beside.quantity.name}: {s}" for s in shortfalls(beside) if s not in parts]
    return " ".join(p for p in (*parts, *footnotes(first_runs(battery.headline))) if p)


def battery_table(battery: Battery, name: str) -> Table:
    """Build the report's table; ``name`` becomes its id."""
    target = battery.headline.target
    return Table(
        name,
        f"Robustness of {target}: what each transform costs, and whether estimates follow it",
        board_caption(battery.headline),
        battery_note(battery),
        tuple(battery_head(battery)),
        tuple(Row(variant, "", (Cell(claim, claim), *cells)) for variant, claim, cells in _rows(battery)),
    )


def decibels(value: float | None, status: str) -> str:
    """Print a comparison with the estimate of the original; "exact" where only rounding errors are left.

    Examples
    --------
    >>> decibels(31.25, "ok"), decibels(160.0, "ok"), decibels(None, "perfect"), decibels(None, "failed")
    ('31.25', 'exact', 'exact', 'failed')
    """
    if status == "perfect" or (value is not None and value > PRACTICALLY_INFINITE_DB):
        return "exact"
    return numbers.decibels(value, status)


def _rows(battery: Battery) -> list[tuple[str, str, list[Cell]]]:
    claimed = claims(battery.headline)
    compared = dict(battery.equivariance.rows) if battery.equivariance else None
    rows = []
    for variant in battery.headline.variants:
        cells = []
        for system, found in battery.headline.rows:
            cells.append(_change_cell(found.get(variant), variant))
            if compared is not None:
                cells.append(_equivariance_cell(compared[system].get(variant), variant))
        rows.append((variant, claimed.get(variant, ""), cells))
    return rows


def _change_cell(cell: VariantCell | None, variant: str) -> Cell:
    if cell is None:
        return Cell("not run", None, muted=True)
    summary = cell.summary
    score = score_text(cell)
    title = f"{score}, {summary.label}, {summary.n_tracks} of {summary.n_tracks_total} tracks"
    if variant == ORIGINAL or cell.change is None:
        return Cell(score, summary.score, muted=summary.score is None, title=title, more=below(cell))
    first, *more = change_lines(cell.change)
    return Cell(first, cell.change.value, title=title, more=tuple(more))


def _equivariance_cell(cell: VariantCell | None, variant: str) -> Cell:
    if cell is None:
        return Cell("not run", None, muted=True)
    if variant == ORIGINAL:
        return Cell("–", None, muted=True, title="the estimate compared with itself")
    summary = cell.summary
    title = f"{summary.label}, {summary.n_tracks} of {summary.n_tracks_total} tracks"
    # "exact" sorts first, a failed comparison last.
    order = PRACTICALLY_INFINITE_DB if summary.status == "perfect" else summary.score
    return Cell(decibels(summary.score, summary.status), order, muted=order is None, title=title)
