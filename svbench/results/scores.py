"""A score is a value with a status; this is the only place where a metric's value becomes one.

Statuses: ``ok`` a number; ``perfect`` the metric was +inf; ``undefined`` the rule defines no
value here (silence, −inf); ``unstable`` the metric found its own value numerically meaningless;
``no target`` the track does not contain the target; ``failed`` the system gave nothing that could
be scored; ``unknown`` imported files, or those of the track, do not tell. Only ``ok`` carries a number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

import msgspec

from svbench.specs.records import Record

_UNSTABLE = " are unstable: "
Status = Literal["ok", "perfect", "no target", "undefined", "unstable", "failed", "unknown"]


class Score(msgspec.Struct, frozen=True):
    """One number, or the reason why there is none."""

    value: float | None
    status: Status


class Series(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The frames of one quantity of one target, as parallel lists.

    Attributes
    ----------
    target_set, target, metric : str
        ``metric`` is the quantity, e.g. ``"SDR"``.
    time_s, duration_s : list of float
    score : list of float or None
    status : list of str
    """

    target_set: str
    target: str
    metric: str
    time_s: list[float]
    duration_s: list[float]
    score: list[float | None]
    status: list[Status]


class Resources(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the separation of one track cost, measured in the system's own process.

    ``wall_s`` is the separation alone: no model load, no file reading. The real-time factor
    is ``wall_s`` over the track's duration. ``weights_bytes`` is the size on disk of the system's
    weights files, None where its file names none.
    """

    load_s: float
    wall_s: float
    cpu_s: float
    peak_rss_bytes: int
    rtf: float
    weights_bytes: int | None = None


class SeparationRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the estimates of a track come from, so that another protocol can score them too.

    Attributes
    ----------
    key : str
        What they depend on: system, files it names, mixture, limits; see `svbench.running.reuse`.
    asked : tuple of str
        Targets the system was asked for.
    given : tuple of str
        Targets it gave; others of the result's estimates are sums of them.
    notes : tuple of str
        Notes of the result that belong to the separation.
    aligned : bool
        Whether the protocol's alignment rule changed the estimates.
    origin : str
        Name of the run whose kept estimates were scored; empty where the system was asked.
    """

    key: str
    asked: tuple[str, ...]
    given: tuple[str, ...]
    notes: tuple[str, ...] = ()
    aligned: bool = False
    origin: str = ""


class Inputs(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a result was computed from, besides its protocol, system and recordings.

    ``metrics`` are their versions by id; ``files`` the states of what the system's parameters name;
    ``originals`` the digests of the estimates it was compared with, None where the protocol compares none.
    """

    metrics: dict[str, str]
    files: dict[str, str]
    originals: dict[str, str] | None = None


class TrackResult(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything known about one system on one track; one file in the run folder.

    ``key`` says what the result depends on; a resumed run reuses it only if the key is the same. With
    ``made_from`` it can be computed again from the run folder alone; older results have none.
    ``estimates`` are paths inside the run folder, present when they were kept. ``over_budget`` names
    the limit of the protocol that the system broke, and by how much. ``log`` is the path inside the run
    folder of what a failed system's worker printed. ``separation`` is None where nothing
    was separated, and in results of earlier versions. ``data_notes`` say what is wrong with the track
    itself, such as a mixture that is not the sum of its stems.
    """

    schema: Literal[1]
    key: str
    track: str
    subset: str
    duration_s: float
    n_samples: int
    status: Literal["ok", "failed"]
    reason: str = ""
    over_budget: str = ""
    log: str = ""
    notes: tuple[str, ...] = ()
    target_sets: tuple[str, ...] = ()
    absent_targets: tuple[str, ...] = ()
    series: tuple[Series, ...] = ()
    resources: Resources | None = None
    system_version: str = ""
    track_digest: str = ""
    estimates: dict[str, str] = msgspec.field(default_factory=dict)
    estimate_digests: dict[str, str] = msgspec.field(default_factory=dict)
    data_notes: tuple[str, ...] = ()
    separation: SeparationRecord | None = None
    made_from: Inputs | None = None


Grids = dict[tuple[int, float, float], list[float]]


def with_shared_frames(result: TrackResult, grids: Grids) -> TrackResult:
    """Let series with equal times and durations share these lists, which are most of a large run's memory.

    Parameters
    ----------
    result : TrackResult
        Just read, and nobody else's: its series are changed.
    grids : dict
        The lists of the results before; new ones are added.
    """
    for s in result.series:
        msgspec.structs.force_setattr(s, "time_s", _shared(s.time_s, grids))
        msgspec.structs.force_setattr(s, "duration_s", _shared(s.duration_s, grids))
    return result


def _shared(values: list[float], grids: Grids) -> list[float]:
    if not values:
        return values
    # Lists that agree in these three are nearly always equal; to compare them is cheaper than to hash them.
    known = grids.setdefault((len(values), values[0], values[-1]), values)
    return known if known == values else values


def score(value: float, *, unstable: bool = False) -> Score:
    """Turn an IEEE value into a score.

    Parameters
    ----------
    value : float
    unstable : bool
        Whether the metric found it numerically meaningless. A value that is not defined stays so.

    Examples
    --------
    >>> score(3.5), score(float("inf")).status, score(float("nan")).status
    (Score(value=3.5, status='ok'), 'perfect', 'undefined')
    >>> score(3.5, unstable=True), score(float("nan"), unstable=True).status
    (Score(value=None, status='unstable'), 'undefined')
    """
    value = float(value)
    if unstable and (math.isfinite(value) or value == math.inf):
        return Score(None, "unstable")
    if math.isfinite(value):
        return Score(value, "ok")
    return Score(None, "perfect" if value == math.inf else "undefined")


def series(
    target_set: str,
    target: str,
    metric: str,
    time_s: list[float],
    duration_s: list[float],
    values: list[float],
    unstable: list[bool] | None = None,
) -> Series:
    """Build the frames of one quantity from a metric's raw values; without ``unstable`` all are sound."""
    numbers: list[float | None] = list(values)
    status: list[Status] = ["ok"] * len(values)
    odd = [i for i, v in enumerate(values) if v - v != 0.0]  # faster than isfinite, millions of times
    marked = [i for i, mark in enumerate(unstable or ()) if mark]
    for i in (*odd, *marked):
        found = score(values[i], unstable=i in marked)
        numbers[i], status[i] = found.value, found.status
    return Series(
        target_set=target_set,
        target=target,
        metric=metric,
        time_s=time_s,
        duration_s=duration_s,
        score=numbers,
        status=status,
    )


def unstable_note(target_set: str, quantities: list[str], targets: tuple[str, ...], why: str) -> str:
    """Write the note of a track with unstable values; ``why`` is the metric's reason and remedy.

    Examples
    --------
    >>> note = unstable_note("4-stems", ["ISR", "SIR"], ("vocals", "bass"), "an empty band; use 16 bits")
    >>> note
    '4-stems: ISR, SIR of vocals, bass are unstable: an empty band; use 16 bits'
    >>> why_unstable([note])
    ['an empty band; use 16 bits']
    """
    return f"{target_set}: {', '.join(quantities)} of {', '.join(targets)}{_UNSTABLE}{why}"


def why_unstable(notes: Iterable[str]) -> list[str]:
    """Return the reasons that the notes of tracks give for unstable values, each once."""
    return list(dict.fromkeys(n.split(_UNSTABLE, 1)[1] for n in notes if _UNSTABLE in n))


def without_value(
    target_set: str,
    target: str,
    metric: str,
    duration_s: float,
    status: Literal["no target", "failed", "unknown"],
) -> Series:
    """One row over the whole track that says why there is no score."""
    return Series(
        target_set=target_set,
        target=target,
        metric=metric,
        time_s=[0.0],
        duration_s=[duration_s],
        score=[None],
        status=[status],
    )
