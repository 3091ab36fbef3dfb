"""Decide what need not be computed again, from keys of results and separations and from kept estimates.

A key is the digest of everything that a result or a separation depends on. If the key has not changed, the
stored outcome is still valid.
"""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from svbench.audio import Audio, audio_info, read_audio, samples_digest
from svbench.datasets.api import Track
from svbench.disk import file_sha256
from svbench.errors import AudioError, SvbenchError
from svbench.naming.names import spellings
from svbench.results.folders import inside
from svbench.results.integrity import key_of
from svbench.results.record import RunRecord
from svbench.results.scores import Inputs, SeparationRecord, TrackResult
from svbench.results.store import read_record, slug, track_file
from svbench.running.run_folder import has_estimates
from svbench.running.separation import Separated
from svbench.scoring.bound import BoundProtocol
from svbench.scoring.coverage import covered_sets
from svbench.specs.protocol import Alignment, Limits, Protocol
from svbench.specs.records import digest
from svbench.specs.system import AS_ASKED, LocatedSystem

_ISOLATION = "--isolate"  # among the states of files; no path that a parameter names looks like it


class ResultKey(NamedTuple):
    """The key of a track's result, and what it was computed from besides protocol, system and recordings."""

    digest: str
    inputs: Inputs


def result_key(
    bound: BoundProtocol,
    located: LocatedSystem,
    track: str,
    track_digest: str,
    originals: Mapping[str, str] | None = None,
) -> ResultKey:
    """Compute the key that the result of a track would have now.

    Parameters
    ----------
    bound : BoundProtocol
    located : LocatedSystem
    track, track_digest : str
    originals : mapping of target to digest, optional
        Estimates of the original that those of this track are compared with.
    """
    inputs = Inputs(
        metrics={m.use.id: m.metric.version for m in bound.metrics},
        files=input_state(located, track),
        originals=None if originals is None else dict(originals),
    )
    return ResultKey(key_of(bound.protocol.digest, located.spec.digest, track, track_digest, inputs), inputs)


def separation_key(
    located: LocatedSystem, track: Track, mixture: Audio, asked: Sequence[str], limits: Limits
) -> str:
    """Return the digest of what the estimates of a track depend on, whichever protocol scores them.

    Parameters
    ----------
    located : LocatedSystem
    track : Track
    mixture : Audio
        The mixture of the track. Its samples count, not the files that they come from.
    asked : sequence of str
        Targets that the system is asked for. They count for adapters that give exactly those.
    limits : Limits
        Cores, memory and graphics cards that the system may use.

    Returns
    -------
    str
        64 hex digits.
    """
    reads_references = located.spec.kind == "oracle"
    return digest(
        [
            located.spec.digest,
            input_state(located, track.name),
            track.name,
            [mixture.rate_hz, *mixture.samples.shape, samples_digest(mixture)],
            [track.digest(), dict(track.targets)] if reads_references else [],
            list(asked) if located.spec.adapter in AS_ASKED else [],
            limits,
        ]
    )


def input_state(located: LocatedSystem, track: str) -> dict[str, str]:
    """Return a digest for each file and folder that the parameters of a system name.

    The digest of a file is of its content. The digest of a folder, such as one of ready-made estimates, is of
    the names, sizes and times of change of the files in it; if it has a folder of this track, of that only.
    What was separated without a sandbox never stands for what is asked for in one.
    """
    states = {
        text: state
        for text in sorted(_strings(located.spec.parameters))
        if (state := _state(located.folder / _path(text, located.folder), track))
    }
    return states if located.isolation == "none" else {**states, _ISOLATION: located.isolation}


def is_isolated(result: TrackResult) -> bool:
    """Whether the system was in a sandbox when it separated the track."""
    return result.made_from is not None and result.made_from.files.get(_ISOLATION) == "sandbox"


def _path(text: str, folder: Path) -> str:
    """Read a parameter as a path: fill in ``{folder}``, and drop the name inside the file after a colon."""
    return text.replace("{folder}", str(folder)).split(":")[0]


def _strings(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value} if value else set()
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return {s for item in items for s in _strings(item)}


