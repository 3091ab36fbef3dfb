"""Score one track: references and estimates in, one series for each quantity and target out.

`score_track` runs in a scoring process, so it takes paths and records instead of arrays.
`score_signals` applies the protocol and does not know where the signals are read from.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from svbench.audio import check_samples, resample
from svbench.audio.sounds import ArraySound, FileSound, Sound, Stack, is_silent, whole
from svbench.datasets.api import Track
from svbench.datasets.content import Difference, relative_rms
from svbench.errors import AudioError
from svbench.metrics.contract import MetricResult
from svbench.probes.tracks import Sounds, brought_back, expected
from svbench.results.scores import Series, series, unstable_note, without_value
from svbench.scoring.bound import BoundMetric, BoundProtocol
from svbench.specs.manifest import MIXTURE
from svbench.specs.protocol import Protocol, TargetSet

NO_ORIGINAL = "nothing to compare with: the original of this track failed, or its estimates are gone"
_BLOCK = 1 << 18


class Scored(msgspec.Struct, frozen=True):
    """The scores of one track.

    Attributes
    ----------
    series : tuple of Series
    absent_targets : tuple of str
        Targets that the track does not contain.
    notes : tuple of str
    sums : dict of str to float
        How far files are from the sums they should be, as relative RMS by ``"mixture"`` or target.
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
        Needed by improvements and by metrics whose record lists it.
    original : Signals or None
        References and mixture before a probe changed them; needed by metrics whose record lists them.
    expected : mapping of str to Sound, or None
        The original's estimates after the change that the probe made. Needed by metrics used
        against the original; empty where there are no such estimates.
    unknown : frozenset of str
        Targets that may be part of another file of the track; their target sets are not scored.
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
    bound: BoundProtocol,
    sets: tuple[str, ...],
    originals: dict[str, Path] | None = None,
) -> Scored:
    """Score the estimates of one track under a protocol.

    Parameters
    ----------
    track : Track
    estimates : dict of target to path of an ``.npy`` file, shape (n_samples, n_channels)
        Targets that the track does not contain may be missing.
    bound : BoundProtocol
    sets : tuple of str
        Ids of the target sets to score.
    originals : dict of target to path of audio, optional
        Estimates of the track before a probe changed it; the estimates themselves by default.
    """
    sounds = {
        t: ArraySound(np.load(estimates[t], mmap_mode="r"), track.rate_hz)
        for t in bound.targets(sets)
        if t in estimates
    }
    return score_estimates(track, sounds, bound, sets, originals)


def score_estimates(
    track: Track,
    estimates: Mapping[str, Sound],
    bound: BoundProtocol,
    sets: tuple[str, ...],
    originals: dict[str, Path] | None = None,
) -> Scored:
    """Score the estimates of one track, and compare its mixture with the sum of its stems on the way."""
    # Only where the mixture is a file of its own that no probe has changed.
    check = MixtureCheck(track) if track.original is track and track.mixture_source else None
    resamples = bound.protocol.rate_hz not in (None, track.rate_hz)
    signals = track_signals(track, estimates, bound, sets, originals)
    scored = score_signals(signals, bound, sets, None if resamples else check)
    return msgspec.structs.replace(scored, sums=_sums(track, check))


def track_signals(
    track: Track,
    estimates: Mapping[str, Sound],
    bound: BoundProtocol,
    sets: tuple[str, ...],
    originals: dict[str, Path] | None = None,
) -> Signals:
    """Collect the audio of one track that the metrics of a protocol read; see `score_track`."""
    targets = bound.targets(sets)

    def references(track: Track) -> dict[str, Sound]:
        return {t: sound for t in targets if (sound := track.reference_sound(t)) is not None}

    compared: Sounds | None = None
    if bound.protocol.compares_originals:
        compared = estimates
        if originals is not None:
            compared = expected(track, {t: FileSound(p) for t, p in originals.items() if t in estimates})
    scored, sounds = brought_back(track, estimates)
    original = track.original
    return Signals(
        references(scored),
        sounds,
        scored.mixture_sound() if bound.needs("mixture") else None,
        Signals(references(original), {}, original.mixture_sound()) if bound.needs("original") else None,
        compared,
        frozenset(t for t in targets if not track.knows(t)),
    )


