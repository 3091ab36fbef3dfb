"""Compare the scores of svbench with those of the original tools on the same audio, frame by frame.

BSS Eval v4 is scored by museval, version 3 by mir_eval; plain ratios of energies, which have no tool of their
own, by the few lines of numpy in `svbench.crosscheck.plain_scores`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from svbench.audio.sounds import ArraySound, Sound, whole
from svbench.crosscheck import plain_scores
from svbench.crosscheck.reference_tools import (
    mir_eval_nsdr,
    museval_sdr,
    museval_seconds,
    museval_v4,
    version_of,
)
from svbench.datasets.api import Recorded
from svbench.errors import AudioError, DataError, UnknownNameError
from svbench.results.foreign import manifest_of
from svbench.results.scores import Series, TrackResult, series
from svbench.results.store import Run
from svbench.running.kept import kept_audio
from svbench.running.originals import has_estimates
from svbench.scoring.folders import pair_estimates, protocol_pairs
from svbench.scoring.track import Signals, at_rate, metric_of, quantities_of, track_signals
from svbench.specs.manifest import load_manifest
from svbench.specs.protocol import ORIGINAL, MetricUse, Protocol

Floats = NDArray[np.float64]
SignalsOf = Callable[[TrackResult], Signals]

TOLERANCE_DB = 1e-5
# Above this the error is 1e-10 of the signal's energy, where filters that were solved for in double
# precision are rounding: museval's own are accurate to 1e-3 dB there, and to nothing above 130 dB.
CEILING_DB = 100.0


class Check(msgspec.Struct, frozen=True):
    """How another tool scores a metric; ``tool`` is museval, mir_eval or numpy."""

    tool: str
    function: Callable[..., dict[str, Floats]]
    takes_mixture: bool = False


class Row(msgspec.Struct):
    """One quantity of one target, over all tracks that were compared.

    Attributes
    ----------
    quantity, target_set, target, unit, tool : str
    n_frames : int
        Frames in which both have a number, compared one by one.
    largest : float or None
        Largest difference of any of them, in the unit; None where there is no such frame.
    track : str
    frame : int
        Where that is; frames count from 0.
    time_s : float
        Start of that frame.
    n_neither : int
        Frames without a number on either side.
    n_beyond : int
        Frames in which both are above 100 dB or perfect, which is rounding.
    n_differing : int
        Frames in which one side has a number (or +inf) and the other calls it undefined.
    differing : str
        Where the first of them is, and what both say.
    withheld : dict of status to int
        Frames for which svbench prints a word in place of a number, other than "undefined".
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
    """Result of a comparison; ``failed``: tracks not compared, ``not_checked``: quantities no tool gives."""

    rows: tuple[Row, ...]
    n_tracks: int
    failed: tuple[str, ...]
    tools: dict[str, str]
    not_checked: tuple[str, ...]
    notes: tuple[str, ...]

    def agrees(self, tolerance: float) -> bool:
        """Whether there is something to compare, on every track, and all of it agrees."""
        return bool(self.rows) and not self.failed and all(row.agrees(tolerance) for row in self.rows)


def check_of(use: MetricUse) -> Check | None:
    """Return how a metric of a protocol is checked; None where no original tool gives it."""
    if use.against == "original":
        return None
    if use.id == "frame-sdr" and use.parameters.get("silence") == "bss-eval":
        return Check("museval", museval_sdr)
    return {
        "bss-eval-v4": Check("museval", museval_v4),
        "bss-eval-nsdr": Check("mir_eval", mir_eval_nsdr, takes_mixture=True),
        "sdr": Check("numpy", plain_scores.global_sdr),
        "frame-sdr": Check("numpy", plain_scores.frame_sdr),
        "si-sdr": Check("numpy", plain_scores.si_sdr),
        "complement-sdr": Check("numpy", plain_scores.complement_sdr, takes_mixture=True),
    }.get(use.id)


