"""Protocols: how a track is scored, and how scores become the printed number.

A released protocol is never edited; a change is a new file with a new id or version.
Its digest is recorded with every score.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from svbench.errors import SpecError
from svbench.specs.records import Record, digest, load_by_id, without

Positive = Annotated[float, msgspec.Meta(gt=0)]
Reducer = Literal["mean", "median"]
TrackReducer = Literal["mean", "median", "length-weighted mean"]
ORIGINAL = "original"  # the variant of a probe that does not change the tracks


class TargetSet(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Targets scored together, as one problem."""

    id: str
    targets: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class Reduce(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the scores of frames become that of a track, then that of a target, then the headline.

    ``tracks = "length-weighted mean"`` weights each track by its duration, as GNSDR does; the quantity's name
    then starts with G.
    ``targets_over`` selects the tracks of the number over targets if some tracks lack a target:
    ``common tracks`` takes the tracks with a value for all targets, so that every target is measured on the
    same music; ``own tracks`` takes the printed number of each target, over all tracks that have it.
    ``pooled`` reduces all frames of all tracks together and ignores ``tracks``.
    ``infinite`` says what happens to a perfect (+inf) or hopeless (−inf) frame.
    ``undefined`` says what happens to a track without any value: it is left out and counted, or it
    makes the number over tracks undefined too, as NaN does in a mean.
    ``quantum_db`` rounds each frame before reducing, as museval stores it.
    """

    frames: Reducer
    tracks: TrackReducer
    targets: Reducer = "mean"
    targets_over: Literal["common tracks", "own tracks"] = "common tracks"
    pooled: bool = False
    infinite: Literal["undefined", "keep"] = "undefined"
    undefined: Literal["drop", "spread"] = "drop"
    quantum_db: Annotated[float, msgspec.Meta(ge=0)] = 0.0

    @property
    def last(self) -> TrackReducer:
        """Name of the reducer over tracks, or over all frames if they are pooled."""
        return self.frames if self.pooled else self.tracks

    @property
    def label(self) -> str:
        """Return both reducers as they are printed with every number, e.g. ``median/median``."""
        return f"pooled {self.frames}" if self.pooled else f"{self.frames}/{self.tracks}"


class MetricUse(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One metric plug-in with its parameters and reducers.

    ``improvement`` subtracts the score of the mixture as the estimate, by the same rule on
    the same frames: quantity ``SDR`` becomes ``SDRi``. ``quantities`` keeps
    only some of the metric's quantities; by default all.

    ``against = "original"``, for protocols with probes, compares with the estimates of the original after the
    change that the probe made: ``SI-SDR`` becomes ``SI-SDR-eq``, which measures how far a system commutes
    with that change.
    """

    id: str
    improvement: bool = False
    against: Literal["references", "original"] = "references"
    quantities: tuple[str, ...] = ()
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)
    reduce: Reduce

    def named(self, quantity: str) -> str:
        """Return the name of a quantity as the protocol uses it, e.g. ``SDRi`` or ``SI-SDR-eq``.

        A length-weighted mean has the G of the literature: ``GNSDR``.
        """
        weighted = self.reduce.tracks == "length-weighted mean"
        return "G" * weighted + quantity + "i" * self.improvement + "-eq" * (self.against == "original")


