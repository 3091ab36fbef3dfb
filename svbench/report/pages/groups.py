"""Build the content of a report page: the tables, plots and remarks of each group of comparable runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from svbench.printing.numbers import counted
from svbench.report.figures.costs import front_plots
from svbench.report.figures.heat import heat_map
from svbench.report.figures.scores import difference_plots, score_plots
from svbench.report.layouts.costs import HEAD as COSTS
from svbench.report.layouts.costs import Headline, cost_of
from svbench.report.layouts.variants import variant_table
from svbench.report.pages.leaderboard import (
    about,
    compare_with_leader,
    comparison_note,
    leaderboard,
    target_tables,
)
from svbench.report.pages.origins import Fact, rule, unwrapped
from svbench.report.text.profiles import profile_table
from svbench.report.view import numbers
from svbench.report.view.boards import Board, Intervals, boards, comparable, ranked_metrics, system_row
from svbench.report.view.caveats import grouped
from svbench.report.view.content import Cell, Figure, Table
from svbench.report.view.robustness import batteries, battery_table
from svbench.report.view.variants import plain_runs, probed_groups, variant_boards
from svbench.results.profile import profiles_beside
from svbench.results.standing import PRACTICALLY_INFINITE_DB
from svbench.results.store import Run, slug
from svbench.specs.protocol import ORIGINAL
from svbench.specs.report import Section


@dataclass(frozen=True)
class Group:
    """Runs of one protocol on one data set.

    ``contests`` and ``diagrams`` compare systems with the leading one. Where the tables of ``targets`` and
    ``tracks`` are many they are ``folded``: closed at first. Variants of a probe have no plots.
    """

    id: str
    title: str
    subtitle: str
    description: str
    leaderboards: tuple[Table, ...]
    targets: tuple[Table, ...]
    tracks: tuple[Table, ...]
    resources: Table
    profiles: tuple[Table, ...]
    remarks: tuple[str, ...]
    rule: tuple[Fact, ...]
    folded: bool = False
    figures: tuple[Figure, ...] = ()
    differences: tuple[Figure, ...] = ()
    contests: tuple[Table, ...] = ()
    contest_note: str = ""
    diagrams: tuple[Figure, ...] = ()
    fronts: tuple[Figure, ...] = ()


def groups(
    runs: Sequence[Run], *, root: str = "", sections: Sequence[Section] = get_args(Section)
) -> list[Group]:
    """Build one group of tables and plots per protocol and data set; all variants of a probe are one.

    Parameters
    ----------
    runs : sequence of Run
    root : str
        Relative path from the page to the report's folder, where the pages of tracks are.
    sections : sequence of str
        Sections to show; slow plots of other sections are not drawn.
    """
    plain = [_group(group, root, sections) for group in comparable(plain_runs(runs))]
    return plain + [_probed(group, root) for group in probed_groups(runs)]


def group_name(runs: Sequence[Run]) -> str:
    """Name comparable runs: ids and folders of the report begin with it."""
    record = runs[0].record
    return slug(
        f"{record.protocol.id}-{record.protocol_digest[:8]}-{record.data.id}-{record.data.digest[:8]}"
    )


def track_page(group: str, track: str) -> str:
    """Return where the page of a track lies in the report's folder."""
    return f"{track_folder(group)}{slug(track)}.html"


def track_folder(group: str) -> str:
    """Return where the pages of all tracks of a group lie in the report's folder."""
    return f"tracks/{group}/"


def _group(runs: list[Run], root: str, sections: Sequence[Section]) -> Group:
    protocol, data = runs[0].record.protocol, runs[0].record.data
    name = group_name(runs)
    by_metric = {m: boards(runs, m) for m in ranked_metrics(runs[0])}
    headline = by_metric[protocol.headline]
    intervals = Intervals()
    contests = [compare_with_leader(b, name) for b in headline] if "differences" in sections else []
    return Group(
        id=name,
        title=protocol.id,
        subtitle=f"{protocol.title} · {data.title}, {counted(len(data.tracks), 'track')}",
        description=unwrapped(protocol.description),
        leaderboards=tuple(leaderboard(b, name, intervals) for b in headline),
        targets=tuple(t for i in range(len(headline)) for t in target_tables(by_metric, i, name, intervals)),
        figures=tuple(f for b in headline for f in score_plots(b, name)) if "boxplots" in sections else (),
        differences=tuple(f for b in headline for f in difference_plots(b, name))
        if "differences" in sections
        else (),
        contests=tuple(t for tables, _ in contests for t in tables),
        contest_note=comparison_note(headline, any(t for t, _ in contests)),
        diagrams=tuple(f for _, figures in contests for f in figures),
        fronts=tuple(front_plots(runs, name)) if "cost" in sections else (),
        tracks=tuple(
            heat_map(
                b,
                f"{name}-tracks-{slug(b.target_set)}-{slug(t)}",
                f"{t} ({b.target_set})",
                about(b, b.columns[0]),
                root + track_folder(name),
                target=t,
            )
            for b in headline
            for t in b.targets
        ),
        resources=_resources(runs, name, intervals),
        profiles=_profiles(runs, name),
        remarks=tuple(_absent(runs) + _extreme(by_metric) + _notes(runs)),
        rule=tuple(rule(runs[0].record)),
    )


