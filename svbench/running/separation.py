"""Separate one track: ask the system for estimates, align them by a protocol's rule, and add up targets.

The first step is done once for all protocols, the second for each of them. Nothing is padded, cut, resampled
or copied unless the protocol's rule says so, and a note says what was done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

from svbench.audio import Audio, resample, samples_digest
from svbench.audio.sounds import Shape
from svbench.datasets.api import Track
from svbench.errors import AudioError, OutOfTime, OverBudget, SystemFailure
from svbench.results.scores import Resources, SeparationRecord
from svbench.scoring.bound import BoundProtocol
from svbench.scoring.coverage import align_estimate, covered_sets, derived_notes, recipes
from svbench.scoring.pool import n_cores
from svbench.specs.protocol import Protocol
from svbench.systems.worker.host import WorkerHost
from svbench.systems.worker.limits import advice, time_limit_s

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Separated:
    """What a system returned for one track, before the rules of any protocol are applied to it.

    Attributes
    ----------
    estimates : mapping of str to Audio
        As the system returned them.
    input_shape : Shape
        Shape of the mixture as the system got it, which estimates should have.
    version : str
        Version of the system.
    resources : Resources
    notes : tuple of str
    made : SeparationRecord
        ``given`` are the targets that the system declares. A target that the track does not contain may have
        no estimate.
    origin : tuple of str
        Notes on estimates that other runs keep: where these come from, or why others were not used.
    files : dict of digest to Path
        Files that hold estimates already, by the digests of their samples.
    """

    estimates: Mapping[str, Audio]
    input_shape: Shape
    version: str
    resources: Resources
    notes: tuple[str, ...]
    made: SeparationRecord
    origin: tuple[str, ...] = ()
    files: dict[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Fitted:
    """Estimates that can be scored under one protocol: with the rate, length and channels of the track.

    ``aligned`` are notes on what the protocol's alignment rule did, ``summed`` on targets that are sums.
    """

    estimates: Mapping[str, Audio]
    aligned: tuple[str, ...]
    summed: tuple[str, ...]

    @cached_property
    def digests(self) -> dict[str, str]:
        """Digest of the samples of each estimate."""
        return {t: samples_digest(a) for t, a in self.estimates.items()}


def separate_track(
    host: WorkerHost, track: Track, mixture: Audio, protocols: Sequence[Protocol]
) -> Separated:
    """Have a system separate a track once, for all protocols that will score it.

    Parameters
    ----------
    host : WorkerHost
    track : Track
    mixture : Audio
        The mixture of the track.
    protocols : sequence of Protocol
        All have the same limits.

    Returns
    -------
    Separated
        The key of ``made`` is empty.

    Raises
    ------
    SystemFailure
        Says what the system did wrong; `OverBudget` if it broke a limit of the protocols.
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
    # Where a file may contain several stems, an oracle gets the parts that add up to the mixture: what else
    # the track contains is not known.
    known = [t for t in track.targets if not track.unknown_stems or t in track.mixture_parts]
    references = track.references(known) if "references" in info.needs else None
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
    info = host.last_info or info  # a function in this process reveals its targets with its first answer
    made = SeparationRecord(key="", asked=host.targets, given=info.targets)
    return Separated(done.estimates, given, info.version, resources, (*notes, *host.notes), made)


def fit(separated: Separated, track: Track, bound: BoundProtocol) -> Fitted:
    """Align estimates by a protocol's rule, and add targets that are sums of estimates.

    Raises
    ------
    SystemFailure
        The rule does not allow the difference, or there is no estimate of a target that is scored.
    """
    protocol = bound.protocol
    sets = [s.id for s in covered_sets(separated.made.given, protocol, track.targets)]
    if not sets:
        raise SystemFailure(_scores_others(separated.made.given, [protocol]))
    estimates: dict[str, Audio] = {}
    aligned: list[str] = []
    for target, audio in separated.estimates.items():
        estimates[target], notes = align_estimate(
            audio, separated.input_shape, track, target, protocol.alignment
        )
        aligned += notes
    made = recipes(tuple(estimates), track, bound, sets)
    for target, parts in made.items():
        if target not in estimates:
            total = np.sum([estimates[p].samples for p in parts], axis=0)
            estimates[target] = Audio(total, track.rate_hz)
    return Fitted(estimates, tuple(dict.fromkeys(aligned)), tuple(derived_notes(made)))


def _scores_others(given: Sequence[str], protocols: Sequence[Protocol]) -> str:
    verb = "scores" if len(protocols) == 1 else "score"
    ids = ", ".join(p.id for p in protocols)
    return f"gives {', '.join(given) or 'nothing'}; {ids} {verb} other targets"


def _limited(
    host: WorkerHost, duration_s: float, budget: str, budget_s: float | None, ask: Callable[[float | None], T]
) -> T:
    """Call ``ask`` with the stricter limit of protocol and system file; an error names the one broken."""
    spec = host.located.spec
    file_s = time_limit_s(spec, duration_s)
    try:
        return ask(min((limit for limit in (budget_s, file_s) if limit), default=None))
    except OutOfTime as error:
        if error.limit_s != budget_s:
            raise SystemFailure(f"{error}{advice('time_limit_s', spec.time_limit_s)}") from error
        raise OverBudget(budget, f"{error.doing} took longer than {budget_s:g} s") from error
