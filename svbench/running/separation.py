"""One track through one system: ask, check, align by the protocol's rule, add derived targets.

Nothing is padded, cut, resampled or copied unless a rule says so, and what was done is noted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from svbench.audio import Audio, Samples, resample
from svbench.audio.sounds import Shape
from svbench.datasets.api import Track
from svbench.errors import AudioError, OutOfTime, OverBudget, SystemFailure
from svbench.running.execution import n_cores
from svbench.specs.protocol import Alignment, Protocol, TargetSet
from svbench.systems.api import SystemInfo
from svbench.systems.host import WorkerHost
from svbench.systems.limits import advice, time_limit_s

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Separated:
    """Estimates fit for scoring: the track's rate, length and channels."""

    estimates: Mapping[str, Audio]
    info: SystemInfo
    wall_s: float
    cpu_s: float
    peak_rss_bytes: int
    load_s: float
    weights_bytes: int | None
    notes: tuple[str, ...]


def separate_track(host: WorkerHost, track: Track, protocol: Protocol) -> Separated:
    """Separate a track and make its estimates fit for scoring.

    Parameters
    ----------
    host : WorkerHost
    track : Track
    protocol : Protocol
        Its limits bound the time, its alignment rule says what may be mended.

    Returns
    -------
    Separated

    Raises
    ------
    SystemFailure
        Whatever the system did wrong, in one sentence; `OverBudget` if it broke a limit of the protocol.
    """
    duration_s = track.n_samples / track.rate_hz
    info = _limited(
        host, duration_s, "set-up time", protocol.limits.load_s, lambda limit_s: host.start(limit_s)
    )
    if not covered_sets(info.targets, protocol, track.targets):
        raise SystemFailure(
            f"gives {', '.join(info.targets) or 'nothing'}; {protocol.id} scores other targets"
        )
    mixture, notes = track.mixture(), []
    allowed, here = protocol.limits.n_cores, n_cores()
    if allowed and here < allowed:
        notes.append(f"it may use {allowed} cores, and had {here}: a time over the limit proves nothing")
    given = mixture if info.rate_hz is None else resample(mixture, info.rate_hz)
    if given is not mixture:
        notes.append(f"resampled from {track.rate_hz} to {info.rate_hz} Hz for the system, and back")
    references = track.references(track.targets) if "references" in info.needs else None
    budget_s = protocol.limits.track_time_s(mixture.duration_s)
    try:
        done = _limited(
            host, duration_s, "time", budget_s,
            lambda limit_s: host.separate(track.name, given, references, limit_s),
        )  # fmt: skip
    except AudioError as error:
        raise SystemFailure(f"gave unusable audio: {error}") from error
    missing = [t for t in info.targets if t not in done.estimates]
    if missing:
        raise SystemFailure(
            f"promised {', '.join(missing)}, but gave {', '.join(done.estimates) or 'nothing'}"
        )
    estimates = {}
    for target, audio in done.estimates.items():
        estimates[target], more = fitted(audio, given, mixture, target, protocol.alignment)
        notes += more
    for target in protocol.targets:
        parts = derivation(target, tuple(info.targets), track.targets)
        if target not in estimates and parts:
            total = np.sum([estimates[p].samples for p in parts], axis=0)
            estimates[target] = Audio(total, mixture.rate_hz)
            notes.append(f"{target} is the sum of its estimates of {', '.join(parts)}")
    return Separated(
        estimates,
        info,
        done.wall_s,
        done.cpu_s,
        done.peak_rss_bytes,
        done.load_s,
        done.weights_bytes,
        tuple(dict.fromkeys(notes)),
    )


def _limited(
    host: WorkerHost, duration_s: float, budget: str, budget_s: float | None, ask: Callable[[float | None], T]
) -> T:
    """Ask with the stricter of the protocol's budget and the system's own limit; say which one it broke."""
    spec = host.located.spec
    own_s = time_limit_s(spec, duration_s)
    try:
        return ask(min((limit for limit in (budget_s, own_s) if limit), default=None))
    except OutOfTime as error:
        if error.limit_s != budget_s:
            raise SystemFailure(f"{error}{advice('time_limit_s', spec.time_limit_s)}") from error
        raise OverBudget(budget, f"{error.doing} took longer than {budget_s:g} s") from error