def _probed(runs: list[Run], root: str) -> Group:
    """Tables of systems × variants, and every track of each variant."""
    protocol, data = runs[0].record.protocol, runs[0].record.data
    all_boards = variant_boards(runs)
    first = min(r.record.data.digest for r in runs)
    name = slug(f"{protocol.id}-{runs[0].record.protocol_digest[:8]}-{data.id}-{first[:8]}")
    summed = tuple(battery_table(b, f"{name}-battery-{i}") for i, b in enumerate(batteries(all_boards)))
    tables = tuple(variant_table(b, f"{name}-{i}") for i, b in enumerate(all_boards))
    tracks: list[Table] = []
    for same in sorted(comparable(runs), key=lambda g: data.variants.index(g[0].record.data.variant)):
        variant = same[0].record.data.variant
        folder = root + track_folder(group_name(same)) if variant == ORIGINAL else ""
        tracks += [
            heat_map(
                b,
                f"{name}-{slug(variant)}-tracks-{slug(b.target_set)}",
                f"Every track ({b.target_set}, {variant})",
                about(b, b.columns[0]),
                folder,
            )
            for b in boards(same)
        ]
    return Group(
        id=name,
        title=protocol.id,
        subtitle=f"{protocol.title} · {data.title}, {counted(len(data.tracks), 'track')}",
        description=unwrapped(protocol.description),
        leaderboards=summed or tables,
        targets=tables if summed else (),
        tracks=tuple(tracks),
        folded=True,
        resources=_resources(
            [r for r in runs if r.record.data.variant == ORIGINAL] or runs, name, Intervals()
        ),
        profiles=_profiles(runs, name),
        remarks=tuple(_notes(runs)),
        rule=tuple(rule(runs[0].record)),
    )


def _resources(runs: list[Run], group: str, intervals: Intervals) -> Table:
    headline = Headline(runs)
    rows = []
    for run in runs:
        cost = cost_of(run)
        if cost is None:
            continue
        summary = headline.of(run)
        disk, rtf, times, memory = cost.texts
        rows.append(
            system_row(
                run,
                [
                    Cell(
                        headline.text(run),
                        summary.score if summary else None,
                        more=intervals.below(run, summary) if summary else (),
                    ),
                    Cell(disk, cost.weights_bytes, muted=cost.weights_bytes is None),
                    Cell(numbers.seconds(cost.load_s), cost.load_s),
                    Cell(rtf, cost.rtf),
                    Cell(times, -cost.rtf),
                    Cell(f"{cost.cpu_rate:.3f}", cost.cpu_rate),
                    Cell(memory, cost.peak_rss_bytes),
                    Cell(str(run.record.system.threads), run.record.system.threads),
                ],
            )
        )
    disk, rtf, times, memory = COSTS
    return Table(
        f"{group}-resources",
        f"Cost ({runs[0].record.protocol.id})",
        "The separation alone, in each system's own process; median over tracks, memory the largest; "
        "on disk: the weights files that the system file names",
        "Scoring ran on the same machine at the same time: wall times are no benchmark.",
        ("system", headline.name, disk, "load", rtf, times, "CPU s per s", memory, "threads"),
        tuple(rows),
    )


def _profiles(runs: list[Run], group: str) -> tuple[Table, ...]:
    found = profiles_beside(runs)
    return (profile_table(found, group, runs[0].record.protocol.id),) if found else ()


def _absent(runs: list[Run]) -> list[str]:
    """List the targets that tracks lack; a run records them for the target sets that its system covers."""
    # Metrics of silence score absent targets too, so ask whether any other series has no target.
    lacking = grouped(
        (target, result.track)
        for run in runs
        for result in run.results
        for target in result.absent_targets
        if any(s.target == target and s.status == ["no target"] for s in result.series)
    )
    return [
        f"No {t} in {', '.join(n for n in runs[0].record.data.tracks if n in names)}: "
        "the other targets are scored without it there, and the mean leaves these tracks out."
        for t, names in lacking.items()
    ]


def _extreme(by_metric: dict[str, list[Board]]) -> list[str]:
    names = [
        name
        for name, found in by_metric.items()
        if any(
            (s.score or 0.0) > PRACTICALLY_INFINITE_DB
            for b in found
            for r in b.rows
            for s in r.cells.values()
        )
        and found[0].quantity.unit == "dB"
    ]
    if not names:
        return []
    return [
        f"{', '.join(names)} beyond {PRACTICALLY_INFINITE_DB:.0f} dB means no error of that kind at all: "
        "the number is the rounding of the arithmetic, and such values are not marked as best."
    ]


def _notes(runs: list[Run], most: int = 12) -> list[str]:
    """List the notes of all runs, each once with the systems that it concerns."""
    noted = grouped((note, r.record.system.id) for r in runs for result in r.results for note in result.notes)
    notes = [f"{', '.join(systems)}: {note}." for note, systems in sorted(noted.items())]
    more = len(notes) - most
    return [*notes[:most], *([f"… and {more} more notes in the runs."] if more > 0 else [])]
