"""Scores without systems: a folder of references against one of estimates.

The result is a run like any other; only what separated the music is not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec.structs import replace

from svbench.audio.sounds import ArraySound, Sound, sound_of, whole
from svbench.datasets.pairs import Pairs, TrackPair, pair_folders
from svbench.errors import AudioError, DataError, SystemFailure
from svbench.results.provenance import Provenance
from svbench.results.scores import TrackResult
from svbench.results.store import SCHEMA, DataRecord, Run, RunRecord
from svbench.running.execution import ScoringPool
from svbench.running.scoring import Scored, Signals, failed_series, quantities_of, score_signals
from svbench.running.separation import fitted
from svbench.specs.manifest import load_manifest
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
    sets, left_out = _covered(pairs, protocol, references)
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
    names = tuple(p.name for p in pairs.tracks)
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
            left_out=(*left_out, *(f"{name}: no reference has this name" for name in pairs.unpaired)),
        ),
        provenance=(provenance,),
    )
    return Run(estimates, record, tuple(results))


def protocol_pairs(references: Path, estimates: Path, protocol: Protocol) -> Pairs:
    """Pair two folders for the targets of a protocol; see `pair_folders`."""
    stems = load_manifest("folder").head.targets
    return pair_folders(references, estimates, {t: stems.get(t, (t,)) for t in protocol.targets})


def score_pair(pair: TrackPair, protocol: Protocol, sets: tuple[str, ...]) -> TrackResult:
    """Score one track from its files; whatever is wrong with them becomes the reason it failed."""
    wanted = tuple(dict.fromkeys(t for s in protocol.target_sets if s.id in sets for t in s.targets))
    first = sound_of(next(iter(pair.references.values())))
    duration_s = first.n_samples / first.rate_hz
    result = TrackResult(
        schema=SCHEMA,
        key="",
        track=pair.name,
        subset="",
        duration_s=duration_s,
        n_samples=first.n_samples,
        status="ok",
        target_sets=sets,
    )
    try:
        signals, notes = pair_signals(pair, wanted, protocol)
        scored: Scored = score_signals(signals, protocol, sets)
    except (AudioError, SystemFailure) as error:
        series = failed_series(protocol, sets, duration_s)
        return replace(result, status="failed", reason=str(error), series=series)
    return replace(
        result,
        notes=(*notes, *scored.notes),
        absent_targets=scored.absent_targets,
        series=scored.series,
    )


def pair_signals(pair: TrackPair, wanted: Sequence[str], protocol: Protocol) -> tuple[Signals, list[str]]:
    """Open a track's files; estimates that do not fit are refused or aligned by the protocol's rule."""
    missing = [t for t in wanted if t not in pair.estimates]
    if missing:
        raise SystemFailure(f"no estimate of {', '.join(missing)}")
    references = {t: sound_of(pair.references[t]) for t in wanted if t in pair.references}
    (name, first), *others = references.items()
    for other, sound in others:
        if _shape(sound) != _shape(first):
            raise AudioError(
                f"the references of {name} and {other} differ in (samples, channels, Hz): "
                f"{_shape(first)} and {_shape(sound)}"
            )
    estimates: dict[str, Sound] = {}
    notes: list[str] = []
    for target in wanted:
        sound = sound_of(pair.estimates[target])
        if _shape(sound) != _shape(first):
            audio, more = fitted(whole(sound), first, first, target, protocol.alignment)
            sound = ArraySound(audio.samples, audio.rate_hz)
            notes += more
        estimates[target] = sound
    mixture = sound_of(pair.mixture) if pair.mixture else None
    return Signals(references, estimates, mixture), notes


def _covered(pairs: Pairs, protocol: Protocol, root: Path) -> tuple[tuple[str, ...], list[str]]:
    """Target sets that can be scored, and why others cannot.

    A set needs estimates of all its targets. References may lack some (music without bass), but
    not all but one: vocals beside accompaniment alone are no four-stem problem.
    """
    estimated = {t for p in pairs.tracks for t in p.estimates}
    known = {t for p in pairs.tracks for t in p.references}
    sets, left_out = [], []
    for target_set in protocol.target_sets:
        targets = target_set.targets
        missing = [t for t in targets if t not in estimated]
        if missing:
            left_out.append(f"target set {target_set.id}: no estimate of {', '.join(missing)}")
        elif sum(t in known for t in targets) < min(2, len(targets)):
            lacking = ", ".join(t for t in targets if t not in known)
            left_out.append(f"target set {target_set.id}: no reference of {lacking}")
        else:
            sets.append(target_set.id)
    if not sets:
        raise DataError(f"{root}: nothing to score under {protocol.id}: {'; '.join(left_out)}")
    return tuple(sets), left_out


def _shape(sound: Sound) -> tuple[int, int, int]:
    return sound.n_samples, sound.n_channels, sound.rate_hz
