"""Everything `svbench compare` tells of one column: intervals, pairs, ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from svbench.results.record import Quantity
from svbench.results.scores import Status
from svbench.results.standing import Candidate, scored_tracks, standing, unit_of
from svbench.results.store import Run
from svbench.statistics.material import Column, Settings, contenders
from svbench.statistics.pairs import Pair, all_pairs, reason
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
from svbench.statistics.samples import Entrant, Sampler, entrants


@dataclass(frozen=True)
class Comparison:
    """The systems of one column, compared.

    Attributes
    ----------
    label : str
        Reducers of frames and tracks (and targets), as tables print them.
    estimates : tuple of Estimate
        Best first; those without a number last.
    places : mapping of str to int
        Ranks of the systems that take one, as every table gives them (`svbench.results.standing`).
    pairs : tuple of Pair
        Every two systems, the better one first. Oracles, which see the references, take part
        only where fewer than two other systems are there.
    ranks : tuple of RankInterval
        Of those with a rank, where there are two tracks or more.
    critical : CriticalDifference or None
    notes : tuple of str
        What a reader must know: tracks left out, systems without a number or a rank.
    """

    column: Column
    quantity: Quantity
    label: str
    settings: Settings
    n_tracks_total: int
    estimates: tuple[Estimate, ...]
    places: Mapping[str, int]
    pairs: tuple[Pair, ...]
    ranks: tuple[RankInterval, ...]
    critical: CriticalDifference | None
    notes: tuple[str, ...]


def compare(
    group: Sequence[Run],
    wanted: Sequence[Column],
    settings: Settings | None = None,
    seeds: Mapping[str, Sequence[str]] | None = None,
) -> list[Comparison]:
    """Compare all systems in some columns.

    Parameters
    ----------
    group : sequence of Run
        Of one protocol and data set.
    wanted : sequence of Column
        See `svbench.statistics.material.columns`.
    settings : Settings, optional
    seeds : mapping of name to sequence of system ids, optional
        Systems that are repeats of one.

    Returns
    -------
    list of Comparison
        One for each column that any system offers.
    """
    settings = settings or Settings()
    found = entrants(contenders(group, seeds), wanted)
    return [_comparison(group[0], column, own, settings) for column, own in found.items() if own]


def _comparison(run: Run, column: Column, found: list[Entrant], settings: Settings) -> Comparison:
    quantity = next(q for q in run.record.quantities if q.name == column.metric)
    sign = 1 if quantity.higher_is_better else -1
    found = sorted(found, key=lambda e: (e.value is None, -sign * (e.value or 0.0), e.name))
    sampler = Sampler(settings)
    place = standing([_candidate(e, column) for e in found], quantity)
    places = {e.name: rank for e, rank in zip(found, place.ranks, strict=True) if rank is not None}
    defined = [e for e in found if e.is_defined and e.tracks]
    competing = [e for e in defined if e.contender.runs[0].record.takes_rank]
    tested = competing if len(competing) > 1 else defined
    ranked = [e for e in competing if e.name in places]
    higher = quantity.higher_is_better
    return Comparison(
        column,
        quantity,
        found[0].materials[0].summary.label,
        settings,
        len(run.record.data.tracks),
        tuple(estimate(e, sampler) for e in found),
        places,
        tuple(all_pairs(tested, sampler, higher_is_better=higher)),
        tuple(rank_intervals(ranked, list(places.values()), sampler, higher_is_better=higher)),
        critical_difference(ranked, settings.alpha, higher_is_better=higher),
        (*filter(None, [place.reason if defined else ""]), *_notes(found, run.record.data.tracks)),
    )


def _candidate(entrant: Entrant, column: Column) -> Candidate:
    """Make the candidate of a system's number, which rests on the tracks that all its repeats have."""
    status: Status = next((m.summary.status for m in entrant.materials if m.summary.score is None), "ok")
    name = (column.target_set, column.target, column.metric)
    runs = [run for run in entrant.contender.runs if name in scored_tracks(run)] or [*entrant.contender.runs]
    # A run without any result has no such number, and no track.
    none: frozenset[str] = frozenset()
    tracks = frozenset.intersection(*(scored_tracks(run).get(name, none) for run in runs))
    unit = unit_of(runs[0], column.target, column.metric)
    return Candidate(entrant.name, runs[0].record.takes_rank, entrant.value, status, tracks, unit)


def against_best(comparison: Comparison) -> dict[str, Pair]:
    """Return, for each ranked system but the best, the pair it forms with the best.

    A table marks those that are not significantly different (`Pair.is_significant`).
    """
    if not comparison.pairs:
        return {}
    best = comparison.pairs[0].first
    return {p.second: p for p in comparison.pairs if p.first == best}


