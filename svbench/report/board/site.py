"""Write the site of a board: its first page and a page with the provenance of each row."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from svbench import __version__
from svbench.printing.numbers import counted
from svbench.printing.pages import templates
from svbench.report.board.entries import Entry
from svbench.report.layouts.variants import variant_table
from svbench.report.pages.origins import Fact, failures, origins, rule
from svbench.report.view import numbers
from svbench.report.view.boards import (
    MARKS,
    RUNNABLE,
    Board,
    BoardRow,
    Intervals,
    boards,
    explained,
    ranked_metrics,
    runnable,
)
from svbench.report.view.caveats import beside, footnotes, leak_sentence
from svbench.report.view.content import Cell, Row, Table
from svbench.report.view.variants import probed_groups, variant_boards
from svbench.results.aggregate import Summary, summarise
from svbench.results.folders import replaced
from svbench.results.store import Run, slug
from svbench.specs.records import digest

TEMPLATES = Path(__file__).parents[1] / "templates"
# report.css imports the next three.
ASSETS = ("report.css", "tables.css", "player.css", "curves.css", "sort.js", "board.css")
MARK = ".svbench-board"


def write_board(every: Sequence[Sequence[Entry]], title: str, out: Path) -> Path:
    """Write the site.

    Parameters
    ----------
    every : sequence of sequence of Entry
        As `svbench.report.board.entries.merge` returns them.
    title : str
    out : Path
        A folder: new, empty, or an earlier board, which is replaced.

    Returns
    -------
    Path
        The first page, ``index.html``.

    Raises
    ------
    DataError
        The folder holds other things.
    """
    intervals = Intervals()
    with replaced(out, MARK, "board") as new:
        (new / "assets").mkdir()
        for name in ASSETS:
            shutil.copyfile(TEMPLATES / "assets" / name, new / "assets" / name)
        (new / "index.html").write_text(
            _render("board.html", page=board_page(every, title, intervals)), encoding="utf-8"
        )
        (new / "systems").mkdir()
        for entry in (e for entries in every for e in entries):
            text = _render("board_system.html", page=system_page(entry, intervals), board=title)
            (new / page_name(entry.run)).write_text(text, encoding="utf-8")
    return out / "index.html"


def _render(template: str, **values: object) -> str:
    """Fill a template; an undefined name is an error and markup from a run is escaped."""
    return templates(TEMPLATES).get_template(template).render(**values)


def board_page(every: Sequence[Sequence[Entry]], title: str, intervals: Intervals) -> BoardPage:
    """Build the first page.

    Parameters
    ----------
    every : sequence of sequence of Entry
        As `merge` returns them.
    title : str
        Title of the site.
    intervals : Intervals
        A cache shared by all pages.
    """
    record = every[0][0].run.record
    protocol = record.protocol
    plain = [e for e in every if not e[0].run.record.data.variant]
    probed = [x for e in every if e[0].run.record.data.variant for x in e]
    sections = [_section(entries, i, intervals) for i, entries in enumerate(plain)] + _variant_sections(
        probed
    )
    entries = [x for e in every for x in e]
    return BoardPage(
        title=title,
        subtitle=f"{protocol.title} · {protocol.id} version {protocol.version}, "
        f"digest {record.protocol_digest[:8]}",
        description=" ".join(protocol.description.split()),
        rule=tuple(rule(record)),
        sections=tuple(sections),
        duplicates=tuple(dict.fromkeys(_duplicate(x) for x in entries if len(x.sources) > 1)),
        conflicts=tuple(dict.fromkeys(f"{x.conflict}." for x in entries if x.conflict)),
        version=__version__,
    )


def page_name(run: Run) -> str:
    """Return the path of a row's own page inside the site; no two runs share one."""
    record = run.record
    # Runs of one name differ by their path, which must not appear on a published page: use its digest.
    parts = [record.system.id, record.data.id, record.data.variant, run.path.name, digest(str(run.path))[:8]]
    return f"systems/{slug('--'.join(p for p in parts if p))}.html"


