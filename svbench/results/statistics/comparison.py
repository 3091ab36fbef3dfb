"""Everything `svbench compare` tells of one column: intervals, pairs, ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from svbench.results.statistics.headline import Estimate, estimate
from svbench.results.statistics.material import Column, Settings, contenders
from svbench.results.statistics.pairs import Pair, all_pairs, common_tracks, reason
from svbench.results.statistics.ranks import (
    CriticalDifference,
    RankInterval,
    critical_difference,
    rank_intervals,
)
from svbench.results.statistics.samples import Entrant, Sampler, entrants
from svbench.results.store import Quantity, Run


@dataclass(frozen=True)
class Comparison:
    """The systems of one column, compared.

    Attributes
    ----------
    label : str
        Reducers of frames and tracks (and targets), as tables print them.
    estimates : tuple of Estimate
        Best first; those without a number last.
    pairs : tuple of Pair
        Every two systems, the better one first. Oracles, which see the references, take part
        only where fewer than two other systems are there.
    ranks : tuple of RankInterval
        Of systems and baselines.
    critical : CriticalDifference or None
    notes : tuple of str
        What a reader must know: tracks left out, systems without a number.
    """

    column: Column
    quantity: Quantity
    label: str
    settings: Settings
    n_tracks_total: int
    estimates: tuple[Estimate, ...]
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
        See `svbench.results.statistics.material.columns`.
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
    defined = [e for e in found if e.is_defined and e.tracks]
    ranked = [e for e in defined if e.contender.kind != "oracle"]
    tested = ranked if len(ranked) > 1 else defined
    return Comparison(
        column,
        quantity,
        found[0].materials[0].summary.label,
        settings,
        len(run.record.data.tracks),
        tuple(estimate(e, sampler) for e in found),
        tuple(all_pairs(tested, sampler, higher_is_better=quantity.higher_is_better)),
        tuple(rank_intervals(ranked, sampler, higher_is_better=quantity.higher_is_better)),
        critical_difference(ranked, settings.alpha, higher_is_better=quantity.higher_is_better),
        tuple(_notes(found, ranked, run.record.data.tracks)),
    )


def against_best(comparison: Comparison) -> dict[str, Pair]:
    """Return, for each ranked system but the best, the pair it forms with the best.

    A table marks those that are not significantly different (`Pair.is_significant`).
    """
    if not comparison.pairs:
        return {}
    best = comparison.pairs[0].first
    return {p.second: p for p in comparison.pairs if p.first == best}


def _notes(found: Sequence[Entrant], ranked: Sequence[Entrant], tracks: Sequence[str]) -> list[str]:
    """Say which tracks are left out of what, and why."""
    notes = []
    somewhere = {t for e in found for t in e.tracks}
    everywhere = [t for t in tracks if t not in somewhere]
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
    common = common_tracks(ranked) if ranked else ()
    if ranked and any(len(e.tracks) != len(common) for e in ranked):
        notes.append(f"Ranks rest on the {len(common)} tracks that all ranked systems have.")
    return notes
