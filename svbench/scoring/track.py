"""Score one track: references and estimates in, one series per quantity and target out.

`score_track` runs in a scoring process, so it takes paths and records, not arrays;
`score_signals` is the rule itself and knows no files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from svbench.audio import check_samples, resample
from svbench.audio.sounds import ArraySound, FileSound, Sound, Stack, is_silent, whole
from svbench.datasets.api import Track
from svbench.errors import AudioError, SpecError
from svbench.metrics.contract import Metric, MetricResult, QuantityRecord
from svbench.probes.tracks import Sounds, brought_back, expected
from svbench.results.scores import Series, series, unstable_note, without_value
from svbench.results.store import Quantity
from svbench.scoring.sums import MixtureCheck, Watched, check_of, measured_sums
from svbench.specs.plugins import load_plugin
from svbench.specs.protocol import MetricUse, Protocol, TargetSet

NO_ORIGINAL = "nothing to compare with: the original of this track failed, or its estimates are gone"


class Scored(msgspec.Struct, frozen=True):
    """What scoring one track gives.

    ``sums`` says how far files are from the sums they should be, relative RMS by ``"mixture"`` or target.
    """

    series: tuple[Series, ...]
    absent_targets: tuple[str, ...]
    notes: tuple[str, ...]
    sums: dict[str, float] = {}


@dataclass(frozen=True, eq=False)
class Signals:
    """The audio of one track, all of one rate, length and channel count.

    Attributes
    ----------
    references : mapping of str to Sound
        Silent ones included; a target without an entry has no stem at all.
    estimates : mapping of str to Sound
    mixture : Sound or None
        Needed by improvements and by metrics that say so.
    original : Signals or None
        References and mixture before a probe changed them; needed by metrics that say so.
    expected : mapping of str to Sound, or None
        What should have become of the original's estimates; needed by metrics used against the
        original, and empty where there are none.
    unknown : frozenset of str
        Targets that may be part of another file of the track; their sets are not scored.
    """

    references: Mapping[str, Sound]
    estimates: Mapping[str, Sound]
    mixture: Sound | None = None
    original: Signals | None = None
    expected: Mapping[str, Sound] | None = None
    unknown: frozenset[str] = frozenset()


def score_track(
    track: Track,
    estimates: dict[str, Path],
    protocol: Protocol,
    sets: tuple[str, ...],
    originals: dict[str, Path] | None = None,
) -> Scored:
    """Score the estimates of one track under a protocol.

    Parameters
    ----------
    track : Track
    estimates : dict of target to path of an ``.npy`` file, shape (n_samples, n_channels)
        Targets that the track does not contain may be missing.
    protocol : Protocol
    sets : tuple of str
        Ids of the target sets the system covers.
    originals : dict of target to path of audio, optional
        Estimates of the track before a probe changed it; the estimates themselves by default.

    Returns
    -------
    Scored
    """
    targets = _targets(protocol, sets)
    given = {
        t: ArraySound(np.load(estimates[t], mmap_mode="r"), track.rate_hz) for t in targets if t in estimates
    }
    return score_estimates(track, given, protocol, sets, originals)


def score_estimates(
    track: Track,
    estimates: Mapping[str, Sound],
    protocol: Protocol,
    sets: tuple[str, ...],
    originals: dict[str, Path] | None = None,
) -> Scored:
    """Score the estimates of one track, and compare its mixture with the sum of its stems on the way."""
    check = check_of(track)
    resamples = protocol.rate_hz not in (None, track.rate_hz)
    signals = track_signals(track, estimates, protocol, sets, originals)
    scored = score_signals(signals, protocol, sets, None if resamples else check)
    return msgspec.structs.replace(scored, sums=measured_sums(track, check))


def track_signals(
    track: Track,
    estimates: Mapping[str, Sound],
    protocol: Protocol,
    sets: tuple[str, ...],
    originals: dict[str, Path] | None = None,
) -> Signals:
    """Collect what the metrics of a protocol read of one track, beside its estimates.

    Parameters
    ----------
    track : Track
    estimates : mapping of str to Sound
    protocol : Protocol
    sets : tuple of str
        Ids of the target sets to score.
    originals : dict of target to path of audio, optional
        Estimates of the track before a probe changed it; the estimates themselves by default.
    """
    targets = _targets(protocol, sets)
    scored, found = brought_back(track, estimates)
    return Signals(
        _references(scored, targets),
        found,
        scored.mixture_sound() if needs(protocol, "mixture") else None,
        _original(track.original, targets) if needs(protocol, "original") else None,
        _expected(track, estimates, originals) if protocol.compares_originals else None,
        frozenset(t for t in targets if not track.knows(t)),
    )


def _targets(protocol: Protocol, sets: tuple[str, ...]) -> tuple[str, ...]:
    """Return the targets of some target sets, once each."""
    return tuple(dict.fromkeys(t for s in protocol.target_sets if s.id in sets for t in s.targets))


def _original(track: Track, targets: Iterable[str]) -> Signals:
    return Signals(_references(track, targets), {}, track.mixture_sound())


def _expected(track: Track, own: Mapping[str, Sound], originals: dict[str, Path] | None) -> Sounds:
    if originals is None:
        return own
    return expected(track, {t: FileSound(p) for t, p in originals.items() if t in own})


def _references(track: Track, targets: Iterable[str]) -> dict[str, Sound]:
    sounds = {t: track.reference_sound(t) for t in targets}
    return {t: sound for t, sound in sounds.items() if sound is not None}


def score_signals(
    signals: Signals,
    protocol: Protocol,
    sets: tuple[str, ...] | None = None,
    check: MixtureCheck | None = None,
) -> Scored:
    """Score the estimates of one track, whatever they are read from.

    Parameters
    ----------
    signals : Signals
    protocol : Protocol
    sets : tuple of str, optional
        Ids of the target sets to score; all without.
    check : MixtureCheck, optional
        Shown the references of a set that adds up to the mixture, as they are read.

    Returns
    -------
    Scored

    Raises
    ------
    AudioError
        A signal that the metrics refuse, or no mixture where one is needed.
    """
    chosen = [s for s in protocol.target_sets if sets is None or s.id in sets]
    targets = dict.fromkeys(t for s in chosen for t in s.targets)
    first = next(iter(signals.estimates.values()))
    duration_s = first.n_samples / first.rate_hz
    present = _present(signals, targets, protocol)
    unknown = signals.unknown
    signals = at_rate(signals, protocol)
    rows: list[Series] = []
    notes: list[str] = []
    for target_set in chosen:
        hidden = [t for t in target_set.targets if t in unknown]
        if hidden:
            notes.append(f"{target_set.id}: not scored, since {', '.join(hidden)} are not known here")
            for use in protocol.metrics:
                rows += _without(target_set, metric_of(use, protocol), use, duration_s, "unknown")
            continue
        found = [t for t in target_set.targets if t in present]
        if len(found) < len(target_set.targets) and protocol.absent_target == "skip_set":
            found = []
        for use in protocol.metrics:
            metric = metric_of(use, protocol)
            compares = use.against == "original"
            if compares and signals.expected is not None and not signals.expected:
                rows += _without(target_set, metric, use, duration_s, "failed")
                notes.append(NO_ORIGINAL)
                continue
            scored = list(target_set.targets) if metric.scores_absent or compares else found
            watch = check if check and scored == found and check.fits(target_set.targets) else None
            result = _result(signals, scored, metric, use, watch) if scored else None
            if result is not None:
                notes += [f"{target_set.id}: {n}" for n in result.notes]
                notes += _unstable(target_set.id, scored, result, use)
            rows += _series(target_set, scored, metric, use, result, duration_s)
    absent = tuple(t for t in targets if t not in present and t not in unknown)
    return Scored(tuple(rows), absent, tuple(dict.fromkeys(notes)))


def _unstable(target_set: str, targets: list[str], result: MetricResult, use: MetricUse) -> list[str]:
    """Name the quantities and targets whose values mean nothing, why, and what to do."""
    by_targets: dict[tuple[str, ...], list[str]] = {}
    for quantity, marks in result.unstable.items():
        found = tuple(t for t, own in zip(targets, marks, strict=True) if own.any())
        if found and (not use.quantities or quantity in use.quantities):
            by_targets.setdefault(found, []).append(use.named(quantity))
    return [
        unstable_note(target_set, names, found, result.why_unstable) for found, names in by_targets.items()
    ]


def _present(signals: Signals, targets: Iterable[str], protocol: Protocol) -> set[str]:
    """Targets with a reference to score against; silent stems are one only if the protocol says so."""
    on_disk = {t for t in targets if t in signals.references}
    if protocol.absent_target == "score_silence":
        return on_disk
    return {t for t in on_disk if not is_silent(signals.references[t])}


def _result(
    signals: Signals, targets: list[str], metric: Metric, use: MetricUse, check: MixtureCheck | None = None
) -> MetricResult:
    estimates = Stack([signals.estimates[t] for t in targets], "estimate", targets)
    given_references = signals.references
    if use.against == "original":
        if signals.expected is None:
            raise AudioError(f"{use.id} is used against the original's estimates: use `svbench run`")
        given_references = signals.expected
    silence = ArraySound(np.zeros((estimates.n_samples, estimates.n_channels)), int(estimates.rate_hz))
    sounds = [given_references.get(t, silence) for t in targets]
    references = Watched(sounds, check, targets) if check else Stack(sounds, "reference", targets)
    mixture = signals.mixture
    given = dict(use.parameters)
    if mixture is None and (metric.needs or use.improvement):
        raise AudioError(f"{use.id} needs the mixture, and none was given")
    if mixture is not None and "mixture" in metric.needs:
        given["mixture"] = _mixture(mixture, references)
    if "original" in metric.needs:
        before = signals.original
        if before is None or before.mixture is None:
            raise AudioError(f"{use.id} needs the track before a probe changed it: use `svbench run`")
        originals = [before.references.get(t, silence) for t in targets]
        stack = Stack(originals, "original reference", targets)
        given["original"] = (stack.samples(), whole(before.mixture).samples)
    result = _scores(metric, references, estimates, given)
    if mixture is None or not use.improvement:
        return result
    nothing_done = Stack([mixture] * len(targets), "mixture as the estimate", targets)
    return _improvement(result, _scores(metric, references, nothing_done, given))


def _mixture(mixture: Sound, references: Stack) -> NDArray[np.float64]:
    """Read the mixture; what is wrong with it is told of the stem it comes from, if it is a sum."""
    samples = np.empty((mixture.n_samples, mixture.n_channels))
    mixture.read(0, samples)
    if not np.isfinite(samples).all():
        references.samples()  # which raises if one of them has it
        check_samples(samples, "mixture")
    return samples


def _scores(metric: Metric, references: Stack, estimates: Stack, given: dict[str, Any]) -> MetricResult:
    rate_hz = references.rate_hz
    if metric.streams:
        return metric.function(references, estimates, rate_hz=rate_hz, **given)
    return metric.function(references.samples(), estimates.samples(), rate_hz=rate_hz, **given)


def _improvement(after: MetricResult, before: MetricResult) -> MetricResult:
    with np.errstate(invalid="ignore"):  # inf - inf is undefined, and reported as that
        values = {name: after.values[name] - before.values[name] for name in after.values}
    notes = (*after.notes, *(f"mixture as estimate: {n}" for n in before.notes if n not in after.notes))
    nothing = np.zeros((1, 1), dtype=bool)
    unstable = {
        name: after.unstable.get(name, nothing) | before.unstable.get(name, nothing)
        for name in {**after.unstable, **before.unstable}
    }
    why = after.why_unstable or before.why_unstable
    return MetricResult(values, after.time_s, after.duration_s, notes, unstable, why)


def at_rate(signals: Signals, protocol: Protocol) -> Signals:
    """Return signals at the rate of a protocol, by its resampler; themselves where it names none."""
    rate_hz = protocol.rate_hz
    if rate_hz is None:
        return signals

    def resampled(sound: Sound) -> Sound:
        if sound.rate_hz == rate_hz:
            return sound
        return ArraySound(resample(whole(sound), rate_hz, protocol.resampler).samples, rate_hz)

    return Signals(
        {t: resampled(s) for t, s in signals.references.items()},
        {t: resampled(s) for t, s in signals.estimates.items()},
        None if signals.mixture is None else resampled(signals.mixture),
        None if signals.original is None else at_rate(signals.original, protocol),
        None if signals.expected is None else {t: resampled(s) for t, s in signals.expected.items()},
    )


def metric_of(use: MetricUse, protocol: Protocol) -> Metric:
    """Load the plug-in a protocol names and check the parameters it is given.

    Raises
    ------
    UnknownNameError, SpecError
    """
    metric: Metric = load_plugin("metric", use.id)
    unknown = sorted(set(use.parameters) - set(metric.parameters))
    if unknown:
        takes = ", ".join(metric.parameters) or "none"
        raise SpecError(
            f"protocol {protocol.id}",
            f"metrics.{use.id}.parameters.{unknown[0]}",
            f"unknown parameter; {use.id} takes {takes}",
        )
    names = [q.name for q in metric.quantities]
    unknown = sorted(set(use.quantities) - set(names))
    if unknown:
        raise SpecError(
            f"protocol {protocol.id}",
            f"metrics.{use.id}.quantities",
            f"names {unknown[0]!r}; {use.id} gives {', '.join(names)}",
        )
    return metric


def quantities_of(protocol: Protocol) -> tuple[Quantity, ...]:
    """Return what a protocol prints, in order; two metrics may not give one name.

    Raises
    ------
    UnknownNameError, SpecError
    """
    found: dict[str, Quantity] = {}
    for i, use in enumerate(protocol.metrics):
        for q in _printed(metric_of(use, protocol), use):
            name = use.named(q.name)
            if name in found:
                raise SpecError(
                    f"protocol {protocol.id}",
                    f"metrics[{i}].id",
                    f"{use.id} gives {name}, and so does {found[name].metric}",
                )
            found[name] = Quantity(
                name=name,
                unit=q.unit,
                higher_is_better=q.higher_is_better,
                metric=use.id,
                improvement=use.improvement,
                against=use.against,
            )
    if protocol.headline not in found:
        raise SpecError(
            f"protocol {protocol.id}",
            "headline",
            f"is {protocol.headline!r}; its metrics give {', '.join(found)}",
        )
    return tuple(found.values())


def _printed(metric: Metric, use: MetricUse) -> list[QuantityRecord]:
    return [q for q in metric.quantities if not use.quantities or q.name in use.quantities]


def needs(protocol: Protocol, what: Literal["mixture", "original"]) -> bool:
    """Whether any metric of a protocol looks at the mixture, or at the track before a probe."""
    return any(
        what in metric_of(use, protocol).needs or (use.improvement and what == "mixture")
        for use in protocol.metrics
    )


def failed_series(protocol: Protocol, sets: tuple[str, ...], duration_s: float) -> tuple[Series, ...]:
    """Build the rows of a failed track: every series that should be there, marked failed."""
    return tuple(
        without_value(s.id, target, q.name, duration_s, "failed")
        for s in protocol.target_sets
        if s.id in sets
        for q in quantities_of(protocol)
        for target in s.targets
    )


def _without(
    target_set: TargetSet,
    metric: Metric,
    use: MetricUse,
    duration_s: float,
    status: Literal["failed", "unknown"],
) -> list[Series]:
    return [
        without_value(target_set.id, target, use.named(q.name), duration_s, status)
        for q in _printed(metric, use)
        for target in target_set.targets
    ]


def _series(
    target_set: TargetSet,
    scored: list[str],
    metric: Metric,
    use: MetricUse,
    result: MetricResult | None,
    duration_s: float,
) -> list[Series]:
    rows: list[Series] = []
    for quantity in _printed(metric, use):
        name = use.named(quantity.name)
        for target in target_set.targets:
            if result is None or target not in scored:
                rows.append(without_value(target_set.id, target, name, duration_s, "no target"))
                continue
            place = scored.index(target)
            values: NDArray[np.float64] = result.values[quantity.name][place]
            marks = result.unstable.get(quantity.name)
            rows.append(
                series(
                    target_set.id, target, name,
                    result.time_s.tolist(), result.duration_s.tolist(), values.tolist(),
                    None if marks is None else marks[place].tolist(),
                )
            )  # fmt: skip
    return rows
