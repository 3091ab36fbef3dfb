"""Write a run folder: `run.json`, and each track's result, estimates and log of a failed worker.

The estimates of a track and the result that names them are several files, which cannot change in one step. So
a mark stands beside the estimates from before the first of them is replaced until the result is written. If a
kill leaves the mark behind, the track is done again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np

from svbench.audio import Audio, write_audio
from svbench.disk import remove_tree, replacing, sync
from svbench.results.record import DataRecord, Provenance, RunRecord
from svbench.results.scores import TrackResult
from svbench.results.seal import drop_seal
from svbench.results.store import locked, read_record, slug, track_file, write_record
from svbench.running.jobs import Job, dataset_digest
from svbench.systems.in_process import CALLABLE
from svbench.systems.worker.exchange import blame_system

_CHANGING = ".changing"


def write_run_record(job: Job, provenance: Provenance, *, is_new: bool, again: bool = False) -> None:
    """Write `run.json`: what was run on which data, with one provenance for each command that added to it.

    Parameters
    ----------
    job : Job
    provenance : Provenance
    is_new : bool
        Whether the command computes anything new. If not, only what the data set says now is updated.
    again : bool
        Write only if the provenance is not in the record. Where the file system has no locks, another
        process that started at the same moment may have overwritten it.
    """
    with locked(job.folder):
        path = job.folder / "run.json"
        known = read_record(path, RunRecord) if path.exists() else None
        if again and known and provenance in known.provenance:
            return
        data, spec = _data_record(job), job.located.spec
        if known and not is_new:
            updated = msgspec.structs.replace(known.data, left_out=data.left_out, read_as=data.read_as)
            if updated == known.data:
                return
            record = msgspec.structs.replace(known, data=updated)
        else:
            record = RunRecord(
                schema=1,
                system=spec,
                system_digest=spec.digest,
                protocol=job.protocol,
                protocol_digest=job.protocol.digest,
                quantities=job.bound.quantities,
                data=data,
                provenance=(*(known.provenance if known else ()), provenance),
                system_folder="" if spec.adapter == CALLABLE else str(job.located.folder.resolve()),
            )
        drop_seal(job.folder)
        write_record(path, record)


def _data_record(job: Job) -> DataRecord:
    dataset, head = job.dataset, job.dataset.manifest.head
    skipped = [f"{f.track}: {f.message}" if f.track else f.message for f in dataset.skipped]
    return DataRecord(
        id=head.id,
        version=head.version,
        title=head.title,
        digest=dataset_digest(dataset),
        root=str(dataset.root.resolve()),
        manifest=str(dataset.manifest.path.resolve()),
        subset=dataset.subset or "",
        tracks=tuple(t.name for t in dataset.tracks),
        left_out=(*skipped, *job.scorable[1]),
        read_as=dataset.read_as,
        variant=dataset.variant,
        variants=dataset.variants,
        variant_version=dataset.variant_version,
        expects=dataset.expects,
        manifest_digest=dataset.manifest.digest,
    )


def keep_result(folder: Path, result: TrackResult) -> None:
    """Write the result of a track. Its estimates must be written before it, by `keep_estimates`."""
    write_record(track_file(folder, result.track), result)
    (_estimates_folder(folder, result.track) / _CHANGING).unlink(missing_ok=True)
    if not result.log:
        (folder / _log(result.track)).unlink(missing_ok=True)


def keep_estimates(
    folder: Path,
    track: str,
    estimates: Mapping[str, Audio],
    digests: Mapping[str, str],
    known_files: dict[str, Path],
) -> dict[str, str]:
    """Write the estimates of a track as float WAV into a run folder, each file completely or not at all.

    Parameters
    ----------
    folder : Path
        The run folder.
    track : str
    estimates : mapping of str to Audio
    digests : mapping of str to str
        Digest of the samples of each target.
    known_files : dict of digest to Path
        Files that hold the samples already. They are linked, or copied where the file system has no hard
        links. Files that are written are added.

    Returns
    -------
    dict of target to path relative to the run folder
    """
    place = _estimates_folder(folder, track)
    place.mkdir(parents=True, exist_ok=True)
    (place / _CHANGING).touch()
    sync(place)  # the mark must be on the disk before the first estimate is replaced
    kept = {}
    for target, audio in estimates.items():
        path, known = place / f"{slug(target)}.wav", known_files.get(digests[target])
        kept[target] = path.relative_to(folder).as_posix()
        if known is None:
            with replacing(path) as partial:
                write_audio(partial, audio)
        elif not (path.exists() and path.samefile(known)):
            with replacing(path) as partial:
                try:
                    os.link(known, partial)
                except OSError:  # the file system has no hard links, or the file has too many
                    shutil.copyfile(known, partial)
        known_files[digests[target]] = path
    return kept


def is_changing(folder: Path, track: str) -> bool:
    """Whether the estimates may not belong to the result, because svbench was killed between the two."""
    return (_estimates_folder(folder, track) / _CHANGING).exists()


def has_estimates(folder: Path, known: TrackResult) -> bool:
    """Whether the estimates of a result were kept and still exist."""
    return bool(known.estimates) and all((folder / p).is_file() for p in known.estimates.values())


def hand_over(folder: Path, estimates: Mapping[str, Audio], digests: Mapping[str, str]) -> dict[str, Path]:
    """Write estimates to a scratch folder for the scoring processes; return their paths by target.

    Files are named by their digests, so that equal samples are written once.

    Raises
    ------
    SystemFailure
        The scratch folder cannot be used because of what a system did to it.
    """
    paths = {target: folder / f"{digests[target]}.npy" for target in estimates}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for target, audio in estimates.items():
            if not paths[target].exists():
                np.save(paths[target], audio.samples)
    except OSError as error:
        remove_tree(folder)
        raise blame_system(error) from error
    return paths


class KeptLogs:
    """The logs of failed workers in a run folder, each kept once however many tracks failed with it.

    Parameters
    ----------
    folder : Path
        The run folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: dict[Path, str] = {}

    def keep(self, log: Path | None, track: str) -> str:
        """Copy a log; return its path inside the run folder, or an empty string if there is none.

        The log of a system that could not be loaded belongs to all its tracks. It stays under the name of
        the first.
        """
        if log is None or not log.is_file():
            return ""
        if log not in self._kept:
            path = self.folder / _log(track)
            with replacing(path) as partial:
                shutil.copyfile(log, partial)
            self._kept[log] = path.relative_to(self.folder).as_posix()
        return self._kept[log]


def _log(track: str) -> str:
    return f"logs/{slug(track)}.txt"


def _estimates_folder(folder: Path, track: str) -> Path:
    return folder / "estimates" / slug(track)
