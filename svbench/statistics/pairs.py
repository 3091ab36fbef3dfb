"""Two systems, or two runs of one, on the same tracks: how far apart they are, and how certain that is."""

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
from svbench.statistics.samples import Sampler
from svbench.statistics.signed_rank import (
    TIE,
    SignedRank,
    TypicalDifference,
    holm,
    signed_rank,
    typical_difference,
)
from svbench.statistics.track_values import IntervalSettings, SystemValues, common_tracks, listed

POWER = 0.8


@dataclass(frozen=True)
class SystemPair:
    """The first system against the second, on the tracks that both have.

    Attributes
    ----------
    first, second : str
    value : float or None
        Difference of the two numbers, first minus second, over the common tracks; None without any.
    low, high : float or None
        Bounds of its interval at level 1 − alpha; None if there is none.
    typical : TypicalDifference or None
        The Hodges–Lehmann estimate of the difference on a track, first minus second, which is what the
        signed-rank test tests; its sign may differ from that of ``value``. None without common tracks.
    detectable : float or None
        The true difference that such a comparison detects four times out of five with this many tracks.
    tests : SignedRank or None
        Track by track, positive where the first is better; None without common tracks.
    p_holm : float
        The signed-rank test's p, corrected for all pairs of the column.
    n_tracks : int
    note : str
        Tracks that only one of them has, or why there is no interval; empty if there is nothing to say.
    """

    first: str
    second: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    typical: TypicalDifference | None = None
    detectable: float | None = None
    tests: SignedRank | None = None
    p_holm: float = 1.0
    n_tracks: int = 0
    note: str = ""

    @property
    def signs_differ(self) -> bool:
        """Whether the two numbers favour one system and the paired tracks the other, beyond a tie."""
        paired = self.typical.value if self.typical else None
        if self.value is None or paired is None:
            return False
        return self.value * paired < 0 and min(abs(self.value), abs(paired)) >= TIE

    def is_significant(self, alpha: float) -> bool:
        """Whether the signed-rank test finds a difference, corrected for all pairs of the column."""
        return self.p_holm < alpha


@dataclass(frozen=True)
class Smoothed:
    """A difference of resampled numbers: its mean, squared standard error, degrees of freedom."""

    middle: float
    variance: float
    df: float

    def reach(self, alpha: float) -> float:
        """Return half the width of the interval that excludes ``alpha`` on both sides together."""
        return t_quantile(1 - alpha / 2, self.df) * float(np.sqrt(self.variance))

    def interval(self, value: float, alpha: float) -> tuple[float, float]:
        """Return the bounds, extended to the plain difference if that lies outside."""
        reach = self.reach(alpha)
        return min(self.middle - reach, value), max(self.middle + reach, value)


def all_pairs(
    systems: Sequence[SystemValues], sampler: Sampler, *, higher_is_better: bool
) -> list[SystemPair]:
    """Compare every two systems, in the order given, and correct the p values for the number of pairs."""
    pairs = [
        one_pair(first, second, sampler, higher_is_better=higher_is_better)
        for i, first in enumerate(systems)
        for second in systems[i + 1 :]
    ]
    adjusted = iter(holm([p.tests.p for p in pairs if p.tests]))
    return [replace(p, p_holm=next(adjusted)) if p.tests else p for p in pairs]


def one_pair(
    first: SystemValues, second: SystemValues, sampler: Sampler, *, higher_is_better: bool
) -> SystemPair:
    """Compare two systems on the tracks that both have."""
    tracks = common_tracks([first, second])
    notes = [n for n in (_lacking(first, second), _lacking(second, first)) if n]
    pair = SystemPair(first.name, second.name, n_tracks=len(tracks), note="; ".join(notes))
    undefined = [s.name for s in (first, second) if not s.is_defined]
    if undefined or not tracks:
        why = f"{' and '.join(undefined)}: no number" if undefined else "no track in common"
        return replace(pair, note="; ".join([why, *notes]))
    alpha = sampler.settings.alpha
    apart = differences(first, second, tracks)
    tests = signed_rank((1 if higher_is_better else -1) * apart)
    pair = replace(pair, tests=tests, typical=typical_difference(apart, alpha))
    value = sampler.point(first, tracks) - sampler.point(second, tracks)
    smoothed = smoothed_difference(first, second, tracks, sampler) if len(tracks) > 1 else None
    if smoothed is None or not np.isfinite(value):
        why = "one track only: no interval" if len(tracks) == 1 else "perfect tracks: no interval"
        return replace(pair, value=value if np.isfinite(value) else None, note="; ".join([why, *notes]))
    low, high = smoothed.interval(value, alpha)
    # A two-sided test at alpha has this power if the truth lies both quantiles away from 0.
    detectable = smoothed.reach(alpha) + t_quantile(POWER, smoothed.df) * float(np.sqrt(smoothed.variance))
    return replace(pair, value=value, low=low, high=high, detectable=detectable)


