"""Scores of what listeners heard: every protocol's metrics on the excerpts of a listening test.

The whole track's score says little of ten seconds of it, so references and kept estimates are cut where the
test's are, at the track's own rate, without fades and before loudness was aligned: levels are part of what
some metrics measure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from svbench.agreement.stimulus_match import Cut, cuts_of
from svbench.audio.sounds import ArraySound, FileSound, Sound
from svbench.errors import AudioError, DataError
from svbench.listening.building.material import SourceAudio, stretch
from svbench.listening.listening_test import ListeningTest, Trial
from svbench.results.aggregate import reduce_track
from svbench.results.record import Quantity
from svbench.results.store import Run, result_of
from svbench.scoring.bound import BoundProtocol, bind
from svbench.scoring.pool import ScoringPool
from svbench.scoring.track import Signals, score_signals
from svbench.specs.protocol import Protocol, load_protocol

PROTOCOLS = ("si-sdr", "mdx21", "sisec18", "msst-community")  # beside those of the runs


class ExcerptScore(msgspec.Struct, frozen=True):
    """One quantity of one stimulus; the columns of `svbench.agreement.stimuli.SCORED`."""

    trial: str
    condition: str
    protocol: str
    target_set: str
    metric: str
    unit: str
    higher_is_better: bool
    score: float
    status: str


@dataclass(frozen=True)
class Rule:
    """A protocol, and the one target set that it scores a target in, for all systems alike."""

    bound: BoundProtocol
    target_set: str

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets of the target set."""
        return self.bound.targets([self.target_set])


def chosen_protocols(names: Sequence[str], own: Sequence[Protocol]) -> list[Protocol]:
    """Load the protocols to score by: those named, or those of the runs and a few more.

    Raises
    ------
    SvbenchError
        No such protocol, or one that changes the music.
    """
    protocols = [load_protocol(n) for n in names] if names else list(own)
    if not names:
        known = {p.id for p in own}
        protocols += [load_protocol(n) for n in PROTOCOLS if n not in known]
    for protocol in protocols:
        if protocol.probes:
            raise DataError(
                f"{protocol.id} scores what a probe made of the music, and listeners heard the music itself; "
                "name another protocol"
            )
    return protocols


def score_excerpts(
    folder: Path,
    test: ListeningTest,
    runs: Mapping[str, Run],
    protocols: Sequence[Protocol],
    pool: ScoringPool,
    *,
    data: Path | None = None,
    must: bool = False,
    tell: Callable[[str, int], None] = lambda text, total: None,
) -> tuple[list[ExcerptScore], list[str]]:
    """Score every stimulus of a test's trials, anchors included; training is left out.

    Parameters
    ----------
    folder : Path
        Of the test: what was heard is compared with what is scored.
    test : ListeningTest
    runs : mapping of str to Run
        By condition, from `systems_of`.
    protocols : sequence of Protocol
    pool : ScoringPool
    data : Path, optional
        Where the recordings lie, if not where the runs found them.
    must : bool
        Refuse a protocol that does not score a target, instead of saying so.
    tell : callable
        Called as ``tell(what, n_stimuli)`` for each stimulus that is scored.

    Returns
    -------
    list of ExcerptScore
        One for each stimulus, protocol and quantity; NaN with a status where there is no number. The hidden
        reference has none: every score of it is perfect or undefined.
    list of str
        Notes.

    Raises
    ------
    DataError
        Tracks or estimates are missing, are others than those of the test, or nothing can be scored.
    """
    material = SourceAudio(runs, data)
    trials = [t for t in test.trials if t.kind == "test"]
    for trial in trials:
        material.check(trial.track, trial.target)
    notes: list[str] = []
    rules = {
        target: _rules(protocols, target, _estimated(material, trials), must, notes)
        for target in dict.fromkeys(t.target for t in trials)
    }
    cuts: list[Cut] = []
    for trial in trials:
        targets = dict.fromkeys(t for rule in rules[trial.target] for t in rule.targets)
        cuts += cuts_of(folder, test, trial, material, tuple(targets))
    calls = [pool.submit(score_cut, cut, rules[cut.target]) for cut in cuts]
    rows: list[ExcerptScore] = []
    for cut, call in zip(cuts, calls, strict=True):
        scored, new_notes = call.result()
        rows += scored
        notes += new_notes
        tell(f"{cut.track.name} · {cut.condition}", len(cuts))
    return rows, list(dict.fromkeys(notes))


