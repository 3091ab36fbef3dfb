"""Checks that every run passes when it is read: the content must match the recorded digests.

Nothing that can be recomputed is believed. The digests of protocol, system and tracks are recomputed from
their content, the key of each result from what it was computed from, and scores must be numbers that their
quantity can have. `svbench.results.store.load_run` calls this, so tables, comparisons, boards, reports and
gates cannot show a run that contradicts itself.

A record that was forged consistently in all places passes. Only a seal reveals that, see
`svbench.results.seal`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from operator import add, ge
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NoReturn

from svbench.errors import DataError
from svbench.results.record import DataRecord, Quantity, RunRecord, data_digest
from svbench.results.scores import Inputs, Series, TrackResult
from svbench.specs.library import load_plugin, plugins
from svbench.specs.protocol import MetricUse, Protocol, contradiction
from svbench.specs.records import digest

if TYPE_CHECKING:
    from svbench.metrics.contract import QuantityRecord

DEEPEST = 50  # levels of lists and tables in parameters; Python's own recursion limit is some hundreds
# Beyond what 32-bit samples can reach: 20·log10(3.4e38 / 1.4e-45) is 1668 dB.
LIMITS = {"dB": (-2000.0, 2000.0), "of 100": (0.0, 100.0)}
ROUNDING = 1e-6  # a score of 100 may be computed as 100.00000000000001
LARGEST = 1e30  # of quantities in other units
LATEST_S = 0.01  # how far a frame may end after its track: lengths are rounded when rates are converted
Name = tuple[str, str, str]  # target set, target, quantity
Ends = dict[tuple[int, int], float]  # end of the last frame, by the identities of times and durations
IMPORTED_DATA = "imported-tracks"


def check_record(path: Path, record: RunRecord) -> None:
    """Refuse a ``run.json`` that contradicts itself.

    Parameters
    ----------
    path : Path
        The file, for the error message.
    record : RunRecord

    Raises
    ------
    DataError
        Digests that do not match the content, quantities that are not those of the protocol, no tracks or
        one that is listed twice, no provenance.
    """
    refuse = Refusal(path)
    _check_depth(refuse, "system.parameters", record.system.parameters)
    for i, use in enumerate(record.protocol.metrics):
        _check_depth(refuse, f"protocol.metrics[{i}].parameters", use.parameters)
    for i, probe in enumerate(record.protocol.probes):
        _check_depth(refuse, f"protocol.probes[{i}].parameters", probe.parameters)
    if problem := contradiction(record.protocol):
        refuse(f"protocol.{problem[0]}", problem[1])
    for what, content, claimed in (
        ("protocol", record.protocol, record.protocol_digest),
        ("system", record.system, record.system_digest),
    ):
        try:
            computed = content.digest
        except (OverflowError, ValueError, TypeError) as error:
            refuse(what, f"has no digest ({error})")
        if computed != claimed:
            refuse(
                f"{what}_digest",
                f"is {claimed[:8]!r}, but its {what} has {computed[:8]}: the record was edited, or is of a "
                "version of svbench that computes digests differently; get the run again from "
                "whoever made it",
            )
    if not record.provenance:
        refuse("provenance", "is empty; expected at least one entry on where the run comes from")
    _check_data(refuse, record.data)
    _check_quantities(refuse, record.protocol, record.quantities)


def check_results(folder: Path, record: RunRecord, results: Sequence[tuple[Path, TrackResult]]) -> None:
    """Refuse results that belong to another run or contain impossible numbers.

    Parameters
    ----------
    folder : Path
        The run folder.
    record : RunRecord
        One that passed `check_record`.
    results : sequence of (Path, TrackResult)
        The results, each with its file.

    Raises
    ------
    DataError
    """
    wanted = {
        s.id: frozenset((s.id, t, q.name) for t in s.targets for q in record.quantities)
        for s in record.protocol.target_sets
    }
    limits = {q.name: _limits(q) for q in record.quantities}
    ends: Ends = {}
    for path, result in results:
        refuse = Refusal(path)
        _check_key(refuse, record, result)
        _check_result(refuse, result)
        _check_names(refuse, result, wanted)
        # A variant of a probe may be scored on the original track, which may be longer than the variant.
        duration_s = math.inf if record.data.variant else result.duration_s
        for series in result.series:
            where = f"series of {series.target_set}, {series.target}, {series.metric}"
            _check_series(refuse, where, series, limits[series.metric])
            if result.duration_s:  # where the length is not known, that of the frames is not known either
                _check_frames(refuse, where, series, duration_s, ends)
    _check_import(Refusal(folder / "run.json"), record, [r for _, r in results])


def key_of(protocol_digest: str, system_digest: str, track: str, track_digest: str, inputs: Inputs) -> str:
    """Digest of everything that a result depends on: a result with the same key need not be recomputed.

    Returns
    -------
    str
        64 hex digits.
    """
    parts: list[Any] = [protocol_digest, inputs.metrics, system_digest, inputs.files, track, track_digest]
    return digest(parts if inputs.originals is None else [*parts, inputs.originals])


class Refusal:
    """Raises errors about one file: path, key, what was found, what to do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, key: str, problem: str) -> NoReturn:
        """Raise.

        Raises
        ------
        DataError
        """
        raise DataError(f"{self.path}: {key}: {problem}")


