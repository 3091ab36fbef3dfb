"""The statistics of one column, as `svbench compare` prints them: intervals, pairs and ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from svbench.results.record import Quantity
from svbench.results.scores import Status
from svbench.results.standing import Candidate, scored_tracks, standing, unit_of
from svbench.results.store import Run
from svbench.statistics.pairs import SystemPair, all_pairs
from svbench.statistics.ranks import (
    CriticalDifference,
    RankInterval,
    critical_difference,
    rank_intervals,
)
from svbench.statistics.resampling import (
    NONE,
    Interval,
    degrees,
    expanded_percentile,
    t_quantile,
    variance,
)
from svbench.statistics.samples import Sampler
from svbench.statistics.track_values import (
    Column,
    IntervalSettings,
    SystemValues,
    group_by_system,
    listed,
    values_by_column,
)

ONE_TRACK = "one track only: no interval"


@dataclass(frozen=True)
class PrintedNumber:
    """One system's printed number and its interval.

    Attributes
    ----------
    system, kind : str
    value : float or None
        The number that tables print; its mean over repeats if there are several.
    status : str
        ``ok``, or why there is no value.
    low, high : float or None
        Bounds of the interval at level 1 − alpha.
    n_tracks, n_repeats : int
    note : str
        Why there is no interval, or what it leaves out; empty if there is nothing to say.
    """

    system: str
    kind: str
    value: float | None
    status: Status
    low: float | None
    high: float | None
    n_tracks: int
    n_repeats: int
    note: str


@dataclass(frozen=True)
class Comparison:
    """The systems of one column, compared.

    Attributes
    ----------
    label : str
        Reducers over frames and tracks (and targets), as tables print them.
    numbers : tuple of PrintedNumber
        Best first; systems without a number last.
    places : mapping of str to int
        Ranks of the systems that take one, as in every table (`svbench.results.standing`).
    pairs : tuple of SystemPair
        Every two systems, the better one first. Oracles, which see the references, take part
        only if there are fewer than two other systems.
    ranks : tuple of RankInterval
        Of the systems with a rank, if there are at least two tracks.
    critical : CriticalDifference or None
    notes : tuple of str
        What a reader must know: tracks left out, systems without a number or a rank.
    """

    column: Column
    quantity: Quantity
    label: str
    settings: IntervalSettings
    n_tracks_total: int
    numbers: tuple[PrintedNumber, ...]
    places: Mapping[str, int]
    pairs: tuple[SystemPair, ...]
    ranks: tuple[RankInterval, ...]
    critical: CriticalDifference | None
    notes: tuple[str, ...]


def headline_intervals(
    group: Sequence[Run],
    wanted: Sequence[Column],
    settings: IntervalSettings | None = None,
    seeds: Mapping[str, Sequence[str]] | None = None,
) -> dict[Column, list[PrintedNumber]]:
    """Compute the interval of every printed number of some columns.

    Parameters
    ----------
    group : sequence of Run
        Of one protocol and data set.
    wanted : sequence of Column
    settings : IntervalSettings, optional
    seeds : mapping of name to sequence of system ids, optional
        Systems that are repeats of one system, by the name to give it.

    Returns
    -------
    mapping of Column to list of PrintedNumber
        In the order of the runs; systems that do not have a column are left out.
    """
    settings = settings or IntervalSettings()
    by_column = values_by_column(group_by_system(group, seeds), wanted)
    return {
        column: [printed_number(s, sampler) for s in systems]
        for column, systems in by_column.items()
        for sampler in [Sampler(settings)]
    }


def run_intervals(
    run: Run, wanted: Sequence[Column], settings: IntervalSettings
) -> dict[Column, PrintedNumber]:
    """Compute the intervals of one run's printed numbers; columns it does not have are left out."""
    by_column = headline_intervals([run], wanted, settings)
    return {column: numbers[0] for column, numbers in by_column.items() if numbers}


def printed_number(system: SystemValues, sampler: Sampler) -> PrintedNumber:
    """Resample one system's number on all tracks that enter it."""
    n = len(system.tracks)
    status: Status = next((r.summary.status for r in system.repeats if r.summary.status != "ok"), "ok")
    value, note, interval = system.value, "", NONE
    if value is None:
        note = f"no number ({status}): no interval"
    elif n < 2:
        note = ONE_TRACK
    elif np.isnan(sampler.of(system, system.tracks).drawn).any():
        note = "a target on so few tracks that a resample may lack it: no interval"
    else:
        interval = _interval(system, sampler, value)
        if None in (interval.low, interval.high):
            note = "an open bound: perfect tracks or frames reach it"
    return PrintedNumber(
        system.name, system.system.kind, value, status, interval.low, interval.high, n,
        len(system.repeats), note,
    )  # fmt: skip


