"""What stands below a table: the rule, the data, what was dropped or skipped, and what the marks mean."""

from __future__ import annotations

from collections.abc import Sequence

from svbench.printing.paths import without_paths
from svbench.report.layouts.systems import Bound, Numbers
from svbench.report.view import numbers
from svbench.report.view.caveats import footnotes
from svbench.report.view.variants import INSERTION
from svbench.results.aggregate import quantities
from svbench.results.store import Run
from svbench.specs.protocol import ORIGINAL, Reduce
from svbench.specs.report import MEAN, QuotedRow
from svbench.statistics.comparison import ONE_TRACK
from svbench.tables.model import TIE, Grid, GridCell

MOST = 12  # systems or tracks that a note names one by one


def notes(grids: Sequence[Grid], bounds: Sequence[Bound], found: Numbers) -> list[str]:
    """Return the footnote, a sentence or two in each item."""
    runs = list({id(r): r for b in bounds for r in b.runs.values()}.values())
    sentences = [
        *dict.fromkeys(_rule(b, found) for b in bounds),
        *_scored_among(bounds),
        _data(bounds, found),
        *_inserted(bounds, found),
        *_dropped(bounds, found),
        *_skipped(runs),
        *_marks(grids),
    ]
    if any(r.record.system.kind == "oracle" for r in runs):
        sentences.append("Oracles see the references and are not ranked.")
    return [*sentences, *footnotes(runs)]


def quoted_notes(quoted: Sequence[tuple[str, QuotedRow]], runs: Sequence[Run], style: str) -> list[str]:
    """Name the sources of quoted rows, and say where their data are not the measured ones."""
    if not quoted:
        return []
    sources = {number: f"[{number}] {row.source} ({row.rule}; {row.data})" for number, row in quoted}
    sentences = [f"{style}: quoted, not measured here, and never ranked: {'; '.join(sources.values())}."]
    here = {r.record.data.id for r in runs}
    if elsewhere := dict.fromkeys(row.data for _, row in quoted if not here & set(row.data.split())):
        sentences.append(
            f"The quoted rows were measured on {', '.join(elsewhere)}, the others on "
            f"{', '.join(sorted(here))}: they cannot be compared."
        )
    return sentences


def _rule(bound: Bound, found: Numbers) -> str:
    protocol = next(iter(bound.runs.values())).record.protocol
    digest = next(iter(bound.runs.values())).record.protocol_digest
    labels: dict[str, dict[str, None]] = {}
    for metric in (q.name for q in bound.metrics):
        for run in bound.runs.values():
            if entry := found.entry(run, (bound.target_set.id, bound.targets[0], metric)):
                labels.setdefault(entry.summary.label, {})[metric] = None
    units: dict[str, list[str]] = {}
    for q in bound.metrics:
        units.setdefault("" if q.unit in ("", "1") else f" in {q.unit}", []).append(q.name)
    names = ", ".join(", ".join(metrics) + unit for unit, metrics in units.items())
    sentences = "; ".join(
        (f"{', '.join(metrics)}: " if len(labels) > 1 else "") + numbers.reducers(label)
        for label, metrics in labels.items()
    )
    sentences = sentences or "no score"
    return f"Protocol {protocol.id} version {protocol.version} (digest {digest[:8]}): {names}, {sentences}."


def _scored_among(bounds: Sequence[Bound]) -> list[str]:
    """Say which targets were scored as one problem, where the columns of a protocol come from several."""
    sets: dict[tuple[str, str], list[str]] = {}
    for bound in bounds:
        protocol = next(iter(bound.runs.values())).record.protocol.id
        sets.setdefault((protocol, bound.target_set.id), []).extend(bound.group.targets)
    if len(sets) == len({protocol for protocol, _ in sets}):
        return []
    sentences = [f"{', '.join(dict.fromkeys(targets))} in {name}" for (_, name), targets in sets.items()]
    return [f"Scored in the target sets: {'; '.join(sentences)}."]


def _data(bounds: Sequence[Bound], found: Numbers) -> str:
    """Name the tracks, and how many of them each column rests on where it is not all."""
    data = next(iter(bounds[0].runs.values())).record.data
    counts: dict[str, int] = {}
    means: dict[str, Reduce] = {}
    for bound in bounds:
        rules = quantities(next(iter(bound.runs.values())))
        for key in bound.keys:
            group = "" if len(bounds) == 1 or bound.name == key[1] else f"{bound.name} "
            entries = [found.entry(r, key) for r in bound.runs.values()]
            most = max((e.summary.n_tracks for e in entries if e), default=0)
            counts[group + key[1]] = max(most, counts.get(group + key[1], 0))
            if key[1] == MEAN:
                means[group + MEAN] = rules[key[2]]
    total = len(data.tracks)
    short = {name: str(n) for name, n in counts.items() if n != total}
    short |= {name: numbers.mean_over(counts[name], rule) for name, rule in means.items() if short}
    fewer = "; ".join(f"{name}: {sentences}" for name, sentences in short.items())
    name = " ".join(p for p in (data.id, data.version, data.subset) if p)
    sentences = f"{name}, n = {total} track{'' if total == 1 else 's'}{f' ({fewer})' if fewer else ''}."
    return (
        sentences
        if total > 1
        else f"{sentences} One track has no interval, so nothing can be said of chance."
    )