def _check_depth(refuse: Refusal, key: str, value: Any) -> None:
    """Refuse parameters that are nested so deeply that a digest of them would exceed the recursion limit."""
    level, depth = [value], 0
    while level:
        if depth > DEEPEST:
            refuse(key, f"is nested deeper than {DEEPEST} levels")
        inner = [
            v.values() if isinstance(v, dict) else v for v in level if isinstance(v, (dict, list, tuple))
        ]
        level, depth = [x for values in inner for x in values], depth + 1


def _check_data(refuse: Refusal, data: DataRecord) -> None:
    if not data.tracks:
        refuse("data.tracks", "is empty; a run is of one track or more")
    _refuse_twice(refuse, "data.tracks", data.tracks)
    if data.variants and data.variant not in data.variants:
        refuse("data.variant", f"is {data.variant!r}, which is not among data.variants")
    if data.manifest_digest:
        expected = data_digest(data.manifest_digest, data.tracks, data.variant)
    elif data.id == IMPORTED_DATA:
        expected = digest(["museval", data.tracks])
    else:
        return  # scored from plain folders, or of a version that did not record the manifest's digest
    if expected != data.digest:
        refuse(
            "data.digest",
            f"is {data.digest[:8]!r}, but its manifest, tracks and variant have {expected[:8]}: the "
            "record was edited; get the run again from whoever made it",
        )


def _check_quantities(refuse: Refusal, protocol: Protocol, quantities: Sequence[Quantity]) -> None:
    """Check that quantities are those of the protocol's metrics; what a plug-in's metric has is not known."""
    if not quantities:
        refuse("quantities", "is empty; it must hold those of the protocol")
    _refuse_twice(refuse, "quantities", [q.name for q in quantities])
    if protocol.headline not in (q.name for q in quantities):
        refuse("quantities", f"lacks {protocol.headline!r}, the headline of {protocol.id}")
    left = list(quantities)
    for use in protocol.metrics:
        wanted = list(map(use.named, use.quantities))
        given = [
            q
            for q in left
            if (q.metric, q.improvement, q.against) == (use.id, use.improvement, use.against)
            and (not wanted or q.name in wanted)
        ]
        if lacking := [name for name in wanted if name not in (q.name for q in given)]:
            refuse("quantities", f"lacks {lacking[0]!r}, which the protocol wants of {use.id}")
        if not given:
            refuse("quantities", f"has none of metric {use.id}, which the protocol uses")
        left = [q for q in left if q not in given]
        _check_known(refuse, use, given)
    if left:
        refuse("quantities", f"has {left[0].name!r} of {left[0].metric}, which the protocol does not use so")


def _check_known(refuse: Refusal, use: MetricUse, quantities: Sequence[Quantity]) -> None:
    known = _own_quantities(use.id)
    if known is None:
        return
    by_name = {use.named(q.name): q for q in known}
    for q in quantities:
        if q.name not in by_name:
            refuse(
                "quantities", f"has {q.name!r}, which {use.id} does not give; it gives {', '.join(by_name)}"
            )
        expected = by_name[q.name]
        if (q.unit, q.higher_is_better) != (expected.unit, expected.higher_is_better):
            better = "higher" if expected.higher_is_better else "lower"
            refuse("quantities", f"{q.name}: expected unit {expected.unit!r}, {better} values being better")


@cache
def _own_quantities(metric: str) -> tuple[QuantityRecord, ...] | None:
    """Return the quantities of a metric of svbench; None for others: reading a run imports no plug-in."""
    plugin = plugins("metric").get(metric)
    if plugin is None or not plugin.target.startswith("svbench."):
        return None
    return tuple(load_plugin("metric", metric).quantities)


def _limits(quantity: Quantity) -> tuple[float, float]:
    low, high = LIMITS.get(quantity.unit, (-LARGEST, LARGEST))
    if quantity.improvement:  # the difference of two such values
        low, high = low - high, high - low
    return low - ROUNDING, high + ROUNDING


def _check_key(refuse: Refusal, record: RunRecord, result: TrackResult) -> None:
    """Compare a result's key with what it was computed from, which older results do not record."""
    if result.made_from is None:
        return
    expected = key_of(
        record.protocol_digest, record.system_digest, result.track, result.track_digest, result.made_from
    )
    if result.key != expected:
        refuse(
            "key",
            f"is {result.key[:8]!r}, expected {expected[:8]} for this protocol, system and track: the "
            "result is of another run, or was edited; delete the file and repeat the command of the run",
        )