def fitted(
    estimate: Audio, given: Shape, mixture: Shape, target: str, rule: Alignment
) -> tuple[Audio, list[str]]:
    """Bring one estimate to the mixture's rate, length and channels, as far as a rule allows.

    Parameters
    ----------
    estimate : Audio
    given : Shape
        Of the mixture as the system got it; estimates are expected in exactly that form.
    mixture : Shape
        Of the mixture of the track.
    target : str
    rule : Alignment

    Returns
    -------
    Audio, list of str
        The fitted estimate and notes on what was done.

    Raises
    ------
    SystemFailure
    """
    notes = []
    samples = estimate.samples
    if estimate.n_channels != mixture.n_channels:
        if estimate.n_channels != 1 or rule.channels != "duplicate_mono":
            raise SystemFailure(
                f"estimate of {target} has {estimate.n_channels} channels, the mixture {mixture.n_channels}"
            )
        samples = np.repeat(samples, mixture.n_channels, axis=1)
        notes.append(f"{target}: mono estimate copied to {mixture.n_channels} channels")
    if estimate.rate_hz != given.rate_hz:
        if rule.rate != "resample":
            raise SystemFailure(
                f"estimate of {target} has {estimate.rate_hz} Hz, the system was given {given.rate_hz} Hz"
            )
        notes.append(f"{target}: estimate resampled from {estimate.rate_hz} Hz")
        expected = round(mixture.n_samples * estimate.rate_hz / mixture.rate_hz)
    else:
        expected = given.n_samples
    difference = len(samples) - expected
    if difference:
        if rule.length != "pad_or_cut" or abs(difference) > rule.max_samples:
            allowed = f"at most {rule.max_samples} may differ" if rule.length == "pad_or_cut" else "refused"
            raise SystemFailure(
                f"estimate of {target} has {len(samples)} samples, expected {expected} ({allowed})"
            )
        notes.append(
            f"{target}: estimate {'cut' if difference > 0 else 'padded'} by {abs(difference)} samples"
        )
        samples = _length(samples, expected)
    audio = resample(Audio(samples, estimate.rate_hz), mixture.rate_hz)
    # Resampling there and back leaves the length off by a sample or two; the signal itself is in place.
    return Audio(_length(audio.samples, mixture.n_samples), mixture.rate_hz), notes


def covered_sets(
    given: tuple[str, ...], protocol: Protocol, targets: Mapping[str, tuple[str, ...]]
) -> tuple[TargetSet, ...]:
    """Return the target sets of a protocol that a system's targets, or sums of them, make up.

    Parameters
    ----------
    given : tuple of str
        Targets the system gives.
    protocol : Protocol
    targets : mapping of str to tuple of str
        The data set's targets as sums of stems.
    """
    return tuple(
        s
        for s in protocol.target_sets
        if all(t in targets and (t in given or derivation(t, given, targets)) for t in s.targets)
    )


def derivation(
    target: str, given: tuple[str, ...], targets: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Return the given targets whose stems make up exactly those of a target, each stem once.

    Examples
    --------
    >>> stems = {"vocals": ("v",), "drums": ("d",), "bass": ("b",), "rest": ("d", "b")}
    >>> derivation("rest", ("vocals", "drums", "bass"), stems), derivation("rest", ("drums",), stems)
    (('drums', 'bass'), ())
    """
    wanted = set(targets.get(target, ()))
    parts = tuple(g for g in given if g in targets and set(targets[g]) <= wanted)
    stems = [s for p in parts for s in targets[p]]
    return parts if len(stems) == len(set(stems)) and set(stems) == wanted else ()


def _length(samples: Samples, n_samples: int) -> Samples:
    if len(samples) >= n_samples:
        return samples[:n_samples]
    return np.pad(samples, ((0, n_samples - len(samples)), (0, 0)))