def _state(path: Path, track: str) -> str:
    try:
        if path.is_file():
            return file_sha256(path)
        if path.is_dir():
            names = [glob.escape(name) for name in spellings(track)]
            of_track = [p for name in names for at in ("", "*/") for p in path.glob(at + name) if p.is_dir()]
            files = [f for folder in of_track or [path] for f in sorted(folder.rglob("*")) if f.is_file()]
            return digest([(str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in files])
    except (OSError, ValueError):  # a parameter that only looks like a path
        return ""
    return ""


class Originals(msgspec.Struct, frozen=True):
    """The kept estimates of a track before a probe changed it, as files and digests by target."""

    paths: dict[str, Path]
    digests: dict[str, str]


def kept_originals(folder: Path, track: str) -> Originals:
    """Find the estimates of a track in the run folder of the original.

    Returns
    -------
    Originals
        Empty if the original failed on the track or was not run, or if its estimates were deleted.
    """
    path = track_file(folder, track)
    known = read_record(path, TrackResult) if path.exists() else None
    if known is None or known.status != "ok" or not has_estimates(folder, known):
        return Originals({}, {})
    return Originals({t: inside(folder, p) for t, p in known.estimates.items()}, dict(known.estimate_digests))


def find_kept(
    runs: Path, system_id: str, track: Track, key: str, asked: Sequence[str], protocols: Sequence[Protocol]
) -> tuple[Separated | None, tuple[str, ...]]:
    """Look for kept estimates of a track that all of some protocols can score.

    Every file is compared with the digest of the samples that were scored, so that a damaged or edited
    estimate is never used.

    Parameters
    ----------
    runs : Path
        Folder of run folders.
    system_id : str
    track : Track
    key : str
        The `separation_key` of the track.
    asked : sequence of str
        Targets that the system would be asked for.
    protocols : sequence of Protocol

    Returns
    -------
    Separated or None
    tuple of str
        Notes on kept estimates that were not used.
    """
    notes: list[str] = []
    for path in sorted(runs.glob(f"{system_id}--*/tracks/{slug(track.name)}.json")):
        folder = path.parent.parent
        try:
            result = read_record(path, TrackResult)
            made = result.separation
            if made is None or made.key != key or not has_estimates(folder, result):
                continue
            rule = read_record(folder / "run.json", RunRecord).protocol.alignment if made.aligned else None
            if not _serves(made, track, asked, protocols, rule):
                continue
        except SvbenchError:
            continue  # a damaged file in another run must not stop this one
        try:
            return _read(folder, result, made, track), tuple(notes)
        except SvbenchError as error:
            notes.append(f"kept estimates of run {folder.name} are not used: {error}")
    return None, tuple(notes)


def _serves(
    made: SeparationRecord,
    track: Track,
    asked: Sequence[str],
    protocols: Sequence[Protocol],
    rule: Alignment | None,
) -> bool:
    """Whether the system would return the same estimates for the protocols if it ran now.

    ``rule`` is the alignment rule that changed the estimates, if one did.
    """
    if rule is not None and any(p.alignment != rule for p in protocols):
        return False
    has_all = all(len(covered_sets(made.given, p, track.targets)) == len(p.target_sets) for p in protocols)
    # A system that is asked for more targets than before might return more.
    return has_all or set(asked) <= set(made.asked)


def _read(folder: Path, result: TrackResult, made: SeparationRecord, track: Track) -> Separated:
    estimates = kept_audio(folder, result)
    if missing := [t for t in made.given if t not in estimates]:
        raise AudioError(f"it names no file of {', '.join(missing)}")
    if (resources := result.resources) is None:
        raise AudioError(f"{folder} does not say what they cost")
    given = {t: estimates[t] for t in made.given}
    return Separated(
        given,
        track,
        result.system_version,
        resources,
        made.notes,
        msgspec.structs.replace(made, origin=folder.name),
        (f"not separated again: estimates and resources of run {folder.name}",),
        {result.estimate_digests[t]: folder / result.estimates[t] for t in estimates},
    )


def kept_audio(folder: Path, result: TrackResult) -> dict[str, Audio]:
    """Read the kept estimates of a result.

    Raises
    ------
    AudioError
        A file is missing or unreadable, or its samples are not those that were scored.
    """
    estimates = {}
    for target, place in result.estimates.items():
        path = inside(folder, place)
        # The digest is of the bytes of the samples as they were scored, so the precision must be the same.
        single = audio_info(path).subtype == "FLOAT"
        estimates[target] = read_audio(path, dtype="float32" if single else "float64")
        if samples_digest(estimates[target]) != result.estimate_digests.get(target):
            raise AudioError(f"{path} is no longer what was scored")
    return estimates