def _check_import(refuse: Refusal, record: RunRecord, results: Sequence[TrackResult]) -> None:
    """Check an imported system's digest, which covers the key of every result: its files are all it is."""
    if not record.imported:
        return
    claimed = record.system.parameters.get("sha256")
    if claimed != digest([(r.track, r.key) for r in sorted(results, key=lambda r: r.track)]):
        refuse(
            "system.parameters.sha256",
            "is not that of the imported files: a result is missing, was edited or is of another run; "
            "import the files again",
        )


def _check_result(refuse: Refusal, result: TrackResult) -> None:
    # The length of a failed track may be unknown, if the file that would say it cannot be read.
    known = result.duration_s > 0 or (result.status == "failed" and result.duration_s == 0)
    if not (known and result.duration_s < LARGEST and 0 <= result.n_samples < LARGEST):
        refuse("duration_s", f"is {result.duration_s:g} s in {result.n_samples} samples; expected above 0")
    if used := result.resources:
        spent = (used.load_s, used.wall_s, used.cpu_s, used.peak_rss_bytes, used.rtf, used.weights_bytes or 0)
        if not all(0 <= value < LARGEST for value in spent):
            refuse(
                "resources", f"holds {min(spent):g} to {max(spent):g}; a cost cannot be negative or infinite"
            )
    _refuse_twice(refuse, "target_sets", result.target_sets)
    for target, path in result.estimates.items():
        parts = PurePosixPath(path).parts
        if not path or "\0" in path or ".." in parts or PurePosixPath(path).is_absolute():
            refuse(f"estimates.{target}", f"is {path!r}, which does not lie inside the run folder")
    if result.status == "failed" and any(set(s.status) != {"failed"} for s in result.series):
        refuse("status", "is 'failed', but there are series of other statuses; a failed track has no scores")
    if result.status == "ok" and result.over_budget:
        refuse("over_budget", "is given, but the status is 'ok'; a system over its budget has failed")


def _check_names(refuse: Refusal, result: TrackResult, wanted: Mapping[str, frozenset[Name]]) -> None:
    """Check that a result has a series for every target and quantity of its target sets, and no others."""
    for name in result.target_sets:
        if name not in wanted:
            refuse("target_sets", f"names {name!r}; the protocol has {', '.join(wanted)}")
    names = [(s.target_set, s.target, s.metric) for s in result.series]
    _refuse_twice(refuse, "series", names)
    expected = frozenset[Name]().union(*(wanted[s] for s in result.target_sets))
    if strange := [n for n in names if n not in expected]:
        refuse("series", f"has {', '.join(strange[0])}, which is not in the target sets that were scored")
    if lacking := expected.difference(names):
        refuse("series", f"lacks {', '.join(min(lacking))}; every target and quantity of a set must have one")


def _check_series(refuse: Refusal, where: str, series: Series, limits: tuple[float, float]) -> None:
    """Check values against statuses and limits; large runs have millions, so the usual loops are in C."""
    n = len(series.score)
    lengths = [len(series.time_s), len(series.duration_s), n, len(series.status)]
    if not n or lengths != [n] * 4:
        shown = ", ".join(map(str, lengths))
        refuse(
            where,
            f"has {shown} times, durations, scores and statuses; expected equal numbers, at least 1",
        )
    numbers = [v for v in series.score if v is not None]
    without = (
        [s for v, s in zip(series.score, series.status, strict=True) if v is None] if len(numbers) < n else []
    )
    if "ok" in without or len(numbers) != series.status.count("ok"):
        for i, (value, status) in enumerate(zip(series.score, series.status, strict=True)):
            if (value is None) == (status == "ok"):
                shown = "no score" if value is None else f"score {value:g}"
                refuse(where, f"frame {i} has {shown} with status {status!r}; only 'ok' carries a number")
    low, high = limits
    if numbers and not (low <= min(numbers) and max(numbers) <= high):
        worst = min(numbers) if min(numbers) < low else max(numbers)
        refuse(where, f"has a score of {worst:g}; expected {low:.0f} to {high:.0f}")


def _check_frames(refuse: Refusal, where: str, series: Series, duration_s: float, ends: Ends) -> None:
    """Check each pair of lists once: the series of a run share them, see `with_shared_frames`."""
    times, lengths = series.time_s, series.duration_s
    key = id(times), id(lengths)
    if key not in ends:
        if times[0] < 0 or min(lengths) <= 0:
            refuse(where, "has a frame that starts before the track or has no length")
        if any(map(ge, times, times[1:])):
            refuse(where, "has frames that are not in the order of their times")
        ends[key] = max(map(add, times, lengths))
    if ends[key] > duration_s + LATEST_S:
        refuse(where, f"has a frame that ends at {ends[key]:g} s; its track ends at {duration_s:g} s")


def _refuse_twice(refuse: Refusal, key: str, names: Sequence[object]) -> None:
    if len(set(names)) < len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        shown = ", ".join(twice) if isinstance(twice, tuple) else repr(twice)
        refuse(key, f"{shown} is listed twice")
