"""Score a folder of estimates against a folder of references, without a system.

Files are paired by the names of tracks and targets, never by their order. References are arranged as in the
layout ``folder`` of data sets, estimates as `svbench.naming.folders` describes. If one folder directly holds
the references of a single track, the other directly holds its estimates.

The result is a run like any other; only the system is unknown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from svbench.audio.sounds import ArraySound, FileSound, Shape, Sound, SumSound, whole
from svbench.datasets import verify
from svbench.datasets.api import Track, track_of
from svbench.datasets.files import named, names_read
from svbench.datasets.layouts.folder import folder_tracks, track_files
from svbench.errors import AudioError, DataError, SystemFailure
from svbench.naming.folders import EstimateFolder, audio_files, read_as, target_files
from svbench.results.record import SCHEMA, DataRecord, Provenance, RunRecord
from svbench.results.scores import TrackResult
from svbench.results.store import Run
from svbench.scoring import coverage
from svbench.scoring.bound import BoundProtocol, bind
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
    report: Callable[[TrackResult, int], None],
) -> Run:
    """Score every track of a folder of references. Files are read block by block.

    Parameters
    ----------
    references, estimates : Path
    protocol : Protocol
    system : str
        Name of the estimates in tables.
    pool : ScoringPool
    provenance : Provenance
    report : callable
        Called as ``report(result, n_tracks)`` for each track, in order.

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
            "for estimates that already exist"
        )
    pairs = pair_folders(references, estimates, protocol)
    bound = bind(protocol)
    sets, left_out = _scored_sets(pairs, bound)
    if not sets:
        raise coverage.nothing_to_score(references, protocol, [*left_out, *pairs.left_out])
    calls = [pool.submit(score_pair, pair, bound, sets) for pair in pairs.tracks]
    results = []
    for call in calls:
        results.append(call.result())
        report(results[-1], len(calls))
    spec = SystemSpec(
        schema=1,
        id=re.sub(r"[^A-Za-z0-9._+]+", "-", system).strip("-.") or "estimates",
        title=f"Estimates found in {estimates.name}",
        adapter="folder",
        training_data=("unknown",),
        parameters={"root": str(estimates.resolve())},
    )
    root, names = references.resolve(), tuple(p.track.name for p in pairs.tracks)
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
            title=root.name,
            digest=digest([str(root), names]),
            root=str(root),
            manifest=str(load_manifest("folder").path.resolve()),
            subset="",
            tracks=names,
            left_out=(*left_out, *pairs.left_out),
            read_as=pairs.read_as,
        ),
        provenance=(provenance,),
    )
    return Run(estimates, record, tuple(results))


class TrackPair(NamedTuple):
    """One track of the references, and the files of its estimates by target."""

    track: Track
    estimates: Mapping[str, Path]


class Pairs(NamedTuple):
    """All tracks of the references in their order, and what a reader must know about the two folders.

    Attributes
    ----------
    tracks : tuple of TrackPair
        Also those without estimates.
    left_out : tuple of str
        What is in the folders and is not used.
    read_as : tuple of str
        How files were read that are not named exactly after their targets.
    """

    tracks: tuple[TrackPair, ...]
    left_out: tuple[str, ...]
    read_as: tuple[str, ...]