def _inserted(bounds: Sequence[Bound], found: Numbers) -> list[str]:
    """Tell in how many tracks each variant holds an inserted pattern at all; the others are unchanged."""
    counts: dict[str, int] = {}
    for bound in bounds:
        runs = list(bound.runs.values())
        for quantity in runs[0].record.quantities:
            if quantity.metric == INSERTION and runs[0].record.data.variant not in ("", ORIGINAL):
                key = (bound.target_set.id, bound.targets[0], quantity.name)
                entries = [found.entry(r, key) for r in runs]
                counts[bound.name] = max((e.summary.n_tracks for e in entries if e), default=0)
    if not counts:
        return []
    total = len(next(iter(bounds[0].runs.values())).record.data.tracks)
    sentences = ", ".join(f"{name} in {n}" for name, n in counts.items())
    return [f"Clips lie in: {sentences} of {total} tracks; the others of a set are as in the original."]


def _dropped(bounds: Sequence[Bound], found: Numbers) -> list[str]:
    """Count frames without a value of each group's first quantity; groups with equal counts are one."""
    groups: dict[tuple[str, str], list[str]] = {}
    for bound in bounds:
        groups.setdefault((bound.metrics[0].name, _dropped_by_system(bound, found)), []).append(bound.name)
    sentences = []
    for (metric, counts), names in groups.items():
        of = ", ".join([*(names if len(groups) > 1 else []), metric])
        sentences.append(f"Frames dropped ({of}): {counts}.")
    return sentences


def _dropped_by_system(bound: Bound, found: Numbers) -> str:
    """Counts by system where they differ and are few; systems without any frame have none to drop."""
    counted = {}
    for system, run in bound.runs.items():
        key = (bound.target_set.id, bound.metrics[0].name)
        entries = [found.entry(run, (key[0], t, key[1])) for t in bound.targets]
        n_dropped, total = numbers.dropped(e.summary for e in entries if e)
        if total:
            counted[system] = (n_dropped, total)
    several = sorted(set(counted.values()))
    if len(several) > 1 and len(counted) <= MOST:
        return ", ".join(f"{s} {n} of {total}" for s, (n, total) in counted.items())
    sentences = [f"{n} of {total}" for n, total in (several[:1] + several[-1:] if several else [(0, 0)])]
    return " to ".join(dict.fromkeys(sentences))


def _skipped(runs: Sequence[Run]) -> list[str]:
    """Tracks that failed, were not run, or were left out of the data set."""
    reports: dict[str, None] = {}
    for run in runs:
        reasons: dict[str, list[str]] = {}
        for result in run.failed:
            reasons.setdefault(f"failed: {without_paths(result.reason)}", []).append(result.track)
        reasons |= {"not run": list(run.missing)} if run.missing else {}
        total = len(run.record.data.tracks)
        lacks = "; ".join(f"{_tracks(names, total)} ({why})" for why, names in reasons.items())
        if lacks:
            where = (
                f" under {run.record.protocol.id}" if len({r.record.protocol.id for r in runs}) > 1 else ""
            )
            reports[f"{run.record.system.id} lacks {lacks}{where}."] = None
        if run.over_budget:
            reports[f"{run.record.system.id} broke the budget ({run.over_budget}): no scores."] = None
    sentences = list(reports)
    if len(sentences) > MOST:
        sentences = [*sentences[:MOST], f"{len(sentences) - MOST} more systems lack tracks."]
    left_out = dict.fromkeys(text for run in runs for text in run.record.data.left_out)
    return [*sentences, *([f"Left out: {'; '.join(left_out)}."] if left_out else [])]


def _tracks(names: Sequence[str], total: int) -> str:
    if len(names) == total > 1:
        return f"all {total} tracks"
    more = [f"{len(names) - MOST} more"] if len(names) > MOST else []
    return ", ".join([*names[:MOST], *more])


def _marks(grids: Sequence[Grid]) -> list[str]:
    cells = [c for g in grids for row in g.rows for c in row.cells]
    sentences = _partial(grids)
    if any(c.best for c in cells):
        second = ", underlined: second" if any(c.second for c in cells) else ""
        sentences.append(f"Bold: best{second}.")
    if any(c.tied for c in cells):
        sentences.append(
            f"{TIE} not significantly different from the best: the 95 % interval of the difference "
            "(paired bootstrap over tracks, each pair by itself) holds 0."
        )
    return [*sentences, *_intervals(cells)]


def _partial(grids: Sequence[Grid]) -> list[str]:
    """Name the systems that were left out of a column's best and second, and those columns."""
    short: dict[str, dict[str, None]] = {}
    for grid in grids:
        for row in grid.rows:
            for cell, column in zip(row.cells, grid.columns, strict=True):
                if cell.partial:
                    # Systems are rows or, where variants are rows, columns.
                    system, where = (column.head, row.name) if row.kind == "pattern" else (row.name, "")
                    where = where or " ".join(p for p in (column.group, column.head) if p)
                    short.setdefault(system, {})[where] = None
    if not short:
        return []
    names = [f"{system} ({', '.join(columns)})" for system, columns in short.items()][:MOST]
    more = [f"{len(short) - MOST} more"] if len(short) > MOST else []
    return [
        "Neither best nor second, since not scored on all tracks that others in the column were scored on: "
        f"{'; '.join([*names, *more])}."
    ]


def _intervals(cells: Sequence[GridCell]) -> list[str]:
    """Say what the intervals are, and which numbers have none."""
    if not any(c.interval for c in cells):
        return []
    sentences = "In square brackets: 95 % intervals (bootstrap over tracks), for each number by itself."
    alone = any(c.is_number and c.detail.get("no_interval") == ONE_TRACK for c in cells)
    return [sentences, *(["Numbers without one rest on one track."] if alone else [])]
