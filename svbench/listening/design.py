"""Who hears what, in which order: the screens of one session, drawn when it begins.

Trials seen least come first into a session, their order is a row of a Williams square (each trial
stands equally often at each place and, over all rows, equally often after each other one), and what
stands on a screen is in random order. Everything drawn follows from the protocol's seed and the
session's number; tokens do not, for they must not be guessed.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Literal

import msgspec

from svbench.errors import DataError
from svbench.listening.listening_test import ListeningTest, Stimulus, Trial
from svbench.specs.listening import MOST_CONDITIONS, Method

REFERENCE = -1  # the slot of the open reference
SCALES: dict[Method, tuple[float, float]] = {
    "mushra": (0.0, 100.0), "ab": (0.0, 1.0), "abx": (0.0, 1.0), "acr": (1.0, 5.0), "dcr": (1.0, 5.0),
}  # fmt: skip
# Which slots of a screen take a rating: of A and B the first (1: A is preferred, 0: B, 0.5: neither), of
# A, B and X the last (1: X is A, 0: X is B), elsewhere all.
RATED: dict[Method, slice] = {
    "mushra": slice(None), "acr": slice(None), "dcr": slice(None), "ab": slice(0, 1), "abx": slice(2, 3),
}  # fmt: skip

# Where listeners hear the reference as such: not where X, or the sound alone, is judged.
OPEN_REFERENCE: tuple[Method, ...] = ("mushra", "ab", "dcr")


class Slot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stimulus of a screen, and the name under which the session knows it."""

    token: str
    stimulus: str


class PlannedScreen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One screen of a session; ``replicate`` is 1 where the assessor rates the same once more."""

    id: str
    trial: str
    kind: Literal["training", "test"]
    slots: tuple[Slot, ...]
    reference: Slot | None = None
    replicate: int = 0


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All screens of a session, training first; ``row`` is that of the square."""

    row: int
    screens: tuple[PlannedScreen, ...]


def assign(
    test: ListeningTest,
    number: int,
    seen: Mapping[str, int],
    rows: Mapping[int, int],
    token: Callable[[], str] = lambda: secrets.token_urlsafe(16),
) -> Plan:
    """Draw the screens of a session.

    Parameters
    ----------
    test : ListeningTest
    number : int
        Of the session, from 0; with the protocol's seed it decides what is drawn.
    seen : mapping
        How many sessions have each trial.
    rows : mapping
        How many sessions have each row of the square.
    token : callable
        Makes a name that cannot be guessed.

    Returns
    -------
    Plan
    """
    wanted = test.protocol.sessions
    draw = Random(f"{wanted.seed}/{test.id}/{number}")
    training = [t for t in test.trials if t.kind == "training"]
    trials = [t for t in test.trials if t.kind == "test"]
    chosen = least_seen(trials, seen, wanted.trials or len(trials), draw)
    square = williams_square(len(chosen))
    row = min(range(len(square)), key=lambda r: (rows.get(r, 0), r))
    order = [chosen[i] for i in square[row]]
    method = test.protocol.method
    first = _rounds([_screens(t, test, draw, method, token) for t in order])
    # The last one has no place after it; every trial is last equally often.
    repeated = order[:-1] or order
    again = _rounds(
        [
            _screens(t, test, draw, method, token, replicate=1)
            for t in draw.sample(repeated, min(wanted.replicates, len(repeated)))
        ]
    )
    before = _rounds([_screens(t, test, draw, method, token) for t in training])
    return Plan(row=row, screens=(*before, *insert_replicates(first, again, draw, method)))


def least_seen(trials: Sequence[Trial], seen: Mapping[str, int], n: int, draw: Random) -> list[Trial]:
    """Return the ``n`` trials seen least, ties drawn, in the order of the test."""
    ranked = sorted(trials, key=lambda t: (seen.get(t.id, 0), draw.random()))
    chosen = {t.id for t in ranked[:n]}
    return [t for t in trials if t.id in chosen]


