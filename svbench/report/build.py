"""From runs to the page's content: which tables and plots there are and what their words say."""

from __future__ import annotations

from collections.abc import Sequence

from svbench.report import numbers
from svbench.report.boards import Board, boards, comparable, ranked_metrics
from svbench.report.context import Cell, Fact, Failure, Figure, Group, Origin, Row, Table
from svbench.report.figures import box_plot
from svbench.report.terminal import title, tracks
from svbench.results.aggregate import Summary, TrackScore, track_scores
from svbench.results.store import Run, slug

UNDEFINED_LAST = -1e9


def groups(runs: Sequence[Run]) -> list[Group]:
    """Build one group of tables and plots per protocol and data set."""
    return [_group(group) for group in comparable(runs)]


def failures(runs: Sequence[Run]) -> list[Failure]:
    """List every failed and missing track with its reason."""
    found = []
    for run in runs:
        system, protocol = run.record.system.id, run.record.protocol.id
        found += [Failure(system, protocol, r.track, r.reason) for r in run.failed]
        found += [Failure(system, protocol, t, "not run yet") for t in run.missing]
    return found


def origins(runs: Sequence[Run]) -> list[Origin]:
    """Tell where each run comes from."""
    found = []
    for run in runs:
        record = run.record
        last = record.provenance[-1]
        packages = ", ".join(f"{n} {v}" for n, v in sorted(last.packages.items()))
        machine = last.machine
        facts = [
            (
                "system",
                f"{record.system.title} · adapter {record.system.adapter} · {record.system_digest[:16]}",
            ),
            ("training data", ", ".join(record.system.training_data) or "none: not trained"),
            (
                "protocol",
                f"{record.protocol.id} version {record.protocol.version} · {record.protocol_digest[:16]}",
            ),
            (
                "data set",
                f"{record.data.title} · {record.data.id} {record.data.version} · {record.data.digest[:16]}",
            ),
            ("left out", "; ".join(record.data.left_out) or "nothing"),
            ("created", last.created),
            ("command", " ".join(last.command)),
            (
                "svbench",
                f"{last.svbench} {last.commit[:12]}{'+dirty' if last.commit.endswith('+dirty') else ''}",
            ),
            ("Python", f"{last.python} · {packages}"),
            (
                "machine",
                f"{machine.cpu}, {machine.n_cores} cores, {machine.memory_bytes / 2**30:.0f} GiB",
            ),
        ]
        found.append(Origin(run.path.name, tuple(Fact(n, v) for n, v in facts)))
    return found


def _group(runs: list[Run]) -> Group:
    protocol, data = runs[0].record.protocol, runs[0].record.data
    by_metric = {m: boards(runs, m) for m in ranked_metrics(runs[0])}
    headline = by_metric[protocol.headline]
    notes = sorted({f"{n} ({r.record.system.id})" for r in runs for t in r.results for n in t.notes})
    return Group(
        id=slug(f"{protocol.id}-{data.id}"),
        title=protocol.id,
        subtitle=f"{protocol.title} · {data.title}, {len(data.tracks)} tracks",
        description=protocol.description.strip(),
        leaderboards=tuple(_leaderboard(b, i) for i, b in enumerate(headline)),
        targets=tuple(t for i in range(len(headline)) for t in _targets(by_metric, i)),
        figures=tuple(f for b in headline for f in _figures(b)),
        tracks=tuple(_tracks(b) for b in headline),
        resources=_resources(runs),
        remarks=tuple(_absent(runs) + _shorten(notes)),
    )


def _leaderboard(board: Board, number: int) -> Table:
    rows = []
    for row in board.rows:
        cells = [_score_cell(board, c, row.cells[c], row.rank is not None) for c in board.columns]
        n_dropped = max(row.cells[c].n_dropped for c in board.columns if c != "mean")
        rows.append(
            Row(
                row.run.record.system.id,
                row.run.record.system.kind,
                (
                    *cells,
                    Cell(tracks(row.run), len(row.run.results) - len(row.run.failed), muted=True),
                    Cell(str(n_dropped), n_dropped, muted=True),
                ),
                str(row.rank or ""),
            )
        )
    head = ("system", *board.columns, "tracks", "dropped frames")
    note = f"Higher is better. {_counts(board)}Oracles see the references and take no rank."
    return Table(
        f"board-{number}-{slug(board.target_set)}-{board.runs[0].record.protocol.id}",
        title(board),
        note,
        head,
        tuple(rows),
        True,
    )


def _counts(board: Board) -> str:
    """Say where a column rests on fewer tracks than the data set has."""
    total = len(board.runs[0].record.data.tracks)
    parts = []
    for column in board.columns:
        most = max(r.cells[column].n_tracks for r in board.rows)
        if most < total:
            parts.append(f"{column} on {most} of {total} tracks")
    return f"{', '.join(parts)} (the others lack a target). ".capitalize() if parts else ""


