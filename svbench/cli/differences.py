"""Print in words how two runs differ, for `svbench diff` and `svbench rerun`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from svbench.cli.main import FINDINGS, OK
from svbench.cli.output import print_json, print_line

if TYPE_CHECKING:
    from svbench.results.differences import Place, RunDifferences
    from svbench.results.store import Run


def report_difference(first: Run, second: Run, options: argparse.Namespace) -> int:
    """Compare two runs, print the verdict and return the exit code."""
    import msgspec

    from svbench.results.differences import TOLERANCE, compare_runs

    tolerance = TOLERANCE if options.tolerance is None else options.tolerance
    comparison = compare_runs(first, second, tolerance=tolerance)
    notes = changes(first, second)
    if options.json:
        print_json(
            {
                "first": str(first.path),
                "second": str(second.path),
                **msgspec.to_builtins(comparison),
                "notes": notes,
            }
        )
    else:
        print_line(f"{comparison.verdict}: {sentence(comparison)}")
        for note in notes:
            print_line(f"note: {note}")
    return FINDINGS if comparison.verdict == "different" else OK


def sentence(comparison: RunDifferences) -> str:
    """Describe the result of a comparison.

    Examples
    --------
    >>> from svbench.results.differences import RunDifferences
    >>> sentence(RunDifferences("bit-equal", 0.005, 1200, 0, 0, None, None, 8, 0, 2))
    'all 1200 values and 8 estimates (2 of them by their recorded digests only)'
    """
    estimates = (
        f" and {comparison.n_estimates} estimates"
        if comparison.n_estimates
        else "; no estimates to compare are known"
    )
    if comparison.n_claimed:
        of_them = "" if comparison.n_claimed == comparison.n_estimates else f"{comparison.n_claimed} of them "
        estimates += f" ({of_them}by their recorded digests only)"
    if comparison.first is None:
        return f"all {comparison.n_values} values{estimates}"
    counts = f"{comparison.n_unequal} of {comparison.n_values} values differ"
    if comparison.n_unequal:
        counts += f", {comparison.n_beyond} beyond the tolerance of {comparison.tolerance:g}"
    if comparison.n_unequal_estimates:
        counts += f"; {comparison.n_unequal_estimates} of {comparison.n_estimates} estimates differ"
    largest = ""
    if comparison.largest and comparison.largest != comparison.first:
        largest = (
            f"; the largest distance is {comparison.largest.distance:.3g} at {_place(comparison.largest)}"
        )
    return f"first at {_place(comparison.first)}: {_values(comparison.first)}; {counts}{largest}"


def changes(first: Run, second: Run) -> list[str]:
    """List what else differs between two runs and may be the reason."""
    a, b = first.record, second.record
    notes = []
    if a.system_digest != b.system_digest:
        notes.append(
            f"the systems are not the same: {a.system.id} {a.system_digest[:8]} and "
            f"{b.system.id} {b.system_digest[:8]}"
        )
    notes += [
        f"{what}: {old or 'unknown'} and {new or 'unknown'}"
        for what, old, new in (
            *(("svbench", p.svbench, q.svbench) for p, q in [(a.provenance[-1], b.provenance[-1])]),
            *(("Python", p.python, q.python) for p, q in [(a.provenance[-1], b.provenance[-1])]),
            ("machine", _machine(first), _machine(second)),
            ("version of the system", _version(first), _version(second)),
            *_packages(first, second),
        )
        if old != new
    ]
    return notes


def _packages(first: Run, second: Run) -> list[tuple[str, str, str]]:
    one, two = (r.record.provenance[-1].packages for r in (first, second))
    return [(name, one.get(name, ""), two.get(name, "")) for name in sorted({*one, *two})]


def _machine(run: Run) -> str:
    machine = run.record.provenance[-1].machine
    return f"{machine.system} {machine.architecture}, {machine.cpu}"


def _version(run: Run) -> str:
    return ", ".join(dict.fromkeys(r.system_version for r in run.results if r.system_version))


def _place(place: Place) -> str:
    parts = [f"track {place.track!r}", place.target_set, place.target, place.metric]
    if place.frame is not None:
        parts.append(f"frame {place.frame} ({place.time_s:g} s)")
    return ", ".join(p for p in parts if p)


def _values(place: Place) -> str:
    one, two = (v if isinstance(v, str) else repr(v) for v in (place.first, place.second))
    return f"{one} and {two}"
