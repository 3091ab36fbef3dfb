"""One track through one system: ask and check, then align by a protocol's rule and add derived targets.

The first half is done once for all protocols, the second for each of them.
Nothing is padded, cut, resampled or copied unless a rule says so, and what was done is noted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from svbench.audio import Audio, resample
from svbench.audio.sounds import Shape
from svbench.datasets.api import Track
from svbench.errors import AudioError, OutOfTime, OverBudget, SystemFailure
from svbench.results.scores import Resources
from svbench.scoring.alignment import fitted
from svbench.scoring.coverage import covered_sets, recipes, sum_notes
from svbench.scoring.pool import n_cores
from svbench.specs.protocol import Protocol
from svbench.systems.worker.host import WorkerHost
from svbench.systems.worker.limits import advice, time_limit_s

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Separated:
    """What a system gave for one track, before any protocol's rules are applied to it.

    Attributes
    ----------
    estimates : mapping of str to Audio
        As the system gave them.
    heard : Shape
        Of the mixture as the system got it; estimates are expected in that form.
    targets : tuple of str
        What the system says it gives. Of a track that does not contain one of them there may be no estimate.
    version : str
        That of the system.
    resources : Resources
    notes : tuple of str
    """

    estimates: Mapping[str, Audio]
    heard: Shape
    targets: tuple[str, ...]
    version: str
    resources: Resources
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Fitted:
    """Estimates fit for scoring under one protocol: the track's rate, length and channels.

    ``aligned`` are notes on what the protocol's alignment rule did, ``summed`` on targets that are sums.
    """

    estimates: Mapping[str, Audio]
    aligned: tuple[str, ...]
    summed: tuple[str, ...]


def separate_track(
    host: WorkerHost, track: Track, mixture: Audio, protocols: Sequence[Protocol]
) -> Separated:
    """Separate a track once, for all protocols that will score it.

    Parameters
    ----------
    host : WorkerHost
    track : Track
    mixture : Audio
        Of the track.
    protocols : sequence of Protocol
        All with the same limits, which bound the time.

    Returns
    -------
    Separated

    Raises
    ------
    SystemFailure
        Whatever the system did wrong, in one sentence; `OverBudget` if it broke a limit of the protocols.
    """
    limits, duration_s = protocols[0].limits, mixture.duration_s
    info = _limited(host, duration_s, "set-up time", limits.load_s, lambda limit_s: host.start(limit_s))
    if not any(covered_sets(info.targets, p, track.targets) for p in protocols):
        raise SystemFailure(_scores_others(info.targets, protocols))
    notes = []
    allowed, here = limits.n_cores, n_cores()
    if allowed and here < allowed:
        notes.append(f"it may use {allowed} cores, and had {here}: a time over the limit proves nothing")
    given = mixture if info.rate_hz is None else resample(mixture, info.rate_hz)
    if given is not mixture:
        notes.append(f"resampled from {track.rate_hz} to {info.rate_hz} Hz for the system, and back")
    # Where one file hides stems, an oracle can tell apart only what adds up to the mixture.
    heard = [t for t in track.targets if not track.unknown_stems or t in track.mixture_parts]
    references = track.references(heard) if "references" in info.needs else None
    budget_s = limits.track_time_s(duration_s)
    try:
        done = _limited(
            host, duration_s, "time", budget_s,
            lambda limit_s: host.separate(track.name, given, references, limit_s),
        )  # fmt: skip
    except AudioError as error:
        raise SystemFailure(f"gave unusable audio: {error}") from error
    resources = Resources(
        load_s=done.load_s,
        wall_s=done.wall_s,
        cpu_s=done.cpu_s,
        peak_rss_bytes=done.peak_rss_bytes,
        rtf=done.wall_s / mixture.duration_s,
        weights_bytes=done.weights_bytes,
    )
    info = host.last_info or info  # a function in this process says what it gives with its first answer
    return Separated(done.estimates, given, info.targets, info.version, resources, (*notes, *host.notes))


def fit(separated: Separated, track: Track, protocol: Protocol) -> Fitted:
    """Make what a system gave fit for scoring by a protocol's rule, and add targets that are sums.

    Raises
    ------
    SystemFailure
        Estimates that the protocol's alignment rule does not cover, or none of a target that it scores.
    """
    sets = [s.id for s in covered_sets(separated.targets, protocol, track.targets)]
    if not sets:
        raise SystemFailure(_scores_others(separated.targets, [protocol]))
    estimates: dict[str, Audio] = {}
    aligned: list[str] = []
    for target, audio in separated.estimates.items():
        estimates[target], notes = fitted(audio, separated.heard, track, target, protocol.alignment)
        aligned += notes
    made = recipes(tuple(estimates), track, protocol, sets)
    for target, parts in made.items():
        if target not in estimates:
            total = np.sum([estimates[p].samples for p in parts], axis=0)
            estimates[target] = Audio(total, track.rate_hz)
    return Fitted(estimates, tuple(dict.fromkeys(aligned)), tuple(sum_notes(made)))


def _scores_others(given: Sequence[str], protocols: Sequence[Protocol]) -> str:
    verb = "scores" if len(protocols) == 1 else "score"
    ids = ", ".join(p.id for p in protocols)
    return f"gives {', '.join(given) or 'nothing'}; {ids} {verb} other targets"


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
