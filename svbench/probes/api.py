"""The contract of a probe: a list of variants, each a pure function of a track's audio and a seed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from svbench.audio import Audio
from svbench.errors import SpecError
from svbench.specs.library import load_plugin
from svbench.specs.protocol import Protocol

References = Mapping[str, Audio]
Expects = Literal["", "invariant", "equivariant", "degraded"]


@dataclass(frozen=True)
class Variant:
    """One change that a probe makes to a track.

    Attributes
    ----------
    id : str
        The variant's name in results; ``original`` is the unchanged track.
    apply : callable
        ``apply(mixture, references, seed) -> (mixture, references)``, a pure function. References are
        keyed by target; a target may be missing, and one may be added. It is pickled for the scoring
        processes, so it must be a function of a module or a dataclass with ``__call__``.
    undo : callable or None
        Reverses the change in estimates, where that is possible; they are then scored against the
        references of the recorded track.
    length : callable or None
        ``length(n_samples, rate_hz) -> n_samples`` where the length of the track changes.
    keeps_references : bool
        ``apply`` changes the mixture only, and need not be called for references.
    expects : {"", "invariant", "equivariant", "degraded"}
        What should happen to estimates: they stay the same; they change as the mixture does; or the
        mixture loses something that no system can restore. Empty where nothing is claimed.
    missing : str
        A sentence that says why the variant cannot be made here; it is then listed and not run.
    version : str
        Must change whenever the output changes; part of every result's key.
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
    """Return a track as it is."""
    return mixture, references


def variants(protocol: Protocol) -> list[Variant]:
    """List the variants that a protocol asks for; none for a protocol without probes.

    Raises
    ------
    UnknownNameError
        There is no such probe.
    SpecError
        A parameter is unknown or has no valid value, or two variants have the same id.
    """
    made: list[Variant] = []
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
        made += make(**use.parameters)
    ids = [v.id for v in made]
    if len(set(ids)) < len(ids):
        raise SpecError(
            f"protocol {protocol.id}", "probes", f"two variants have the same id: {', '.join(ids)}"
        )
    return made
