"""Decide which target sets can be scored and from which estimates, and make these fit the mixture.

`run` and `score` follow the same rule. A set is scored in a track if it is known which of its targets the
track contains, and if estimates of all of them are given or can be summed. A target that the track does not
contain needs no estimate.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from svbench.audio import Audio, Samples, resample
from svbench.audio.sounds import Shape, is_silent
from svbench.datasets.api import Track
from svbench.datasets.content import lumps
from svbench.errors import DataError, SystemFailure
from svbench.scoring.bound import BoundProtocol
from svbench.specs.protocol import Alignment, Protocol, TargetSet


def scorable_sets(tracks: Sequence[Track], protocol: Protocol) -> tuple[tuple[str, ...], list[str]]:
    """Return the ids of target sets that the data support, and a sentence for each set that is left out.

    A set needs two of its targets, or its only one, in some track: vocals alone are not a four-stem problem.
    It is left out of tracks where one file may contain several of its targets.
    """
    sets, left_out = [], []
    for target_set in protocol.target_sets:
        targets = target_set.targets
        if any(t not in track.targets for track in tracks for t in targets):
            continue  # the manifest declares no such target
        hidden = [track for track in tracks if unknown_targets(track, target_set)]
        known = [track for track in tracks if not unknown_targets(track, target_set)]
        there = {t for track in known for t in targets if track.has(t)}
        if hidden:
            left_out.append(_hidden(target_set, hidden, len(tracks)))
        elif len(there) < min(2, len(targets)):
            lacking = ", ".join(t for t in targets if t not in there)
            left_out.append(f"target set {target_set.id}: no reference of {lacking}")
        if len(there) >= min(2, len(targets)):
            sets.append(target_set.id)
    return tuple(sets), left_out


def nothing_to_score(root: Path, protocol: Protocol, left_out: Sequence[str]) -> DataError:
    """Return the error for data that a protocol cannot score at all."""
    why = "; ".join(left_out) or f"its manifest has none of {', '.join(protocol.targets)}"
    return DataError(f"{root}: nothing to score under {protocol.id}: {why}")


def unknown_targets(track: Track, target_set: TargetSet) -> tuple[str, ...]:
    """Return the targets of a set that the track may or may not contain, judged by its files."""
    return tuple(t for t in target_set.targets if not track.knows(t))


def covered_sets(
    given: Collection[str], protocol: Protocol, targets: Mapping[str, tuple[str, ...]]
) -> tuple[TargetSet, ...]:
    """Return the target sets of a protocol whose targets are all estimated, or are sums of estimates.

    Parameters
    ----------
    given : collection of str
        Targets of which there are estimates.
    protocol : Protocol
    targets : mapping of str to tuple of str
        The targets of the data set as sums of stems.
    """
    return tuple(s for s in protocol.target_sets if not lacking_targets(s, given, targets))


def lacking_targets(
    target_set: TargetSet, given: Collection[str], targets: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Return the targets of a set that are neither given nor a sum of what is given."""
    return tuple(
        t
        for t in target_set.targets
        if t not in targets or (t not in given and not derivation(t, given, targets))
    )


def derivation(
    target: str,
    given: Collection[str],
    targets: Mapping[str, tuple[str, ...]],
    absent: Collection[str] = (),
) -> tuple[str, ...]:
    """Return the given targets that add up to a target: together they have its stems, each stem once.

    Parameters
    ----------
    target : str
    given : collection of str
    targets : mapping of str to tuple of str
    absent : collection of str
        Stems that may be missing.

    Examples
    --------
    >>> stems = {"vocals": ("v",), "drums": ("d",), "bass": ("b",), "rest": ("d", "b")}
    >>> derivation("rest", ("vocals", "drums", "bass"), stems), derivation("rest", ("drums",), stems)
    (('drums', 'bass'), ())
    >>> derivation("rest", ("drums",), stems, absent=["b"])
    ('drums',)
    """
    wanted = set(targets.get(target, ()))
    parts = tuple(g for g in given if g in targets and set(targets[g]) <= wanted)
    stems = [s for p in parts for s in targets[p]]
    is_sum = len(stems) == len(set(stems)) and wanted - set(stems) <= set(absent)
    return parts if is_sum else ()