def pair_folders(references: Path, estimates: Path, protocol: Protocol) -> Pairs:
    """Pair a folder of references with one of estimates, for the targets of a protocol.

    Raises
    ------
    DataError
        A folder is missing or holds no audio, two files are named after one target, the files of a track
        do not fit together, or the folders have no name in common.
    """
    for folder in (references, estimates):
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder")
    head, left_out = _head(protocol), list[str]()
    known = tuple(dict.fromkeys((*head.stems, *head.targets)))
    if target_files(references, known):  # the files of a single track
        track = references.resolve().name
        files = target_files(estimates, known, track)
        if not files:
            there = ", ".join(p.name for p in audio_files(estimates)[:3]) or "no audio at all"
            raise DataError(
                f"{estimates}: {references} holds the references of one track, and no estimate here is "
                f"named after a target ({', '.join(known)}); found {there}"
            )
        tracks = [named(track_files(references, "", head, name=track), {})]
        by_track = {tracks[0].name: files}
    else:
        listed = [named(files, {}) for files in folder_tracks(references, head)]
        tracks = [files for files in listed if not files.no_track]
        if not tracks:
            raise DataError(
                f"{references}: no folder with audio files in it; expected <track>/<target>.wav, "
                f"with targets {', '.join(head.targets)}"
            )
        names = [files.name for files in tracks]
        twins = [name for name, n in Counter(names).items() if n > 1]
        if twins:
            raise DataError(f"{references}: two tracks are called {twins[0]!r}; rename one")
        given = EstimateFolder(estimates, known)
        by_track = {name: given.of(name) or {} for name in names}
        strangers = given.strangers(names)
        unread = [file for name in names for file in given.unread(name)]
        if not any(by_track.values()):
            others = strangers or unread
            raise DataError(
                f"{estimates}: no estimate is named after a track of {references} (such as {names[0]!r}) "
                f"and a target ({', '.join(known)}); "
                f"found {', '.join(map(repr, others[:3])) or 'no audio at all'}"
            )
        left_out += [f"{files.name}: {files.no_track}" for files in listed if files.no_track]
        left_out += [f"{name}: no reference has this name" for name in strangers]
        left_out += [
            f"estimate {file} is named after no target ({n} tracks)" for file, n in Counter(unread).items()
        ]
    problem = next((files.problem for files in tracks if files.problem), "")
    if problem:
        raise DataError(problem)
    left_out += [f"{files.name}: {message}" for files in tracks for message in files.unused]
    of_references = names_read(files.read_as for files in tracks)
    of_estimates = names_read(read_as(files, name) for name, files in by_track.items())
    return Pairs(
        tuple(TrackPair(track_of(files, head), by_track[files.name]) for files in tracks),
        tuple(left_out),
        (*(f"reference {m}" for m in of_references), *(f"estimate {m}" for m in of_estimates)),
    )


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
    made = coverage.recipes(tuple(pair.estimates), track, bound, sets)
    notes: list[str] = []
    parts: dict[str, Sound] = {}
    for target in dict.fromkeys(p for names in made.values() for p in names):
        sound: Sound = FileSound(pair.estimates[target])
        if _shape(sound) != _shape(track):
            audio, more = coverage.align_estimate(
                whole(sound), track, track, target, bound.protocol.alignment
            )
            sound = ArraySound(audio.samples, audio.rate_hz)
            notes += more
        parts[target] = sound
    if not made:
        raise SystemFailure(
            f"nothing of this track is scored; found {', '.join(pair.estimates) or 'nothing'}"
        )
    sums = {
        target: parts[names[0]] if len(names) == 1 else SumSound([parts[p] for p in names])
        for target, names in made.items()
    }
    return sums, [*notes, *coverage.derived_notes(made)]


def _head(protocol: Protocol) -> ManifestHead:
    """Return the stems and targets of plain folders; targets that only the protocol has become stems."""
    head = load_manifest("folder").head
    more = [t for t in protocol.targets if t not in head.targets]
    return replace(head, stems=(*head.stems, *more), targets={**head.targets, **{t: (t,) for t in more}})


def _scored_sets(pairs: Pairs, bound: BoundProtocol) -> tuple[tuple[str, ...], list[str]]:
    """Return the target sets for which there are references and estimates, and why others are left out."""
    protocol = bound.protocol
    targets = _head(protocol).targets
    scorable, left_out = coverage.scorable_sets([p.track for p in pairs.tracks], protocol)
    given = {t for p in pairs.tracks for t in p.estimates}
    # A target that no track contains needs no estimate, so its set can be scored without one.
    given |= {
        t
        for t in protocol.targets
        if all(
            p.track.reference_sound(t) is None and not coverage.is_scored(t, p.track, bound)
            for p in pairs.tracks
        )
    }
    lacking = {s.id: coverage.lacking_targets(s, given, targets) for s in protocol.target_sets}
    left_out += [
        f"target set {s}: no estimate of {', '.join(names)}" for s, names in lacking.items() if names
    ]
    return tuple(s for s in scorable if not lacking[s]), left_out


def _shape(sound: Shape) -> tuple[int, int, int]:
    return sound.n_samples, sound.n_channels, sound.rate_hz
