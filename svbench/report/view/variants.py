"""Runs of a protocol with probes: every system on every variant, with the change against the original.

The change is over the tracks that have a value in both, with a 95 % interval from a paired bootstrap
over tracks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from svbench.report.view.boards import Intervals
from svbench.report.view.caveats import beside, grouped, without_defects
from svbench.report.view.numbers import decibels, describe_numbers, with_sign
from svbench.results.aggregate import Summary, entering_values, quantities, summarise
from svbench.results.record import Quantity
from svbench.results.store import Run
from svbench.specs.protocol import ORIGINAL
from svbench.statistics.pairs import PairedDifference, paired_difference

INSERTION = "insertion"  # the metric that only tracks with something inserted have


@dataclass(frozen=True)
class VariantCell:
    """One system on one variant.

    ``clean`` is the same number without the cells of known defects, where there are any; ``change``
    is against the original, None where it cannot be computed; ``interval`` is that of the original's own
    number, as text. On an ``empty`` variant nothing was inserted into any track: its number equals the
    original's and is no evidence.
    """

    run: Run
    summary: Summary
    clean: Summary | None
    change: PairedDifference | None
    interval: str = ""
    empty: bool = False


@dataclass(frozen=True)
class VariantBoard:
    """Systems × variants for one quantity of one target.

    Attributes
    ----------
    runs : tuple of Run
        All of them; they share protocol, tracks and data set.
    variants : tuple of str
        All variants of the protocol, in its order.
    rows : tuple of (str, mapping of variant to VariantCell)
        Systems by name, oracles last; a variant that was not run is missing.
    inserted : str
        A sentence with the number of tracks per variant that hold an inserted pattern; may be empty.
    """

    runs: tuple[Run, ...]
    quantity: Quantity
    target_set: str
    target: str
    variants: tuple[str, ...]
    rows: tuple[tuple[str, dict[str, VariantCell]], ...]
    inserted: str = ""


def plain_runs(runs: Sequence[Run]) -> list[Run]:
    """Return the runs without a probe."""
    return [r for r in runs if not r.record.data.variant]


def probed_groups(runs: Sequence[Run]) -> list[list[Run]]:
    """Split the runs of probes into groups of one protocol digest and one list of tracks."""
    groups: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        data = run.record.data
        if data.variant:
            key = (run.record.protocol_digest, data.id, data.version, data.subset, data.tracks)
            groups.setdefault(key, []).append(run)
    return list(groups.values())


def variant_boards(group: Sequence[Run]) -> list[VariantBoard]:
    """Build one board for each quantity of each target, the headline first.

    Parameters
    ----------
    group : sequence of Run
        One group of `probed_groups`.
    """
    record = group[0].record
    by_system: dict[str, dict[str, Run]] = {}
    for run in sorted(group, key=lambda r: (r.record.system.kind == "oracle", r.record.system.id)):
        by_system.setdefault(run.record.system.id, {})[run.record.data.variant] = run
    summaries = {_key(run, s): s for run in group for s in summarise(run, allow_incomplete=True)}
    clean = {_key(run, s): s for run in group for s in without_defects(run)}
    boards, intervals = [], Intervals()
    for quantity in sorted(record.quantities, key=lambda q: q.name != record.protocol.headline):
        for target_set, target in ((s.id, t) for s in record.protocol.target_sets for t in s.targets):
            name = (target_set, target, quantity.name)
            rows = {}
            for system, runs in by_system.items():
                original = runs.get(ORIGINAL)
                cells = {
                    v: VariantCell(
                        variant_run,
                        summary,
                        clean.get((id(variant_run), *name)),
                        _change(original, variant_run, name),
                        " ".join(intervals.below(variant_run, summary)) if variant_run is original else "",
                    )
                    for v in record.data.variants
                    if (variant_run := runs.get(v)) and (summary := summaries.get((id(variant_run), *name)))
                }
                if cells:
                    rows[system] = cells
            if rows:
                variants = record.data.variants
                boards.append(
                    VariantBoard(tuple(group), quantity, target_set, target, variants, tuple(rows.items()))
                )
    return _with_insertions(boards)


def _key(run: Run, summary: Summary) -> tuple[int, str, str, str]:
    return id(run), summary.target_set, summary.target, summary.metric


def first_runs(board: VariantBoard) -> list[Run]:
    """Return one run of each system, in the board's order."""
    return [next(iter(cells.values())).run for _, cells in board.rows]


def score_text(cell: VariantCell) -> str:
    """Print a score, with the one that leaves out known defects beside it."""
    if cell.empty:
        return "no clips"
    return beside(decibels(cell.summary.score, cell.summary.status), cell.clean)


def _change(original: Run | None, run: Run, name: tuple[str, str, str]) -> PairedDifference | None:
    """Compare the tracks that have a value on both sides."""
    if original is None or run is original:
        return None
    before, after = entering_values(original, *name), entering_values(run, *name)
    tracks = [t for t in before if t in after]
    rule = quantities(run)[name[2]]
    reducer = rule.frames if rule.pooled else rule.tracks
    lengths_s = {r.track: r.duration_s for r in run.results}
    return paired_difference(
        [before[t] for t in tracks], [after[t] for t in tracks], reducer, [lengths_s[t] for t in tracks]
    )


