"""The gate of a pull request: is a candidate not worse than the baseline by more than a margin?

Non-inferiority, not "no significant difference": a candidate passes if the one-sided interval of its
difference shows that any drop is below the margin. Too few tracks to show it is a failure, never a pass.
All columns must pass, so none needs a correction for the others (an intersection-union test).

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
from svbench.statistics.material import Column, Contender, Settings
from svbench.statistics.pairs import common_tracks, differences, reason, smoothed_difference
from svbench.statistics.samples import Entrant, Sampler, entrants
from svbench.statistics.signed_rank import SignedRank, signed_rank

WORST = 5


@dataclass(frozen=True)
class Check:
    """The verdict on one column.

    Attributes
    ----------
    verdict : {"pass", "fail"}
    reason : str
        In a sentence.
    baseline, candidate : float or None
        Their numbers on the common tracks.
    gain : float or None
        How much better the candidate is; negative for a drop, whichever way is better.
    bound : float or None
        Lower end of the gain's one-sided interval at level 1 − alpha.
    shown : float or None
        The smallest margin that two equal systems would pass four times out of five at this n.
    tests : SignedRank or None
    worst : tuple of (track, float)
        The tracks that lost most, at most five.
    """

    column: Column
    quantity: Quantity
    verdict: Literal["pass", "fail"]
    reason: str
    baseline: float | None
    candidate: float | None
    gain: float | None
    bound: float | None
    shown: float | None
    n_tracks: int
    tests: SignedRank | None
    worst: tuple[tuple[str, float], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Gate:
    """All checks of a candidate against a baseline."""

    baseline: Run
    candidate: Run
    max_drop: float
    settings: Settings
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
    settings: Settings | None = None,
) -> Gate:
    """Check a candidate against a baseline.

    Parameters
    ----------
    baseline, candidate : Run
        Of one protocol and data set.
    wanted : sequence of Column
        Columns that the baseline's system offers are checked; the others are passed over.
    max_drop : float
        The margin, in the quantity's unit; 0 or more.
    settings : Settings, optional
        ``alpha`` is one-sided here.

    Raises
    ------
    DataError
        Runs that cannot be compared: of several protocols or data sets, with tracks not run yet, a
        baseline that failed or has no number, one common track only.
    """
    settings = settings or Settings()
    if not max_drop >= 0:
        raise DataError(f"the largest drop allowed is {max_drop:g}; it must be 0 or more")
    _comparable(baseline, candidate)
    both = [
        Contender(name, run.record.system.kind, (run,))
        for name, run in (("baseline", baseline), ("candidate", candidate))
    ]
    checks = []
    for column, found in entrants(both, wanted).items():
        by_name = {e.name: e for e in found}
        old = by_name.get("baseline")
        if old is not None:
            quantity = next(q for q in baseline.record.quantities if q.name == column.metric)
            checks.append(
                _check(column, quantity, old, by_name.get("candidate"), max_drop, Sampler(settings))
            )
    if not checks:
        raise DataError(f"{baseline.path}: has none of the columns to check")
    return Gate(baseline, candidate, max_drop, settings, tuple(checks))


def _comparable(baseline: Run, candidate: Run) -> None:
    for what, digests in (
        ("protocol", [r.record.protocol_digest for r in (baseline, candidate)]),
        ("data set", [r.record.data.digest for r in (baseline, candidate)]),
    ):
        if digests[0] != digests[1]:
            names = [
                f"{r.record.protocol.id} ({d[:8]})" if what == "protocol" else f"{r.record.data.id} ({d[:8]})"
                for r, d in zip((baseline, candidate), digests, strict=True)
            ]
            raise DataError(
                f"baseline and candidate differ in {what}: {names[0]} and {names[1]}; "
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
        first = baseline.failed[0]
        raise DataError(
            f"{baseline.path}: the baseline failed on {len(baseline.failed)} tracks, first on {first.track} "
            f"({first.reason}); give a baseline that is complete"
        )


def _check(
    column: Column, quantity: Quantity, old: Entrant, new: Entrant | None, max_drop: float, sampler: Sampler
) -> Check:
    name = f"{column.target_set}, {column.target}"
    for side, entrant in (("baseline", old), ("candidate", new)):
        if entrant is not None and (unstable := _unstable(entrant)):
            return Check(
                column, quantity, "fail", _undecided(side, quantity, unstable), old.value,
                new.value if new else None, None, None, None, 0, None, (), (),
            )  # fmt: skip
    if not old.is_defined or not old.tracks:
        status = old.materials[0].summary.status
        raise DataError(f"the baseline has no number for {name} ({status}): there is nothing to compare with")
    empty = Check(
        column, quantity, "fail", "", old.value, None, None, None, None, 0, None, (), ()
    )  # fmt: skip
    if new is None:
        return replace(
            empty, reason=f"the candidate does not separate {column.target_set}, the baseline does"
        )
    lost = [(t, why) for t in old.tracks if t not in new.tracks and (why := reason(new, t)) != "perfect"]
    if any(why == "unknown" for _, why in lost):
        raise DataError(f"the candidate's files do not tell its scores for {name} on {lost[0][0]}")
    if lost:
        told = ", ".join(f"{track} ({why})" for track, why in lost[:3])
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        return replace(empty, reason=f"the candidate has no value on {told}{more}, the baseline has")
    if not new.is_defined:
        return replace(empty, reason=f"the candidate has no number ({new.materials[0].summary.status})")
    tracks = common_tracks([old, new])
    if len(tracks) < 2:
        raise DataError(f"{name}: {len(tracks)} track in common; an interval needs two or more")
    return _judged(empty, old, new, tracks, max_drop, sampler)


def _unstable(entrant: Entrant) -> list[str]:
    return list(
        dict.fromkeys(t for m in entrant.materials for t, why in m.without.items() if why == "unstable")
    )


def _undecided(side: str, quantity: Quantity, tracks: list[str]) -> str:
    more = f" and {len(tracks) - 3} more" if len(tracks) > 3 else ""
    return (
        f"cannot be decided: {quantity.name} of the {side} is unstable on {', '.join(tracks[:3])}{more}, "
        "where it measures rounding; gate on SDR, or use references of 16 bits"
    )


def _judged(
    check: Check, old: Entrant, new: Entrant, tracks: tuple[str, ...], max_drop: float, sampler: Sampler
) -> Check:
    smoothed = smoothed_difference(new, old, tracks, sampler)
    if smoothed is None:
        raise DataError(
            f"{check.column.target}: perfect tracks or frames leave no finite difference to judge"
        )
    sign = 1 if check.quantity.higher_is_better else -1
    before, after = old.point(tracks), new.point(tracks)
    gain = sign * (after - before)
    reach = smoothed.reach(2 * sampler.settings.alpha)  # one side only
    bound = min(sign * smoothed.middle - reach, gain)
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
