"""Scores without systems: a folder of references against one of estimates.

The result is a run like any other; only what separated the music is not known.
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
from svbench.results.provenance import Provenance
from svbench.results.scores import TrackResult
from svbench.results.store import SCHEMA, DataRecord, Run, RunRecord
from svbench.scoring.alignment import fitted
from svbench.scoring.coverage import (
    covered_sets,
    is_scored,
    lacking_targets,
    nothing_to_score,
    recipes,
    scorable_sets,
    sum_notes,
)
from svbench.scoring.pool import ScoringPool
from svbench.scoring.track import (
    Scored,
    failed_series,
    quantities_of,
    score_estimates,
)
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
    """Score every track of a folder of references; files are read block by block.

    Parameters
    ----------
    references, estimates : Path
        See `svbench.datasets.pairs` for the layouts.
    protocol : Protocol
    system : str
        How the estimates are called in tables.
    pool : ScoringPool
    provenance : Provenance
    tell : callable
        Called as ``tell(result, n_tracks)`` for each track, in order.

    Returns
    -------
    Run
        In memory. A track that cannot be scored is a failed row with the reason.

    Raises
    ------
    DataError
        See `pair_folders`; also when no target set is covered.
    """
    if protocol.probes:
        raise DataError(
            f"{protocol.id} changes the mixtures before separation: use `svbench run`, or another protocol "
            "for estimates that are there already"
        )
    pairs = protocol_pairs(references, estimates, protocol)
    sets, left_out = _scored_sets(pairs, protocol)
    if not sets:
        raise nothing_to_score(references, protocol, [*left_out, *pairs.left_out])
    futures = [(pair, pool.submit(score_pair, pair, protocol, sets)) for pair in pairs.tracks]
    results = []
    for pair, future in futures:
        result: TrackResult = pool.result(future, score_pair, pair, protocol, sets)
        results.append(result)
        tell(result, len(futures))
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
        quantities=quantities_of(protocol),
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


def score_pair(pair: TrackPair, protocol: Protocol, sets: tuple[str, ...]) -> TrackResult:
    """Score one track from its files; whatever is wrong with them becomes the reason it failed."""
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
        estimates, notes = pair_estimates(pair, protocol, sets)
        scored: Scored = score_estimates(track, estimates, protocol, sets)
    except (AudioError, SystemFailure) as error:
        series = failed_series(protocol, sets, duration_s)
        return replace(result, status="failed", reason=str(error), series=series)
    return replace(
        result,
        notes=(*notes, *scored.notes),
        absent_targets=scored.absent_targets,
        series=scored.series,
        data_notes=verify.sum_notes(load_manifest("folder"), track.name, scored.sums),
    )


def pair_estimates(
    pair: TrackPair, protocol: Protocol, sets: tuple[str, ...]
) -> tuple[dict[str, Sound], list[str]]:
    """Open a track's estimates; those that do not fit are refused or aligned by the protocol's rule."""
    track = pair.track
    made = recipes(tuple(pair.estimates), track, protocol, sets)
    notes: list[str] = []
    parts: dict[str, Sound] = {}
    for target in dict.fromkeys(p for names in made.values() for p in names):
        sound: Sound = FileSound(pair.estimates[target])
        if _shape(sound) != _shape(track):
            audio, more = fitted(whole(sound), track, track, target, protocol.alignment)
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
    return sums, [*notes, *sum_notes(made)]


def _head(protocol: Protocol) -> ManifestHead:
    """Return the stems and targets of plain folders, with those targets of a protocol that are no sums."""
    head = load_manifest("folder").head
    own = [t for t in protocol.targets if t not in head.targets]
    return replace(head, stems=(*head.stems, *own), targets={**head.targets, **{t: (t,) for t in own}})


def _scored_sets(pairs: Pairs, protocol: Protocol) -> tuple[tuple[str, ...], list[str]]:
    """Return the target sets for which there are references and estimates, and why others are left out."""
    targets = _head(protocol).targets
    scorable, left_out = scorable_sets([p.track for p in pairs.tracks], protocol)
    given = {t for p in pairs.tracks for t in p.estimates}
    # What no track contains needs no estimate, and must not take the others with it.
    given |= {
        t
        for t in protocol.targets
        if all(
            p.track.reference_sound(t) is None and not is_scored(t, p.track, protocol) for p in pairs.tracks
        )
    }
    covered = [s.id for s in covered_sets(given, protocol, targets)]
    for target_set in protocol.target_sets:
        if target_set.id not in covered:
            lacking = ", ".join(lacking_targets(target_set, given, targets))
            left_out.append(f"target set {target_set.id}: no estimate of {lacking}")
    return tuple(s for s in scorable if s in covered), left_out


def _shape(sound: Shape) -> tuple[int, int, int]:
    return sound.n_samples, sound.n_channels, sound.rate_hz