def recipes(
    given: Collection[str], track: Track, bound: BoundProtocol, sets: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """Return, for each target to be scored, the estimates of the track that add up to it.

    Parameters
    ----------
    given : collection of str
        Targets of which there are estimates of this track.
    track : Track
    bound : BoundProtocol
    sets : collection of str
        Ids of the target sets to score.

    Returns
    -------
    dict of str to tuple of str
        Targets that need no estimate may be missing.

    Raises
    ------
    SystemFailure
        There is no estimate of a target that is scored in this track.
    """
    chosen = [s for s in bound.target_sets(sets) if not unknown_targets(track, s)]
    made: dict[str, tuple[str, ...]] = {}
    lacking = []
    for target in dict.fromkeys(t for s in chosen for t in s.targets):
        parts = (target,) if target in given else derivation(target, given, track.targets)
        if not parts and is_scored(target, track, bound):
            parts = derivation(target, given, track.targets, _absent(target, given, track))
            if not parts:
                lacking.append(target)
        if parts:
            made[target] = parts
    if lacking:
        raise SystemFailure(f"no estimate of {', '.join(lacking)}; found {', '.join(given) or 'nothing'}")
    return made


def derived_notes(made: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return a note on each target that is a sum of estimates."""
    return [
        f"{target} is the sum of its estimates of {', '.join(parts)}"
        for target, parts in made.items()
        if parts != (target,)
    ]


def is_scored(target: str, track: Track, bound: BoundProtocol) -> bool:
    """Whether a protocol scores a target in a track; most do not score targets that the track lacks."""
    if bound.scores_absent:
        return True
    reference = track.reference_sound(target)
    if reference is None:
        return False
    return bound.protocol.absent_target == "score_silence" or not is_silent(reference)


def _absent(target: str, given: Collection[str], track: Track) -> list[str]:
    """Return the stems of a target that have no estimate and that the track does not contain."""
    if track.original is not track:  # a probe may have added something to a silent stem
        return []
    unknown = track.unknown_stems
    stems = [s for s in track.targets[target] if s not in given and s not in unknown]
    return [s for s in stems if s not in track.stems or is_silent(track.stem_sound(s))]


def _hidden(target_set: TargetSet, hidden: Sequence[Track], n_tracks: int) -> str:
    """Write why a set is left out of tracks in which one file may contain several of its targets."""
    names = ", ".join(dict.fromkeys(t for track in hidden for t in unknown_targets(track, target_set)))
    held = ", ".join(dict.fromkeys(f for track in hidden for f in lumps(track.stems, track.targets)))
    many = f" of {len(hidden)} of {n_tracks} tracks (the first is {hidden[0].name})"
    where = many if len(hidden) < n_tracks else ""
    return f"target set {target_set.id}{where}: {names} not known, since {held} may hold them"


def align_estimate(
    estimate: Audio, given: Shape, mixture: Shape, target: str, rule: Alignment
) -> tuple[Audio, list[str]]:
    """Bring one estimate to the rate, length and channels of the mixture, as far as a rule allows.

    Parameters
    ----------
    estimate : Audio
    given : Shape
        Shape of the mixture as the system got it, which estimates should have.
    mixture : Shape
        Shape of the mixture of the track.
    target : str
    rule : Alignment

    Returns
    -------
    Audio, list of str
        The fitted estimate and notes on what was done.

    Raises
    ------
    SystemFailure
        The estimate differs from the mixture in a way that the rule does not allow.
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
    # Resampling there and back changes the length by a sample or two at the end; nothing is shifted in time.
    return Audio(_length(audio.samples, mixture.n_samples), mixture.rate_hz), notes


def _length(samples: Samples, n_samples: int) -> Samples:
    if len(samples) >= n_samples:
        return samples[:n_samples]
    return np.pad(samples, ((0, n_samples - len(samples)), (0, 0)))
