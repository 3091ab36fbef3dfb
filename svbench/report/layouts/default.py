"""The default tables: systems in rows, targets × quantities in columns, as text in five formats.

They are layouts like those of `svbench.report.layouts`, made for whatever targets and quantities the
runs have: one for each target set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from svbench.errors import DataError
from svbench.printing.visible import json_text
from svbench.report.layouts.facts import Facts
from svbench.report.layouts.grid import SETTINGS
from svbench.report.layouts.notes import notes
from svbench.report.layouts.systems import Bound, Key, Numbers, ordered, system_grids
from svbench.report.layouts.variants import variant_text
from svbench.report.view.boards import combinations, comparable, ranked_metrics, runnable
from svbench.report.view.caveats import overlap_of, unstable_tracks
from svbench.report.view.variants import probed_groups
from svbench.results.store import Run
from svbench.specs.protocol import TargetSet
from svbench.specs.report import MEAN, ColumnGroup, TableSpec
from svbench.tables.html import html_tables
from svbench.tables.latex import latex
from svbench.tables.markdown import markdown
from svbench.tables.model import Format
from svbench.tables.spreadsheet import records_csv


def paper_table(
    runs: Sequence[Run],
    *,
    format: Format = "markdown",
    target_set: str | None = None,
    metrics: Sequence[str] | None = None,
    intervals: bool = True,
) -> str:
    """Make a table of runs of one protocol on one data set.

    Parameters
    ----------
    runs : sequence of Run
    format : {"markdown", "csv", "latex", "html", "json"}
    target_set : str, optional
        Only this one.
    metrics : sequence of str, optional
        Only these quantities, e.g. ``["SDR"]``.
    intervals : bool
        Whether scores are printed with their 95 % intervals over tracks; CSV and JSON always hold them.

    Returns
    -------
    str
        One table per target set, or per quantity where a probe made variants; a footnote names
        protocol, digest, reducers and track counts.
        CSV and JSON hold unrounded scores, the others two decimals.

    Raises
    ------
    DataError
        No runs, runs that must not be compared, or an unknown target set or quantity.
    """
    probed = probed_groups(runs)
    if len(probed) == 1 and len(probed[0]) == len(runs):
        return variant_text(probed[0], format, target_set, metrics, intervals)
    groups = comparable(runs)
    if len(groups) != 1:
        names = combinations(groups)
        raise DataError(
            f"these runs hold {len(groups)} combinations of protocol and data ({'; '.join(names)}); "
            "a table takes one: choose with --protocol, or name the runs of one"
        )
    group, found = groups[0], Numbers()
    sets = [s for s in group[0].record.protocol.target_sets if _having(group, s, found)]
    known_metrics = ranked_metrics(group[0])
    for name, known, what in (
        *((m, known_metrics, "quantity") for m in metrics or ()),
        *([(target_set, [s.id for s in sets], "target set")] if target_set else []),
    ):
        if name not in known:
            raise DataError(f"no {what} {name!r} in these runs; there are {', '.join(known)}")
    wanted = intervals or format in ("csv", "json")
    tables = [
        _Table(group, s, metrics or known_metrics, found, wanted) for s in sets if target_set in (None, s.id)
    ]
    if format == "json":
        return json_text([_plain(t) for t in tables])
    if format == "csv":
        return _csv(tables)
    write = {"markdown": markdown, "latex": latex, "html": html_tables}[format]
    return "\n\n".join(write([t.grid], t.notes) for t in tables)


def _having(group: Sequence[Run], target_set: TargetSet, found: Numbers) -> list[Run]:
    """Return the runs whose systems give a target set."""
    headline = group[0].record.protocol.headline
    return [r for r in group if found.entry(r, (target_set.id, target_set.targets[0], headline))]


class _Table:
    """The grid of one target set, the runs in its rows, and its footnote."""

    def __init__(
        self,
        group: Sequence[Run],
        target_set: TargetSet,
        metrics: Sequence[str],
        found: Numbers,
        intervals: bool,
    ) -> None:
        record = group[0].record
        quantities = {q.name: q for q in record.quantities}
        shown = tuple(quantities[m] for m in metrics)
        runs = _by_name(_having(group, target_set, found))
        targets = (*target_set.targets, *([MEAN] if len(target_set.targets) > 1 else []))

        def bound(name: str, *of: str) -> Bound:
            columns = ColumnGroup(
                id=name, head=name, targets=of, among=target_set.targets, metrics=tuple(metrics)
            )
            return Bound(columns, runs, target_set, shown)

        bounds = [bound(t, t) for t in targets]
        spec = TableSpec(
            groups=tuple(b.group for b in bounds),
            after=("runnable",) if record.protocol.limits else (),
            intervals=intervals,
        )
        self.target_set, self.found = target_set.id, found
        self.keys: list[Key] = [k for b in bounds for k in b.keys]
        self.runs = [runs[s] for s in ordered(bounds, found)]
        (self.grid,) = system_grids(spec, bounds, Facts(self.runs), found, (), target_set.id)
        # One group for all targets, so that the footnote counts them together.
        told = notes([self.grid], [bound(target_set.id, *targets)], found)
        self.notes = [told[0], f"Target set {target_set.id}.", *told[1:]]


def _by_name(runs: Sequence[Run]) -> dict[str, Run]:
    """Give each run a name of its own: its system's id, with its folder where several share it."""
    counts = Counter(run.record.system.id for run in runs)
    names = {id(r): r.record.system.id for r in runs}
    return {n if counts[n] == 1 else f"{n} ({r.path})": r for r in runs for n in [names[id(r)]]}


