"""Kept estimates of runs: write them completely, find them for another protocol, store them once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from svbench.audio import Audio, audio_info, read_audio, samples_digest, write_audio
from svbench.datasets.api import Track
from svbench.disk import replacing
from svbench.errors import AudioError, SvbenchError
from svbench.results.foreign import inside
from svbench.results.scores import SeparationRecord, TrackResult
from svbench.results.store import RunRecord, read_record, slug
from svbench.running.originals import has_estimates
from svbench.running.separation import Separated
from svbench.running.track_files import estimates_folder, mark_changing
from svbench.scoring.coverage import covered_sets
from svbench.specs.protocol import Alignment, Protocol


class Kept(msgspec.Struct, frozen=True):
    """A separation found in a run folder, with its record and its files by the digests of their samples.

    The first two are None where there is none; ``notes`` say what a reader of the scores must know.
    """

    separated: Separated | None
    made: SeparationRecord | None
    paths: dict[str, Path]
    notes: tuple[str, ...]


def find_kept(
    runs: Path, system_id: str, track: Track, key: str, asked: Sequence[str], protocols: Sequence[Protocol]
) -> Kept:
    """Look for kept estimates of a track that a set of protocols can score.

    Parameters
    ----------
    runs : Path
        Folder of run folders.
    system_id : str
    track : Track
    key : str
        See `svbench.scoring.result_key.separation_key`.
    asked : sequence of str
        Targets the system would be asked for.
    protocols : sequence of Protocol

    Returns
    -------
    Kept
        Every file is compared with the digest of what was scored, so that
        a damaged or edited estimate is never used.
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
            continue  # another run's damage is no reason not to do this one
        try:
            return _read(folder, result, made, track)
        except SvbenchError as error:
            notes.append(f"kept estimates of run {folder.name} are not used: {error}")
    return Kept(None, None, {}, tuple(notes))


def _serves(
    made: SeparationRecord,
    track: Track,
    asked: Sequence[str],
    protocols: Sequence[Protocol],
    rule: Alignment | None,
) -> bool:
    """Whether the system would return the same estimates for the protocols if it ran now.

    ``rule`` is the alignment rule that shaped the estimates, if one did.
    """
    if rule is not None and any(p.alignment != rule for p in protocols):
        return False
    whole = all(len(covered_sets(made.given, p, track.targets)) == len(p.target_sets) for p in protocols)
    # If asked for more targets, the system might return more than it did before.
    return whole or set(asked) <= set(made.asked)


def _read(folder: Path, result: TrackResult, made: SeparationRecord, track: Track) -> Kept:
    """Read the estimates that the system gave, refusing files that are not what was scored."""
    estimates = kept_audio(folder, result)
    paths = {result.estimate_digests[t]: folder / result.estimates[t] for t in estimates}
    if lost := [t for t in made.given if t not in estimates]:
        raise AudioError(f"no file is named of {', '.join(lost)}")
    if (resources := result.resources) is None:
        raise AudioError(f"{folder} does not say what they cost")
    given = {t: estimates[t] for t in made.given}
    separated = Separated(given, track, made.given, result.system_version, resources, made.notes)
    origin = msgspec.structs.replace(made, origin=folder.name)
    note = f"not separated again: estimates and resources of run {folder.name}"
    return Kept(separated, origin, paths, (note,))


def kept_audio(folder: Path, result: TrackResult) -> dict[str, Audio]:
    """Read the kept estimates of a result.

    Raises
    ------
    AudioError
        A file is missing, unreadable or no longer what was scored.
    """
    estimates = {}
    for target, place in result.estimates.items():
        path = inside(folder, place)
        # The digest is of the samples as they were scored, in single or double precision.
        single = audio_info(path).subtype == "FLOAT"
        estimates[target] = read_audio(path, dtype="float32" if single else "float64")
        if samples_digest(estimates[target]) != result.estimate_digests.get(target):
            raise AudioError(f"{path} is no longer what was scored")
    return estimates


def keep_estimates(
    folder: Path,
    track: str,
    estimates: Mapping[str, Audio],
    digests: Mapping[str, str],
    here: dict[str, Path],
) -> dict[str, str]:
    """Put estimates as float WAV into a run folder, each completely or not at all; write the result after it.

    Parameters
    ----------
    folder : Path
        The run folder.
    track : str
    estimates : mapping of str to Audio
    digests : mapping of str to str
        Of the samples of each target.
    here : dict of digest to Path
        Files that hold the samples already, which are linked, or copied where the file system has
        no hard links. What is written is added.

    Returns
    -------
    dict of target to path relative to the run folder
    """
    place = estimates_folder(folder, track)
    mark_changing(folder, track)
    kept = {}
    for target, audio in estimates.items():
        path, known = place / f"{slug(target)}.wav", here.get(digests[target])
        kept[target] = path.relative_to(folder).as_posix()
        if known is None or not (path.exists() and path.samefile(known)):
            _put(path, audio, known)
        here[digests[target]] = path
    return kept


def _put(path: Path, audio: Audio, known: Path | None) -> None:
    """Write a file, or link a known one, under another name first: a kill leaves no half of it."""
    with replacing(path) as partial:
        if known is None:
            write_audio(partial, audio)
        else:
            try:
                os.link(known, partial)
            except OSError:  # no hard links here, or too many
                shutil.copyfile(known, partial)