def score_signals(
    signals: Signals,
    bound: BoundProtocol,
    sets: tuple[str, ...] | None = None,
    check: MixtureCheck | None = None,
) -> Scored:
    """Score the estimates of one track, whatever they are read from.

    Parameters
    ----------
    signals : Signals
    bound : BoundProtocol
    sets : tuple of str, optional
        Ids of the target sets to score; all by default.
    check : MixtureCheck, optional
        Gets the references of a set that adds up to the mixture, as they are read.

    Raises
    ------
    AudioError
        A metric refuses a signal, or needs a mixture and there is none.
    """
    protocol = bound.protocol
    targets = bound.targets(sets)
    first = next(iter(signals.estimates.values()))
    duration_s = first.n_samples / first.rate_hz
    # The targets with a reference; a silent one counts only if the protocol says so.
    scores_silence = protocol.absent_target == "score_silence"
    references = {t: sound for t, sound in signals.references.items() if t in targets}
    present = {t for t, sound in references.items() if scores_silence or not is_silent(sound)}
    unknown = signals.unknown
    signals = at_rate(signals, protocol)
    rows: list[Series] = []
    notes: list[str] = []
    for target_set in bound.target_sets(sets):
        hidden = [t for t in target_set.targets if t in unknown]
        if hidden:
            notes.append(f"{target_set.id}: not scored, since {', '.join(hidden)} are not known here")
            for metric in bound.metrics:
                rows += metric.without_values(target_set, duration_s, "unknown")
            continue
        here = [t for t in target_set.targets if t in present]
        if len(here) < len(target_set.targets) and protocol.absent_target == "skip_set":
            here = []
        for metric in bound.metrics:
            compares = metric.use.against == "original"
            if compares and signals.expected is not None and not signals.expected:
                rows += metric.without_values(target_set, duration_s, "failed")
                notes.append(NO_ORIGINAL)
                continue
            scored = list(target_set.targets) if metric.metric.scores_absent or compares else here
            watch = check if check and scored == here and check.fits(target_set.targets) else None
            result = _result(signals, scored, metric, watch) if scored else None
            if result is not None:
                notes += [f"{target_set.id}: {n}" for n in result.notes]
                notes += _unstable_notes(target_set.id, scored, result, metric)
            rows += _series(target_set, scored, metric, result, duration_s)
    absent = tuple(t for t in targets if t not in present and t not in unknown)
    return Scored(tuple(rows), absent, tuple(dict.fromkeys(notes)))


def at_rate(signals: Signals, protocol: Protocol) -> Signals:
    """Resample signals to the rate of a protocol; return them as they are where it names none."""
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


def _result(
    signals: Signals, targets: list[str], bound: BoundMetric, check: MixtureCheck | None
) -> MetricResult:
    """Apply one metric to the targets of a set; for an improvement, subtract the score of the mixture."""
    metric, use = bound.metric, bound.use
    estimates = Stack([signals.estimates[t] for t in targets], "estimate", targets)
    silence = ArraySound(np.zeros((estimates.n_samples, estimates.n_channels)), int(estimates.rate_hz))
    compared = signals.references
    if use.against == "original":
        if signals.expected is None:
            raise AudioError(f"{use.id} is used against the original's estimates: use `svbench run`")
        compared = signals.expected
    sounds = [compared.get(t, silence) for t in targets]
    references = Stack(sounds, "reference", targets, check.see if check else None)
    mixture = signals.mixture
    arguments = dict(use.parameters)
    if mixture is None and (metric.needs or use.improvement):
        raise AudioError(f"{use.id} needs the mixture, and none was given")
    if mixture is not None and "mixture" in metric.needs:
        arguments["mixture"] = _mixture(mixture, references)
    if "original" in metric.needs:
        before = signals.original
        if before is None or before.mixture is None:
            raise AudioError(f"{use.id} needs the track before a probe changed it: use `svbench run`")
        originals = Stack([before.references.get(t, silence) for t in targets], "original reference", targets)
        arguments["original"] = (originals.samples(), whole(before.mixture).samples)

    def measure(estimates: Stack) -> MetricResult:
        pair: tuple[Any, Any] = (references, estimates)
        if not metric.streams:
            pair = (references.samples(), estimates.samples())
        return metric.function(*pair, rate_hz=references.rate_hz, **arguments)

    result = measure(estimates)
    if mixture is None or not use.improvement:
        return result
    unprocessed = Stack([mixture] * len(targets), "mixture as the estimate", targets)
    return _improvement(result, measure(unprocessed))


def _mixture(mixture: Sound, references: Stack) -> NDArray[np.float64]:
    """Read the mixture; if it has NaN or infinite samples, name the stem that they come from, if any."""
    samples = np.empty((mixture.n_samples, mixture.n_channels))
    mixture.read(0, samples)
    if not np.isfinite(samples).all():
        references.samples()  # raises an error that names the stem, if one of them has such samples
        check_samples(samples, "mixture")
    return samples