def _estimated(material: SourceAudio, trials: Iterable[Trial]) -> set[str]:
    """Targets of which every system has an estimate of every track."""
    kept = []
    for name in dict.fromkeys(t.track for t in trials):
        track = material.track(name)
        for run in material.runs.values():
            result = result_of(run, name)
            kept.append(set(result.estimates) & set(track.targets) if result else set())
    return set.intersection(*kept)


def _rules(
    protocols: Sequence[Protocol], target: str, estimated: set[str], must: bool, notes: list[str]
) -> tuple[Rule, ...]:
    """Choose the target set of each protocol: the first with the target that all systems estimate."""
    rules = []
    for protocol in protocols:
        sets = [s for s in protocol.target_sets if target in s.targets]
        found = next((s.id for s in sets if set(s.targets) <= estimated | {target}), None)
        if found is not None:
            rules.append(Rule(bind(protocol), found))
            continue
        wanted = " or ".join(", ".join(s.targets) for s in sets)
        problem = f"{protocol.id} does not score {target}" + (
            f" without estimates of {wanted}; all systems have {', '.join(sorted(estimated))}"
            if sets and estimated else ""
        )  # fmt: skip
        if must:
            raise DataError(problem)
        notes.append(f"{problem}: left out")
    if not rules:
        raise DataError(f"none of the protocols scores {target}: {', '.join(p.id for p in protocols)}")
    return tuple(rules)


def score_cut(cut: Cut, rules: Sequence[Rule]) -> tuple[list[ExcerptScore], list[str]]:
    """Score one stimulus by all rules; runs in a scoring process.

    Where a condition has its own target alone, as anchors have, the references stand for its other estimates:
    no metric looks at those for this target's score.
    """
    rows, notes = [], []
    for rule in rules:
        bound, protocol = rule.bound, rule.bound.protocol
        references = {
            t: _part(sound, cut) for t in rule.targets if (sound := cut.track.reference_sound(t)) is not None
        }
        estimates = {t: _estimate(cut, t, references) for t in rule.targets}
        mixture = _part(cut.track.mixture_sound(), cut)
        signals = Signals(
            references,
            estimates,
            mixture if bound.needs("mixture") else None,
            Signals(references, {}, mixture) if bound.needs("original") else None,
        )
        quantities = {q.name: q for q in bound.quantities}
        try:
            scored = score_signals(signals, bound, (rule.target_set,))
        except AudioError as error:
            notes.append(f"{protocol.id} cannot score {cut.condition} of {cut.track.name!r}: {error}")
            rows += [_row(cut, rule, q, np.nan, "failed") for q in quantities.values()]
            continue
        for one in reduce_track(cut.track.name, scored.series, protocol, quantities.values()):
            if one.target == cut.target:
                value = np.nan if one.score is None else one.score
                rows.append(_row(cut, rule, quantities[one.metric], value, one.status))
    return rows, notes


def _row(cut: Cut, rule: Rule, quantity: Quantity, value: float, status: str) -> ExcerptScore:
    return ExcerptScore(
        cut.trial, cut.condition, rule.bound.protocol.id, rule.target_set,
        quantity.name, quantity.unit, quantity.higher_is_better, value, status,
    )  # fmt: skip


def _estimate(cut: Cut, target: str, references: Mapping[str, Sound]) -> Sound:
    place = cut.estimates.get(target)
    if isinstance(place, Path):
        return _part(FileSound(place), cut)
    if place is None:
        silence = np.zeros((cut.n_samples, cut.track.n_channels))
        return references.get(target, ArraySound(silence, cut.track.rate_hz))
    return ArraySound(place, cut.track.rate_hz)


def _part(sound: Sound, cut: Cut) -> Sound:
    return ArraySound(stretch(sound, cut.start, cut.n_samples), cut.track.rate_hz)
