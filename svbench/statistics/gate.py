"""The gate of a pull request: is a candidate not worse than the baseline by more than a margin?

This is a test of non-inferiority, not of "no significant difference": a candidate passes if the one-sided
interval of its difference shows that any drop is smaller than the margin. With too few tracks to show it
the candidate fails. All columns must pass, so none needs a correction for the others (an intersection-union
test).

References
----------
G. Piaggio et al., "Reporting of Noninferiority and Equivalence Randomized Trials", JAMA 308(24), 2012.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from svbench.errors import DataError
from svbench.results.record import Quantity
from svbench.results.store import Run
from svbench.statistics.pairs import differences, smoothed_difference
from svbench.statistics.samples import Sampler
from svbench.statistics.signed_rank import SignedRank, signed_rank
from svbench.statistics.track_values import (
    Column,
    IntervalSettings,
    SystemRuns,
    SystemValues,
    common_tracks,
    listed,
    values_by_column,
)

WORST = 5


@dataclass(frozen=True)
class Check:
    """The verdict on one column.

    Attributes
    ----------
    verdict : {"pass", "fail"}
    reason : str
        One sentence.
    baseline, candidate : float or None
        Their numbers on the common tracks.
    gain : float or None
        How much better the candidate is; negative for a drop, for quantities of either direction.
    bound : float or None
        Lower end of the gain's one-sided interval at level 1 − alpha.
    shown : float or None
        The smallest margin that two equal systems would pass four times out of five with this many tracks.
    tests : SignedRank or None
    worst : tuple of (track, float)
        The tracks that lost most, at most five.
    """

    column: Column
    quantity: Quantity
    verdict: Literal["pass", "fail"]
    reason: str
    baseline: float | None
    candidate: float | None = None
    gain: float | None = None
    bound: float | None = None
    shown: float | None = None
    n_tracks: int = 0
    tests: SignedRank | None = None
    worst: tuple[tuple[str, float], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gate:
    """All checks of a candidate against a baseline."""

    baseline: Run
    candidate: Run
    max_drop: float
    settings: IntervalSettings
    checks: tuple[Check, ...]

    @property
    def passes(self) -> bool:
        """Whether every column passes."""
        return all(c.verdict == "pass" for c in self.checks)


def gate(
    baseline: Run,
    candidate: Run,
    wanted: Sequence[Column],
    max_drop: float,
    settings: IntervalSettings | None = None,
) -> Gate:
    """Check a candidate against a baseline.

    Parameters
    ----------
    baseline, candidate : Run
        Of one protocol and data set.
    wanted : sequence of Column
        Columns that the baseline's system has are checked; the others are skipped.
    max_drop : float
        The margin, in the quantity's unit; 0 or more.
    settings : IntervalSettings, optional
        ``alpha`` is one-sided here.

    Raises
    ------
    DataError
        The runs cannot be compared: they have different protocols or data sets, or tracks that were not run
        yet; the baseline failed or has no number; there is only one common track.
    """
    settings = settings or IntervalSettings()
    if not max_drop >= 0:
        raise DataError(f"the largest drop allowed is {max_drop:g}; it must be 0 or more")
    _refuse_incomparable(baseline, candidate)
    both = [
        SystemRuns(name, run.record.system.kind, (run,))
        for name, run in (("baseline", baseline), ("candidate", candidate))
    ]
    checks = []
    for column, systems in values_by_column(both, wanted).items():
        by_name = {s.name: s for s in systems}
        if old := by_name.get("baseline"):
            quantity = next(q for q in baseline.record.quantities if q.name == column.metric)
            failed = Check(column, quantity, "fail", "", old.value)
            checks.append(_check(failed, old, by_name.get("candidate"), max_drop, Sampler(settings)))
    if not checks:
        raise DataError(f"{baseline.path}: has none of the columns to check")
    return Gate(baseline, candidate, max_drop, settings, tuple(checks))


def _refuse_incomparable(baseline: Run, candidate: Run) -> None:
    old, new = baseline.record, candidate.record
    for what, ids, digests in (
        ("protocol", (old.protocol.id, new.protocol.id), (old.protocol_digest, new.protocol_digest)),
        ("data set", (old.data.id, new.data.id), (old.data.digest, new.data.digest)),
    ):
        if digests[0] != digests[1]:
            first, second = (f"{name} ({digest[:8]})" for name, digest in zip(ids, digests, strict=True))
            raise DataError(
                f"baseline and candidate differ in {what}: {first} and {second}; "
                "run the candidate as the baseline was run"
            )
    for name, run in (("baseline", baseline), ("candidate", candidate)):
        if run.missing:
            raise DataError(
                f"{run.path}: the {name} lacks {len(run.missing)} of {len(run.record.data.tracks)} tracks "
                f"({', '.join(run.missing[:3])}{', …' if len(run.missing) > 3 else ''}); "
                "finish it with `svbench run`"
            )
    if baseline.over_budget:
        raise DataError(f"{baseline.path}: the baseline has no scores, it is over the budget")
    if baseline.failed:
        first_failed = baseline.failed[0]
        raise DataError(
            f"{baseline.path}: the baseline failed on {len(baseline.failed)} tracks, first on "
            f"{first_failed.track} ({first_failed.reason}); give a baseline that is complete"
        )


def _check(
    failed: Check, old: SystemValues, new: SystemValues | None, max_drop: float, sampler: Sampler
) -> Check:
    """Return the verdict on one column, starting from a check that failed without a reason."""
    column = failed.column
    name = f"{column.target_set}, {column.target}"
    for side, system in (("baseline", old), ("candidate", new)):
        repeats = system.repeats if system else ()
        unstable = dict.fromkeys(t for r in repeats for t, why in r.without.items() if why == "unstable")
        if unstable:
            return replace(
                failed,
                candidate=new.value if new else None,
                reason=f"cannot be decided: {failed.quantity.name} of the {side} is unstable on "
                f"{listed(list(unstable))}, where it measures rounding; "
                "gate on SDR, or use references of 16 bits",
            )
    if not old.is_defined or not old.tracks:
        status = old.repeats[0].summary.status
        raise DataError(f"the baseline has no number for {name} ({status}): there is nothing to compare with")
    if new is None:
        return replace(
            failed, reason=f"the candidate does not separate {column.target_set}, the baseline does"
        )
    # A track on which the candidate is perfect has no finite difference, and cannot be a drop.
    lost = [(t, why) for t in old.tracks if t not in new.tracks and (why := new.reason(t)) != "perfect"]
    if any(why == "unknown" for _, why in lost):
        raise DataError(f"the candidate's files do not tell its scores for {name} on {lost[0][0]}")
    if lost:
        tracks_lost = listed([f"{track} ({why})" for track, why in lost])
        return replace(failed, reason=f"the candidate has no value on {tracks_lost}, the baseline has")
    if not new.is_defined:
        return replace(failed, reason=f"the candidate has no number ({new.repeats[0].summary.status})")
    tracks = common_tracks([old, new])
    if len(tracks) < 2:
        raise DataError(f"{name}: {len(tracks)} track in common; an interval needs two or more")
    return _judge(failed, old, new, tracks, max_drop, sampler)


def _judge(
    check: Check,
    old: SystemValues,
    new: SystemValues,
    tracks: tuple[str, ...],
    max_drop: float,
    sampler: Sampler,
) -> Check:
    smoothed = smoothed_difference(new, old, tracks, sampler)
    if smoothed is None:
        raise DataError(
            f"{check.column.target}: perfect tracks or frames leave no finite difference to judge"
        )
    sign = 1 if check.quantity.higher_is_better else -1
    before, after = old.point(tracks), new.point(tracks)
    gain = sign * (after - before)
    # `reach` is two-sided, the gate has one side only: hence twice the probability.
    reach = smoothed.reach(2 * sampler.settings.alpha)
    bound = min(sign * smoothed.middle - reach, gain)
    # Two equal systems have a bound above −shown with 80 % probability.
    shown = reach + smoothed.reach(2 * 0.2)
    better = sign * differences(new, old, tracks)
    order = sorted(zip(tracks, better.tolist(), strict=True), key=lambda pair: pair[1])
    passes = bound >= -max_drop
    unit = f" {check.quantity.unit}" if check.quantity.unit not in ("", "1") else ""
    if passes:
        why = f"any drop is below {max_drop:g}{unit}"
    elif gain < -max_drop:
        why = f"the drop is larger than {max_drop:g}{unit}"
    else:
        why = (
            f"a drop of more than {max_drop:g}{unit} is not ruled out: {len(tracks)} tracks can show "
            f"{shown:.2g}{unit} at best four times out of five"
        )
    extra = [t for t in new.tracks if t not in tracks]
    perfect = [t for t in old.tracks if t not in tracks]
    return replace(
        check,
        verdict="pass" if passes else "fail",
        reason=why,
        baseline=before,
        candidate=after,
        gain=gain,
        bound=bound,
        shown=shown,
        n_tracks=len(tracks),
        tests=signed_rank(better),
        worst=tuple((t, d) for t, d in order[:WORST] if d < 0),
        notes=(
            *([f"Only the candidate has a value on {', '.join(extra)}: left out."] if extra else []),
            *([f"The candidate is perfect on {', '.join(perfect)}: left out."] if perfect else []),
        ),
    )
