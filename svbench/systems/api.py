"""What a separation system is: information about itself, and ``separate``.

Plain classes with these members are enough; nothing has to be inherited. This module and all
adapters run in the worker process, also under a foreign interpreter that has numpy and soundfile
only (Python 3.9 or later), so nothing else may be imported here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from svbench.audio import Audio, Samples


@dataclass(frozen=True)
class SystemInfo:
    """What a loaded system says of itself.

    Attributes
    ----------
    id, version : str
        ``version`` is that of the model or program, for the record.
    targets : tuple of str
        Targets it gives; it may leave out those that a mixture does not contain.
    rate_hz : int or None
        The rate it works at; mixtures are resampled to it and estimates back. None: any rate.
    deterministic : bool
        Whether the same mixture always gives the same samples.
    streaming : bool
        Whether it also has ``stream``, see `StreamingSystem`.
    needs : frozenset of {"track", "references"}
        Further keywords ``separate`` wants: the track's name (estimates made elsewhere) or the
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
    """A separation system, loaded and ready."""

    info: SystemInfo

    def separate(self, mixture: Audio, **needed: Any) -> dict[str, Audio]:
        """Separate one mixture.

        Parameters
        ----------
        mixture : Audio
        track : str
            Only if ``"track"`` is in ``info.needs``.
        references : dict of str to Audio
            Only if ``"references"`` is in ``info.needs``; absent targets are left out.

        Returns
        -------
        dict of str to Audio
            One estimate per target of ``info.targets``, with the mixture's length, rate and channels. A
            target that the mixture does not contain may be missing.
        """


class Stream(Protocol):
    """One mixture on its way through a streaming system, a hop at a time.

    All that ``push`` and ``finish`` return, joined, is the estimate, aligned with the mixture as that of
    ``separate`` is, and as long as what was pushed. A system that needs to hear further than the
    hop returns less than it was given at first, and the rest from ``finish``.
    """

    hop_samples: int

    def push(self, block: Samples) -> dict[str, Samples]:
        """Take the next block, shape (hop_samples, n_channels); return the next samples of each target.

        Every target gets the same number of samples, shape (n, n_channels). An empty dict: none yet.
        """

    def finish(self) -> dict[str, Samples]:
        """Return what is still held back; no block follows."""


class StreamingSystem(System, Protocol):
    """A system that says ``streaming=True``: it can also be fed hop by hop."""

    def stream(self, rate_hz: int, n_channels: int) -> Stream:
        """Start afresh on a mixture of unknown length."""


@dataclass(frozen=True)
class Context:
    """What an adapter factory is told besides the system file's parameters.

    An adapter is any ``factory(parameters: dict, context: Context) -> System``.

    Attributes
    ----------
    system_id : str
    folder : Path
        Relative paths in the system file start here.
    targets : tuple of str
        Targets the protocols ask for. What a system gives for one must not depend on the others, since
        a separation is shared by protocols that score different targets.
    weights : tuple of Path
        Weights files of the system, digests already checked.
    random_weights : bool
        Whether a network may be left with random weights, to measure what it costs.
    """

    system_id: str
    folder: Path
    targets: tuple[str, ...]
    weights: tuple[Path, ...] = ()
    random_weights: bool = False