def results_to_check(run: Run, tracks: Sequence[str]) -> tuple[list[TrackResult], list[str]]:
    """Return the results that can be checked, and sentences on those that cannot.

    Parameters
    ----------
    run : Run
    tracks : sequence of str
        Only these; all without.

    Raises
    ------
    UnknownNameError
        The run has no such track.
    DataError
        None is left, or nothing that the protocol gives is known to another tool.
    """
    known = {r.track: r for r in run.results}
    for track in tracks:
        if track not in known:
            raise UnknownNameError("track", track, known)
    if not any(check_of(use) for use in run.record.protocol.metrics):
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
    """Return what reads the recordings and kept estimates of a run.

    Parameters
    ----------
    run : Run
    data : tuple of manifest and folder, optional
        Where the recordings are now; where they were then by default.

    Raises
    ------
    DataError
        Scores were imported, estimates were not kept, or the recordings are not there.
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
    recorded, protocol = Recorded(manifest, root), run.record.protocol

    def signals(result: TrackResult) -> Signals:
        try:
            track = recorded.track(result.track, [result.track_digest])
        except DataError as error:
            raise DataError(f"{root}: track {result.track!r}: {error}") from None
        estimates: dict[str, Sound] = {
            t: ArraySound(a.samples, a.rate_hz) for t, a in kept_audio(run.path, result).items()
        }
        return track_signals(track, estimates, protocol, result.target_sets)

    return signals


def folder_signals(references: Path, estimates: Path, protocol: Protocol) -> SignalsOf:
    """Return what reads references and estimates from two folders; see `svbench.datasets.pairs`."""
    pairs = {p.track.name: p for p in protocol_pairs(references, estimates, protocol).tracks}

    def signals(result: TrackResult) -> Signals:
        pair = pairs[result.track]
        given, _ = pair_estimates(pair, protocol, result.target_sets)
        return track_signals(pair.track, given, protocol, result.target_sets)

    return signals


def crosscheck(
    run: Run,
    results: Sequence[TrackResult],
    signals_of: SignalsOf,
    *,
    tell: Callable[[str], None] = lambda track: None,
) -> Crosscheck:
    """Score results again with the original tools and compare frame by frame.

    Parameters
    ----------
    run : Run
        Whose scores are checked.
    results : sequence of TrackResult
        Of the run.
    signals_of : callable
        Gives the audio of a result.
    tell : callable
        Called with the name of each track that is done.

    Returns
    -------
    Crosscheck
    """
    protocol = run.record.protocol
    units = {q.name: q.unit for q in quantities_of(protocol)}
    rows: dict[tuple[str, str, str], Row] = {}
    notes: list[str] = []
    failed: list[str] = []
    tools: dict[str, str] = {}
    for result in results:
        try:
            signals = at_rate(signals_of(result), protocol)
            for ours, theirs, tool in _scored_twice(result, signals, protocol, notes):
                tools[tool] = np.__version__ if tool == "numpy" else version_of(tool)
                where = (ours.metric, ours.target_set, ours.target)
                row = rows.setdefault(where, Row(*where, units[ours.metric], tool))
                _compare(row, result.track, ours, theirs)
        except AudioError as error:
            failed.append(result.track)
            notes.append(f"track {result.track} is not compared: {error}")
        tell(result.track)
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
        _not_checked(protocol),
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
    result: TrackResult, signals: Signals, protocol: Protocol, notes: list[str]
) -> Iterator[tuple[Series, Series, str]]:
    """Yield the stored series of a result, each with what another tool gives, and the tool."""
    stored = {(s.target_set, s.target, s.metric): s for s in result.series}
    for use in protocol.metrics:
        check = check_of(use)
        for target_set in result.target_sets if check else ():
            targets = _scored_targets(protocol, result, target_set)
            if not targets or check is None:
                continue
            try:
                values = _values(check, use, signals, targets)
            except ValueError as error:  # a target that is silent throughout
                values = {}
                where = f"track {result.track}, {target_set}"
                notes.append(f"{where}: refused by {check.tool}, which counts as undefined: {_reason(error)}")
            for name in (q.name for q in metric_of(use, protocol).quantities):
                for j, target in enumerate(targets):
                    ours = stored.get((target_set, target, use.named(name)))
                    if ours is None:  # the protocol leaves the quantity out
                        continue
                    theirs = values[name][j].tolist() if values else [np.nan] * len(ours.score)
                    times = [0.0] * len(theirs)
                    yield ours, series(target_set, target, ours.metric, times, times, theirs), check.tool


def _values(check: Check, use: MetricUse, signals: Signals, targets: Sequence[str]) -> dict[str, Floats]:
    """Score one target set with another tool, as one problem."""
    references = np.stack([whole(signals.references[t]).samples for t in targets]).astype(np.float64)
    estimates = np.stack([whole(signals.estimates[t]).samples for t in targets]).astype(np.float64)
    given: dict[str, object] = dict(use.parameters)
    mixture = None if signals.mixture is None else whole(signals.mixture).samples.astype(np.float64)
    if check.takes_mixture:
        given["mixture"] = mixture
    score = partial(check.function, references, rate_hz=int(next(iter(signals.estimates.values())).rate_hz))
    after = score(estimates=estimates, **given)
    if not use.improvement or mixture is None:
        return after
    before = score(estimates=np.stack([mixture] * len(targets)), **given)
    with np.errstate(invalid="ignore"):
        return {name: after[name] - before[name] for name in after}


def _compare(row: Row, track: str, ours: Series, theirs: Series) -> None:
    """Add the frames of one track to a row."""
    if len(ours.score) != len(theirs.score):
        row.n_differing += 1
        row.differing = row.differing or (
            f"{track}: svbench has {len(ours.score)} frames, {row.tool} {len(theirs.score)}"
        )
        return
    every = zip(ours.score, ours.status, theirs.score, theirs.status, strict=True)
    for frame, (own, own_status, other, other_status) in enumerate(every):
        if own_status not in ("ok", "perfect", "undefined"):
            row.withheld[own_status] = row.withheld.get(own_status, 0) + 1
        elif _is_beyond(own, own_status) and _is_beyond(other, other_status):
            row.n_beyond += 1
        elif own is not None and other is not None:
            row.n_frames += 1
            if row.largest is None or abs(own - other) > row.largest:
                row.largest, row.track = abs(own - other), track
                row.frame, row.time_s = frame, ours.time_s[frame]
        elif own_status == other_status:
            row.n_neither += 1
        else:
            row.n_differing += 1
            row.differing = row.differing or (
                f"{track}, frame {frame}: svbench has {own if own is not None else own_status}, "
                f"{row.tool} {other if other is not None else other_status}"
            )


def _is_beyond(value: float | None, status: str) -> bool:
    return status == "perfect" or (value is not None and value > CEILING_DB)


def _scored_targets(protocol: Protocol, result: TrackResult, target_set: str) -> list[str]:
    """Targets of a set that were scored together on a track; absent ones were not."""
    (targets,) = (s.targets for s in protocol.target_sets if s.id == target_set)
    if any(s.target_set == target_set and "unknown" in s.status for s in result.series):
        return []  # one file of the track hides some of them, so the set was not scored
    present = [t for t in targets if t not in result.absent_targets]
    return [] if len(present) < len(targets) and protocol.absent_target == "skip_set" else present


def _targets(protocol: Protocol, result: TrackResult) -> list[str]:
    return list(dict.fromkeys(t for s in result.target_sets for t in _scored_targets(protocol, result, s)))


def _not_checked(protocol: Protocol) -> tuple[str, ...]:
    """Quantities that neither tool gives and that plain numpy does not repeat here."""
    return tuple(
        q.name
        for q in quantities_of(protocol)
        for use in protocol.metrics
        if use.id == q.metric and use.against == q.against and use.improvement == q.improvement
        if check_of(use) is None
    )


def _reason(error: ValueError) -> str:
    """Return the first half sentence of a long message."""
    return str(error).split(".")[0].split(",")[0].strip()
