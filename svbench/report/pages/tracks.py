"""The page of a track: its scores, the frames of every system over time, and players."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from svbench.printing.numbers import counted
from svbench.report.figures.heat import track_cell
from svbench.report.listen.excerpts import Heard
from svbench.report.pages.frames import Curves, curves
from svbench.report.view.boards import Board, boards
from svbench.report.view.caveats import unstable_sentences
from svbench.report.view.content import Cell, Head, Link, Player, Row, Table
from svbench.report.view.numbers import decibels
from svbench.results.aggregate import TrackScore, track_scores
from svbench.results.store import Run, slug


@dataclass(frozen=True)
class View:
    """One target of one track: its frames over time, and what can be heard of it.

    ``values`` are what the script draws; ``systems`` are the legend, a name and a colour each.
    """

    id: str
    target: str
    target_set: str
    values: Curves
    systems: tuple[tuple[str, int], ...]
    text: str
    player: Player | None


@dataclass(frozen=True)
class TrackPage:
    """Everything on the page of a track."""

    head: Head
    scores: Table
    views: tuple[View, ...]
    note: str
    near: tuple[Link, ...]


Scores = Mapping[tuple[str, str, str, str], TrackScore]
SCRIPTS = ("sort.js", "print.js", "player.js", "curves.js", "spectrograms.js")


def view_id(target_set: str, target: str) -> str:
    """Return the id of a target's section on a track's page."""
    return f"view-{slug(target_set)}-{slug(target)}"


def track_pages(
    runs: Sequence[Run],
    heard: Mapping[str, Heard],
    *,
    tracks: Sequence[str],
    elsewhere: Mapping[str, str],
    head: Head,
) -> Iterator[tuple[str, TrackPage]]:
    """Yield the pages of tracks one at a time; all of them together need as much memory as the runs.

    Parameters
    ----------
    runs : sequence of Run
    heard : mapping of str to Heard
        Players by track.
    tracks : sequence of str
        Those that get a page, in order.
    elsewhere : mapping of str to str
        Pages of the same tracks, under another protocol, on which they can be heard.
    head : Head
        Head of all pages; each gets the track as its title.

    Yields
    ------
    str, TrackPage
        The track and its page.
    """
    headline = boards(runs)
    record = runs[0].record
    summary = (
        f"{record.protocol.id} version {record.protocol.version}, {record.protocol_digest[:8]} · "
        f"{record.data.title}, {counted(len(record.data.tracks), 'track')}"
    )
    # The headline's score by system, track, target set and target, reduced once for all pages.
    scores = {
        (run.record.system.id, s.track, s.target_set, s.target): s
        for run in runs
        for s in track_scores(run)
        if s.metric == record.protocol.headline
    }
    for number, name in enumerate(tracks):
        near = []
        if number > 0:
            near.append(Link(f"← {tracks[number - 1]}", f"{slug(tracks[number - 1])}.html", "prev"))
        if number + 1 < len(tracks):
            near.append(Link(f"{tracks[number + 1]} →", f"{slug(tracks[number + 1])}.html", "next"))
        found = heard.get(name)
        if found is None and name in elsewhere:
            near.append(Link("Listen", elsewhere[name]))
        audio = found.note if found else "There is no audio of this track here."
        page = TrackPage(
            replace(head, title=name, summary=summary),
            _scores(headline, name, scores),
            tuple(_views(runs, headline, name, found, scores)),
            " ".join([audio, *unstable_sentences(runs, track=name)]),
            tuple(near),
        )
        yield name, page


def _scores(headline: Sequence[Board], track: str, scores: Scores) -> Table:
    """Build the table of one track: a row for each system, a column for each target of each set."""
    columns = [(b.target_set, t) for b in headline for t in b.targets]
    runs = list({id(row.run): row.run for b in headline for row in b.rows}.values())

    def cell(system: str, column: tuple[str, str]) -> Cell:
        found = track_cell(scores.get((system, track, *column)))
        # The first page lists the failures with their reasons.
        return replace(found, href="../../index.html#failures") if found.text == "failed" else found

    rows = [
        Row(s.id, s.kind, tuple(cell(s.id, column) for column in columns), imported=run.record.imported)
        for run in runs
        for s in [run.record.system]
    ]
    quantity = headline[0].quantity if headline else None
    caption = f"{quantity.name} of this track" if quantity else "No scores yet"
    better = "" if quantity is None else f"{quantity.unit} · "
    better += "higher is better" if quantity is None or quantity.higher_is_better else "lower is better"
    heads = [f"{t} ({s})" if len(headline) > 1 else t for s, t in columns]
    return Table("scores", caption, better, "", ("system", *heads), tuple(rows))


def _views(
    runs: Sequence[Run], headline: Sequence[Board], track: str, found: Heard | None, scores: Scores
) -> list[View]:
    views = []
    for board in headline:
        for target in board.targets:
            content = curves(runs, track, board.target_set, target, found.wave if found else ())
            if content is None:
                continue
            legend = {line.system: line.line for strip in content.strips for line in strip.lines}
            player = None
            if found and target in found.players:
                player = _player(found.players[target], board, target, track, scores)
                if len(headline) > 1:
                    player = replace(player, label=f"{player.label} ({board.target_set})")
                audible = {s.name for s in player.signals}
                legend = {s: n for s, n in legend.items() if s not in audible}
            views.append(
                View(
                    view_id(board.target_set, target),
                    target,
                    board.target_set if len(headline) > 1 else "",
                    content,
                    tuple(legend.items()),
                    _description(content),
                    player,
                )
            )
    return views


def _player(player: Player, board: Board, target: str, track: str, scores: Scores) -> Player:
    """Add to each estimate its score in this target set."""
    signals = []
    for signal in player.signals:
        row = scores.get((signal.name, track, board.target_set, target)) if signal.line is not None else None
        unit = board.quantity.unit if row and row.score is not None else ""
        text = f"{decibels(row.score, row.status)} {unit}".rstrip() if row else ""
        signals.append(replace(signal, score=text))
    name = f"player-{slug(board.target_set)}-{player.id}"
    return replace(player, id=name, signals=tuple(signals))


def _description(content: Curves) -> str:
    """Describe in words where each system is worst and best, for readers who cannot see the curves."""
    strip = content.strips[0]
    ranges = []
    for line in strip.lines:
        values = [(v, i) for i, v in enumerate(line.score) if v is not None]
        low, high = min(values), max(values)
        at = content.grids[line.grid].start
        worst, best = (f"{decibels(v)} at {at[i]:g} s" for v, i in (low, high))
        ranges.append(f"{line.system} {worst} to {best}")
    return f"{strip.label} in {strip.unit}: {'; '.join(ranges)}"
