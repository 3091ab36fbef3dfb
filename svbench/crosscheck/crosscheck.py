"""Compare the scores of svbench with those of other tools on the same audio, frame by frame.

BSS Eval v4 is scored by museval and BSS Eval v3 by mir_eval. Plain energy ratios are scored by the few lines
of numpy in `svbench.crosscheck.reference_tools`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np

from svbench.audio.sounds import ArraySound, Sound, whole
from svbench.crosscheck.reference_tools import Floats, ReferenceTool, museval_seconds, tool_for
from svbench.datasets.api import Recorded
from svbench.errors import AudioError, DataError, UnknownNameError
from svbench.results.record import manifest_of
from svbench.results.scores import Series, TrackResult, series
from svbench.results.store import Run
from svbench.running.reuse import kept_audio
from svbench.running.run_folder import has_estimates
from svbench.scoring.bound import BoundProtocol, bind
from svbench.scoring.folders import pair_estimates, pair_folders
from svbench.scoring.track import Signals, at_rate, track_signals
from svbench.specs.manifest import load_manifest
from svbench.specs.protocol import ORIGINAL, MetricUse, Protocol

SignalsOf = Callable[[TrackResult], Signals]

TOLERANCE_DB = 1e-5
# Above this the energy of the error is less than 1e-10 of the signal's, which is the rounding of filters that
# were solved for in double precision: museval's values are accurate to 1e-3 dB at 100 dB, and have no correct
# digit above 130 dB.
CEILING_DB = 100.0


class Row(msgspec.Struct):
    """One quantity of one target, over all tracks that were compared.

    Attributes
    ----------
    quantity, target_set, target, unit, tool : str
    n_frames : int
        Frames in which both sides have a number.
    largest : float or None
        Largest difference of any of these frames, in the unit; None if there is no such frame.
    track : str
    frame : int
        Where the largest difference is; frames count from 0.
    time_s : float
        Start of that frame.
    n_neither : int
        Frames without a number on either side.
    n_beyond : int
        Frames in which both are above 100 dB or perfect; the difference there is rounding.
    n_differing : int
        Frames in which one side has a number (or +inf) and the other calls it undefined.
    differing : str
        Where the first of them is, and both values.
    withheld : dict of status to int
        Frames for which svbench gives a status other than "undefined" in place of a number.
    """

    quantity: str
    target_set: str
    target: str
    unit: str
    tool: str
    n_frames: int = 0
    largest: float | None = None
    track: str = ""
    frame: int = 0
    time_s: float = 0.0
    n_neither: int = 0
    n_beyond: int = 0
    n_differing: int = 0
    differing: str = ""
    withheld: dict[str, int] = msgspec.field(default_factory=dict)

    def agrees(self, tolerance: float) -> bool:
        """Whether all frames are within a tolerance and the same ones are undefined."""
        return not self.n_differing and (self.largest is None or self.largest <= tolerance)


class Crosscheck(msgspec.Struct, frozen=True):
    """Result of a comparison.

    ``failed`` are the tracks that could not be compared, ``not_checked`` the quantities without another tool.
    """

    rows: tuple[Row, ...]
    n_tracks: int
    failed: tuple[str, ...]
    tools: dict[str, str]
    not_checked: tuple[str, ...]
    notes: tuple[str, ...]

    def agrees(self, tolerance: float) -> bool:
        """Whether every track was compared, and all rows agree; False if nothing was compared."""
        return bool(self.rows) and not self.failed and all(row.agrees(tolerance) for row in self.rows)


def results_to_check(run: Run, tracks: Sequence[str]) -> tuple[list[TrackResult], list[str]]:
    """Return the results that can be checked, and a sentence for each that cannot.

    Parameters
    ----------
    run : Run
    tracks : sequence of str
        Check only these tracks; all if empty.

    Raises
    ------
    UnknownNameError
        The run has no such track.
    DataError
        No result is left, or no other tool gives any quantity of the protocol.
    """
    known = {r.track: r for r in run.results}
    for track in tracks:
        if track not in known:
            raise UnknownNameError("track", track, known)
    if not any(tool_for(use) for use in run.record.protocol.metrics):
        raise DataError(
            f"{run.path}: museval, mir_eval and plain numpy give none of the quantities of "
            f"{run.record.protocol.id}; check a run under another protocol"
        )
    chosen = [r for r in run.results if not tracks or r.track in tracks]
    left_out = [f"track {r.track}: it failed ({r.reason})" for r in chosen if r.status == "failed"]
    chosen = [r for r in chosen if r.status == "ok"]
    if not chosen:
        raise DataError(f"{run.path}: no track to check; {'; '.join(left_out) or 'it has no results'}")
    return chosen, left_out


def run_signals(run: Run, data: tuple[str, Path] | None = None) -> SignalsOf:
    """Return a function that reads the recordings and kept estimates of a track of a run.

    Parameters
    ----------
    run : Run
    data : tuple of manifest and folder, optional
        Where the recordings are now; by default where the record says.

    Raises
    ------
    DataError
        The scores were imported, the estimates were not kept, or the recordings are not found.
    """
    record = run.record.data
    if run.record.imported:
        raise DataError(f"{run.path}: its scores were imported, so there is no audio to score again")
    if record.variant not in ("", ORIGINAL):
        raise DataError(
            f"{run.path}: is of variant {record.variant}, whose audio is made while it is scored; "
            "check the run of the original"
        )
    if not any(has_estimates(run.path, r) for r in run.results):
        raise DataError(
            f"{run.path}: its estimates were not kept; run the same command again with --keep-estimates"
        )
    manifest = load_manifest(data[0]) if data else manifest_of(record)
    root = data[1] if data else Path(record.root)
    if not root.is_dir():
        raise DataError(f"{root}: the recordings of {run.path} are not there; give their folder with --data")
    recorded, bound = Recorded(manifest, root), bind(run.record.protocol)

    def signals(result: TrackResult) -> Signals:
        try:
            track = recorded.track(result.track, [result.track_digest])
        except DataError as error:
            raise DataError(f"{root}: track {result.track!r}: {error}") from None
        estimates: dict[str, Sound] = {
            t: ArraySound(a.samples, a.rate_hz) for t, a in kept_audio(run.path, result).items()
        }
        return track_signals(track, estimates, bound, result.target_sets)

    return signals


def folder_signals(references: Path, estimates: Path, protocol: Protocol) -> SignalsOf:
    """Return a function that reads a track from two folders; see `svbench.scoring.folders`."""
    pairs = {p.track.name: p for p in pair_folders(references, estimates, protocol).tracks}
    bound = bind(protocol)

    def signals(result: TrackResult) -> Signals:
        pair = pairs[result.track]
        given, _ = pair_estimates(pair, bound, result.target_sets)
        return track_signals(pair.track, given, bound, result.target_sets)

    return signals


def crosscheck(
    run: Run,
    results: Sequence[TrackResult],
    signals_of: SignalsOf,
    *,
    on_step: Callable[[str], None] = lambda track: None,
) -> Crosscheck:
    """Score results again with other tools and compare frame by frame.

    Parameters
    ----------
    run : Run
        The run whose scores are checked.
    results : sequence of TrackResult
        Results of the run.
    signals_of : callable
        Returns the audio of a result.
    on_step : callable
        Called with the name of each finished track.
    """
    bound = bind(run.record.protocol)
    protocol = bound.protocol
    units = {q.name: q.unit for q in bound.quantities}
    rows: dict[tuple[str, str, str], Row] = {}
    notes: list[str] = []
    failed: list[str] = []
    tools: dict[str, str] = {}
    for result in results:
        try:
            signals = at_rate(signals_of(result), protocol)
            for ours, theirs, tool in _scored_twice(result, signals, bound, notes):
                tools[tool] = np.__version__ if tool == "numpy" else version(tool)
                where = (ours.metric, ours.target_set, ours.target)
                row = rows.setdefault(where, Row(*where, units[ours.metric], tool))
                _compare(row, result.track, ours, theirs)
        except AudioError as error:
            failed.append(result.track)
            notes.append(f"track {result.track} is not compared: {error}")
        on_step(result.track)
    sets = [s.id for s in protocol.target_sets]
    quantities, targets = list(units), protocol.targets
    in_order = sorted(
        rows.values(),
        key=lambda r: (sets.index(r.target_set), quantities.index(r.quantity), targets.index(r.target)),
    )
    return Crosscheck(
        tuple(in_order),
        len(results),
        tuple(failed),
        tools,
        # Quantities that no other tool gives.
        tuple(q.name for m in bound.metrics if tool_for(m.use) is None for q in m.printed.values()),
        tuple(dict.fromkeys(notes)),
    )


def seconds_of_museval(results: Sequence[TrackResult], protocol: Protocol) -> float:
    """Estimate how long museval will take for some results, assuming stereo."""
    return sum(
        museval_seconds(
            result.duration_s,
            protocol.rate_hz or round(result.n_samples / result.duration_s),
            len(_scored_targets(protocol, result, target_set)) * 2,
            use.parameters,
        )
        * (2 if use.improvement else 1)
        for result in results
        for use in protocol.metrics
        if use.id == "bss-eval-v4"
        for target_set in result.target_sets
    )


def _scored_twice(
    result: TrackResult, signals: Signals, bound: BoundProtocol, notes: list[str]
) -> Iterator[tuple[Series, Series, str]]:
    """Yield each stored series of a result with that of another tool, and the name of the tool."""
    stored = {(s.target_set, s.target, s.metric): s for s in result.series}
    for metric in bound.metrics:
        if (tool := tool_for(metric.use)) is None:
            continue
        for target_set in result.target_sets:
            targets = _scored_targets(bound.protocol, result, target_set)
            if not targets:
                continue
            try:
                values = _values(tool, metric.use, signals, targets)
            except ValueError as error:  # a target that is silent throughout
                values = {}
                where = f"track {result.track}, {target_set}"
                notes.append(f"{where}: refused by {tool.name}, which counts as undefined: {_reason(error)}")
            for name, quantity in metric.printed.items():
                for j, target in enumerate(targets):
                    ours = stored.get((target_set, target, quantity.name))
                    if ours is None:
                        continue
                    theirs = values[name][j].tolist() if values else [np.nan] * len(ours.score)
                    times = [0.0] * len(theirs)
                    yield ours, series(target_set, target, ours.metric, times, times, theirs), tool.name


def _values(
    tool: ReferenceTool, use: MetricUse, signals: Signals, targets: Sequence[str]
) -> dict[str, Floats]:
    """Score one target set with another tool, as one problem."""
    references = np.stack([whole(signals.references[t]).samples for t in targets]).astype(np.float64)
    estimates = np.stack([whole(signals.estimates[t]).samples for t in targets]).astype(np.float64)
    given: dict[str, object] = dict(use.parameters)
    mixture = None if signals.mixture is None else whole(signals.mixture).samples.astype(np.float64)
    if tool.takes_mixture:
        given["mixture"] = mixture
    score = partial(tool.function, references, rate_hz=int(next(iter(signals.estimates.values())).rate_hz))
    after = score(estimates=estimates, **given)
    if not use.improvement or mixture is None:
        return after
    before = score(estimates=np.stack([mixture] * len(targets)), **given)
    with np.errstate(invalid="ignore"):
        return {name: after[name] - before[name] for name in after}


def _compare(row: Row, track: str, ours: Series, theirs: Series) -> None:
    """Add the frames of one track to a row."""

    def differ(text: str) -> None:
        row.n_differing += 1
        row.differing = row.differing or text  # only the first is quoted

    if len(ours.score) != len(theirs.score):
        differ(f"{track}: svbench has {len(ours.score)} frames, {row.tool} {len(theirs.score)}")
        return
    frames = zip(ours.score, ours.status, theirs.score, theirs.status, strict=True)
    for frame, (value, status, other, other_status) in enumerate(frames):
        if status not in ("ok", "perfect", "undefined"):
            row.withheld[status] = row.withheld.get(status, 0) + 1
        elif _is_beyond(value, status) and _is_beyond(other, other_status):
            row.n_beyond += 1
        elif value is not None and other is not None:
            row.n_frames += 1
            if row.largest is None or abs(value - other) > row.largest:
                row.largest, row.track = abs(value - other), track
                row.frame, row.time_s = frame, ours.time_s[frame]
        elif status == other_status:
            row.n_neither += 1
        else:
            differ(
                f"{track}, frame {frame}: svbench has {value if value is not None else status}, "
                f"{row.tool} {other if other is not None else other_status}"
            )


def _is_beyond(value: float | None, status: str) -> bool:
    return status == "perfect" or (value is not None and value > CEILING_DB)


def _scored_targets(protocol: Protocol, result: TrackResult, target_set: str) -> list[str]:
    """Return the targets of a set that were scored together on a track; absent ones were not."""
    (targets,) = (s.targets for s in protocol.target_sets if s.id == target_set)
    if any(s.target_set == target_set and "unknown" in s.status for s in result.series):
        return []  # a file of the track may contain several of them, so the set was not scored
    present = [t for t in targets if t not in result.absent_targets]
    return [] if len(present) < len(targets) and protocol.absent_target == "skip_set" else present


def _reason(error: ValueError) -> str:
    """Return the first half sentence of a long message."""
    return str(error).split(".")[0].split(",")[0].strip()
