"""What each system's numbers cost: score, size on disk, time and memory side by side."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from svbench.errors import DataError
from svbench.printing.numbers import counted
from svbench.printing.visible import json_text
from svbench.report.text.terminal import tracks
from svbench.report.view.boards import boards, combinations, comparable
from svbench.report.view.caveats import beside, footnotes, marked_name, overlap_of, unstable_tracks
from svbench.report.view.numbers import bytes_text, decibels, interval_text
from svbench.results.aggregate import Summary
from svbench.results.store import Run
from svbench.statistics.comparison import PrintedNumber, run_intervals
from svbench.statistics.track_values import Column, IntervalSettings
from svbench.tables.markdown import markdown
from svbench.tables.model import Format, text_grid
from svbench.tables.spreadsheet import records_csv

TRACKS = "tracks"
HEAD = ("on disk", "real-time factor", "× real time", "peak memory")


@dataclass(frozen=True)
class Cost:
    """One system's cost over the tracks that it separated.

    Attributes
    ----------
    load_s, rtf : float
        Medians over tracks.
    cpu_rate : float
        CPU seconds per second of audio, over all tracks.
    peak_rss_bytes : int
        The largest of any track.
    weights_bytes : int or None
        Of the files in ``weights``; None where the system file names none.
    """

    load_s: float
    rtf: float
    cpu_rate: float
    peak_rss_bytes: int
    weights_bytes: int | None

    @property
    def texts(self) -> tuple[str, str, str, str]:
        """Cells under `HEAD`."""
        known = self.rtf >= 0.001
        return (
            "–" if self.weights_bytes is None else bytes_text(self.weights_bytes),
            f"{self.rtf:.3f}" if known else "< 0.001",
            f"{1 / self.rtf:.0f} ×" if known else "> 1000 ×",
            bytes_text(self.peak_rss_bytes),
        )


def cost_of(run: Run) -> Cost | None:
    """Summarise a run's resources; None where it has none, as imported runs do."""
    used = [(r.resources, r.duration_s) for r in run.results if r.resources]
    if not used:
        return None
    sizes = [r.weights_bytes for r, _ in used if r.weights_bytes is not None]
    return Cost(
        load_s=statistics.median(r.load_s for r, _ in used),
        rtf=statistics.median(r.rtf for r, _ in used),
        cpu_rate=sum(r.cpu_s for r, _ in used) / sum(d for _, d in used),
        peak_rss_bytes=max(r.peak_rss_bytes for r, _ in used),
        weights_bytes=max(sizes, default=None),
    )


class Headline:
    """The one score of each of several comparable runs that stands beside their cost.

    It is the last column (the mean, where there are several targets) of the headline on the target
    set that most of the systems give, the first of those.
    """

    def __init__(self, group: Sequence[Run]) -> None:
        every = boards(list(group))  # none where no track is done yet
        found = [max(every, key=lambda b: len(b.rows))] if every else []
        self.record = group[0].record
        self.name = " ".join([self.record.protocol.headline, *(b.columns[-1] for b in found)])
        self._scores = {id(row.run): row.cells[b.columns[-1]] for b in found for row in b.rows}
        self._clean = {id(row.run): row.clean.get(b.columns[-1]) for b in found for row in b.rows}

    def of(self, run: Run) -> Summary | None:
        """Return a run's score; None if its system gives none of this board's targets."""
        return self._scores.get(id(run))

    def clean(self, run: Run) -> Summary | None:
        """Return a run's score without known defects; None where that is the same."""
        return self._clean.get(id(run))

    def interval(self, run: Run) -> PrintedNumber | None:
        """Return the score's interval over tracks."""
        found = self.of(run)
        if found is None:
            return None
        column = Column(found.target_set, found.target, found.metric)
        return run_intervals(run, [column], IntervalSettings()).get(column)

    def text(self, run: Run) -> str:
        """Return a run's score as it is printed."""
        found = self.of(run)
        return beside(decibels(found.score, found.status), self.clean(run)) if found else "–"


def cost_table(runs: Sequence[Run], *, format: Format = "markdown") -> str:
    """Make a table with score, size on disk, real-time factor and memory of each run.

    Parameters
    ----------
    runs : sequence of Run
        Of one protocol and data set.
    format : {"markdown", "csv", "json"}
        CSV and JSON hold unrounded numbers.

    Raises
    ------
    DataError
        No runs, runs that must not be compared, or another format.
    """
    if format not in ("markdown", "csv", "json"):
        raise DataError(f"costs are printed as markdown, csv or json, not as {format}")
    groups = comparable(runs)
    if len(groups) != 1:
        raise DataError(
            f"these runs hold {len(groups)} combinations of protocol and data "
            f"({'; '.join(combinations(groups))}); "
            "a table takes one: choose with --protocol, or name the runs of one"
        )
    headline = Headline(groups[0])
    priced = [(run, cost) for run in groups[0] if (cost := cost_of(run))]
    if format == "markdown":
        return _markdown(headline, priced)
    rows = [
        {
            "system": run.record.system.id,
            "score": found.score if (found := headline.of(run)) else None,
            "score_without_errata": clean.score if (clean := headline.clean(run)) else None,
            "n_tracks": found.n_tracks if found else 0,
            "n_unstable": len(unstable_tracks(run, found.target_set, found.target, found.metric))
            if found
            else 0,
            "n_failed": len(run.failed),
            "n_left_out": len(run.record.data.left_out),
            "n_data_notes": len(run.data_notes),
            "n_leaked_tracks": len(overlap_of(run).tracks),
            **asdict(cost),
            "low": interval.low if (interval := headline.interval(run)) else None,
            "high": interval.high if interval else None,
        }
        for run, cost in priced
    ]
    if format == "json":
        return json_text({"score": headline.name, "rows": rows})
    return records_csv(rows).rstrip("\n") or "system"


def _markdown(headline: Headline, priced: list[tuple[Run, Cost]]) -> str:
    record = headline.record
    unit = next(q.unit for q in record.quantities if q.name == record.protocol.headline)
    rows = [
        [marked_name(run), f"{headline.text(run)} {told}".rstrip(), tracks(run), *cost.texts]
        for run, cost in priced
        for interval in [headline.interval(run)]
        for told in [interval_text(interval.low, interval.high) if interval else ""]
    ]
    note = (
        f"{record.protocol.headline} in {unit}, {record.protocol.id} "
        f"(digest {record.protocol_digest[:8]}), n = {counted(len(record.data.tracks), 'track')}. "
        "Time: median over tracks, the separation alone; memory: the largest of the system's "
        "process; scoring ran at the same time. In square brackets: 95 % intervals over tracks."
    )
    note = " ".join([note, *footnotes([run for run, _ in priced])]) if priced else note
    return markdown([text_grid("", ["system", headline.name, TRACKS, *HEAD], rows)], [note])
