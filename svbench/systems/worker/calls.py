"""Calls of a loaded system inside the worker: separate a whole mixture, or feed it hop by hop.

What the system returns is checked here, where its own names are known and a traceback still helps its
author; svbench checks the files once more, see `svbench.systems.worker.exchange`. Times are taken around the
call alone: reading and writing files is never counted. Needs numpy and the syntax of Python 3.9 only.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from svbench.audio import Audio, Samples, check_samples, values_unchecked
from svbench.systems.worker.processes import cpu_s, end_twin, peak_rss_bytes, rss_bytes

# Rates beyond these are mistakes: telephony has 8000 Hz, the finest recordings 192,000 Hz.
LOWEST_HZ, HIGHEST_HZ = 1000, 768_000


def check_info(info: Any) -> None:
    """Check what a system says about itself, before it causes an obscure error or a wrong number later.

    Raises
    ------
    ValueError
    """
    targets, rate_hz = info.targets, info.rate_hz
    if isinstance(targets, str) or not all(isinstance(t, str) for t in targets):
        raise ValueError(f"targets must be a list of names, found {targets!r}")
    if rate_hz is None:
        return
    if type(rate_hz) is not int or rate_hz < 1:
        raise ValueError(f"rate_hz must be a positive whole number of Hz, found {rate_hz!r}")
    _check_rate(rate_hz, "rate_hz is")


def _check_rate(rate_hz: Any, subject: str) -> int:
    """Return a plausible rate as a whole number; else raise a ValueError that begins with ``subject``."""
    if not LOWEST_HZ <= rate_hz <= HIGHEST_HZ:  # also refuses NaN
        raise ValueError(f"{subject} {rate_hz} Hz, expected {LOWEST_HZ} to {HIGHEST_HZ} Hz")
    if int(rate_hz) != rate_hz:
        raise ValueError(f"{subject} {rate_hz} Hz, expected a whole number")
    return int(rate_hz)


def inputs(system: Any, request: dict[str, Any]) -> tuple[Audio, dict[str, Any]]:
    """Read what ``separate`` needs: the mixture, and by keyword the track's name and the references."""

    def read(path: str) -> Audio:
        return Audio(np.load(path), request["rate_hz"])

    keywords: dict[str, Any] = {}
    if "track" in system.info.needs:
        keywords["track"] = request["track"]
    if "references" in system.info.needs:
        keywords["references"] = {t: read(p) for t, p in request["references"].items()}
    return read(request["mixture"]), keywords


