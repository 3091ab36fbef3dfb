"""Choose the excerpts of a test: those that the user names, or those that the rule picks from the runs.

An excerpt can start wherever the target sounds for long enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from svbench.audio import Audio
from svbench.audio.sounds import Sound
from svbench.errors import DataError, SvbenchError, UnknownNameError
from svbench.listening.building import track_selection
from svbench.listening.building.conditions import headline, scores_of
from svbench.listening.building.material import NamedExcerpt, SourceAudio, cut_samples, stretch
from svbench.listening.building.stimuli import loudness_lufs
from svbench.listening.building.track_selection import Candidate, Excerpt
from svbench.specs.listening import Excerpts

FRAME_S = 0.05
STEP_S = 0.5  # between places tried
_BLOCK = 400  # frames read at once


def excerpts_of(
    material: SourceAudio,
    target: str,
    rule: Excerpts,
    named: Sequence[NamedExcerpt],
    notes: list[str],
    progress: Callable[[str], None],
) -> list[Excerpt]:
    """Choose the excerpts of one target, or take the named ones; training is chosen either way.

    Parameters
    ----------
    material : SourceAudio
    target : str
    rule : Excerpts
    named : sequence of NamedExcerpt
    notes : list of str
        Gets a sentence on each track that was set aside.
    progress : callable
        Told of each track looked at.

    Raises
    ------
    DataError
        Too few excerpts, or a named one that cannot be heard.
    """
    if rule.choose == "list" and not named:
        raise DataError("the protocol leaves the excerpts to you; name them with --excerpt TRACK@START")
    twice = next((one for i, one in enumerate(named) if one in named[:i]), None)
    if twice:
        raise DataError(f"--excerpt {twice.track}@{twice.start_s:g} is given twice")
    runs = list(material.runs.values())
    scores = {name: scores_of(run, target) for name, run in material.runs.items()}
    quantity = headline(runs[0])
    for name, run in material.runs.items():
        if not scores[name]:
            raise DataError(
                f"{run.path}: {name} has no {quantity.name} of {target} on any track, so tracks cannot be "
                "ranked by difficulty; leave that run out, or take runs of another protocol"
            )
    candidates, aside = [], []
    wanted = runs[0].record.data.tracks if rule.training or not named else ()
    for track in wanted:
        progress(f"looking at {target} of {track}")
        try:
            lacking = [name for name, by_track in scores.items() if track not in by_track]
            material.check(track, target)
            if lacking:
                raise DataError(f"no {quantity.name} of {', '.join(lacking)}")
            sound = material.reference(track, target)
        except SvbenchError as error:
            aside.append(f"track {track!r} is set aside: {error}")
            continue
        starts = active_starts(frame_levels(sound), sound.n_samples / sound.rate_hz, rule)
        candidates.append(Candidate(track, tuple(s[track] for s in scores.values()), starts))
    notes += aside
    taken = []
    for one in named:
        known = [s[one.track] for s in scores.values() if one.track in s]
        difficulty = sum(known) / len(known) if len(known) == len(scores) else None
        taken.append(_named_excerpts(material, target, rule, one, difficulty, notes))
    try:
        return track_selection.choose(candidates, rule, target, quantity, taken)
    except DataError as error:
        raise DataError("; ".join([str(error), *aside])) from error


def _named_excerpts(
    material: SourceAudio,
    target: str,
    rule: Excerpts,
    one: NamedExcerpt,
    difficulty: float | None,
    notes: list[str],
) -> Excerpt:
    tracks = next(iter(material.runs.values())).record.data.tracks
    if one.track not in tracks:
        raise UnknownNameError("track", one.track, tracks)
    material.check(one.track, target)
    sound = material.reference(one.track, target)
    start, n = cut_samples(one.start_s, rule.length_s, sound.rate_hz)
    if start + n > sound.n_samples:
        raise DataError(
            f"--excerpt {one.track}@{one.start_s:g}: {rule.length_s:g} s from there end at "
            f"{one.start_s + rule.length_s:g} s, the track at {sound.n_samples / sound.rate_hz:g} s"
        )
    if loudness_lufs(Audio(stretch(sound, start, n), sound.rate_hz)) is None:
        raise DataError(
            f"--excerpt {one.track}@{one.start_s:g}: {target} is silent there (below −70 LUFS throughout)"
        )
    share = active_share(frame_levels(sound), one.start_s, rule)
    if share < rule.active:
        notes.append(
            f"{one.track}@{one.start_s:g}: {target} sounds in {share:.0%} of it, less than {rule.active:.0%}"
        )
    return Excerpt("test", one.track, target, one.start_s, difficulty, "named by the user")


def frame_levels(sound: Sound) -> NDArray[np.float64]:
    """Measure the level of every 50 ms.

    Parameters
    ----------
    sound : Sound

    Returns
    -------
    ndarray, shape (n_frames,)
        In dB relative to the loudest frame, −inf where silent; a shorter rest at the end is left out.
    """
    edges = np.round(np.arange(math.floor(sound.n_samples / sound.rate_hz / FRAME_S) + 1) * FRAME_S
                     * sound.rate_hz).astype(int)  # fmt: skip
    means = []
    for first in range(0, len(edges) - 1, _BLOCK):
        here = edges[first : first + _BLOCK + 1]
        samples = np.empty((here[-1] - here[0], sound.n_channels))
        sound.read(int(here[0]), samples)
        energy = np.add.reduceat(np.sum(samples**2, axis=1), here[:-1] - here[0])
        means.append(energy / np.diff(here))
    power = np.concatenate(means) if means else np.zeros(0)
    if not power.any():
        return np.full(len(power), -np.inf)
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(power / power.max()))


def active_share(levels_db: NDArray[np.float64], start_s: float, rule: Excerpts) -> float:
    """Return the share of an excerpt's frames in which the target sounds.

    Examples
    --------
    >>> levels = np.array([-np.inf] * 20 + [0.0] * 20)
    >>> active_share(levels, 0.5, Excerpts(length_s=1.0))
    0.5
    """
    first = round(start_s / FRAME_S)
    return float(np.mean(levels_db[first : first + round(rule.length_s / FRAME_S)] > rule.active_db))


def active_starts(levels_db: NDArray[np.float64], duration_s: float, rule: Excerpts) -> tuple[float, ...]:
    """Return the starts, every half second, of excerpts in which the target sounds long enough.

    Examples
    --------
    >>> levels = np.array([-np.inf] * 20 + [0.0] * 40)
    >>> active_starts(levels, 3.0, Excerpts(length_s=1.0))
    (1.0, 1.5, 2.0)
    """
    n = math.floor((duration_s - rule.length_s) / STEP_S + 1e-9) + 1
    return tuple(
        i * STEP_S for i in range(max(n, 0)) if active_share(levels_db, i * STEP_S, rule) >= rule.active
    )
