"""Two systems on the same tracks: how far apart they are, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from svbench.specs.protocol import TrackReducer
from svbench.statistics.resampling import (
    Array,
    degrees,
    draw_counts,
    influences,
    resampled,
    t_quantile,
    variance,
)
from svbench.statistics.samples import Entrant, Sampler, Samples
from svbench.statistics.signed_rank import (
    TIE,
    SignedRank,
    TypicalDifference,
    holm,
    signed_rank,
    typical_difference,
)

POWER = 0.8


@dataclass(frozen=True)
class Pair:
    """The first system against the second, on the tracks that both have.

    Attributes
    ----------
    first, second : str
    value : float or None
        Difference of the two numbers, first minus second, over the common tracks; None without any.
    low, high : float or None
        Bounds of its interval at level 1 − alpha; None where there is none.
    typical : TypicalDifference or None
        The Hodges–Lehmann estimate of the difference on a track, first minus second, which the test
        tests; it may have another sign than ``value``. None without common tracks.
    detectable : float or None
        The true difference that such a comparison finds four times out of five at this n.
    tests : SignedRank or None
        Track by track, positive where the first is better; None without common tracks.
    p_holm : float
        The signed-rank test's p, corrected for all pairs of the column.
    n_tracks : int
    note : str
        Tracks that only one of them has, or why there is no interval; else empty.
    """

    first: str
    second: str
    value: float | None
    low: float | None
    high: float | None
    typical: TypicalDifference | None
    detectable: float | None
    tests: SignedRank | None
    p_holm: float
    n_tracks: int
    note: str

    @property
    def signs_differ(self) -> bool:
        """Whether the two numbers favour one system and the paired tracks the other, beyond a tie."""
        paired = self.typical.value if self.typical else None
        if self.value is None or paired is None:
            return False
        return self.value * paired < 0 and min(abs(self.value), abs(paired)) >= TIE

    def is_significant(self, alpha: float) -> bool:
        """Whether the signed-rank test tells them apart among all pairs of the column."""
        return self.p_holm < alpha


@dataclass(frozen=True)
class Smoothed:
    """A difference of resampled headlines: its mean, squared standard error, degrees of freedom."""

    middle: float
    variance: float
    df: float

    def reach(self, alpha: float) -> float:
        """Half the width of the interval that leaves ``alpha`` out on both sides together."""
        return t_quantile(1 - alpha / 2, self.df) * float(np.sqrt(self.variance))

    def interval(self, value: float, alpha: float) -> tuple[float, float]:
        """Return the bounds; the plain difference may lie elsewhere, and is never excluded."""
        reach = self.reach(alpha)
        return min(self.middle - reach, value), max(self.middle + reach, value)


def all_pairs(found: Sequence[Entrant], sampler: Sampler, *, higher_is_better: bool) -> list[Pair]:
    """Compare every two systems, in the order given, and correct for their number."""
    pairs = [
        one_pair(first, second, sampler, higher_is_better=higher_is_better)
        for i, first in enumerate(found)
        for second in found[i + 1 :]
    ]
    tested = [p for p in pairs if p.tests is not None]
    adjusted = dict(zip(map(id, tested), holm([p.tests.p for p in tested if p.tests]), strict=True))
    return [replace(p, p_holm=adjusted.get(id(p), 1.0)) for p in pairs]


def one_pair(first: Entrant, second: Entrant, sampler: Sampler, *, higher_is_better: bool) -> Pair:
    """Compare two systems on the tracks that both have."""
    tracks = common_tracks([first, second])
    notes = [n for n in (_lacking(first, second), _lacking(second, first)) if n]
    empty = Pair(
        first.name, second.name, None, None, None, None, None, None, 1.0, len(tracks), "; ".join(notes)
    )
    undefined = [e.name for e in (first, second) if not e.is_defined]
    if undefined or not tracks:
        why = f"{' and '.join(undefined)}: no number" if undefined else "no track in common"
        return replace(empty, note="; ".join([why, *notes]))
    apart = differences(first, second, tracks)
    alpha = sampler.settings.alpha
    tests = signed_rank((1 if higher_is_better else -1) * apart)
    empty = replace(empty, tests=tests, typical=typical_difference(apart, alpha))
    value = sampler.point(first, tracks) - sampler.point(second, tracks)
    smoothed = smoothed_difference(first, second, tracks, sampler) if len(tracks) > 1 else None
    if smoothed is None or not np.isfinite(value):
        why = "one track only: no interval" if len(tracks) == 1 else "perfect tracks: no interval"
        value_or_none = value if np.isfinite(value) else None
        return replace(empty, value=value_or_none, note="; ".join([why, *notes]))
    found = smoothed.reach(alpha) + t_quantile(POWER, smoothed.df) * float(np.sqrt(smoothed.variance))
    low, high = smoothed.interval(value, alpha)
    return replace(empty, value=value, low=low, high=high, detectable=found)


def may_be_equal(first: Entrant, second: Entrant, sampler: Sampler) -> bool:
    """Whether the interval of the difference of two systems holds 0; without one nothing can be told."""
    tracks = common_tracks([first, second])
    if not (first.is_defined and second.is_defined) or len(tracks) < 2:
        return False
    value = sampler.point(first, tracks) - sampler.point(second, tracks)
    smoothed = smoothed_difference(first, second, tracks, sampler)
    if smoothed is None or not np.isfinite(value):
        return False
    low, high = smoothed.interval(value, sampler.settings.alpha)
    return low <= 0 <= high


def smoothed_difference(
    first: Entrant, second: Entrant, tracks: tuple[str, ...], sampler: Sampler
) -> Smoothed | None:
    """Resample both on the same draws; None where a resample is infinite."""
    a, b = sampler.of(first, tracks), sampler.of(second, tracks)
    if not (a.is_finite and b.is_finite):
        return None
    rest = float(np.var(a.rest - b.rest))
    by_track = float(variance(a.slopes - b.slopes, rest, len(a.rest)))
    parts = [(by_track, len(tracks) - 1), *_seeds(a), *_seeds(b)]
    return Smoothed(float(np.mean(a.rest - b.rest)), sum(v for v, _ in parts), degrees(parts))


def _seeds(samples: Samples) -> list[tuple[float, int]]:
    return [(samples.seed_variance, samples.n_repeats - 1)] if samples.n_repeats > 1 else []


def common_tracks(found: Sequence[Entrant]) -> tuple[str, ...]:
    """Return the tracks that all systems have, in the order of the data set."""
    others = [set(e.tracks) for e in found[1:]]
    return tuple(t for t in found[0].tracks if all(t in tracks for tracks in others))


def differences(first: Entrant, second: Entrant, tracks: Sequence[str]) -> Array:
    """Subtract track by track; two perfect tracks are equal."""
    a, b = first.scores(tracks), second.scores(tracks)
    with np.errstate(invalid="ignore"):
        return np.where(a == b, 0.0, a - b)


def _lacking(one: Entrant, other: Entrant) -> str:
    """Say which of the other's tracks one system lacks, and why."""
    known = set(one.tracks)
    missing = [t for t in other.tracks if t not in known]
    if not missing:
        return ""
    told = [f"{t} ({reason(one, t)})" for t in missing[:3]]
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    return f"{one.name} lacks {', '.join(told)}{more}"