def _targets(by_metric: dict[str, list[Board]], number: int) -> list[Table]:
    """One table per target: all quantities."""
    first = next(iter(by_metric.values()))[number]
    tables = []
    for target in first.columns:
        if target == "mean" or len(by_metric) < 2:
            continue
        rows = []
        for row in first.rows:
            cells = []
            for found in by_metric.values():
                board = found[number]
                own = next(r for r in board.rows if r.run is row.run)
                cells.append(_score_cell(board, target, own.cells[target], own.rank is not None))
            summary = row.cells[target]
            used = f"{summary.n_tracks} / {summary.n_frames}"
            rows.append(
                Row(
                    row.run.record.system.id,
                    row.run.record.system.kind,
                    (*cells, Cell(used, summary.n_frames, muted=True)),
                )
            )
        units = [f"{b[number].quantity.name} [{b[number].quantity.unit}]" for b in by_metric.values()]
        label = first.rows[0].cells[target].label
        tables.append(
            Table(
                f"target-{slug(first.target_set)}-{slug(target)}",
                f"{target} · {first.target_set} · {label}",
                "",
                ("system", *units, "tracks / frames"),
                tuple(rows),
            )
        )
    return tables


def _figures(board: Board) -> list[Figure]:
    found = []
    scores = {id(r.run): track_scores(r.run) for r in board.rows}
    for target in board.columns:
        if target == "mean":
            continue
        values = [
            [s.score for s in scores[id(r.run)] if _is(s, board, target) and s.score is not None]
            for r in board.rows
        ]
        names = [r.run.record.system.id for r in board.rows]
        caption = f"{target} ({board.target_set}): {board.quantity.name} of each track"
        told = [
            f"{n}: {numbers.decibels(min(v))} to {numbers.decibels(max(v))} dB over {len(v)} tracks"
            for n, v in zip(names, values, strict=True)
            if v
        ]
        svg = box_plot(
            names,
            [r.run.record.system.kind for r in board.rows],
            values,
            f"{board.quantity.name} [{board.quantity.unit}]",
        )
        found.append(Figure(caption, svg, "; ".join(told)))
    return found


def _tracks(board: Board) -> Table:
    """Every track and target in rows, systems in columns."""
    systems = [r.run for r in board.rows]
    scores = {
        (run.record.system.id, s.track, s.target): s
        for run in systems
        for s in track_scores(run)
        if s.metric == board.quantity.name and s.target_set == board.target_set
    }
    targets = [c for c in board.columns if c != "mean"]
    rows = []
    for track in board.runs[0].record.data.tracks:
        for target in targets:
            cells = []
            for run in systems:
                found = scores.get((run.record.system.id, track, target))
                cells.append(_track_cell(found))
            rows.append(Row(track, "", (Cell(target, target), *cells)))
    head = ("track", "target", *(r.record.system.id for r in systems))
    caption = f"Every track · {title(board)}"
    return Table(
        f"tracks-{slug(board.target_set)}-{board.runs[0].record.protocol.id}", caption, "", head, tuple(rows)
    )


def _resources(runs: list[Run]) -> Table:
    rows = []
    for run in runs:
        used = [r.resources for r in run.results if r.resources]
        if not used:
            continue
        rtf = _median([r.rtf for r in used])
        memory = max(r.peak_rss_bytes for r in used)
        load = _median([r.load_s for r in used])
        cpu = sum(r.cpu_s for r in used) / sum(t.duration_s for t in run.results if t.resources)
        rows.append(
            Row(
                run.record.system.id,
                run.record.system.kind,
                (
                    Cell(numbers.seconds(load), load),
                    Cell(f"{rtf:.3f}", rtf),
                    Cell(f"{1 / rtf:.0f} ×" if rtf else "–", -rtf),
                    Cell(f"{cpu:.3f}", cpu),
                    Cell(numbers.bytes_text(memory), memory),
                    Cell(str(run.record.system.threads), run.record.system.threads),
                ),
            )
        )
    return Table(
        f"resources-{runs[0].record.protocol.id}",
        "Cost of the separation, measured in each system's own process",
        "Median over tracks (memory: largest). Scoring ran beside it: wall times are no benchmark.",
        ("system", "load", "real-time factor", "× real time", "CPU s per s", "peak memory", "threads"),
        tuple(rows),
    )


def _absent(runs: list[Run]) -> list[str]:
    lacking: dict[str, list[str]] = {}
    for result in runs[0].results:
        for target in result.absent_targets:
            lacking.setdefault(target, []).append(result.track)
    return [f"No {t} in {', '.join(names)}: scored without it there." for t, names in lacking.items()]


def _shorten(notes: list[str], most: int = 12) -> list[str]:
    return (
        notes if len(notes) <= most else [*notes[:most], f"… and {len(notes) - most} more notes in the runs."]
    )


def _score_cell(board: Board, column: str, summary: Summary, ranked: bool) -> Cell:
    text = numbers.decibels(summary.score, summary.status)
    if summary.score is None:
        return Cell(text, UNDEFINED_LAST, muted=True)
    title = (
        f"{summary.label}, {summary.n_tracks} of {summary.n_tracks_total} tracks, {summary.n_frames} frames"
    )
    best = ranked and board.best.get(column) == summary.score
    return Cell(text, summary.score, best=best, title=f"{title}, {summary.n_dropped} dropped")


def _track_cell(found: TrackScore | None) -> Cell:
    if found is None:
        return Cell("–", UNDEFINED_LAST, muted=True)
    if found.score is None:
        return Cell(numbers.decibels(None, found.status), UNDEFINED_LAST, muted=True)
    return Cell(
        numbers.decibels(found.score),
        found.score,
        title=f"{found.n_frames} frames, {found.n_dropped} dropped",
    )


def _is(score: TrackScore, board: Board, target: str) -> bool:
    return (score.target_set, score.target, score.metric) == (board.target_set, target, board.quantity.name)


def _median(values: list[float]) -> float:
    import statistics

    return statistics.median(values)
