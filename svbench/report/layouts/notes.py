"""What stands below a table: the rule, the data, what was dropped or skipped, and what the marks mean."""

from __future__ import annotations

from collections.abc import Sequence

from svbench.report import numbers
from svbench.report.guard import footnotes
from svbench.report.layouts.grid import TIE, Grid
from svbench.report.layouts.systems import Bound, Numbers
from svbench.results.store import Run
from svbench.specs.tables import QuotedRow

MOST = 12  # systems or tracks that a note names one by one


def notes(grids: Sequence[Grid], bounds: Sequence[Bound], found: Numbers) -> list[str]:
    """Return the footnote, a sentence or two in each item."""
    runs = list({id(r): r for b in bounds for r in b.runs.values()}.values())
    told = [
        *dict.fromkeys(_rule(b, found) for b in bounds),
        _data(bounds, found),
        *dict.fromkeys(_dropped(b, found) for b in bounds),
        *_skipped(runs),
        *_marks(grids),
    ]
    if any(r.record.system.kind == "oracle" for r in runs):
        told.append("Oracles see the references and are not ranked.")
    return [*told, *footnotes(runs)]


def quoted_notes(quoted: Sequence[tuple[str, QuotedRow]], runs: Sequence[Run], style: str) -> list[str]:
    """Name the sources of quoted rows, and say where their data are not the measured ones."""
    if not quoted:
        return []
    sources = {number: f"[{number}] {row.source} ({row.rule}; {row.data})" for number, row in quoted}
    told = [f"{style}: quoted, not measured here, and never ranked: {'; '.join(sources.values())}."]
    here = {r.record.data.id for r in runs}
    if elsewhere := dict.fromkeys(row.data for _, row in quoted if not here & set(row.data.split())):
        told.append(
            f"The quoted rows were measured on {', '.join(elsewhere)}, the others on "
            f"{', '.join(sorted(here))}: they cannot be compared."
        )
    return told


def _rule(bound: Bound, found: Numbers) -> str:
    protocol = next(iter(bound.runs.values())).record.protocol
    digest = next(iter(bound.runs.values())).record.protocol_digest
    labels: dict[str, dict[str, None]] = {}
    for metric in (q.name for q in bound.metrics):
        for run in bound.runs.values():
            if entry := found.entry(run, (bound.target_set.id, bound.targets[0], metric)):
                labels.setdefault(entry.summary.label, {})[metric] = None
    names = ", ".join(q.name + (f" in {q.unit}" if q.unit not in ("", "1") else "") for q in bound.metrics)
    told = "; ".join(
        (f"{', '.join(metrics)}: " if len(labels) > 1 else "") + numbers.reducers(label)
        for label, metrics in labels.items()
    )
    told = told or "no score"
    return f"Protocol {protocol.id} version {protocol.version} (digest {digest[:8]}): {names}, {told}."


def _data(bounds: Sequence[Bound], found: Numbers) -> str:
    """Name the tracks, and how many of them each column rests on where it is not all."""
    data = next(iter(bounds[0].runs.values())).record.data
    counts: dict[str, int] = {}
    for bound in bounds:
        for key in bound.keys:
            group = "" if len(bounds) == 1 or bound.name == key[1] else f"{bound.name} "
            entries = [found.entry(r, key) for r in bound.runs.values()]
            most = max((e.summary.n_tracks for e in entries if e), default=0)
            counts[group + key[1]] = max(most, counts.get(group + key[1], 0))
    total = len(data.tracks)
    fewer = "; ".join(f"{name}: {n}" for name, n in counts.items() if n != total)
    name = " ".join(p for p in (data.id, data.version, data.subset) if p)
    told = f"{name}, n = {total} track{'' if total == 1 else 's'}{f' ({fewer})' if fewer else ''}."
    return told if total > 1 else f"{told} One track has no interval, so nothing can be told of chance."


def _dropped(bound: Bound, found: Numbers) -> str:
    """Frames without a value of the first quantity, by system where they differ and are few."""
    metric = bound.metrics[0].name
    counted = {}
    for system, run in bound.runs.items():
        entries = [found.entry(run, (bound.target_set.id, t, metric)) for t in bound.targets]
        counted[system] = numbers.dropped(e.summary for e in entries if e)
    what = f"Frames dropped ({bound.name}, {metric})"
    several = set(counted.values())
    if len(several) == 1:
        return "{}: {} of {}.".format(what, *next(iter(several)))
    if len(counted) > MOST:
        low, high = (f"{n} of {total}" for n, total in (min(several), max(several)))
        return f"{what}: from {low} to {high}."
    return f"{what}: {', '.join(f'{s} {n} of {total}' for s, (n, total) in counted.items())}."


def _skipped(runs: Sequence[Run]) -> list[str]:
    """Tracks that were failed, not run, or left out of the data set."""
    told: dict[str, None] = {}
    for run in runs:
        tracks = [f"{r.track} (failed: {r.reason})" for r in run.failed]
        tracks += [f"{t} (not run)" for t in run.missing]
        if tracks:
            more = [f"and {len(tracks) - MOST} more"] if len(tracks) > MOST else []
            told[f"{run.record.system.id} lacks {', '.join([*tracks[:MOST], *more])}."] = None
        if run.over_budget:
            told[f"{run.record.system.id} broke the budget ({run.over_budget}): no scores."] = None
    sentences = list(told)
    if len(sentences) > MOST:
        sentences = [*sentences[:MOST], f"{len(sentences) - MOST} more systems lack tracks."]
    left_out = dict.fromkeys(text for run in runs for text in run.record.data.left_out)
    return [*sentences, *([f"Left out: {'; '.join(left_out)}."] if left_out else [])]


def _marks(grids: Sequence[Grid]) -> list[str]:
    cells = [c for g in grids for row in g.rows for c in row.cells]
    told = []
    if any(c.best for c in cells):
        second = ", underlined: second" if any(c.second for c in cells) else ""
        told.append(f"Bold: best{second}.")
    if any(c.tied for c in cells):
        told.append(
            f"{TIE} not significantly different from the best: the 95 % interval of the difference "
            "(paired bootstrap over tracks, each pair by itself) holds 0."
        )
    return told
