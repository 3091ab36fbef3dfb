"""The contract of a separation system: information about itself, and ``separate``.

A plain class with these members is enough; nothing has to be inherited. This module and all adapters run in
the worker process, possibly under a foreign interpreter that has numpy and soundfile only (Python 3.9 or
later), so nothing else may be imported here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from svbench.audio import Audio, Samples


@dataclass(frozen=True)
class SystemInfo:
    """A loaded system's information about itself.

    Attributes
    ----------
    id, version : str
        ``version`` is the version of the model or program, for the record.
    targets : tuple of str
        The targets that it estimates; it may leave out those that a mixture does not contain.
    rate_hz : int or None
        The rate at which it works; mixtures are resampled to it, and estimates back. None: any rate.
    deterministic : bool
        Whether the same mixture always gives the same samples.
    streaming : bool
        Whether it also has ``stream``, see `StreamingSystem`.
    needs : frozenset of {"track", "references"}
        Further keywords that ``separate`` takes: the track's name (for estimates made elsewhere) or the
        references (oracles only).
    """

    id: str
    targets: tuple[str, ...]
    version: str = ""
    rate_hz: int | None = None
    deterministic: bool = True
    streaming: bool = False
    needs: frozenset[str] = field(default_factory=frozenset)


class System(Protocol):
    """A loaded separation system."""

    info: SystemInfo

    def separate(self, mixture: Audio, **needed: Any) -> dict[str, Audio]:
        """Separate one mixture.

        Parameters
        ----------
        mixture : Audio
        track : str
            Only if ``"track"`` is in ``info.needs``.
        references : dict of str to Audio
            Only if ``"references"`` is in ``info.needs``; targets without a reference are left out.

        Returns
        -------
        dict of str to Audio
            One estimate per target of ``info.targets``, with the mixture's length, rate and channels. A
            target that the mixture does not contain may be missing.
        """


class Stream(Protocol):
    """A mixture that is fed to a streaming system hop by hop.

    Everything that ``push`` and ``finish`` return, concatenated, is the estimate. It is aligned with the
    mixture, as that of ``separate`` is, and as long as what was pushed. A system that looks further ahead
    than the hop returns fewer samples than it was given at first, and the rest from ``finish``.
    """

    hop_samples: int

    def push(self, block: Samples) -> dict[str, Samples]:
        """Take the next block, shape (hop_samples, n_channels), and return the next samples of each target.

        Each target has the same number of samples, shape (n, n_channels). An empty dict means none yet.
        """

    def finish(self) -> dict[str, Samples]:
        """Return the samples that are still missing; no block follows."""


class StreamingSystem(System, Protocol):
    """A system with ``streaming=True``: it can also be fed hop by hop."""

    def stream(self, rate_hz: int, n_channels: int) -> Stream:
        """Start a new stream for a mixture of unknown length."""


@dataclass(frozen=True)
class Context:
    """The arguments of an adapter factory besides the parameters of the system file.

    An adapter is any ``factory(parameters: dict, context: Context) -> System``.

    Attributes
    ----------
    system_id : str
    folder : Path
        Paths in the system file are relative to this folder.
    targets : tuple of str
        The targets that the protocols ask for. What a system gives for one must not depend on the others,
        since a separation is shared by protocols that score different targets.
    weights : tuple of Path
        The weights files of the system, whose digests have been checked.
    random_weights : bool
        Whether a network may keep random weights, to measure what it costs.
    """

    system_id: str
    folder: Path
    targets: tuple[str, ...]
    weights: tuple[Path, ...] = ()
    random_weights: bool = False
