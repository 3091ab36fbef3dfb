"""A mixture through a streaming system, hop by hop: what came out, and what each hop cost.

`stream_through` runs in the worker and only notes; judging the notes is left to svbench itself. Like
all that runs there it needs numpy and the standard library only, and the syntax of Python 3.9.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from svbench.audio import Audio, Samples
from svbench.systems.worker import end_twin


@dataclass(frozen=True, eq=False)
class Streamed:
    """What a system gave and took while it was fed.

    Attributes
    ----------
    hop_samples, rate_hz : int
    estimates : mapping of str to Audio
        As long as the mixture; empty where they were dropped.
    push_s : ndarray, shape (n_hops,)
        Seconds that each ``push`` took.
    held_samples : ndarray of int, shape (n_hops,)
        How many of the samples pushed so far had no estimate yet when ``push`` returned.
    rss_bytes : ndarray of int, shape (n_seconds,)
        Resident memory of the worker after each second of audio; empty where the platform does not tell.
    """

    hop_samples: int
    rate_hz: int
    estimates: Mapping[str, Audio]
    push_s: NDArray[np.float64]
    held_samples: NDArray[np.int64]
    rss_bytes: NDArray[np.int64]


def stream_through(system: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Feed a mixture to a loaded system and note every hop.

    Parameters
    ----------
    system : StreamingSystem
    request : dict
        ``mixture``: path of an ``.npy`` file, ``rate_hz``, ``n_samples``: how many to feed, starting
        over at the mixture's end; ``keep``: whether to write the estimates; ``out``: a folder.

    Returns
    -------
    dict
        ``hop_samples``, and the targets whose ``estimates`` were written, in order.

    Raises
    ------
    TypeError, ValueError
        The system breaks the contract of `svbench.systems.api.Stream`.
    """
    if not hasattr(system, "stream"):
        raise TypeError("it has no stream(rate_hz, n_channels), so its info must not say streaming=True")
    samples, rate_hz, n_samples = np.load(request["mixture"]), request["rate_hz"], request["n_samples"]
    stream = system.stream(rate_hz, samples.shape[1])
    hop = stream.hop_samples
    if not isinstance(hop, int) or hop < 1:
        raise ValueError(f"hop_samples is {hop!r}, expected a whole number of at least 1")
    # Music ends in the middle of a hop; silence fills the last one.
    n_hops = -(-n_samples // hop)
    # Filled now, since pages that are first touched later would look like a leak of the system.
    push_s, held = np.full(n_hops, -1.0), np.full(n_hops, -1)
    memory = np.full(n_samples // rate_hz, -1)
    kept = _Kept(system.info.targets, samples.shape[1], keep=request["keep"])
    n_seconds = 0
    for k in range(n_hops):
        block = _block(samples, k * hop, hop, n_samples)
        before = time.perf_counter()
        given = stream.push(block)
        push_s[k] = time.perf_counter() - before
        kept.add(given, "push")
        held[k] = (k + 1) * hop - kept.n_samples
        if (k + 1) * hop // rate_hz > n_seconds and n_seconds < len(memory):
            seconds = min((k + 1) * hop // rate_hz, len(memory))
            memory[n_seconds:seconds] = _rss_bytes() or -1
            n_seconds = seconds
    kept.add(stream.finish(), "finish")
    if kept.n_samples != n_hops * hop:
        raise ValueError(
            f"it was pushed {n_hops * hop} samples and gave {kept.n_samples}; what push and finish return "
            "must be as long in all"
        )
    end_twin(request["pid"])
    out = Path(request["out"])
    for name, array in (("push_s", push_s), ("held_samples", held), ("rss_bytes", memory[memory > 0])):
        np.save(out / f"{name}.npy", array)
    return {"hop_samples": hop, "estimates": kept.save(out, n_samples)}


class _Kept:
    """Checks, counts and, if asked, keeps what a stream returns."""

    def __init__(self, targets: tuple[str, ...], n_channels: int, keep: bool) -> None:
        self.targets, self.n_channels, self.keep = targets, n_channels, keep
        self.n_samples = 0
        self.parts: dict[str, list[Samples]] = {t: [] for t in targets}

    def add(self, given: Any, method: str) -> None:
        if given == {}:
            return
        if not isinstance(given, dict) or set(given) != set(self.targets):
            found = ", ".join(map(str, given)) if isinstance(given, dict) else type(given).__name__
            raise TypeError(
                f"{method} returned {found or 'nothing'}, expected an array for each of "
                f"{', '.join(self.targets)}"
            )
        lengths = {}
        for target, samples in given.items():
            shape = getattr(samples, "shape", None)
            if shape is None or len(shape) != 2 or shape[1] != self.n_channels:
                raise TypeError(
                    f"{method} returned {shape or type(samples).__name__} for {target}, expected an array of "
                    f"shape (n_samples, {self.n_channels})"
                )
            lengths[target] = shape[0]
        if len(set(lengths.values())) > 1:
            raise ValueError(f"{method} returned different numbers of samples: {lengths}")
        self.n_samples += next(iter(lengths.values()))
        if self.keep:
            for target, samples in given.items():
                self.parts[target].append(np.array(samples))  # the system may use its buffer again

    def save(self, out: Path, n_samples: int) -> list[str]:
        """Write the estimates in the order of the targets returned."""
        if not self.keep:
            return []
        for number, parts in enumerate(self.parts.values()):
            np.save(out / f"{number}.npy", np.concatenate(parts)[:n_samples])
        return list(self.parts)


def _block(samples: Samples, start: int, hop: int, n_samples: int) -> Samples:
    """Samples from a start on, the recording over and over; zeros after the last one asked for."""
    block = np.take(samples, np.arange(start, start + hop), axis=0, mode="wrap")
    block[max(0, n_samples - start) :] = 0
    return block


def _rss_bytes() -> int | None:
    """Resident memory of this process now, where /proc tells."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
