"""Runs as values for scripts and notebooks: one line each, tables for pandas, a figure.

`svbench.evaluate`, `svbench.score` and `svbench.load_runs` return these. The numbers are those that
all tables of svbench print.
"""

from __future__ import annotations

import io
import shutil
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from msgspec.structs import astuple

from svbench.errors import DataError, UnknownNameError
from svbench.printing.drawing import COLOURS
from svbench.report.view.boards import Board, boards, comparable
from svbench.report.view.numbers import decibels, interval_text
from svbench.results import store
from svbench.results.aggregate import admitted
from svbench.statistics.comparison import Comparison, compare, headline_intervals
from svbench.statistics.track_values import Column, IntervalSettings, columns

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class Run(store.Run, frozen=True, weakref=True):
    """One system on one protocol and data set, with its scores.

    Attributes
    ----------
    path : Path
        The run folder.
    record : RunRecord
        What was run: system, protocol, data set, provenance.
    results : tuple of TrackResult
        Scores and costs of each track, in the order of the data set.
    """

    def frame(self) -> pd.DataFrame:
        """Return every frame of every track; see `Results.frame`."""
        return Results([self]).frame()

    def summary(self, metric: str | None = None) -> pd.DataFrame:
        """Return the printed numbers with their intervals; see `Results.summary`."""
        return Results([self]).summary(metric)

    def plot(self, metric: str | None = None) -> Figure:
        """Draw the printed numbers with their intervals; see `Results.plot`."""
        return Results([self]).plot(metric)

    def compare(self, other: store.Run, metric: str | None = None) -> pd.DataFrame:
        """Compare with another run on the same tracks; see `Results.compare`."""
        return Results([self, other]).compare(metric)

    def __repr__(self) -> str:
        return f"Run({_name(self)})"

    def _repr_html_(self) -> str:
        return Results([self])._repr_html_()