class Alignment(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens when an estimate does not match its reference.

    ``length = "pad_or_cut"`` zero-pads or cuts the estimate's end by at most
    ``max_samples``; beyond that, and always with ``"refuse"``, the track fails.
    ``rate = "resample"`` converts estimates; ``channels = "duplicate_mono"`` copies a mono estimate.
    """

    length: Literal["refuse", "pad_or_cut"] = "refuse"
    max_samples: Annotated[int, msgspec.Meta(ge=0)] = 0
    rate: Literal["refuse", "resample"] = "refuse"
    channels: Literal["refuse", "duplicate_mono"] = "refuse"


class Limits(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Budgets of one track; a system that exceeds one is stopped, and its row says so.

    ``time_s`` and ``time_factor`` (times the track's duration) limit the wall time of a separation;
    the stricter one counts. ``load_s`` limits that of loading. ``n_cores`` is the number of cores the system
    may run on, ``memory_bytes`` the memory of all its processes together. ``cpu_only`` hides the
    graphics cards.
    """

    time_s: Positive | None = None
    time_factor: Positive | None = None
    load_s: Positive | None = None
    n_cores: Annotated[int, msgspec.Meta(gt=0)] | None = None
    memory_bytes: Annotated[int, msgspec.Meta(gt=0)] | None = None
    cpu_only: bool = False

    def __bool__(self) -> bool:
        """Whether there is any limit at all."""
        return self != Limits()

    @property
    def is_timed(self) -> bool:
        """Whether the wall time of a separation is limited."""
        return bool(self.time_s or self.time_factor)

    def track_time_s(self, duration_s: float) -> float | None:
        """Return the wall-clock seconds a track of that duration may take, or None."""
        bounds = [self.time_s, self.time_factor and self.time_factor * duration_s]
        given = [b for b in bounds if b]
        return min(given) if given else None


class ProbeUse(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One probe plug-in with its parameters: it turns every track into variants of it."""

    id: str
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)


class Protocol(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole scoring rule, from target sets to the headline.

    ``absent_target`` says what happens to a track without one of the set's targets (no stem on
    disk, or a stem that is entirely silent): ``score_others`` scores the remaining ones as a
    smaller set; ``skip_set`` leaves out the whole set for that track; ``score_silence`` scores
    silent stems on disk like any other. A target that is not scored gets the
    status ``no target``, except from metrics made for absent targets.

    ``rate_hz`` is the rate at which references and estimates are compared, by default that of the
    data set; ``resampler`` converts to it. With ``probes`` every system is run on each
    variant of the data set.
    """

    schema: Literal[1]
    id: str
    title: str
    version: str
    description: str
    citation: str
    headline: str
    target_sets: Annotated[tuple[TargetSet, ...], msgspec.Meta(min_length=1)]
    metrics: Annotated[tuple[MetricUse, ...], msgspec.Meta(min_length=1)]
    absent_target: Literal["score_others", "skip_set", "score_silence"] = "score_others"
    rate_hz: Annotated[int, msgspec.Meta(gt=0)] | None = None
    resampler: Literal["soxr-vhq", "ffmpeg"] = "soxr-vhq"
    alignment: Alignment = Alignment()
    limits: Limits = Limits()
    probes: tuple[ProbeUse, ...] = ()

    @property
    def compares_originals(self) -> bool:
        """Whether any metric compares estimates with those of the original."""
        return any(use.against == "original" for use in self.metrics)

    @property
    def digest(self) -> str:
        """SHA-256 of the content of the file; prose does not count, so that a typo can be corrected."""
        return digest(without(self, "title", "description", "citation"))

    @property
    def targets(self) -> tuple[str, ...]:
        """All targets of all sets, in order, once each."""
        return tuple(dict.fromkeys(t for s in self.target_sets for t in s.targets))


def load_protocol(name_or_path: str | Path) -> Protocol:
    """Load a protocol by id or path, and check it for contradictions that the types allow.

    Raises
    ------
    SpecError, UnknownNameError

    Examples
    --------
    >>> load_protocol("mdx21").headline
    'uSDR'
    """
    protocol, path = load_by_id("protocol", name_or_path, Protocol)
    if found := contradiction(protocol):
        raise SpecError(path, *found)
    return protocol


def contradiction(protocol: Protocol) -> tuple[str, str] | None:
    """Return a key whose value contradicts others, and what is wrong with it; None if there is none."""
    for i, target_set in enumerate(protocol.target_sets):
        if len(set(target_set.targets)) < len(target_set.targets):
            return f"target_sets[{i}].targets", f"a target stands twice: {target_set.targets}"
    for i, use in enumerate(protocol.metrics):
        if use.against == "original" and (use.improvement or not protocol.probes):
            wanted = "no improvement" if use.improvement else "a protocol with probes"
            return f"metrics[{i}].against", f"'original' takes {wanted}"
    ids = [s.id for s in protocol.target_sets]
    if len(set(ids)) < len(ids):
        return "target_sets", f"two sets have one id: {ids}"
    return None
