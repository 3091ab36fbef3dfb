"""Ranks, best and second of a column, by one rule for all tables, boards and comparisons.

Only systems that were measured on the same tracks can be ranked. A system is ranked if its number rests on
every track that any competing system's number in this column rests on; otherwise an easy
track would raise it, or a hard track that others lack would lower it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from svbench.printing.numbers import counted
from svbench.results.aggregate import Summary, quantities, track_scores
from svbench.results.record import Quantity
from svbench.results.scores import Status
from svbench.results.store import Run, kept_per_run

# Above this a score only reflects rounding, so it is never the best.
PRACTICALLY_INFINITE_DB = 100.0
MOST = 5  # number of systems that a sentence names


@dataclass(frozen=True)
class Candidate:
    """One system's number in a column.

    Attributes
    ----------
    name : str
    competes : bool
        False for oracles, which see the references, and for random weights.
    score : float or None
    status : str
        ``ok``, or why there is no score.
    tracks : frozenset of str
        The tracks that the number rests on; the stems of tracks if each target of a mean has tracks
        of its own.
    unit : {"track", "stem"}
        Which of the two.
    """

    name: str
    competes: bool
    score: float | None
    status: Status
    tracks: frozenset[str]
    unit: str = "track"


@dataclass(frozen=True)
class Standing:
    """Ranks, best and second of a column; candidates are numbered by their position.

    Attributes
    ----------
    ranks : tuple of (int or None)
        1 is the best; equal scores share a rank, and the next rank counts all before it: 1, 1, 3.
    best, second : frozenset of int
        Empty if fewer than two candidates can be compared.
    partial : frozenset of int
        Candidates with a score that lack tracks on which a competing system was scored.
    compared : frozenset of int
        Competing systems with a score on all of these tracks; best and second are among them.
    reason : str
        Says which competing systems with a score have no rank, and why; empty if all of them have one.
    """

    ranks: tuple[int | None, ...]
    best: frozenset[int]
    second: frozenset[int]
    partial: frozenset[int]
    compared: frozenset[int]
    reason: str


def candidate(run: Run, summary: Summary) -> Candidate:
    """Return the candidate of a run's printed number."""
    column = (summary.target_set, summary.target, summary.metric)
    tracks, unit = scored_tracks(run).get(column, frozenset()), unit_of(run, summary.target, summary.metric)
    return Candidate(run.record.system.id, run.record.takes_rank, summary.score, summary.status, tracks, unit)


def standing(
    candidates: Sequence[Candidate | None], quantity: Quantity, what: str = "this number"
) -> Standing:
    """Find ranks, best and second of a column.

    Two scores are equal if all of their bits are equal. Nothing is rounded here; protocols that round,
    such as ``sisec18`` to 0.00001 dB, round the frames.

    Parameters
    ----------
    candidates : sequence of (Candidate or None)
        None if a row is empty in the column.
    quantity : Quantity
        Says which way is better. Numbers beyond 100 dB are ranked, but are never best or second.
    what : str
        What to call the column in sentences.

    Examples
    --------
    >>> quantity = Quantity(name="SDR", unit="dB", higher_is_better=True, metric="sdr")
    >>> def on(name, score, tracks):
    ...     return Candidate(name, True, score, "ok", frozenset(tracks))
    >>> standing([on("a", 5.0, "xy"), on("b", 5.0, "xy"), on("c", 4.0, "xy")], quantity).ranks
    (1, 1, 3)
    >>> apart = standing([on("a", 5.0, "x"), on("b", 4.0, "y")], quantity)
    >>> apart.ranks
    (None, None)
    >>> apart.reason
    'No rank: no system was scored on all of the 2 tracks that any of them was scored on: a on 1, b on 1.'
    """
    having = {i: (c.score, c) for i, c in enumerate(candidates) if c is not None and c.score is not None}
    competing = {i: c for i, (_, c) in having.items() if c.competes}
    wanted = frozenset[str]().union(*(c.tracks for c in competing.values()))
    partial = frozenset(i for i, (_, c) in having.items() if wanted - c.tracks)
    everyone = [c for c in candidates if c is not None and c.competes]
    scores = {i: s for i, (s, c) in having.items() if c.competes and i not in partial}
    if mostly_unknown(everyone):
        scores = {}
    sign = 1 if quantity.higher_is_better else -1
    ranks = {i: 1 + sum(sign * other > sign * s for other in scores.values()) for i, s in scores.items()}
    finite = {i: s for i, s in scores.items() if quantity.unit != "dB" or abs(s) <= PRACTICALLY_INFINITE_DB}
    order = sorted(set(finite.values()), reverse=quantity.higher_is_better) if len(finite) > 1 else []
    first, second = (
        frozenset(i for i, s in finite.items() if order[place : place + 1] == [s]) for place in (0, 1)
    )
    return Standing(
        tuple(ranks.get(i) for i in range(len(candidates))),
        first,
        second,
        partial,
        frozenset(finite) if order else frozenset(),
        _reason(everyone, competing, partial, wanted, what),
    )


def mostly_unknown(candidates: Sequence[Candidate]) -> bool:
    """Whether more than half of the scores are unknown: a rank among the others would mislead."""
    return 2 * sum(c.status == "unknown" for c in candidates) > len(candidates)


def _reason(
    everyone: Sequence[Candidate],
    competing: Mapping[int, Candidate],
    partial: frozenset[int],
    wanted: frozenset[str],
    what: str,
) -> str:
    if mostly_unknown(everyone):
        unknown = sum(c.status == "unknown" for c in everyone)
        return f"No rank: {what} is unknown for {unknown} of {len(everyone)} systems."
    lacking = [c for i, c in competing.items() if i in partial]
    if not lacking:
        return ""
    names = ", ".join(f"{c.name} on {len(c.tracks)}" for c in lacking[:MOST])
    names += f", {len(lacking) - MOST} more" if len(lacking) > MOST else ""
    total = f"{counted(len(wanted), lacking[0].unit)} that any of them was scored on"
    if len(lacking) == len(competing):
        return f"No rank: no system was scored on all of the {total}: {names}."
    return f"Not ranked, since not scored on all of the {total}: {names}."


@kept_per_run
def scored_tracks(run: Run) -> Mapping[tuple[str, str, str], frozenset[str]]:
    """Return the tracks that each number of a run rests on, by (target set, target, quantity).

    The mean over targets rests on the tracks with a value for every target; if each target has
    its own tracks (`unit_of` is "stem"), on all of these, each with the target's name.
    """
    by_column: dict[tuple[str, str, str], set[str]] = {}
    for row in track_scores(run):
        tracks = by_column.setdefault((row.target_set, row.target, row.metric), set())
        if row.n_frames:
            tracks.add(row.track)
    for target_set in run.record.protocol.target_sets:
        for quantity in run.record.quantities:
            names = {t: (target_set.id, t, quantity.name) for t in target_set.targets}
            present = {t: by_column[name] for t, name in names.items() if name in by_column}
            if len(names) > 1 and present:
                by_column[target_set.id, "mean", quantity.name] = (
                    {f"{target} of {track}" for target, tracks in present.items() for track in tracks}
                    if unit_of(run, "mean", quantity.name) == "stem"
                    else set.intersection(*present.values())
                )
    return {column: frozenset(tracks) for column, tracks in by_column.items()}


def unit_of(run: Run, target: str, metric: str) -> str:
    """Return what a number rests on: tracks, or stems if each target of a mean has its own tracks."""
    own = target == "mean" and quantities(run)[metric].targets_over == "own tracks"
    return "stem" if own else "track"
