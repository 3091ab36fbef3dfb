"""Measure how far a system looks ahead: change its input from some time on and see where its output changes.

If the first changed output sample lies before the first changed input sample, the system has looked that far
ahead. If it lies after it, the output is late by that much. What the system says about itself does not count.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from svbench.audio import Audio, Samples
from svbench.cost.streaming import Material, StreamReport, measure_stream
from svbench.errors import AudioError, SystemFailure
from svbench.results.scratch import scratch_folder
from svbench.specs.system import LocatedSystem
from svbench.systems.worker.host import WorkerHost
from svbench.systems.worker.limits import time_limit_s

THRESHOLD_DB = -120.0
# Where in the recording the input is changed. The places are odd on purpose: multiples of a common hop would
# all fall on the same position within the blocks of a system that works in blocks.
POSITIONS = (0.3137, 0.4719, 0.6853, 0.8921)
# If changes reach back into this first part of the track wherever they are made, all of the track is used.
START = 0.01
# A system whose output differs from call to call hides smaller differences. Above this level, relative to the
# peak, too much is hidden and the system is refused.
NOISE_LIMIT_DB = -60.0

Kind = Literal["noise burst", "silence", "sign flip"]
Separate = Callable[[Samples], Mapping[str, Samples]]


class Probe(msgspec.Struct, frozen=True):
    """One change of the input, and where the output changed.

    Attributes
    ----------
    kind : {"noise burst", "silence", "sign flip"}
    changed_sample : int
        The first input sample that differs.
    answered_sample : int or None
        The first output sample, of any target, that differs; None if none does.
    """

    kind: Kind
    changed_sample: int
    answered_sample: int | None


class Lookahead(msgspec.Struct, frozen=True):
    """How far a system looks ahead, or how late its output is, by the worst of several probes.

    Attributes
    ----------
    rate_hz, n_samples : int
        Rate and length of the recording that was changed.
    threshold_db : float
        Output samples that differ by less than this, relative to the output's peak, count as equal. It is
        higher than asked for where the same input gives different outputs.
    reach : {"bounded", "whole track", "no answer"}
        Whether the first changed output sample follows the change, lies at the start of the
        track wherever the change is, or does not exist.
    lookahead_samples, latency_samples : int or None
        None unless bounded. Latency is how far a live output would lag behind because of the algorithm:
        the look-ahead or, without one, the time until the output first changes.
    probes : tuple of Probe
    """

    rate_hz: int
    n_samples: int
    threshold_db: float
    reach: Literal["bounded", "whole track", "no answer"]
    lookahead_samples: int | None
    latency_samples: int | None
    probes: tuple[Probe, ...]


def lookahead_and_stream(
    located: LocatedSystem, material: Material, *, threshold_db: float = THRESHOLD_DB, drift_s: float = 600.0
) -> dict[str, Any]:
    """Start a system and measure how far it looks ahead and, if it streams, whether it keeps up.

    Parameters
    ----------
    located : LocatedSystem
    material : Material
        The recording to measure on.
    threshold_db : float
        See `system_lookahead`.
    drift_s : float
        How long to feed a streaming system; see `measure_stream`.

    Returns
    -------
    dict
        ``system``, ``material``, ``lookahead`` (a `Lookahead`), ``stream`` (a `StreamReport` or None),
        ``problem`` (where a streaming system contradicts itself, else empty) and ``failed``, which is False.

    Raises
    ------
    SystemFailure
        An oracle, or a system that cannot be loaded or fails.
    """
    if located.spec.kind == "oracle":
        raise SystemFailure("an oracle sees the references, so its look-ahead on the mixture means nothing")
    targets = tuple(material.references)
    with (
        scratch_folder(Path(tempfile.gettempdir())) as scratch,
        WorkerHost(located, targets, scratch) as host,
    ):
        info = host.start(time_limit_s(located.spec, material.mixture.duration_s))
        given = material.at(info.rate_hz)
        limit_s = time_limit_s(located.spec, given.mixture.duration_s)
        lookahead = system_lookahead(host, given.mixture, threshold_db=threshold_db, limit_s=limit_s)
        stream = None
        if info.streaming:
            stream = measure_stream(host, given.mixture, given.references, drift_s=drift_s, limit_s=limit_s)
    return {
        "system": located.spec.id,
        "material": material.name,
        "lookahead": lookahead,
        "stream": stream,
        "problem": _contradiction(lookahead, stream) if stream else "",
        "failed": False,
    }


def _contradiction(lookahead: Lookahead, stream: StreamReport) -> str:
    """Return how the whole-track output contradicts the stream; empty if it does not."""
    if lookahead.reach == "whole track":
        return "it says streaming, but its whole-track output depends on the whole track"
    if (lookahead.lookahead_samples or 0) >= stream.latency_samples:
        return (
            f"its whole-track output looks {lookahead.lookahead_samples} samples ahead, its stream at most "
            f"{stream.latency_samples - 1}: they are two different systems"
        )
    return ""


def system_lookahead(
    host: WorkerHost, mixture: Audio, *, threshold_db: float = THRESHOLD_DB, limit_s: float | None = None
) -> Lookahead:
    """Measure the look-ahead of a system in its worker.

    Parameters
    ----------
    host : WorkerHost
        Not that of an oracle, which would get no references.
    mixture : Audio
        At a rate that the system works at. It should be long: a system that uses all of it is reported as
        using the whole track.
    threshold_db : float
    limit_s : float, optional
        Time limit of each separation.

    Raises
    ------
    SystemFailure
        The system fails, its estimates do not have the mixture's shape, or outputs for the same input
        differ by more than −60 dB of their peak.
    """

    def separate(samples: Samples) -> dict[str, Samples]:
        try:
            done = host.separate("look-ahead", Audio(samples, mixture.rate_hz), limit_s=limit_s)
        except AudioError as error:
            raise SystemFailure(f"gave unusable audio: {error}") from error
        for target, audio in done.estimates.items():
            if audio.samples.shape != samples.shape or audio.rate_hz != mixture.rate_hz:
                raise SystemFailure(
                    f"estimate of {target} has shape {audio.samples.shape} at {audio.rate_hz} Hz, the "
                    f"mixture {samples.shape} at {mixture.rate_hz} Hz; changes cannot be traced through it"
                )
        return {target: audio.samples for target, audio in done.estimates.items()}

    return measure_lookahead(separate, mixture.samples, mixture.rate_hz, threshold_db)


def measure_lookahead(
    separate: Separate, samples: Samples, rate_hz: int, threshold_db: float = THRESHOLD_DB
) -> Lookahead:
    """Measure the look-ahead of any function from a mixture to estimates.

    Parameters
    ----------
    separate : callable
        From an array (n_samples, n_channels) to a mapping of target to an array of that shape.
    samples : ndarray, shape (n_samples, n_channels)
    rate_hz : int
    threshold_db : float

    Returns
    -------
    Lookahead
        A lower bound: the look-ahead is at least what was measured, and no finite number of changes can
        prove that it is never more.

    Raises
    ------
    SystemFailure
        The same input gives different outputs.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal((4000, 1))
    >>> early = lambda x: {"vocals": np.concatenate([x[25:], np.zeros((25, 1))])}
    >>> lookahead = measure_lookahead(early, noise, 8000)
    >>> lookahead.reach, lookahead.lookahead_samples, lookahead.latency_samples
    ('bounded', 25, 25)
    """
    trace = _Tracer(separate, samples, rate_hz, threshold_db)
    n_samples = len(samples)
    kinds: tuple[Kind, ...] = ("noise burst", "silence", "sign flip")
    probes = [trace(kind, round(n_samples * p)) for kind in kinds for p in POSITIONS]
    # Kinds of change of which at least one did not reach back to the start of the track, or was not heard.
    bounded = {p.kind for p in probes if p.answered_sample is None or p.answered_sample > START * n_samples}
    reach: Literal["bounded", "whole track", "no answer"] = "bounded"
    lookahead = latency = None
    if set(kinds) - bounded:
        reach = "whole track"
    elif all(p.answered_sample is None for p in probes):
        reach = "no answer"
    else:
        probes += _further(trace, min(probes, key=_offset))
        offset = min(map(_offset, probes))
        lookahead, latency = int(max(0, -offset)), int(abs(offset))
    return Lookahead(rate_hz, n_samples, trace.least_db, reach, lookahead, latency, tuple(probes))


def _offset(probe: Probe) -> float:
    """Return how many samples after the input the output changes; negative if it changes first."""
    return np.inf if probe.answered_sample is None else probe.answered_sample - probe.changed_sample


def _further(trace: _Tracer, worst: Probe) -> list[Probe]:
    """Move a change to later samples as long as the output changes further ahead of it.

    The output of a system that works in blocks changes from the start of the block, wherever in the block the
    input changes. So only a change of the block's last sample shows the full look-ahead. The step is doubled
    until the offset stops growing, and then the last such sample is found by bisection.
    """
    probes = [worst]

    def hears_further(changed: int) -> bool:
        probe = trace(worst.kind, changed)
        if _offset(probe) >= _offset(probes[-1]):
            return False
        probes.append(probe)
        return True

    low, step = worst.changed_sample, 1
    while (high := low + step) < trace.n_samples and hears_further(high):
        low, step = high, 2 * step
    high = min(high, trace.n_samples)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if hears_further(middle) else (low, middle)
    return probes[1:]


class _Tracer:
    """Change the input, and find the first output sample that differs from that of the unchanged input."""

    def __init__(self, separate: Separate, samples: Samples, rate_hz: int, threshold_db: float) -> None:
        self.separate, self.samples, self.n_samples = separate, samples, len(samples)
        self.threshold = 10 ** (threshold_db / 20)
        draw = np.random.default_rng(0)
        # Values of full size and random sign: with other noise a small first sample might stay below the
        # threshold, and the change would seem to start later.
        signs = draw.integers(0, 2, (max(1, rate_hz // 4), samples.shape[1])) * 2.0 - 1
        self.burst = signs * float(np.abs(samples).max())
        self.plain, again = separate(samples), separate(samples)
        peak = max(float(np.abs(x).max()) for x in (*self.plain.values(), *again.values()))
        noise = max(float(np.abs(x - self.plain[t]).max()) for t, x in again.items())
        if noise > 10 ** (NOISE_LIMIT_DB / 20) * peak:
            raise SystemFailure(
                f"the same input gives outputs that differ by {20 * np.log10(noise / peak):.0f} dB of "
                "their peak, so a change cannot be traced; fix its random state by a parameter, if it has one"
            )
        self.least = max(self.threshold * peak, 10 * noise)
        raised = self.least > self.threshold * peak
        self.least_db = round(20 * math.log10(self.least / peak), 1) if raised else threshold_db

    def __call__(self, kind: Kind, changed: int) -> Probe:
        other = self.samples.copy()
        if kind == "noise burst":
            other[changed : changed + len(self.burst)] += self.burst[: self.n_samples - changed]
        elif kind == "silence":
            other[changed:] = 0
        else:
            other[changed:] *= -1
        # Where the music is silent, silence and a flipped sign change nothing at first.
        first = _first(other - self.samples, self.threshold * float(np.abs(self.samples).max()))
        answers = [_first(x - self.plain[t], self.least) for t, x in self.separate(other).items()]
        answered = min((a for a in answers if a is not None), default=None)
        return Probe(kind, changed if first is None else first, answered)


def _first(difference: Samples, least: float) -> int | None:
    """Return the index of the first sample in which any channel exceeds a bound, or None."""
    where = np.flatnonzero((np.abs(difference) > least).any(axis=1))
    return int(where[0]) if len(where) else None