def may_be_equal(first: SystemValues, second: SystemValues, sampler: Sampler) -> bool:
    """Whether the interval of the difference of two systems contains 0; False if there is no interval."""
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
    first: SystemValues, second: SystemValues, tracks: tuple[str, ...], sampler: Sampler
) -> Smoothed | None:
    """Resample both systems on the same draws; None if a resample is infinite."""
    a, b = sampler.of(first, tracks), sampler.of(second, tracks)
    if not (a.is_finite and b.is_finite):
        return None
    rest = a.rest - b.rest
    by_track = float(variance(a.slopes - b.slopes, float(np.var(rest)), len(rest)))
    seeds = [(s.seed_variance, s.n_repeats - 1) for s in (a, b) if s.n_repeats > 1]
    parts = [(by_track, len(tracks) - 1), *seeds]
    return Smoothed(float(np.mean(rest)), sum(v for v, _ in parts), degrees(parts))


def differences(first: SystemValues, second: SystemValues, tracks: Sequence[str]) -> Array:
    """Subtract track by track; two perfect tracks are equal."""
    a, b = first.scores(tracks), second.scores(tracks)
    with np.errstate(invalid="ignore"):
        return np.where(a == b, 0.0, a - b)


def _lacking(one: SystemValues, other: SystemValues) -> str:
    """Say which of the other's tracks one system lacks, and why."""
    known = set(one.tracks)
    missing = [f"{t} ({one.reason(t)})" for t in other.tracks if t not in known]
    return f"{one.name} lacks {listed(missing)}" if missing else ""


class PairedDifference(msgspec.Struct, frozen=True):
    """A difference, the bounds of its interval, and the number of tracks it rests on.

    ``low`` and ``high`` are None for fewer than two tracks, or if a resample is infinite.
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
) -> PairedDifference | None:
    """Return the difference of two reduced numbers, with its smoothed 95 % interval over tracks.

    Parameters
    ----------
    before, after : sequence of sequence of float
        The values of each track, in the same order: one per track, or all of its frames if a rule
        pools them. A resample draws whole tracks, the same ones on both sides.
    reducer : {"mean", "median", "length-weighted mean"}
        Over all values of all tracks.
    durations_s : sequence of float
        Of the tracks, for the length-weighted mean of one value each.

    Returns
    -------
    PairedDifference or None
        ``after`` minus ``before``; None without tracks, or if the difference is infinite or undefined.

    References
    ----------
    B. Efron, "Estimation and Accuracy After Model Selection", JASA 109(507), 2014; see
    `svbench.statistics.resampling`.

    Examples
    --------
    >>> change = paired_difference([[1.0], [2.0], [9.0]], [[0.0], [1.0], [5.0]], "mean")
    >>> change.value, round(change.low, 3), round(change.high, 3)  # −1, −1, −4: −2 ± 4.303
    (-2.0, -6.303, 2.303)
    """
    n = len(before)
    if n == 0:
        return None
    sides = [[np.asarray(track, dtype=np.float64) for track in side] for side in (before, after)]
    with np.errstate(invalid="ignore"):  # the mean of inf and −inf
        first, second = (_reduced(np.concatenate(side), reducer, durations_s) for side in sides)
    value = second - first
    if not np.isfinite(value):
        return None
    settings = IntervalSettings()
    counts = draw_counts(n, settings.resamples, settings.seed)
    drawn: list[Array] = [resampled(side, reducer, counts, durations_s) for side in sides] if n > 1 else []
    if n < 2 or not np.all(np.isfinite(drawn)):
        return PairedDifference(value, None, None, n)
    slopes, rest = influences(drawn[1] - drawn[0], counts)
    smoothed = Smoothed(float(rest.mean()), float(variance(slopes, float(rest.var()), len(rest))), n - 1)
    return PairedDifference(value, *smoothed.interval(value, settings.alpha), n)


def _reduced(values: Array, reducer: TrackReducer, durations_s: Sequence[float]) -> float:
    if reducer == "length-weighted mean":
        return float(np.average(values, weights=durations_s))
    return float(np.mean(values) if reducer == "mean" else np.median(values))
