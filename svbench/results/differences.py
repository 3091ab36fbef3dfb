"""Compare two runs of one protocol on one data set value by value, and find where they differ.

Every frame's value and status is compared, and the samples of the estimates if both runs kept them.
For other estimates only the digests in the runs can be compared; these are counted
separately. Times, memory and machines always differ, and are not compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Literal

import msgspec

from svbench.audio import read_audio, samples_digest
from svbench.errors import DataError
from svbench.results.folders import inside
from svbench.results.scores import Series, TrackResult
from svbench.results.store import Run

TOLERANCE = 0.005  # half of the last digit that tables print

Verdict = Literal["bit-equal", "within tolerance", "different"]
Name = tuple[str, str, str]  # target set, target, quantity


class Place(msgspec.Struct, frozen=True):
    """A place where two runs differ, and what each has there.

    ``target_set``, ``target`` and ``metric`` are empty if a whole track differs, ``frame`` and
    ``time_s`` are None if a whole series does. ``distance`` is None if one has no number.
    """

    track: str
    target_set: str
    target: str
    metric: str
    frame: int | None
    time_s: float | None
    first: float | str
    second: float | str
    distance: float | None


class RunDifferences(msgspec.Struct, frozen=True):
    """The outcome of comparing two runs.

    Attributes
    ----------
    verdict : {"bit-equal", "within tolerance", "different"}
    tolerance : float
        Largest accepted distance of two values, in the unit of their quantity.
    n_values : int
        Number of values that both runs have.
    n_unequal, n_beyond : int
        Places that differ at all, and beyond the tolerance.
    first : Place or None
        The first place beyond the tolerance; if there is none, the first unequal one.
    largest : Place or None
        The largest distance of two numbers.
    n_estimates, n_unequal_estimates : int
        Estimates that both runs kept or have a digest of, and how many of them differ.
    n_claimed : int
        Those for which only digests were compared, as at least one run did not keep the file.
    """

    verdict: Verdict
    tolerance: float
    n_values: int
    n_unequal: int
    n_beyond: int
    first: Place | None
    largest: Place | None
    n_estimates: int
    n_unequal_estimates: int
    n_claimed: int = 0


def compare_runs(first: Run, second: Run, *, tolerance: float = TOLERANCE) -> RunDifferences:
    """Compare two runs in the order of the data set's tracks.

    Parameters
    ----------
    first, second : Run
    tolerance : float
        In the unit of each quantity, dB for most.

    Returns
    -------
    RunDifferences
        ``bit-equal`` if every value, every status and every estimate is the same.
        A different status, or a track or series that only one run has, exceeds any tolerance.

    Raises
    ------
    DataError
        The runs are of different protocols or data sets.
    AudioError
        A kept estimate cannot be read.
    """
    refuse_unlike(first, second)
    for run in (first, second):
        if not run.results:
            raise DataError(f"{run.path}: has no result of any track; finish it with `svbench run`")
    # An estimate that differs while all scores are equal is a difference without a size.
    n_estimates, n_claimed, unequal_estimates = _estimates(first, second)
    places = list(_places(first, second))
    beyond = [p for p in places if p.distance is None or p.distance > tolerance]
    sized = [p for p in places if p.distance is not None]
    ordered = [*beyond, *places, *unequal_estimates]
    return RunDifferences(
        verdict="different" if beyond else "within tolerance" if ordered else "bit-equal",
        tolerance=tolerance,
        n_values=_n_values(first, second),
        n_unequal=len(places),
        n_beyond=len(beyond),
        first=ordered[0] if ordered else None,
        largest=max(sized, key=lambda p: p.distance or 0.0, default=None),
        n_estimates=n_estimates,
        n_unequal_estimates=len(unequal_estimates),
        n_claimed=n_claimed,
    )


def refuse_unlike(first: Run, second: Run) -> None:
    """Refuse runs of different protocols or data sets.

    Raises
    ------
    DataError
    """
    a, b = first.record, second.record
    if a.protocol_digest != b.protocol_digest:
        one, two = (f"{r.protocol.id} ({r.protocol_digest[:8]})" for r in (a, b))
        raise DataError(
            f"{first.path} is of protocol {one}, {second.path} of {two}: their numbers mean different "
            "things; compare runs of one protocol"
        )
    if a.data.digest != b.data.digest:
        one, two = (_data_text(r) for r in (first, second))
        raise DataError(
            f"{first.path} is on {one}, {second.path} on {two}; compare runs on the same tracks of one data "
            "set"
        )


def _data_text(run: Run) -> str:
    data = run.record.data
    parts = [f"{data.id} {data.version}", data.subset, data.variant, f"{len(data.tracks)} tracks"]
    return f"{', '.join(p for p in parts if p)} ({data.digest[:8]})"


def _places(first: Run, second: Run) -> Iterator[Place]:
    """Yield every place that differs, track by track in the order of the data set."""
    one, two = ({r.track: r for r in run.results} for run in (first, second))
    for track in first.record.data.tracks:
        a, b = one.get(track), two.get(track)
        if a is None and b is None:
            continue
        if a is None or b is None or a.status != b.status:
            yield Place(track, "", "", "", None, None, _state(a), _state(b), None)
        elif a.status == "ok":
            yield from _series_places(a, b)


def _state(result: TrackResult | None) -> str:
    if result is None:
        return "no result"
    return f"failed: {result.reason}" if result.status == "failed" else "scored"


def _series_places(first: TrackResult, second: TrackResult) -> Iterator[Place]:
    one, two = _by_name(first), _by_name(second)
    for name in dict.fromkeys([*one, *two]):
        a, b = one.get(name), two.get(name)
        if a is None or b is None:
            one_has, two_has = ("no scores" if s is None else f"{len(s.score)} frames" for s in (a, b))
            yield Place(first.track, *name, None, None, one_has, two_has, None)
        elif a != b:
            yield from _frame_places(first.track, name, a, b)


def _by_name(result: TrackResult) -> dict[Name, Series]:
    return {(s.target_set, s.target, s.metric): s for s in result.series}


def _frame_places(track: str, name: Name, first: Series, second: Series) -> Iterator[Place]:
    sides = [zip(s.time_s, s.duration_s, s.score, s.status, strict=True) for s in (first, second)]
    for frame, (a, b) in enumerate(zip_longest(*sides)):
        if a == b:
            continue
        if a is None or b is None or a[:2] != b[:2]:
            one, two = ("no frame" if s is None else f"{s[1]:g} s at {s[0]:g} s" for s in (a, b))
            yield Place(track, *name, frame, (a or b)[0], one, two, None)
            return  # all frames after it are different ones too
        has, other_has = (s[3] if s[2] is None else s[2] for s in (a, b))
        distance = None if a[2] is None or b[2] is None else abs(a[2] - b[2])
        yield Place(track, *name, frame, a[0], has, other_has, distance)


def _estimates(first: Run, second: Run) -> tuple[int, int, list[Place]]:
    """Count the estimates compared, and those compared by digests only, and list those that differ."""
    two = {r.track: r for r in second.results}
    n_known, n_claimed, unequal = 0, 0, []
    for result in first.results:
        other = two.get(result.track)
        if other is None:
            continue
        for target in dict.fromkeys([*result.estimates, *result.estimate_digests]):
            files = [_kept(first, result, target), _kept(second, other, target)]
            if all(files):
                digests = [samples_digest(read_audio(path)) for path in files if path]
            else:
                digests = [
                    r.estimate_digests[target] for r in (result, other) if target in r.estimate_digests
                ]
                n_claimed += len(digests) == 2
            if len(digests) == 2:
                n_known += 1
                if digests[0] != digests[1]:
                    one_has, two_has = (f"estimate {d[:8]}" for d in digests)
                    unequal.append(Place(result.track, "", target, "", None, None, one_has, two_has, None))
    return n_known, n_claimed, unequal


def _kept(run: Run, result: TrackResult, target: str) -> Path | None:
    """Return the file of an estimate; None if it was not kept, or was deleted."""
    if target not in result.estimates:
        return None
    path = inside(run.path, result.estimates[target])
    return path if path.is_file() else None


def _n_values(first: Run, second: Run) -> int:
    """Count the values at places that both runs have."""
    two = {r.track: _by_name(r) for r in second.results}
    return sum(
        min(len(s.score), len(other.score))
        for result in first.results
        for name, s in _by_name(result).items()
        if (other := two.get(result.track, {}).get(name))
    )