def separate(system: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Separate one mixture and write the estimates.

    Parameters
    ----------
    system : System
    request : dict
        ``mixture``: path of an ``.npy`` file of shape (n_samples, n_channels); ``rate_hz``; ``track``;
        ``references``: target → path; ``out``: the folder to write to; ``most_bytes``: the largest
        estimate that is written.

    Returns
    -------
    dict
        The reply `svbench.systems.worker.exchange.Separated`.

    Raises
    ------
    TypeError, ValueError
        The system breaks the contract of `svbench.systems.api.System`.
    """
    mixture, keywords = inputs(system, request)
    wall, cpu = time.perf_counter(), cpu_s()
    with values_unchecked():  # they are checked below, with the target's name
        estimates = system.separate(mixture, **keywords)
    wall_s, used_s = time.perf_counter() - wall, cpu_s() - cpu
    end_twin(request["pid"])  # before anything is written: a twin would write the same files
    check_dict(estimates)
    written = []
    for number, (target, audio) in enumerate(estimates.items()):
        name = f"estimate of {target!r}"
        if not isinstance(audio, Audio):
            raise TypeError(f"{name} is {type(audio).__name__}, expected svbench.audio.Audio")
        check_samples(audio.samples, name)
        if audio.samples.nbytes > request["most_bytes"]:
            raise ValueError(f"{name} has shape {audio.samples.shape}, the mixture {mixture.samples.shape}")
        rate_hz = _check_rate(audio.rate_hz, f"{name} has")
        # Must be a new file: the system may have put a pipe or a link of that name there.
        with (Path(request["out"]) / f"{number}.npy").open("xb") as file:
            np.save(file, audio.samples, allow_pickle=False)
        written.append({"target": str(target), "rate_hz": rate_hz})
    return {"estimates": written, "wall_s": wall_s, "cpu_s": used_s, "peak_rss_bytes": peak_rss_bytes()}


def check_dict(estimates: Any) -> None:
    """Check that ``separate`` returned a dict.

    Raises
    ------
    TypeError
    """
    if not isinstance(estimates, dict):
        raise TypeError(f"separate returned {type(estimates).__name__}, expected a dict of target to Audio")


def stream_through(system: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Feed a mixture to a streaming system hop by hop and record what each hop cost.

    Parameters
    ----------
    system : StreamingSystem
    request : dict
        ``mixture``: path of an ``.npy`` file of shape (n_samples, n_channels); ``rate_hz``; ``n_samples``:
        how many samples to feed, starting over at the mixture's end; ``keep``: whether to write the
        estimates; ``out``: the folder to write to.

    Returns
    -------
    dict
        ``hop_samples``, and the targets whose ``estimates`` were written, in order. Beside them are
        written ``push_s`` and ``held_samples``, shape (n_hops,), and ``rss_bytes``, shape (n_seconds,);
        `svbench.systems.worker.exchange.Streamed` says what they are.

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
    # The last hop is rarely full; it is filled with silence.
    n_hops = -(-n_samples // hop)
    # Filled at once: pages that are first touched later would look like a memory leak of the system.
    push_s, held = np.full(n_hops, -1.0), np.full(n_hops, -1)
    memory = np.full(n_samples // rate_hz, -1)
    stream_out = _StreamOutput(system.info.targets, samples.shape[1], keep=request["keep"])
    n_seconds = 0
    for k in range(n_hops):
        block = _block(samples, k * hop, hop, n_samples)
        before = time.perf_counter()
        returned = stream.push(block)
        push_s[k] = time.perf_counter() - before
        stream_out.add(returned, "push")
        held[k] = (k + 1) * hop - stream_out.n_samples
        # Memory is read once per second of audio. A hop may be longer than a second, and the silence of
        # the last hop may reach beyond the last whole second.
        if (k + 1) * hop // rate_hz > n_seconds and n_seconds < len(memory):
            seconds = min((k + 1) * hop // rate_hz, len(memory))
            memory[n_seconds:seconds] = rss_bytes(os.getpid()) or -1
            n_seconds = seconds
    stream_out.add(stream.finish(), "finish")
    if stream_out.n_samples != n_hops * hop:
        raise ValueError(
            f"it was pushed {n_hops * hop} samples and gave {stream_out.n_samples}; what push and finish "
            "return must be as long in all"
        )
    end_twin(request["pid"])
    out = Path(request["out"])
    for name, array in (("push_s", push_s), ("held_samples", held), ("rss_bytes", memory[memory > 0])):
        np.save(out / f"{name}.npy", array)
    return {"hop_samples": hop, "estimates": stream_out.save(out, n_samples)}


class _StreamOutput:
    """Checks, counts and, if asked, keeps what a stream returns."""

    def __init__(self, targets: tuple[str, ...], n_channels: int, keep: bool) -> None:
        self.targets, self.n_channels, self.keep = targets, n_channels, keep
        self.n_samples = 0
        self.parts: dict[str, list[Samples]] = {t: [] for t in targets}

    def add(self, returned: Any, method: str) -> None:
        if returned == {}:
            return
        if not isinstance(returned, dict) or set(returned) != set(self.targets):
            found = ", ".join(map(str, returned)) if isinstance(returned, dict) else type(returned).__name__
            raise TypeError(
                f"{method} returned {found or 'nothing'}, expected an array for each of "
                f"{', '.join(self.targets)}"
            )
        lengths = {}
        for target, samples in returned.items():
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
            for target, samples in returned.items():
                self.parts[target].append(np.array(samples))  # the system may reuse its buffer

    def save(self, out: Path, n_samples: int) -> list[str]:
        """Write the estimates in the order of the targets returned."""
        if not self.keep:
            return []
        for number, parts in enumerate(self.parts.values()):
            np.save(out / f"{number}.npy", np.concatenate(parts)[:n_samples])
        return list(self.parts)


def _block(samples: Samples, start: int, hop: int, n_samples: int) -> Samples:
    """Cut one hop from ``start`` on, the recording over and over, with zeros from ``n_samples`` on."""
    block = np.take(samples, np.arange(start, start + hop), axis=0, mode="wrap")
    block[max(0, n_samples - start) :] = 0
    return block