class Results(Sequence[Run]):
    """Several runs, as a sequence of `Run`.

    Parameters
    ----------
    runs : iterable of Run
    folder : Path, optional
        A temporary folder that holds the runs. It is deleted together with this object; what was
        read from it stays in memory.
    """

    def __init__(self, runs: Iterable[store.Run], folder: Path | None = None) -> None:
        self._runs = tuple(run if isinstance(run, Run) else Run(*astuple(run)) for run in runs)
        if folder is not None:
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self._runs)

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> Results: ...
    def __getitem__(self, index: int | slice) -> Run | Results:
        return Results(self._runs[index]) if isinstance(index, slice) else self._runs[index]

    @property
    def failed(self) -> dict[str, str]:
        """Why tracks have no scores, by ``"system, protocol, track"``; empty where all have."""
        return {
            f"{run.record.system.id}, {run.record.protocol.id}, {result.track}": result.reason
            for run in self
            for result in run.failed
        }

    def frame(self) -> pd.DataFrame:
        """Return every frame of every track as a long table.

        Returns
        -------
        DataFrame
            Columns ``system, protocol, dataset, track, target_set, target, metric, frame, time, duration,
            score, status, variant``; times in seconds. ``score`` is NaN exactly where ``status`` is not
            ``ok``.
        """
        return long_table(self)

    def summary(self, metric: str | None = None) -> pd.DataFrame:
        """Return the leaderboard: the printed numbers of each system, best first, with 95 % intervals.

        Parameters
        ----------
        metric : str, optional
            A quantity such as ``"SIR"``; the headline of each protocol by default.

        Returns
        -------
        DataFrame
            A row for each target of each system, and one for their ``mean``. Columns ``protocol, dataset,
            variant, target_set, metric, rank, system, target, score, low, high, status, n_tracks, reducers``.
            ``rank`` is that of the system, empty for oracles. ``score`` is NaN where ``status`` says why;
            ``low`` and ``high`` are NaN where no interval can be given, as of a single track.

        Raises
        ------
        UnknownNameError
            No protocol of these runs has the metric.
        """
        import pandas as pd

        rows = [row for board in self._boards(metric) for row in _rows(board)]
        return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_TYPES)

    def compare(
        self, metric: str | None = None, *, target_set: str | None = None, target: str | None = None
    ) -> pd.DataFrame:
        """Compare every two systems on the tracks that both have.

        Parameters
        ----------
        metric, target_set, target : str, optional
            As in `svbench.compare`, which also returns ranks and the notes that a reader needs.

        Returns
        -------
        DataFrame
            A row for each pair, the better system first. Columns ``target_set, target, metric, first, second,
            difference, low, high, paired, p, p_holm, n_tracks, note``: the difference of the two printed
            numbers with its 95 % interval, the typical difference on one track, and the p of Wilcoxon's
            signed rank test, also corrected for all pairs.

        Raises
        ------
        DataError
            Runs of several protocols or data sets.
        """
        import pandas as pd

        comparisons = compare_runs(self, metric=metric, target_set=target_set, target=target)
        rows = [
            (
                c.column.target_set, c.column.target, c.column.metric, p.first, p.second, p.value, p.low,
                p.high, p.typical and p.typical.value, p.tests and p.tests.p, p.p_holm if p.tests else None,
                p.n_tracks, p.note,
            )
            for c in comparisons
            for p in c.pairs
        ]  # fmt: skip
        names = (
            "target_set", "target", "metric", "first", "second", "difference", "low", "high", "paired", "p",
            "p_holm", "n_tracks", "note",
        )  # fmt: skip
        numbers = dict.fromkeys(("difference", "low", "high", "paired", "p", "p_holm"), "float64")
        return pd.DataFrame(rows, columns=list(names)).astype(numbers)

    def plot(self, metric: str | None = None) -> Figure:
        """Draw the leaderboards: a dot for each number that ranks, a line for its 95 % interval.

        Parameters
        ----------
        metric : str, optional
            As in `summary`.

        Returns
        -------
        matplotlib.figure.Figure
            One panel for each protocol and target set. Save it with ``.savefig("scores.png")``.
        """
        boards = self._boards(metric)
        heights = [0.3 * len(board.rows) + 0.9 for board in boards]
        figure = _figure()(figsize=(6.4, sum(heights)), layout="constrained")
        panels = figure.subplots(len(boards), 1, squeeze=False, height_ratios=heights)[:, 0]
        for axes, board in zip(panels, boards, strict=True):
            rows = [row for row in _rows(board) if row["target"] == board.columns[-1]]
            for place, (row, drawn) in enumerate(zip(rows, board.rows, strict=True)):
                colour = COLOURS[drawn.run.record.system.kind]
                if row["low"] is not None and row["high"] is not None:
                    axes.plot([row["low"], row["high"]], [place, place], color=colour, lw=1.5)
                if row["score"] is not None:
                    axes.plot([row["score"]], [place], "o", color=colour)
            axes.set_yticks(range(len(rows)), [row["system"] for row in rows])
            axes.set_ylim(len(rows) - 0.5, -0.5)
            axes.grid(axis="x", alpha=0.3)
            unit = f" [{board.quantity.unit}]" if board.quantity.unit else ""
            axes.set_xlabel(f"{board.quantity.name}{unit}, {board.columns[-1]}, 95 % intervals over tracks")
            record = board.runs[0].record
            parts = (record.protocol.id, record.data.variant, board.target_set)
            axes.set_title(" · ".join(filter(None, parts)), loc="left", fontsize="medium")
        return figure

    def __repr__(self) -> str:
        if not self:
            return "Results(no run)"
        return f"Results({len(self)} run{'s' * (len(self) > 1)}: {'; '.join(map(_name, self))})"

    def _repr_html_(self) -> str:
        import pandas as pd

        rows = [
            {
                "protocol": row["protocol"], "target set": row["target_set"], "rank": row["rank"] or "",
                "system": row["system"], "number": f"{row['metric']} of {row['target']}",
                "score": decibels(row["score"], row["status"]),
                "95 %": interval_text(row["low"], row["high"]), "tracks": row["n_tracks"],
            }
            for board in self._boards(None)
            for row in _rows(board)
            if row["target"] == board.columns[-1]
        ]  # fmt: skip
        # What names hold is escaped by pandas.
        return str(pd.DataFrame(rows).fillna("").to_html(index=False, border=0))

    def _boards(self, metric: str | None) -> list[Board]:
        if not self:
            raise DataError("there is no run among these results")
        groups = comparable(self)
        names = {q.name for group in groups for q in group[0].record.quantities}
        if metric is not None and metric not in names:
            raise UnknownNameError("metric", metric, names)
        return [
            board
            for group in groups
            if metric is None or metric in {q.name for q in group[0].record.quantities}
            for board in boards(group, metric)
        ]


_COLUMNS = (
    "protocol", "dataset", "variant", "target_set", "metric", "rank", "system", "target", "score", "low",
    "high", "status", "n_tracks", "reducers",
)  # fmt: skip
_TYPES = {"score": "float64", "low": "float64", "high": "float64", "rank": "Int64", "n_tracks": "int64"}