def _scores(table: _Table, number: int) -> list[dict[str, Any]]:
    """Return one row's scores, unrounded."""
    run, cells = table.runs[number], table.grid.rows[number].cells
    scores = []
    for key, cell in zip(table.keys, cells, strict=False):  # "Runnable?" may come after them
        entry = table.found.entry(run, key)
        clean = entry and entry.clean
        names = ("target", "metric", "score", "low", "high", "no_interval")
        more = ("status", "label", "n_tracks", "n_frames", "n_dropped")
        without = clean and {"score": clean.score, "status": clean.status, "n_tracks": clean.n_tracks}
        unstable = {"n_unstable": len(unstable_tracks(run, *key))}
        places = {"best": cell.best, "second": cell.second, "tied": cell.tied, "partial": cell.partial}
        scores.append(
            {n: cell.detail[n] for n in (*names, *more)} | unstable | {"without_errata": without} | places
        )
    return scores


def _plain(table: _Table) -> dict[str, object]:
    """Return unrounded content for JSON."""
    return {
        "target_set": table.target_set,
        "note": " ".join(table.notes),
        "intervals": {**asdict(SETTINGS), "level": 1 - SETTINGS.alpha, "over": "tracks"},
        "rows": [
            {
                "system": run.record.system.id,
                "kind": run.record.system.kind,
                "imported": run.record.imported,
                **({"runnable": verdict} if (verdict := runnable(run)) else {}),
                "leaked_tracks": overlap_of(run).tracks,
                "unchecked_training_data": overlap_of(run).unchecked,
                "scores": _scores(table, i),
            }
            for i, run in enumerate(table.runs)
        ],
    }


def _csv(tables: Sequence[_Table]) -> str:
    """Write one line for each score, unrounded."""
    rows = []
    for table in tables:
        for i, run in enumerate(table.runs):
            verdict = runnable(run)
            for score in _scores(table, i):
                low, high, clean = score.pop("low"), score.pop("high"), score.pop("without_errata")
                del score["no_interval"]
                rows.append(
                    {
                        "target_set": table.target_set,
                        "system": run.record.system.id,
                        "kind": run.record.system.kind,
                        **score,
                        "score_without_errata": clean["score"] if clean else None,
                        "n_tracks_without_errata": clean["n_tracks"] if clean else None,
                        "n_leaked_tracks": len(overlap_of(run).tracks),
                        "n_failed": len(run.failed),
                        "n_left_out": len(run.record.data.left_out),
                        "n_data_notes": len(run.data_notes),
                        "low": low,
                        "high": high,
                        **({"runnable": verdict} if verdict else {}),
                    }
                )
    return records_csv(rows).rstrip("\n")
