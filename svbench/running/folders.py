"""Scores without systems: a folder of references against one of estimates, or arrays.

The result is a run like any other; only what separated the music is not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from numpy.typing import NDArray

from svbench.audio.sounds import ArraySound, FileSound, Shape, Sound, SumSound, whole
from svbench.datasets import verify
from svbench.datasets.pairs import Pairs, TrackPair, pair_folders
from svbench.errors import AudioError, DataError, SystemFailure
from svbench.results.aggregate import TrackScore, reduce_track
from svbench.results.provenance import Provenance
from svbench.results.scores import TrackResult
from svbench.results.store import SCHEMA, DataRecord, Run, RunRecord
from svbench.running.coverage import (
    covered_sets,
    lacking_targets,
    nothing_to_score,
    recipes,
    sum_notes,
    told_sets,
)
from svbench.running.execution import ScoringPool
from svbench.running.scoring import (
    Scored,
    Signals,
    failed_series,
    quantities_of,
    score_estimates,
    score_signals,
)
from svbench.running.separation import fitted
from svbench.specs.manifest import ManifestHead, load_manifest
from svbench.specs.protocol import Protocol, load_protocol
from svbench.specs.records import digest
from svbench.specs.system import SystemSpec


def score_arrays(
    references: Mapping[str, NDArray[Any]],
    estimates: Mapping[str, NDArray[Any]],
    *,
    rate_hz: int,
    protocol: str | Protocol,
    mixture: NDArray[Any] | None = None,
) -> list[TrackScore]:
    """Score one track given as arrays.

    Parameters
    ----------
    references, estimates : mapping of str to ndarray, shape (n_samples, n_channels)
        By target. Target sets of the protocol without all their estimates are left out.
    rate_hz : int
    protocol : str or Protocol
        Id, path or record.
    mixture : ndarray, shape (n_samples, n_channels), optional
        Only for protocols that need it.

    Returns
    -------
    list of TrackScore
        One per target set, target and quantity, reduced over frames by the protocol's rule.

    Raises
    ------
    AudioError
        Shapes differ, samples are not finite floats, or a mixture is needed.
    DataError
        No target set has all its estimates.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> s = {t: rng.standard_normal((8000, 1)) for t in ("vocals", "accompaniment")}
    >>> e = {t: 0.9 * x for t, x in s.items()}
    >>> [(r.target, r.metric, round(r.score, 3)) for r in score_arrays(s, e, rate_hz=8000, protocol="mdx21")]
    [('vocals', 'uSDR', 20.0), ('accompaniment', 'uSDR', 20.0)]
    """
    rule = load_protocol(protocol) if isinstance(protocol, str) else protocol
    sounds = [
        {target: _array(f"{role} of {target}", a, rate_hz) for target, a in side.items()}
        for role, side in (("reference", references), ("estimate", estimates))
    ]
    whole_mixture = None if mixture is None else _array("mixture", mixture, rate_hz)
    sets = tuple(s.id for s in rule.target_sets if set(s.targets) <= sounds[1].keys() & sounds[0].keys())
    if not sets:
        wanted = " or ".join(", ".join(s.targets) for s in rule.target_sets)
        raise DataError(f"{rule.id} scores {wanted}; references and estimates were given of {_both(sounds)}")
    scored = score_signals(Signals(sounds[0], sounds[1], whole_mixture), rule, sets)
    return reduce_track("", scored.series, rule, quantities_of(rule))


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
    head = _head(protocol)
    pairs = pair_folders(references, estimates, head)
    sets, left_out = _scored_sets(pairs, protocol, head)
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
        estimates, notes = _estimates(pair, protocol, sets)
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


def _estimates(
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


def _scored_sets(pairs: Pairs, protocol: Protocol, head: ManifestHead) -> tuple[tuple[str, ...], list[str]]:
    """Return the target sets that the references tell of and estimates make up, and why not others."""
    told, left_out = told_sets([p.track for p in pairs.tracks], protocol)
    given = {t for p in pairs.tracks for t in p.estimates}
    covered = [s.id for s in covered_sets(given, protocol, head.targets)]
    for target_set in protocol.target_sets:
        if target_set.id not in covered:
            lacking = ", ".join(lacking_targets(target_set, given, head.targets))
            left_out.append(f"target set {target_set.id}: no estimate of {lacking}")
    return tuple(s for s in told if s in covered), left_out


def _array(name: str, samples: NDArray[Any], rate_hz: int) -> ArraySound:
    from svbench.audio import check_samples

    check_samples(samples, name)
    return ArraySound(samples, rate_hz)


def _shape(sound: Shape) -> tuple[int, int, int]:
    return sound.n_samples, sound.n_channels, sound.rate_hz


def _both(sounds: list[dict[str, ArraySound]]) -> str:
    return ", ".join(t for t in sounds[0] if t in sounds[1]) or "no target in common"
