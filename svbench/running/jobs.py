"""What to run: one job for each system, protocol and variant; and which jobs can share a separation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import msgspec

from svbench.datasets.api import Dataset
from svbench.errors import SpecError
from svbench.probes.tracks import probed
from svbench.results.record import data_digest
from svbench.results.store import run_name
from svbench.scoring.bound import BoundProtocol, bind
from svbench.scoring.coverage import covered_sets, nothing_to_score, scorable_sets
from svbench.specs.protocol import ORIGINAL, Protocol
from svbench.specs.system import AS_ASKED, LocatedSystem

Redo = Literal["never", "missing", "failed", "all"]


class Job(msgspec.Struct, frozen=True, dict=True):
    """One system on one protocol and data set, with the user's options.

    Attributes
    ----------
    located : LocatedSystem
    protocol : Protocol
    dataset : Dataset
    folder : Path
        The run folder.
    redo : {"never", "missing", "failed", "all"}
        Which stored results to compute again.
    keep_estimates : bool
    original : Path or None
        The run folder with the estimates of the original, for a variant whose protocol compares with them.
    may_reuse : bool
        Whether estimates that another run keeps may be scored.
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
    def bound(self) -> BoundProtocol:
        """The protocol with its metrics."""
        return bind(self.protocol)

    @cached_property
    def scorable(self) -> tuple[tuple[str, ...], list[str]]:
        """Target sets that this data set has references for, and why others are left out.

        Raises
        ------
        DataError
            No set can be scored.
        """
        sets, left_out = scorable_sets(self.dataset.tracks, self.protocol)
        if not sets:
            raise nothing_to_score(self.dataset.root, self.protocol, left_out)
        return sets, left_out

    def covered(self, targets: Collection[str]) -> tuple[str, ...]:
        """Return the ids of the target sets that are scored if a system gives these targets."""
        sets = covered_sets(targets, self.protocol, self.dataset.manifest.head.targets)
        return tuple(s.id for s in sets if s.id in self.scorable[0])


def job_folder(out: Path, located: LocatedSystem, protocol: Protocol, dataset: Dataset) -> Path:
    """Return the run folder of a job, named after its system, protocol and data."""
    return out / run_name(located.spec, protocol, dataset_digest(dataset))


def jobs_of(
    located: LocatedSystem,
    protocol: Protocol,
    dataset: Dataset,
    out: Path,
    redo: Redo = "failed",
    keep_estimates: bool = False,
) -> list[Job]:
    """Make the jobs of one system: one, or one for each variant if the protocol has probes.

    The unchanged data come first; their estimates are kept if the protocol compares variants with them.

    Raises
    ------
    SpecError
        The protocol compares with the original, but its probes do not include it; or the system has random
        weights and the protocol has no limits, so that the run would give meaningless scores only.
    """
    if located.spec.random_weights and not protocol.limits:
        raise SpecError(
            f"protocol {protocol.id}",
            "limits",
            f"has none, and with random weights only cost can be measured: run {located.spec.id} under a "
            "protocol with limits (mdx21-round1, sdx23), or use `svbench profile --random-weights`",
        )
    parts = sorted(probed(dataset, protocol), key=lambda d: d.variant != ORIGINAL)
    compares = protocol.compares_originals
    if compares and parts[0].variant != ORIGINAL:
        raise SpecError(
            f"protocol {protocol.id}", "probes", f"its metrics need a variant {ORIGINAL!r}; it has none"
        )
    jobs: list[Job] = []
    for part in parts:
        keep = keep_estimates or (compares and not jobs)
        original = jobs[0].folder if compares and jobs else None
        folder = job_folder(out, located, protocol, part)
        jobs.append(Job(located, protocol, part, folder, redo, keep, original))
    return jobs


def dataset_digest(dataset: Dataset) -> str:
    """Return the digest of the manifest, the names of the tracks and the variant."""
    return data_digest(dataset.manifest.digest, [t.name for t in dataset.tracks], dataset.variant)


def share(jobs: Sequence[Job]) -> list[list[Job]]:
    """Group the jobs that can share one separation, in the order of the first job of each group.

    They have the same system, tracks and limits. Limits decide how a system is run, so protocols with
    different limits do not share a separation.
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