def system_page(entry: Entry, intervals: Intervals) -> SystemPage:
    """Build the page with the provenance of the numbers of a row."""
    run = entry.run
    system = run.record.system
    records = origins([s.run for s in entry.sources])
    return SystemPage(
        name=system.id,
        title=system.title,
        kind=system.kind,
        imported=run.record.imported,
        leaks=leak_sentence(run),
        conflict=entry.conflict,
        scores=tuple(_all_scores(run, intervals)),
        failures=tuple(Fact(f.track, f.reason) for f in failures([run])),
        origins=tuple(
            (
                f"{s.source}: {o.run}",
                (*([Fact("vouched for by", s.voucher)] if s.voucher else []), *o.facts),
            )
            for s, o in zip(entry.sources, records, strict=True)
        ),
        version=__version__,
    )


def _duplicate(entry: Entry) -> str:
    record = entry.run.record
    others = ", ".join(s.source for s in entry.sources[1:])
    variant = f" ({record.data.variant})" if record.data.variant else ""
    return (
        f"{record.system.id}{variant}: {entry.sources[0].source}, confirmed by {others}: the same scores "
        "wherever both have them."
    )


def _section(entries: Sequence[Entry], number: int, intervals: Intervals) -> SiteSection:
    data = entries[0].run.record.data
    runs = [e.run for e in entries]
    name = f"board-{number}"
    found = [
        _table(board, entries, f"{name}-{slug(board.target_set)}-{slug(metric)}", i == 0, intervals)
        for i, metric in enumerate(ranked_metrics(runs[0]))
        for board in boards(runs, metric)
    ]
    named = " ".join(p for p in (data.id, data.version, data.subset) if p)
    title = f"{data.title} · {named}, {counted(len(data.tracks), 'track')}"
    return SiteSection(name, title, tuple(found), (), tuple(footnotes(runs)))


def _variant_sections(entries: Sequence[Entry]) -> list[SiteSection]:
    """Build the tables of systems × variants; runs in conflict are left out."""
    sections = []
    for i, group in enumerate(probed_groups([e.run for e in entries if not e.conflict])):
        data = group[0].record.data
        name = f"variants-{i}"
        tables = tuple(variant_table(b, f"{name}-{k}") for k, b in enumerate(variant_boards(group)))
        title = f"{data.title} · {data.id} {data.version}, {counted(len(data.tracks), 'track')}"
        by_system = {e.run.record.system.id: e.vouchers for e in entries if e.vouchers}
        vouched = "; ".join(f"{system}: {vouchers}" for system, vouchers in by_system.items())
        notes = (f"Vouched for by: {vouched}.",) if vouched else ()
        sections.append(SiteSection(name, title, (), tables, notes))
    return sections


def _table(board: Board, entries: Sequence[Entry], name: str, open: bool, intervals: Intervals) -> SiteTable:
    """Build a table; ranks and best numbers are those among the runs without a conflict."""
    by_run = {id(e.run): e for e in entries}
    agreed = [row.run for row in board.rows if not by_run[id(row.run)].conflict]
    ranked: list[Board] = [board]
    if len(agreed) < len(board.rows):
        ranked = boards(agreed, board.quantity.name) if agreed else []
    same = [b for b in ranked if b.target_set == board.target_set]
    places = {id(row.run): row for b in same for row in b.rows}
    record = board.runs[0].record
    label = numbers.reducers(board.rows[0].cells[board.columns[0]].label)
    vouched = ["vouched for by"] if entries[0].vouchers else []
    limited = [RUNNABLE] if record.protocol.limits else []
    unit = f" in {board.quantity.unit}" if board.quantity.unit not in ("", "1") else ""
    better = "Higher is better." if board.quantity.higher_is_better else "Lower is better."
    return SiteTable(
        id=name,
        caption=f"{board.target_set}: {board.quantity.name}",
        about=f"{board.quantity.name}{unit} · {label} · n = {counted(len(record.data.tracks), 'track')}",
        note=" ".join(
            [
                *(better, MARKS, *(b.unranked for b in same if b.unranked)),
                "Oracles see the references and take no rank; nor does a system that was not scored on all "
                "tracks that others were scored on, or whose runs have conflicting scores.",
                explained(board.runs[0]),
            ]
        ),
        head=("system", *board.columns, "tracks", "frames dropped", *limited, "from", *vouched),
        rows=tuple(
            _row(row, by_run[id(row.run)], places.get(id(row.run)), board, intervals) for row in board.rows
        ),
        open=open,
    )


