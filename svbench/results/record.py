"""What `run.json` says: the system, the protocol with its quantities, the data set, and who ran what."""

from __future__ import annotations

from typing import Literal

from svbench.results.provenance import Provenance
from svbench.specs.protocol import Protocol
from svbench.specs.records import Record
from svbench.specs.system import SystemSpec

SCHEMA: Literal[1] = 1
IMPORTED = "imported"  # stands for the adapter of systems known by their scores only


class Quantity(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a quantity is printed, which way is better, and which metric of the protocol gives it."""

    name: str
    unit: str
    higher_is_better: bool
    metric: str
    improvement: bool = False
    against: Literal["references", "original"] = "references"


class DataRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The data set a run measured on. ``root`` is where it lay then; players look there.

    ``left_out`` says what of the data set was not measured, ``read_as`` which files are not named exactly
    after their stems, and what they were read as.
    ``manifest_digest`` with ``tracks`` and ``variant`` gives ``digest``; older runs do not have it.
    ``variant`` names what a probe made of its tracks, ``variants`` all that the protocol wants, in
    order; both are empty without a probe. ``variant_version`` names the code, and the coder or the
    clips, that made it. ``expects`` says what should become of the original's
    estimates: invariant, equivariant or degraded; empty where nothing is claimed.
    """

    id: str
    version: str
    title: str
    digest: str
    root: str
    manifest: str
    subset: str
    tracks: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    read_as: tuple[str, ...] = ()
    variant: str = ""
    variants: tuple[str, ...] = ()
    variant_version: str = ""
    expects: str = ""
    manifest_digest: str = ""


class RunRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``run.json`` says; one provenance for each command that added to the run.

    ``system_folder`` is where the system's file lay, from which its relative paths start; empty for runs
    without such a file.
    """

    schema: Literal[1]
    system: SystemSpec
    system_digest: str
    protocol: Protocol
    protocol_digest: str
    quantities: tuple[Quantity, ...]
    data: DataRecord
    provenance: tuple[Provenance, ...]
    system_folder: str = ""

    @property
    def marks(self) -> tuple[str, ...]:
        """What must stand beside the system's name wherever its numbers do."""
        kind = self.system.kind
        return (
            *([kind] if kind != "system" else []),
            *(["imported"] if self.imported else []),
            *(["random weights: scores mean nothing"] if self.system.random_weights else []),
        )

    @property
    def takes_rank(self) -> bool:
        """Whether the system competes: an oracle sees the references, random weights hear nothing."""
        return self.system.kind != "oracle" and not self.system.random_weights

    @property
    def imported(self) -> bool:
        """Whether the scores were read from another tool's files, not computed here."""
        return self.system.adapter == IMPORTED
