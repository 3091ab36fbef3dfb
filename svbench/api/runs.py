"""What is made of runs: read them, compare systems, print tables, write reports and boards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from svbench.api.inputs import Runs, only_run
from svbench.api.results import Results, Run, compare_runs, results_of
from svbench.errors import DataError
from svbench.results import store
from svbench.statistics.comparison import Comparison
from svbench.statistics.track_values import IntervalSettings, columns

if TYPE_CHECKING:
    from svbench.report.board.entries import Entry
    from svbench.results.profile import Profile
    from svbench.statistics.gate import Gate
    from svbench.tables.model import Format


Note = Callable[[str], object]


def _ignore(sentence: str) -> None:
    del sentence


def load_run(path: str | Path) -> Run:
    """Read one run folder.

    Parameters
    ----------
    path : path
        A folder with ``run.json``.

    Raises
    ------
    DataError
        It is not a run folder, or a file in it is damaged or was changed.
    """
    return results_of(store.load_run(path))[0]


def load_runs(
    paths: Runs, *, protocol: str | None = None, strict: bool = False, all_versions: bool = False
) -> Results:
    """Read runs.

    Parameters
    ----------
    paths : path, or a list of paths
        Run folders, or folders of run folders such as ``"runs"``.
    protocol : str, optional
        Only the runs of this protocol.
    strict : bool
        Refuse runs of systems that were trained on tracks they are measured on.
    all_versions : bool
        Of a system whose file was edited, read all runs; by default the newest complete one.

    Returns
    -------
    Results

    Raises
    ------
    DataError
        A path holds no run, one that is damaged, or none of the protocol.
    """
    results = results_of(paths, all_versions=all_versions)
    if protocol:
        chosen = [r for r in results if r.record.protocol.id == protocol]
        if not chosen:
            present = ", ".join(sorted({r.record.protocol.id for r in results}))
            raise DataError(f"no run of protocol {protocol!r}; there are runs of {present}")
        results = Results(chosen)
    if strict:
        from svbench.report.view.caveats import refuse_leaks

        refuse_leaks(results)
    return results


def compare(
    runs: Runs,
    *,
    protocol: str | None = None,
    metric: str | None = None,
    target_set: str | None = None,
    target: str | None = None,
    seeds: Mapping[str, Sequence[str]] | None = None,
    settings: IntervalSettings | None = None,
) -> list[Comparison]:
    """Compare systems: intervals, paired differences, tests, ranks.

    Parameters
    ----------
    runs : Results, Run, path, or a list of these
        Of one protocol and data set.
    protocol : str, optional
        Only the runs of this protocol.
    metric : str, optional
        A quantity such as ``"SIR"``; the protocol's headline by default.
    target_set : str, optional
        Only this target set.
    target : str, optional
        This target instead of the mean over targets.
    seeds : mapping of str to sequence of str, optional
        Systems that are one system trained with several seeds, by the name it is to have.
    settings : IntervalSettings, optional
        Resamples, seed and alpha of the intervals.

    Returns
    -------
    list of Comparison
        One for each target set. `Results.compare` returns their pairs as a table.

    Raises
    ------
    DataError
        Runs of several protocols or data sets.
    UnknownNameError
        No such metric, target set or target.
    """
    return compare_runs(
        load_runs(runs, protocol=protocol),
        metric=metric, target_set=target_set, target=target, seeds=seeds, settings=settings,
    )  # fmt: skip


def gate(
    baseline: store.Run | str | Path,
    candidate: store.Run | str | Path,
    *,
    max_drop: float = 0.1,
    metric: str | None = None,
    target_set: str | None = None,
    target: str | None = None,
    settings: IntervalSettings | None = None,
) -> Gate:
    """Test that a candidate is not worse than a baseline by more than a margin.

    Parameters
    ----------
    baseline, candidate : Run or path
    max_drop : float
        The margin, in the unit of the metric; a drop as large as this is not accepted.
    metric, target_set, target, settings
        As in `compare`.

    Returns
    -------
    Gate
        ``passes`` is the verdict.

    Raises
    ------
    DataError
        The runs cannot be compared.
    """
    from svbench.statistics import gate as tests

    before, after = only_run(baseline), only_run(candidate)
    wanted = columns(before, metric, target_set, target)
    return tests.gate(before, after, wanted, max_drop, settings or IntervalSettings())


def table(
    runs: Runs,
    *,
    format: Format = "markdown",
    protocol: str | None = None,
    target_set: str | None = None,
    metrics: Sequence[str] | None = None,
    layout: str | None = None,
    published: Sequence[str] = (),
    intervals: bool | None = None,
    cost: bool = False,
    strict: bool = False,
    all_versions: bool = False,
    note: Note = _ignore,
) -> str:
    """Print a table as text.

    Parameters
    ----------
    runs : Results, Run, path, or a list of these
    format : {"markdown", "csv", "latex", "html", "json"}
    protocol, strict, all_versions
        As in `load_runs`.
    target_set : str, optional
        Only this target set.
    metrics : sequence of str, optional
        Only these quantities.
    layout : str, optional
        Id or TOML file of a layout of the literature.
    published : sequence of str, optional
        TOML files with rows in print to be quoted below the measured ones; ``""`` stands for
        those of the layout.
    intervals : bool, optional
        Whether scores have their 95 % intervals; by default they do, in layouts as these say.
    cost : bool
        Score, size, real-time factor and memory instead of scores alone.
    note : callable, optional
        Called with each sentence about the runs that has no place in the table.

    Returns
    -------
    str
        Without a line break at its end.

    Raises
    ------
    DataError
        Runs that have no place in one table, or options that exclude each other.
    """
    from svbench.report.layouts import costs, default
    from svbench.report.layouts import table as layouts
    from svbench.specs.report import load_layout

    if layout:
        spec, layout_spec, folder = load_layout(layout)
        if layout_spec.rows == "published":
            # Measured runs only add to such a table, so the paths may hold profiles alone.
            measured, profiles = _runs_and_profiles(runs, protocol, all_versions)
            rows = layouts.published_rows(layout_spec, folder, published or [""])
            return layouts.layout_table(
                measured, spec, layout_spec, format=format, published=rows, profiles=profiles
            )
    results = load_runs(runs, protocol=protocol, all_versions=all_versions)
    if format == "csv":
        _note_other_runs(results, note)
    _note_empty_runs(results, note)
    if cost:
        return costs.cost_table(results, format=format)
    results = load_runs(results, strict=strict)
    if layout:
        if metrics or target_set:
            raise DataError(
                "a layout says which quantities and targets it shows; edit a copy of its file instead"
            )
        rows = layouts.published_rows(layout_spec, folder, published)
        return layouts.layout_table(
            results, spec, layout_spec, format=format, published=rows, intervals=intervals
        )
    if published:
        raise DataError("quoted rows need a layout to stand in: --layout NAME")
    return default.paper_table(
        results, format=format, target_set=target_set, metrics=metrics, intervals=intervals is not False
    )


def frames_csv(
    runs: Runs,
    *,
    protocol: str | None = None,
    all_versions: bool = False,
    note: Note = _ignore,
) -> str:
    """Return every frame of every run as CSV, safe for spreadsheets; see `Results.frame` and `table`."""
    from svbench.tables.spreadsheet import frame_csv

    results = load_runs(runs, protocol=protocol, all_versions=all_versions)
    _note_other_runs(results, note)
    _note_empty_runs(results, note)
    return frame_csv(results.frame())


def write_report(
    runs: Runs, out: str | Path, *, report: str = "default", strict: bool = False, all_versions: bool = False
) -> Path:
    """Write an HTML report that opens from disk.

    Parameters
    ----------
    runs : Results, Run, path, or a list of these
    out : path
        A new or empty folder, or an earlier report, which is replaced.
    report : str
        Id or TOML file of the report's sections.
    strict, all_versions
        As in `load_runs`.

    Returns
    -------
    Path
        The first page.

    Raises
    ------
    DataError
        No runs, two runs of one system on the same protocol and data, or a folder that holds other files.
    """
    from svbench.report.pages import site
    from svbench.specs.report import load_report

    spec = load_report(report)
    return site.write_report(load_runs(runs, strict=strict, all_versions=all_versions), spec, Path(out))


class BoardSite(NamedTuple):
    """A leaderboard site: its first page, and the rows of each board."""

    page: Path
    boards: Sequence[Sequence[Entry]]

    @property
    def conflicts(self) -> list[str]:
        """Where runs of one system have other scores, a sentence each."""
        return list(dict.fromkeys(e.conflict for board in self.boards for e in board if e.conflict))


def write_board(
    sources: Sequence[str],
    out: str | Path,
    *,
    title: str = "Leaderboard",
    protocol: str | None = None,
    trust: Path | None = None,
    tolerance: float | None = None,
    strict: bool = False,
    all_versions: bool = False,
) -> BoardSite:
    """Merge runs of many labs into a leaderboard site.

    Parameters
    ----------
    sources : sequence of str
        Paths of run folders or folders of runs, each with the name of who made them in front: ``"lab=runs"``.
    out : path
        A new or empty folder, or an earlier board, which is replaced.
    title : str
    protocol : str, optional
        Only runs of this protocol: an id, or the first digits of a digest.
    trust : path, optional
        Public keys; rows then say who vouches for them.
    tolerance : float, optional
        How far two scores of one system may lie apart, in the unit of the quantity; half of the last
        printed digit by default.
    strict, all_versions
        As in `load_runs`.

    Returns
    -------
    BoardSite

    Raises
    ------
    DataError
        No runs, or runs of several protocols.
    """
    from svbench.report.board import site
    from svbench.report.board.entries import merge, of_one_protocol, read_sources
    from svbench.report.view.caveats import refuse_leaks
    from svbench.results.differences import TOLERANCE
    from svbench.results.seal import read_keys

    trusted = read_keys(trust) if trust else None
    sourced = of_one_protocol(read_sources(sources, trusted, every=all_versions), protocol)
    if strict:
        refuse_leaks([s.run for s in sourced])
    merged = merge(sourced, tolerance=TOLERANCE if tolerance is None else tolerance)
    return BoardSite(site.write_board(merged, title, Path(out)), merged)


def _runs_and_profiles(
    given: Runs, protocol: str | None, all_versions: bool
) -> tuple[list[store.Run], Sequence[Profile]]:
    """Read the runs and the profiles that paths hold, either of which may be none."""
    from svbench.results.profile import find_profiles

    items = [given] if isinstance(given, str | Path | store.Run) else list(given)
    paths = [Path(item) for item in items if not isinstance(item, store.Run)]
    for path in paths:
        if not path.is_dir():
            raise DataError(
                f"{path}: no such folder; it should hold runs, or profiles/ made by `svbench profile`"
            )
    held = [p for p in paths if (p / "run.json").is_file() or list(p.glob("*/run.json"))]
    runs = [
        *(item for item in items if isinstance(item, store.Run)),
        *results_of(held, all_versions=all_versions),
    ]
    profiles = find_profiles(paths)
    return [r for r in runs if protocol in (None, r.record.protocol.id)], profiles


def _note_other_runs(results: Results, note: Note) -> None:
    from svbench.report.view.caveats import other_runs

    for sentence in other_runs(results):
        note(sentence)


def _note_empty_runs(results: Results, note: Note) -> None:
    for run in results:
        if not run.results:  # tables of cost and of frames have no row for it
            note(f"{run.path}: {run.record.system.id} has no result of any track")