def _row(
    row: BoardRow,
    entry: Entry,
    place: BoardRow | None,
    board: Board,
    intervals: Intervals,
) -> SiteRow:
    """Build a row; ``place`` holds its rank and marks, None for a run in conflict."""
    run = row.run
    n_dropped, n_frames = numbers.dropped(row.cells[c] for c in board.columns if c != "mean")
    scored = len(run.results) - len(run.failed)
    sources = ", ".join(dict.fromkeys(s.source for s in entry.sources))
    verdict = runnable(run)
    return SiteRow(
        name=run.record.system.id,
        page=page_name(run),
        kind=run.record.system.kind,
        imported=run.record.imported,
        leaks=leak_sentence(run),
        conflict=entry.conflict,
        rank=str((place and place.rank) or ""),
        cells=(
            *(
                replace(
                    _score(s, row.clean.get(c), intervals.below(run, s)),
                    best=place is not None and c in place.best,
                    second=place is not None and c in place.second,
                )
                for c in board.columns
                for s in [row.cells[c]]
            ),
            Cell(f"{scored} of {len(run.record.data.tracks)}", scored, muted=True),
            Cell(f"{n_dropped} of {n_frames}", n_dropped / n_frames if n_frames else 0.0, muted=True),
            *([Cell(verdict, verdict)] if verdict else []),
            Cell(sources, sources, muted=True),
            *([Cell(entry.vouchers, entry.vouchers)] if entry.vouchers else []),
        ),
    )


def _score(summary: Summary, clean: Summary | None, below: tuple[str, ...]) -> Cell:
    text = beside(numbers.decibels(summary.score, summary.status), clean)
    title = (
        f"{summary.label}, {summary.n_tracks} of {summary.n_tracks_total} tracks, "
        f"{summary.n_frames} frames, {summary.n_dropped} dropped"
    )
    return Cell(text, summary.score, muted=summary.score is None, title=title, more=below)


def _all_scores(run: Run, intervals: Intervals) -> list[Table]:
    """Build the tables of every quantity of a run, one for each target set."""
    found = summarise(run, allow_incomplete=True)
    tables = []
    for number, name in enumerate(dict.fromkeys(s.target_set for s in found)):
        chosen = [s for s in found if s.target_set == name]
        columns = tuple(dict.fromkeys(s.target for s in chosen))
        rows = tuple(
            Row(
                metric,
                "",
                tuple(_score(s, None, intervals.below(run, s)) for s in chosen if s.metric == metric),
            )
            for metric in dict.fromkeys(s.metric for s in chosen)
        )
        tables.append(Table(f"scores-{number}", name, "", explained(run), ("quantity", *columns), rows))
    return tables


@dataclass(frozen=True)
class SiteRow:
    """A system on a board; ``page`` is its own page, ``conflict`` names the runs with other scores."""

    name: str
    page: str
    kind: str
    imported: bool
    leaks: str
    conflict: str
    rank: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class SiteTable:
    """One quantity of one target set; ``open`` is that of the headline."""

    id: str
    caption: str
    about: str
    note: str
    head: tuple[str, ...]
    rows: tuple[SiteRow, ...]
    open: bool


@dataclass(frozen=True)
class SiteSection:
    """The boards of one set of tracks; ``variants`` are those of a probe, systems × variants."""

    id: str
    title: str
    tables: tuple[SiteTable, ...]
    variants: tuple[Table, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class BoardPage:
    """The first page of the site."""

    title: str
    subtitle: str
    description: str
    rule: tuple[Fact, ...]
    sections: tuple[SiteSection, ...]
    duplicates: tuple[str, ...]
    conflicts: tuple[str, ...]
    version: str


@dataclass(frozen=True)
class SystemPage:
    """Where the numbers of one row come from.

    ``origins`` holds the facts of each run that agrees, under the name of who made it.
    """

    name: str
    title: str
    kind: str
    imported: bool
    leaks: str
    conflict: str
    scores: tuple[Table, ...]
    failures: tuple[Fact, ...]
    origins: tuple[tuple[str, tuple[Fact, ...]], ...]
    version: str