def williams_square(n: int) -> list[list[int]]:
    """Return the rows of a Williams design: ``n`` of them where ``n`` is even, else ``2 n``.

    Each item stands once (twice) at each place, and once (twice) right after each other item.
    Source: Williams, E. J. (1949), Experimental designs balanced for the estimation of residual
    effects of treatments.

    Examples
    --------
    >>> williams_square(4)
    [[0, 1, 3, 2], [1, 2, 0, 3], [2, 3, 1, 0], [3, 0, 2, 1]]
    """
    first = [(k + 1) // 2 if k % 2 else (n - k // 2) % n for k in range(n)]
    rows = [[(i + r) % n for i in first] for r in range(n)]
    return rows + [row[::-1] for row in rows] if n % 2 and n > 1 else rows


def insert_replicates(
    first: Sequence[PlannedScreen], again: Sequence[PlannedScreen], draw: Random, method: Method
) -> list[PlannedScreen]:
    """Put replicates among the screens: after their first, never beside it, late if possible.

    One that finds no such place (a session of a single screen) is left out.
    """
    screens = list(first)
    for screen in again:
        mine = [i for i, s in enumerate(screens) if _music(s, method) == _music(screen, method)]
        places = [i for i in range(mine[0] + 2, len(screens) + 1) if not {i - 1, i} & set(mine)]
        late = [i for i in places if i > len(screens) // 2]
        if places:
            screens.insert(draw.choice(late or places), screen)
    return screens


def _music(screen: PlannedScreen, method: Method) -> tuple[str, frozenset[str]]:
    compared = screen.slots[:2] if method == "abx" else screen.slots  # X is one of them
    return screen.trial, frozenset(slot.stimulus for slot in compared)


def _rounds(trials: Sequence[Sequence[PlannedScreen]]) -> list[PlannedScreen]:
    """One screen of each trial, then the next of each, so that music does not repeat at once."""
    rounds = itertools.zip_longest(*trials)
    return [screen for one in rounds for screen in one if screen is not None]


def _screens(
    trial: Trial,
    test: ListeningTest,
    draw: Random,
    method: Method,
    token: Callable[[], str],
    replicate: int = 0,
) -> list[PlannedScreen]:
    groups = [list(group) for group in stimulus_groups(trial, test, method)]
    draw.shuffle(groups)
    open_reference = trial.reference if method in OPEN_REFERENCE else None
    found = []
    for group in groups:
        draw.shuffle(group)
        shown = [*group, _again(trial, draw.choice(group))] if method == "abx" else group
        found.append(
            PlannedScreen(
                id=token(),
                trial=trial.id,
                kind=trial.kind,
                slots=tuple(Slot(token=token(), stimulus=s.id) for s in shown),
                reference=Slot(token=token(), stimulus=open_reference.id) if open_reference else None,
                replicate=replicate,
            )
        )
    return found


def _again(trial: Trial, stimulus: Stimulus) -> Stimulus:
    """The other file of a stimulus; tests that were built before there was one have the same twice."""
    return next((s for s in trial.again if s.condition == stimulus.condition), stimulus)


def stimulus_groups(trial: Trial, test: ListeningTest, method: Method) -> list[tuple[Stimulus, ...]]:
    """Return what stands together on a screen: all stimuli, one, or two.

    Pairs are those of systems for ``ab``, and of systems and the hidden reference for ``abx``;
    anchors are in none, for that they are heard as worse needs no asking.
    """
    if method == "mushra":
        return [trial.stimuli]
    if method in ("acr", "dcr"):
        return [(stimulus,) for stimulus in trial.stimuli]
    roles = ("system",) if method == "ab" else ("system", "reference")
    compared = [s for s in trial.stimuli if test.condition(s.condition).role in roles]
    return list(itertools.combinations(compared, 2))


def check_design(test: ListeningTest, path: object) -> None:
    """Refuse a test that no session can be drawn from.

    Raises
    ------
    DataError
        No trial, more than 12 conditions on a screen, no pair to compare, no open reference.
    """
    method = test.protocol.method
    if not any(t.kind == "test" for t in test.trials):
        raise DataError(f"{path}: has no trial of kind 'test', so there is nothing to rate")
    for trial in test.trials:
        if method == "mushra" and len(trial.stimuli) > MOST_CONDITIONS:
            raise DataError(
                f"{path}: trial {trial.id} has {len(trial.stimuli)} conditions; BS.1534-3 allows "
                f"{MOST_CONDITIONS}, hidden reference and anchors included: build it from fewer systems"
            )
        if not stimulus_groups(trial, test, method):
            raise DataError(f"{path}: trial {trial.id} has no two systems to compare ({method})")
        if method in OPEN_REFERENCE and trial.reference is None:
            raise DataError(f"{path}: trial {trial.id} has no open reference, which {method} needs")