def _improvement(after: MetricResult, before: MetricResult) -> MetricResult:
    with np.errstate(invalid="ignore"):  # inf - inf is NaN, which becomes the status "undefined"
        values = {name: after.values[name] - before.values[name] for name in after.values}
    notes = (*after.notes, *(f"mixture as estimate: {n}" for n in before.notes if n not in after.notes))
    stable = np.zeros((1, 1), dtype=bool)
    unstable = {
        name: after.unstable.get(name, stable) | before.unstable.get(name, stable)
        for name in {**after.unstable, **before.unstable}
    }
    why = after.why_unstable or before.why_unstable
    return MetricResult(values, after.time_s, after.duration_s, notes, unstable, why)


def _unstable_notes(
    target_set: str, targets: list[str], result: MetricResult, bound: BoundMetric
) -> list[str]:
    """Name the quantities and targets with values that are numerically meaningless."""
    by_targets: dict[tuple[str, ...], list[str]] = {}
    for quantity, marks in result.unstable.items():
        marked = tuple(t for t, frames in zip(targets, marks, strict=True) if frames.any())
        if marked and quantity in bound.printed:
            by_targets.setdefault(marked, []).append(bound.printed[quantity].name)
    return [
        unstable_note(target_set, names, marked, result.why_unstable) for marked, names in by_targets.items()
    ]


def _series(
    target_set: TargetSet,
    scored: list[str],
    bound: BoundMetric,
    result: MetricResult | None,
    duration_s: float,
) -> list[Series]:
    rows = []
    for quantity, printed in bound.printed.items():
        for target in target_set.targets:
            if result is None or target not in scored:
                rows.append(without_value(target_set.id, target, printed.name, duration_s, "no target"))
                continue
            i = scored.index(target)
            marks = result.unstable.get(quantity)
            rows.append(
                series(
                    target_set.id, target, printed.name,
                    result.time_s.tolist(), result.duration_s.tolist(), result.values[quantity][i].tolist(),
                    None if marks is None else marks[i].tolist(),
                )
            )  # fmt: skip
    return rows


class MixtureCheck:
    """Compare the mixture of a track with the sum of its stems while the stems are read for scoring.

    Metrics read all references of a target set from end to end. Where these add up to the mixture, the check
    looks at the same blocks, so it costs one more reading of the mixture and none of the stems (4 minutes of
    16-bit stereo WAV under mdx21: 1.4 s instead of 1.26 s; 1.5 s with the stems read again). Where no set
    adds up to the mixture, or the protocol resamples, `relative_rms` reads the stems once more.
    """

    def __init__(self, track: Track) -> None:
        self._track, self._mixture = track, track.mixture_sound()
        self._difference = Difference()
        self._position = 0

    def fits(self, targets: Collection[str]) -> bool:
        """Whether the references of some targets add up to the mixture, each stem once."""
        parts = [p for t in targets for p in self._track.parts(t)]
        return sorted(parts) == sorted(self._track.mixture_parts)

    def see(self, start: int, block: NDArray[Any]) -> None:
        """Compare a block of all references, shape (n_signals, n, n_channels), that begins at a sample.

        Metrics may read a block twice or skip some. Samples seen before are not counted again; those after
        a gap are ignored, and `relative_rms` reads them itself.
        """
        new = block[:, max(self._position - start, 0) :]
        if start > self._position or new.shape[1] == 0:
            return
        # Signal by signal: numpy's sum over the first axis converts int16 to float one number at a time.
        total = new[0].astype(np.float64)
        for signal in new[1:]:
            total += signal
        if block.dtype == np.int16:
            total *= 2.0**-15
        mixture = np.empty(total.shape)
        self._mixture.read(self._position, mixture)
        self._difference.add(mixture, total)
        self._position += len(total)

    def relative_rms(self) -> float:
        """Return the RMS of the difference relative to the mixture, after reading what was not seen."""
        stems = Stack([self._track.stem_sound(s) for s in self._track.mixture_parts])
        while self._position < self._track.n_samples:
            stop = min(self._position + _BLOCK, self._track.n_samples)
            self.see(self._position, stems.read(self._position, stop))
        return self._difference.relative_rms


def _sums(track: Track, check: MixtureCheck | None) -> dict[str, float]:
    """Return how far files are from the sums they should be; `svbench.datasets.verify` judges the numbers."""
    sums = {MIXTURE: check.relative_rms()} if check else {}
    if track.original is track:
        for target, source in track.redundant.items():
            parts = [track.stem_sound(s) for s in track.targets[target] if s in track.stems]
            sums[target] = relative_rms(source.sound(track.n_samples, track.n_channels), parts)
    return sums