def reason(entrant: Entrant, track: str) -> str:
    """Return the status that says why a track brings nothing."""
    return next((m.without[track] for m in entrant.materials if track in m.without), "not run")


RESAMPLES = 10_000
LEVEL = 0.95
SEED = 42


class Difference(msgspec.Struct, frozen=True):
    """A difference, the bounds of its interval, and how many tracks it rests on.

    ``low`` and ``high`` are None for fewer than two tracks, and where a resample is infinite.
    """

    value: float
    low: float | None
    high: float | None
    n_tracks: int


def paired_difference(
    before: Sequence[Sequence[float]],
    after: Sequence[Sequence[float]],
    reducer: TrackReducer,
    durations_s: Sequence[float] = (),
) -> Difference | None:
    """Difference of two reduced numbers, with its smoothed 95 % interval over tracks.

    Parameters
    ----------
    before, after : sequence of sequence of float
        The values of each track, in one order: one per track, or all of its frames where a rule
        pools them. A resample takes whole tracks, the same ones on both sides.
    reducer : {"mean", "median", "length-weighted mean"}
        Over all values of all tracks.
    durations_s : sequence of float
        Of the tracks, for the length-weighted mean of one value each.

    Returns
    -------
    Difference or None
        ``after`` minus ``before``; None without tracks, or where it is infinite or undefined.

    References
    ----------
    B. Efron, "Estimation and Accuracy After Model Selection", JASA 109(507), 2014; see `intervals`.

    Examples
    --------
    >>> found = paired_difference([[1.0], [2.0], [9.0]], [[0.0], [1.0], [5.0]], "mean")
    >>> found.value, round(found.low, 3), round(found.high, 3)  # −1, −1, −4: −2 ± 4.303
    (-2.0, -6.303, 2.303)
    """
    n = len(before)
    sides = [[np.asarray(track, dtype=np.float64) for track in side] for side in (before, after)]
    if n == 0:
        return None
    with np.errstate(invalid="ignore"):  # the mean of inf and −inf
        first, second = (_reduced(np.concatenate(side), reducer, durations_s) for side in sides)
    if not np.isfinite(second - first):
        return None
    counts = draw_counts(n, RESAMPLES, SEED)
    drawn: list[Array] = [resampled(side, reducer, counts, durations_s) for side in sides] if n > 1 else []
    if n < 2 or not np.all(np.isfinite(drawn)):
        return Difference(second - first, None, None, n)
    moved = drawn[1] - drawn[0]
    slopes, rest = influences(moved, counts)
    error = float(np.sqrt(variance(slopes, float(rest.var()), RESAMPLES)))
    reach = t_quantile(1 - (1 - LEVEL) / 2, n - 1) * error
    value, middle = second - first, float(rest.mean())
    return Difference(value, min(middle - reach, value), max(middle + reach, value), n)


def _reduced(values: Array, reducer: TrackReducer, durations_s: Sequence[float]) -> float:
    if reducer == "length-weighted mean":
        return float(np.average(values, weights=durations_s))
    return float(np.mean(values) if reducer == "mean" else np.median(values))