def _interval(system: SystemValues, sampler: Sampler, value: float) -> Interval:
    alpha, n = sampler.settings.alpha, len(system.tracks)
    samples = sampler.of(system, system.tracks)
    if samples.n_repeats == 1:
        return expanded_percentile(samples.drawn, n, alpha)
    if not samples.is_finite:
        return NONE
    # Two or three repeats have no meaningful quantiles, but they have a variance.
    by_track = float(variance(samples.slopes, float(samples.rest.var()), len(samples.rest)))
    parts = [(by_track, n - 1), (samples.seed_variance, samples.n_repeats - 1)]
    reach = t_quantile(1 - alpha / 2, degrees(parts)) * (by_track + samples.seed_variance) ** 0.5
    middle = float(samples.rest.mean())
    return Interval(min(middle - reach, value), max(middle + reach, value))


def compare(
    group: Sequence[Run],
    wanted: Sequence[Column],
    settings: IntervalSettings | None = None,
    seeds: Mapping[str, Sequence[str]] | None = None,
) -> list[Comparison]:
    """Compare all systems in some columns.

    Parameters
    ----------
    group : sequence of Run
        Of one protocol and data set.
    wanted : sequence of Column
        See `svbench.statistics.track_values.columns`.
    settings : IntervalSettings, optional
    seeds : mapping of name to sequence of system ids, optional
        Systems that are repeats of one system, by the name to give it.

    Returns
    -------
    list of Comparison
        One for each column that any system has.
    """
    settings = settings or IntervalSettings()
    by_column = values_by_column(group_by_system(group, seeds), wanted)
    return [_compare(group[0], column, systems, settings) for column, systems in by_column.items() if systems]


def _compare(run: Run, column: Column, systems: list[SystemValues], settings: IntervalSettings) -> Comparison:
    quantity = next(q for q in run.record.quantities if q.name == column.metric)
    higher = quantity.higher_is_better
    sign = 1 if higher else -1
    systems = sorted(systems, key=lambda s: (s.value is None, -sign * (s.value or 0.0), s.name))
    sampler = Sampler(settings)
    place = standing([_candidate(s, column) for s in systems], quantity)
    places = {s.name: rank for s, rank in zip(systems, place.ranks, strict=True) if rank is not None}
    defined = [s for s in systems if s.is_defined and s.tracks]
    competing = [s for s in defined if s.system.runs[0].record.takes_rank]
    tested = competing if len(competing) > 1 else defined
    ranked = [s for s in competing if s.name in places]
    unranked = [place.reason] if defined and place.reason else []
    return Comparison(
        column,
        quantity,
        systems[0].repeats[0].summary.label,
        settings,
        len(run.record.data.tracks),
        tuple(printed_number(s, sampler) for s in systems),
        places,
        tuple(all_pairs(tested, sampler, higher_is_better=higher)),
        tuple(rank_intervals(ranked, list(places.values()), sampler, higher_is_better=higher)),
        critical_difference(ranked, settings.alpha, higher_is_better=higher),
        (*unranked, *_notes(systems, run.record.data.tracks)),
    )


def _candidate(system: SystemValues, column: Column) -> Candidate:
    """Return what `standing` needs of a system: its number, and the tracks that all its repeats rest on."""
    status: Status = next((r.summary.status for r in system.repeats if r.summary.score is None), "ok")
    name = (column.target_set, column.target, column.metric)
    by_run = [scored_tracks(run) for run in system.system.runs]
    # A run without any result has no such number, and no track.
    tracks = frozenset.intersection(*([t[name] for t in by_run if name in t] or [frozenset[str]()]))
    first = system.system.runs[0]
    unit = unit_of(first, column.target, column.metric)
    return Candidate(system.name, first.record.takes_rank, system.value, status, tracks, unit)


def against_best(comparison: Comparison) -> dict[str, SystemPair]:
    """Return, for each ranked system but the best, the pair it forms with the best.

    A table marks those that are not significantly different (`SystemPair.is_significant`).
    """
    if not comparison.pairs:
        return {}
    best = comparison.pairs[0].first
    return {p.second: p for p in comparison.pairs if p.first == best}


def _notes(systems: Sequence[SystemValues], tracks: Sequence[str]) -> list[str]:
    """Say which tracks are missing from which systems, and why; one sentence for all unknown systems."""
    notes = []
    if unknown := [s.name for s in systems if s.repeats[0].summary.status == "unknown"]:
        notes.append(
            f"Unknown for {len(unknown)} of {len(systems)} systems, whose imported files do not hold this "
            f"number: {', '.join(unknown)}."
        )
    known = [s for s in systems if s.name not in unknown]
    somewhere = {t for s in known for t in s.tracks}
    nowhere = [t for t in tracks if t not in somewhere] if known else []
    if nowhere:
        why = sorted({s.reason(t) for s in known for t in nowhere})
        notes.append(f"Without a value in any system ({', '.join(why)}): {', '.join(nowhere)}.")
    for system in known:
        having = set(system.tracks)
        if lacking := [f"{t} ({system.reason(t)})" for t in tracks if t not in having and t in somewhere]:
            notes.append(f"{system.name} has no value on {listed(lacking, 5)}.")
        if len(system.repeats) > 1:
            notes.append(f"{system.name}: {len(system.repeats)} repeats, averaged.")
    return notes
