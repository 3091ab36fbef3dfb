"""Write `run.json`: what was run on which data, with one provenance for each command that added to it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from svbench.results.provenance import Provenance
from svbench.results.seal import drop_seal
from svbench.results.store import DataRecord, RunRecord, locked, read_record, write_record
from svbench.running.jobs import Job, dataset_digest
from svbench.scoring.track import quantities_of
from svbench.systems.in_process import CALLABLE


def write_run_record(job: Job, provenance: Provenance, *, is_new: bool, again: bool = False) -> None:
    """Write the run's record; where nothing new is computed, only what the data set says now changes.

    ``again`` only makes sure that the provenance is there: where the file system has no locks, another
    process that started at the same moment may have written its own over it.
    """
    with locked(job.folder):
        path = job.folder / "run.json"
        known = read_record(path, RunRecord) if path.exists() else None
        if not (again and known and provenance in known.provenance):
            _add_provenance(job, provenance, path, known, is_new=is_new)


def _add_provenance(
    job: Job, provenance: Provenance, path: Path, known: RunRecord | None, *, is_new: bool
) -> None:
    data = _data_record(job)
    if known and not is_new:
        now = msgspec.structs.replace(known.data, left_out=data.left_out, read_as=data.read_as)
        if now != known.data:
            drop_seal(job.folder)
            write_record(path, msgspec.structs.replace(known, data=now))
        return
    spec = job.located.spec
    record = RunRecord(
        schema=1,
        system=spec,
        system_digest=spec.digest,
        protocol=job.protocol,
        protocol_digest=job.protocol.digest,
        quantities=quantities_of(job.protocol),
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