def _notes(found: Sequence[Entrant], tracks: Sequence[str]) -> list[str]:
    """Say which tracks are left out of what, and why; in one sentence for all of which nothing is known."""
    notes = []
    if unknown := [e.name for e in found if e.materials[0].summary.status == "unknown"]:
        notes.append(
            f"Unknown for {len(unknown)} of {len(found)} systems, whose imported files do not hold this "
            f"number: {', '.join(unknown)}."
        )
    found = [e for e in found if e.name not in unknown]
    somewhere = {t for e in found for t in e.tracks}
    everywhere = [t for t in tracks if t not in somewhere] if found else []
    if everywhere:
        why = sorted({reason(e, t) for e in found for t in everywhere})
        notes.append(f"Without a value in any system ({', '.join(why)}): {', '.join(everywhere)}.")
    for entrant in found:
        own = set(entrant.tracks)
        short = [t for t in tracks if t not in own and t in somewhere]
        if short:
            told = ", ".join(f"{t} ({reason(entrant, t)})" for t in short[:5])
            more = f" and {len(short) - 5} more" if len(short) > 5 else ""
            notes.append(f"{entrant.name} has no value on {told}{more}.")
        if len(entrant.materials) > 1:
            notes.append(f"{entrant.name}: {len(entrant.materials)} repeats, averaged.")
    return notes


ONE_TRACK = "one track only: no interval"


@dataclass(frozen=True)
class Estimate:
    """One system's printed number and its interval.

    Attributes
    ----------
    system, kind : str
    value : float or None
        The number that tables print; its mean over repeats where there are several.
    status : str
        ``ok``, or why there is no value.
    low, high : float or None
        Bounds of the interval at level 1 − alpha.
    n_tracks, n_repeats : int
    note : str
        Why there is no interval, or what it leaves out; empty where there is nothing to say.
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


def headline_intervals(
    group: Sequence[Run],
    wanted: Sequence[Column],
    settings: Settings | None = None,
    seeds: Mapping[str, Sequence[str]] | None = None,
) -> dict[Column, list[Estimate]]:
    """Give every printed number of some columns its interval.

    Parameters
    ----------
    group : sequence of Run
        Of one protocol and data set.
    wanted : sequence of Column
    settings : Settings, optional
    seeds : mapping of name to sequence of system ids, optional
        Systems to be taken as repeats of one.

    Returns
    -------
    mapping of Column to list of Estimate
        In the order of the runs; systems that do not offer a column are left out.
    """
    settings = settings or Settings()
    found = entrants(contenders(group, seeds), wanted)
    return {
        column: [estimate(e, sampler) for e in own]
        for column, own in found.items()
        for sampler in [Sampler(settings)]
    }


def run_intervals(run: Run, wanted: Sequence[Column], settings: Settings) -> dict[Column, Estimate]:
    """Give one run's printed numbers their intervals; columns it does not offer are left out."""
    found = headline_intervals([run], wanted, settings)
    return {column: own[0] for column, own in found.items() if own}


def estimate(entrant: Entrant, sampler: Sampler) -> Estimate:
    """Resample one system's number on all tracks that enter it."""
    n = len(entrant.tracks)
    status: Status = next((m.summary.status for m in entrant.materials if m.summary.status != "ok"), "ok")
    value, note, interval = entrant.value, "", NONE
    if value is None:
        note = f"no number ({status}): no interval"
    elif n < 2:
        note = ONE_TRACK
    elif np.isnan(sampler.of(entrant, entrant.tracks).drawn).any():
        note = "a target on so few tracks that a resample may lack it: no interval"
    else:
        interval = _interval(entrant, sampler, value)
        if None in (interval.low, interval.high):
            note = "an open bound: perfect tracks or frames reach it"
    return Estimate(
        entrant.name, entrant.contender.kind, value, status, interval.low, interval.high, n,
        len(entrant.materials), note,
    )  # fmt: skip


def _interval(entrant: Entrant, sampler: Sampler, value: float) -> Interval:
    alpha, n = sampler.settings.alpha, len(entrant.tracks)
    samples = sampler.of(entrant, entrant.tracks)
    if samples.n_repeats == 1:
        return expanded_percentile(samples.drawn, n, alpha)
    if not samples.is_finite:
        return NONE
    # A handful of repeats has no quantiles worth the name, but a variance.
    by_track = float(variance(samples.slopes, float(samples.rest.var()), len(samples.rest)))
    parts = [(by_track, n - 1), (samples.seed_variance, samples.n_repeats - 1)]
    reach = t_quantile(1 - alpha / 2, degrees(parts)) * (by_track + samples.seed_variance) ** 0.5
    middle = float(samples.rest.mean())
    return Interval(min(middle - reach, value), max(middle + reach, value))
