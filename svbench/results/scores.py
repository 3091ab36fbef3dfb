"""A score is a value with a status; only here does the value of a metric become a score.

Statuses: ``ok`` a number; ``perfect`` the metric was +inf; ``undefined`` the metric has no value
here (silence, −inf); ``unstable`` the metric considers its own value numerically meaningless;
``no target`` the track does not contain the target; ``failed`` the system returned nothing that could
be scored; ``unknown`` the imported files, or those of the track, do not say. Only ``ok`` has a number.
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
    """The cost of separating one track, measured in the system's own process.

    ``wall_s`` is the separation alone, without loading the model or reading files. The real-time factor
    is ``wall_s`` over the track's duration. ``weights_bytes`` is the size on disk of the system's
    weights files, None if the system file names none.
    """

    load_s: float
    wall_s: float
    cpu_s: float
    peak_rss_bytes: int
    rtf: float
    weights_bytes: int | None = None


class SeparationRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The origin of the estimates of a track, so that another protocol can score them too.

    Attributes
    ----------
    key : str
        Digest of what they depend on: system, files it names, mixture, limits; see `svbench.running.reuse`.
    asked : tuple of str
        Targets that the system was asked for.
    given : tuple of str
        Targets that it returned; the other estimates of the result are sums of them.
    notes : tuple of str
        Notes of the result that are about the separation.
    aligned : bool
        Whether the protocol's alignment rule changed the estimates.
    origin : str
        Name of the run whose kept estimates were scored; empty if the system separated the track.
    """

    key: str
    asked: tuple[str, ...]
    given: tuple[str, ...]
    notes: tuple[str, ...] = ()
    aligned: bool = False
    origin: str = ""


class Inputs(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a result was computed from, besides its protocol, system and recordings.

    ``metrics`` are versions by id; ``files`` the states of the files that the system's parameters name, and
    the isolation that the system ran in, if any; ``originals`` the digests of the estimates it was compared
    with, None if the protocol compares none.
    """

    metrics: dict[str, str]
    files: dict[str, str]
    originals: dict[str, str] | None = None


class TrackResult(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything known about one system on one track; one file in the run folder.

    ``key`` is a digest of what the result depends on; a resumed run reuses it only if the key is the same.
    ``made_from`` allows to recompute the key from the run folder alone; older results have none.
    ``estimates`` are paths inside the run folder, if the estimates were kept. ``over_budget`` names
    the limit of the protocol that the system exceeded, and by how much. ``log`` is the path inside the run
    folder of what a failed system's worker printed. ``separation`` is None if nothing
    was separated, and in results of earlier versions. ``data_notes`` describe defects of the track
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
        Just read, and referenced by nobody else, since its series are changed.
    grids : dict
        The lists of earlier results; new ones are added.
    """
    for s in result.series:
        for name in ("time_s", "duration_s"):
            if values := getattr(s, name):
                # Lists that agree in these three are nearly always equal. Comparing is cheaper than hashing.
                known = grids.setdefault((len(values), values[0], values[-1]), values)
                msgspec.structs.force_setattr(s, name, known if known == values else values)
    return result


def score(value: float, *, unstable: bool = False) -> Score:
    """Turn a metric's IEEE value into a score.

    Parameters
    ----------
    value : float
    unstable : bool
        Whether the metric considers it numerically meaningless. An undefined value stays undefined.

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
    """Build the frames of one quantity from a metric's raw values; ``unstable`` marks meaningless ones."""
    numbers: list[float | None] = list(values)
    status: list[Status] = ["ok"] * len(values)
    # For infinities and NaN v − v is NaN. This is faster than math.isfinite, for millions of values.
    odd = [i for i, v in enumerate(values) if v - v != 0.0]
    marked = {i for i, mark in enumerate(unstable or ()) if mark}
    for i in (*odd, *marked):
        one = score(values[i], unstable=i in marked)
        numbers[i], status[i] = one.value, one.status
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
    """Write the note on a track with unstable values; ``why`` is the metric's reason and remedy.

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
    """Return the reasons for unstable values in the notes of tracks, each once."""
    return list(dict.fromkeys(n.split(_UNSTABLE, 1)[1] for n in notes if _UNSTABLE in n))


def without_value(
    target_set: str,
    target: str,
    metric: str,
    duration_s: float,
    status: Literal["no target", "failed", "unknown"],
) -> Series:
    """Make a series of one frame over the whole track that says why there is no score."""
    return Series(
        target_set=target_set,
        target=target,
        metric=metric,
        time_s=[0.0],
        duration_s=[duration_s],
        score=[None],
        status=[status],
    )
