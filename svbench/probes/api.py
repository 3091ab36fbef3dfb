"""What a probe is: a list of variants, each a pure function of a track's audio and a seed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from svbench.audio import Audio
from svbench.errors import SpecError
from svbench.specs.plugins import load_plugin
from svbench.specs.protocol import Protocol

References = Mapping[str, Audio]
Expects = Literal["", "invariant", "equivariant", "degraded"]


@dataclass(frozen=True)
class Variant:
    """One thing a probe makes of a track.

    Attributes
    ----------
    id : str
        Names the variant in results; ``original`` is the track unchanged.
    apply : callable
        ``apply(mixture, references, seed) -> (mixture, references)``, pure. References are by
        target; a target may be missing, or appear. Scoring processes get it by pickling, so it is
        a function of a module or a dataclass with ``__call__``.
    undo : callable or None
        Brings estimates back to where the original's lie, where that is possible; they are then
        scored against the references of the recorded track.
    length : callable or None
        ``length(n_samples, rate_hz) -> n_samples`` where the length of the track changes.
    keeps_references : bool
        ``apply`` changes the mixture only, and need not be called for references.
    expects : {"", "invariant", "equivariant", "degraded"}
        What should become of estimates: they stay; they change as the mixture does; or something is
        lost in the mixture that no system can bring back. Empty where nothing is claimed.
    missing : str
        Why the variant cannot be made here, in a sentence; it is then listed and not run.
    version : str
        Raised, or different, whenever the output changes; part of every result's key.
    notes : tuple of str
        What a reader should know, e.g. material that was left out.
    """

    id: str
    apply: Callable[[Audio, References, int], tuple[Audio, References]]
    undo: Callable[[References], References] | None = None
    length: Callable[[int, int], int] | None = None
    keeps_references: bool = False
    expects: Expects = ""
    missing: str = ""
    version: str = "1"
    notes: tuple[str, ...] = ()


def unchanged(mixture: Audio, references: References, seed: int) -> tuple[Audio, References]:
    """Give a track back as it is."""
    return mixture, references


def variants(protocol: Protocol) -> list[Variant]:
    """List the variants a protocol asks for; none for a protocol without probes.

    Raises
    ------
    UnknownNameError
        No such probe.
    SpecError
        A parameter makes no sense, or two variants have one id.
    """
    found = []
    for i, use in enumerate(protocol.probes):
        make = load_plugin("probe", use.id)
        takes = list(inspect.signature(make).parameters)
        unknown = sorted(set(use.parameters) - set(takes))
        if unknown:
            raise SpecError(
                f"protocol {protocol.id}",
                f"probes[{i}].parameters.{unknown[0]}",
                f"unknown parameter; {use.id} takes {', '.join(takes) or 'none'}",
            )
        found += make(**use.parameters)
    ids = [v.id for v in found]
    if len(set(ids)) < len(ids):
        raise SpecError(f"protocol {protocol.id}", "probes", f"two variants have one id: {', '.join(ids)}")
    return found
