"""What is to be run: one job for each system, protocol and variant, and which jobs share a separation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import msgspec

from svbench.datasets.api import Dataset
from svbench.errors import SpecError
from svbench.probes.tracks import probed
from svbench.results.integrity import data_digest
from svbench.results.store import run_name
from svbench.scoring.coverage import nothing_to_score, scorable_sets
from svbench.specs.protocol import ORIGINAL, Protocol
from svbench.specs.system import AS_ASKED, LocatedSystem

Redo = Literal["never", "missing", "failed", "all"]


class Job(msgspec.Struct, frozen=True, dict=True):
    """One system on one protocol and data set, with what the user asked for.

    ``original`` is the run folder that holds the estimates of the original, for a variant whose
    protocol compares with them. ``may_reuse`` says whether estimates that another run keeps may be scored.
    """

    located: LocatedSystem
    protocol: Protocol
    dataset: Dataset
    folder: Path
    redo: Redo = "failed"
    keep_estimates: bool = False
    original: Path | None = None
    may_reuse: bool = True

    @cached_property
    def scorable(self) -> tuple[tuple[str, ...], list[str]]:
        """Target sets that this data set has references for, and why others are left out; looked up once.

        Raises
        ------
        DataError
            No set can be scored.
        """
        sets, left_out = scorable_sets(self.dataset.tracks, self.protocol)
        if not sets:
            raise nothing_to_score(self.dataset.root, self.protocol, left_out)
        return sets, left_out


def job_folder(out: Path, located: LocatedSystem, protocol: Protocol, dataset: Dataset) -> Path:
    """Return the run folder for a job, named by who, how and on what."""
    return out / run_name(located.spec, protocol, dataset_digest(dataset))


def jobs_of(
    located: LocatedSystem,
    protocol: Protocol,
    dataset: Dataset,
    out: Path,
    redo: Redo = "failed",
    keep_estimates: bool = False,
) -> list[Job]:
    """Make the jobs of one system: one, or one for each variant of a protocol with probes.

    The original comes first, and keeps its estimates if the protocol compares with them.

    Raises
    ------
    SpecError
        The protocol compares with the original, and its probes leave it out; or the system has random
        weights, and the protocol limits nothing, so that all it would tell are meaningless scores.
    """
    if located.spec.random_weights and not protocol.limits:
        raise SpecError(
            f"protocol {protocol.id}",
            "limits",
            f"has none, and with random weights only cost can be measured: run {located.spec.id} under a "
            "protocol with limits (mdx21-round1, sdx23), or use `svbench profile --random-weights`",
        )
    parts = sorted(probed(dataset, protocol), key=lambda d: d.variant != ORIGINAL)
    folders = [job_folder(out, located, protocol, d) for d in parts]
    if not protocol.compares_originals:
        return [
            Job(located, protocol, d, f, redo, keep_estimates) for d, f in zip(parts, folders, strict=True)
        ]
    if parts[0].variant != ORIGINAL:
        raise SpecError(
            f"protocol {protocol.id}", "probes", f"its metrics need a variant {ORIGINAL!r}; it has none"
        )
    return [
        Job(located, protocol, d, f, redo, keep_estimates or i == 0, folders[0] if i else None)
        for i, (d, f) in enumerate(zip(parts, folders, strict=True))
    ]


def dataset_digest(dataset: Dataset) -> str:
    """Digest of the manifest, of which of its tracks are measured, and in which variant."""
    return data_digest(dataset.manifest.digest, [t.name for t in dataset.tracks], dataset.variant)


def share(jobs: Sequence[Job]) -> list[list[Job]]:
    """Group the jobs of which one separation serves all, in the order of their first ones.

    They have the same system, tracks and limits. Limits decide how a system is run, so protocols with
    different ones separate for themselves.
    """
    groups: list[list[Job]] = []
    for job in jobs:
        for group in groups:
            if _alike(group[0], job):
                if job.folder not in [j.folder for j in group]:
                    group.append(job)
                break
        else:
            groups.append([job])
    return groups


def _alike(one: Job, other: Job) -> bool:
    as_asked = one.located.spec.adapter in AS_ASKED
    return (
        one.located == other.located
        and one.protocol.limits == other.protocol.limits
        and (one.redo, one.may_reuse) == (other.redo, other.may_reuse)
        and (one.protocol.targets == other.protocol.targets or not as_asked)
        and one.dataset.tracks == other.dataset.tracks
    )