def change_lines(change: PairedDifference | None) -> tuple[str, ...]:
    """Print a change, and its interval where there is one.

    Examples
    --------
    >>> change_lines(PairedDifference(-1.234, -2.0, -0.5, 6))
    ('Δ −1.23', '[−2.00, −0.50]')
    >>> change_lines(PairedDifference(0.5, None, None, 1))
    ('Δ +0.50',)
    """
    if change is None:
        return ()
    if change.low is None or change.high is None:
        return (f"Δ {with_sign(change.value)}",)
    return f"Δ {with_sign(change.value)}", f"[{with_sign(change.low)}, {with_sign(change.high)}]"


def below(cell: VariantCell) -> tuple[str, ...]:
    """Return what stands below a score: the change, or of the original the interval."""
    return change_lines(cell.change) or ((cell.interval,) if cell.interval else ())


def _with_insertions(boards: list[VariantBoard]) -> list[VariantBoard]:
    """Count by the metric `insertion`, which has a value where something was inserted."""
    found = next((b for b in boards if b.quantity.metric == INSERTION), None)
    if found is None:
        return boards
    run = [v for v in found.variants if v != ORIGINAL and any(v in cells for _, cells in found.rows)]
    counts = {v: n for v, n in _most(found).items() if v in run}
    listed = ", ".join(f"{v} {n}" for v, n in counts.items())
    inserted = (
        f"Tracks with clips, of {_n_tracks(found)}: {listed}; the others of a set are as in the original."
    )
    # Where every system failed on all tracks, the number of tracks with clips is unknown, not zero.
    variant_runs = [(v, c.run) for _, cells in found.rows for v, c in cells.items()]
    scored = {v for v, r in variant_runs if len(r.results) > len(r.failed)}
    empty = {v for v, n in counts.items() if not n and v in scored}

    def emptied(cells: dict[str, VariantCell]) -> dict[str, VariantCell]:
        return {
            v: dataclasses.replace(c, change=None, empty=True) if v in empty else c for v, c in cells.items()
        }

    return [
        dataclasses.replace(b, inserted=inserted, rows=tuple((s, emptied(cells)) for s, cells in b.rows))
        for b in boards
    ]


def _n_tracks(board: VariantBoard) -> int:
    return len(board.runs[0].record.data.tracks)


def _most(board: VariantBoard) -> dict[str, int]:
    """Return for each variant the most tracks that any system has a value on."""
    return {
        v: max((c[v].summary.n_tracks for _, c in board.rows if v in c), default=0) for v in board.variants
    }


def measured(board: VariantBoard) -> str:
    """Name what a board's numbers measure."""
    of = "in the estimate of" if board.quantity.metric == INSERTION else "of"
    return f"{board.quantity.name} {of} {board.target}"


def board_caption(board: VariantBoard) -> str:
    """Describe the numbers of a board: quantity, reducers, tracks and protocol."""
    label = next(cell.summary.label for _, cells in board.rows for cell in cells.values())
    return describe_numbers(f"{measured(board)} in {board.quantity.unit}", label, board.runs[0].record)


def shortfalls(board: VariantBoard) -> list[str]:
    """List what is missing: tracks without a value, variants that were not run, material left out."""
    most = _most(board)
    sentences = [board.inserted] if board.inserted else []
    few = [f"{v} {n}" for v, n in most.items() if n < _n_tracks(board) and any(v in c for _, c in board.rows)]
    if few and board.quantity.metric != INSERTION:
        sentences.append(f"Values on fewer than {_n_tracks(board)} tracks: {', '.join(few)}.")
    for system, cells in board.rows:
        missing = [v for v in board.variants if v not in cells]
        fewer = [f"{v} {c.summary.n_tracks}" for v, c in cells.items() if c.summary.n_tracks < most[v]]
        failed = [f"{v} {len(c.run.failed)}" for v, c in cells.items() if c.run.failed]
        if failed:
            sentences.append(f"Tracks on which {system} failed: {', '.join(failed)}.")
        if missing:
            sentences.append(f"{system} was not run on {', '.join(missing)}.")
        if fewer:
            sentences.append(f"{system} has fewer tracks than others: {', '.join(fewer)}.")
    return sentences + _left_out(board)


def _left_out(board: VariantBoard) -> list[str]:
    """List what the runs left out, with the variants concerned unless all are."""
    records = [run.record.data for run in board.runs]
    left_out = grouped((t.removeprefix(f"{d.variant}: "), d.variant) for d in records for t in d.left_out)
    n_variants = len({data.variant for data in records})
    return [
        f"Left out{'' if len(names) == n_variants else ' of ' + ', '.join(names)}: {text}."
        for text, names in left_out.items()
    ]
