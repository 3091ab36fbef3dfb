"""Score a folder of estimates against a folder of references, without a system.

The result is a run like any other; only the system is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from svbench.audio.sounds import ArraySound, FileSound, Shape, Sound, SumSound, whole
from svbench.datasets import verify
from svbench.datasets.pairs import Pairs, TrackPair, pair_folders
from svbench.errors import AudioError, DataError, SystemFailure
from svbench.results.record import SCHEMA, DataRecord, Provenance, RunRecord
from svbench.results.scores import TrackResult
from svbench.results.store import Run
from svbench.scoring.bound import BoundProtocol, bind
from svbench.scoring.coverage import (
    align_estimate,
    covered_sets,
    derived_notes,
    is_scored,
    lacking_targets,
    nothing_to_score,
    recipes,
    scorable_sets,
)
from svbench.scoring.pool import ScoringPool
from svbench.scoring.track import score_estimates
from svbench.specs.manifest import ManifestHead, load_manifest
from svbench.specs.protocol import Protocol
from svbench.specs.records import digest
from svbench.specs.system import SystemSpec


def score_folders(
    references: Path,
    estimates: Path,
    protocol: Protocol,
    *,
    system: str,
    pool: ScoringPool,
    provenance: Provenance,
    tell: Callable[[TrackResult, int], None],
) -> Run:
    """Score every track of a folder of references. Files are read block by block.

    Parameters
    ----------
    references, estimates : Path
        See `svbench.datasets.pairs` for the layouts.
    protocol : Protocol
    system : str
        Name of the estimates in tables.
    pool : ScoringPool
    provenance : Provenance
    tell : callable
        Called as ``tell(result, n_tracks)`` for each track, in order.

    Returns
    -------
    Run
        In memory only. A track that cannot be scored has the status "failed" and the reason.

    Raises
    ------
    DataError
        Nothing can be paired (see `pair_folders`), no target set can be scored, or the protocol has probes.
    """
    if protocol.probes:
        raise DataError(
            f"{protocol.id} changes the mixtures before separation: use `svbench run`, or another protocol "
            "for estimates that are there already"
        )
    pairs = protocol_pairs(references, estimates, protocol)
    bound = bind(protocol)
    sets, left_out = _scored_sets(pairs, bound)
    if not sets:
        raise nothing_to_score(references, protocol, [*left_out, *pairs.left_out])
    calls = [pool.submit(score_pair, pair, bound, sets) for pair in pairs.tracks]
    results = []
    for call in calls:
        results.append(call.result())
        tell(results[-1], len(calls))
    spec = SystemSpec(
        schema=1,
        id=re.sub(r"[^A-Za-z0-9._+]+", "-", system).strip("-.") or "estimates",
        title=f"Estimates found in {estimates.name}",
        adapter="folder",
        training_data=("unknown",),
        parameters={"root": str(estimates.resolve())},
    )
    names = tuple(p.track.name for p in pairs.tracks)
    record = RunRecord(
        schema=SCHEMA,
        system=spec,
        system_digest=spec.digest,
        protocol=protocol,
        protocol_digest=protocol.digest,
        quantities=bound.quantities,
        data=DataRecord(
            id="folder",
            version="1",
            title=references.resolve().name,
            digest=digest([str(references.resolve()), names]),
            root=str(references.resolve()),
            manifest=str(load_manifest("folder").path.resolve()),
            subset="",
            tracks=names,
            left_out=(*left_out, *pairs.left_out),
            read_as=pairs.read_as,
        ),
        provenance=(provenance,),
    )
    return Run(estimates, record, tuple(results))


def protocol_pairs(references: Path, estimates: Path, protocol: Protocol) -> Pairs:
    """Pair two folders for the targets of a protocol; see `pair_folders`."""
    return pair_folders(references, estimates, _head(protocol))


def score_pair(pair: TrackPair, bound: BoundProtocol, sets: tuple[str, ...]) -> TrackResult:
    """Score one track from its files; if they cannot be scored, the result is "failed" and says why."""
    track = pair.track
    duration_s = track.n_samples / track.rate_hz
    result = TrackResult(
        schema=SCHEMA,
        key="",
        track=track.name,
        subset=track.subset,
        duration_s=duration_s,
        n_samples=track.n_samples,
        status="ok",
        target_sets=sets,
    )
    try:
        estimates, notes = pair_estimates(pair, bound, sets)
        scored = score_estimates(track, estimates, bound, sets)
    except (AudioError, SystemFailure) as error:
        series = bound.failed_series(sets, duration_s)
        return replace(result, status="failed", reason=str(error), series=series)
    return replace(
        result,
        notes=(*notes, *scored.notes),
        absent_targets=scored.absent_targets,
        series=scored.series,
        data_notes=verify.sum_notes(load_manifest("folder"), track.name, scored.sums),
    )


def pair_estimates(
    pair: TrackPair, bound: BoundProtocol, sets: tuple[str, ...]
) -> tuple[dict[str, Sound], list[str]]:
    """Open the estimates of a track; return them by target, and notes.

    Estimates that do not have the shape of the mixture are aligned by the protocol's rule.

    Raises
    ------
    AudioError, SystemFailure
        A file cannot be read, the rule does not allow the difference, or an estimate is missing.
    """
    track = pair.track
    made = recipes(tuple(pair.estimates), track, bound, sets)
    notes: list[str] = []
    parts: dict[str, Sound] = {}
    for target in dict.fromkeys(p for names in made.values() for p in names):
        sound: Sound = FileSound(pair.estimates[target])
        if _shape(sound) != _shape(track):
            audio, more = align_estimate(whole(sound), track, track, target, bound.protocol.alignment)
            sound = ArraySound(audio.samples, audio.rate_hz)
            notes += more
        parts[target] = sound
    sums = {
        target: parts[names[0]] if len(names) == 1 else SumSound([parts[p] for p in names])
        for target, names in made.items()
    }
    if not sums:
        raise SystemFailure(
            f"nothing of this track is scored; found {', '.join(pair.estimates) or 'nothing'}"
        )
    return sums, [*notes, *derived_notes(made)]


def _head(protocol: Protocol) -> ManifestHead:
    """Return the stems and targets of plain folders; targets that only the protocol has become stems."""
    head = load_manifest("folder").head
    more = [t for t in protocol.targets if t not in head.targets]
    return replace(head, stems=(*head.stems, *more), targets={**head.targets, **{t: (t,) for t in more}})


def _scored_sets(pairs: Pairs, bound: BoundProtocol) -> tuple[tuple[str, ...], list[str]]:
    """Return the target sets for which there are references and estimates, and why others are left out."""
    protocol = bound.protocol
    targets = _head(protocol).targets
    scorable, left_out = scorable_sets([p.track for p in pairs.tracks], protocol)
    given = {t for p in pairs.tracks for t in p.estimates}
    # A target that no track contains needs no estimate, so its set can be scored without one.
    given |= {
        t
        for t in protocol.targets
        if all(p.track.reference_sound(t) is None and not is_scored(t, p.track, bound) for p in pairs.tracks)
    }
    covered = [s.id for s in covered_sets(given, protocol, targets)]
    for target_set in protocol.target_sets:
        if target_set.id not in covered:
            lacking = ", ".join(lacking_targets(target_set, given, targets))
            left_out.append(f"target set {target_set.id}: no estimate of {lacking}")
    return tuple(s for s in scorable if s in covered), left_out


def _shape(sound: Shape) -> tuple[int, int, int]:
    return sound.n_samples, sound.n_channels, sound.rate_hz