def results_of(runs: Any, *, all_versions: bool = False) -> Results:
    """Take runs as they come: `Results`, runs, or paths of run folders and folders of runs."""
    if isinstance(runs, Results):
        return runs
    given = [runs] if isinstance(runs, str | Path | store.Run) else list(runs)
    read = [item for item in given if isinstance(item, store.Run)]
    paths = [Path(item) for item in given if not isinstance(item, store.Run)]
    return Results([*read, *(store.read_runs(paths, all_versions=all_versions) if paths else [])])


def compare_runs(
    runs: Sequence[store.Run],
    *,
    metric: str | None = None,
    target_set: str | None = None,
    target: str | None = None,
    seeds: Mapping[str, Sequence[str]] | None = None,
    settings: IntervalSettings | None = None,
) -> list[Comparison]:
    """Compare the systems of runs of one protocol and data set; see `svbench.compare`."""
    from svbench.report.view.boards import combinations

    groups = comparable(runs)
    if len(groups) > 1:
        raise DataError(
            f"these runs hold {len(groups)} combinations of protocol and data "
            f"({'; '.join(combinations(groups))}); "
            "a comparison takes one: choose with --protocol, or name the runs of one"
        )
    if not groups:
        raise DataError("there is no run to compare")
    comparisons = compare(runs, columns(runs[0], metric, target_set, target), settings, seeds)
    if not comparisons:
        raise DataError("no system of these runs offers this target set")
    return comparisons


def _rows(board: Board) -> list[dict[str, Any]]:
    """Return the rows of `Results.summary` that a board holds."""
    wanted = [Column(board.target_set, target, board.quantity.name) for target in board.columns]
    rows = []
    for row in board.rows:
        record = row.run.record
        intervals = headline_intervals([row.run], wanted, IntervalSettings())
        for column in wanted:
            cell, estimates = row.cells[column.target], intervals.get(column)
            rows.append(
                {
                    "protocol": record.protocol.id,
                    "dataset": record.data.id,
                    "variant": record.data.variant,
                    "target_set": board.target_set,
                    "metric": board.quantity.name,
                    "rank": row.rank,
                    "system": record.system.id,
                    "target": column.target,
                    "score": cell.score,
                    "low": estimates[0].low if estimates else None,
                    "high": estimates[0].high if estimates else None,
                    "status": cell.status,
                    "n_tracks": cell.n_tracks,
                    "reducers": cell.label,
                }
            )
    return rows


def _name(run: store.Run) -> str:
    record = run.record
    parts = [record.protocol.id, *filter(None, [record.data.variant])]
    n_scored = len(run.results) - len(run.failed)
    return f"{record.system.id} under {', '.join(parts)}, {n_scored} of {len(record.data.tracks)} tracks"


def _figure() -> type[Figure]:
    """Return a figure class that notebooks show without pyplot, which keeps every figure it makes."""
    from matplotlib.figure import Figure

    class Shown(Figure):
        def _repr_png_(self) -> bytes:
            image = io.BytesIO()
            self.savefig(image, format="png", dpi=110)
            return image.getvalue()

    return Shown


if TYPE_CHECKING:
    import pandas as pd

FRAME_COLUMNS = (
    "system", "protocol", "dataset", "track", "target_set", "target", "metric",
    "frame", "time", "duration", "score", "status", "variant",
)  # fmt: skip


def long_table(runs: Iterable[store.Run]) -> pd.DataFrame:
    """Return all frames of all runs as a long table, with a superset of museval's column names.

    Parameters
    ----------
    runs : iterable of Run

    Returns
    -------
    DataFrame
        Columns ``system, protocol, dataset, track, target_set, target, metric, frame, time,
        duration, score, status, variant``; ``score`` is NaN exactly where ``status`` is not ``ok``;
        ``variant`` is empty without a probe.
    """
    import pandas as pd

    rows = [
        (
            run.record.system.id, run.record.protocol.id, run.record.data.id, result.track,
            s.target_set, s.target, s.metric, frame, *values, run.record.data.variant,
        )
        for run in runs
        for result in admitted(run).results
        for s in result.series
        for frame, values in enumerate(zip(s.time_s, s.duration_s, s.score, s.status, strict=True))
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=list(FRAME_COLUMNS))
    return table.astype({"score": "float64", "time": "float64", "duration": "float64", "frame": "int64"})
