"""Simulated assessors of known conduct: what an analysis, or a whole server, must find out about them.

An assessor rates by `Assessor.rate`, one stimulus at a time, knowing nothing but its condition and trial, so
that ratings may be put into a table (`simulate`) or be given over HTTP::

    truth = Truth(means={"net": 70, "old": 45}, roles={...})
    panel = [Assessor("a1", truth), Assessor("a2", truth, kind="reversed")]
    table = simulate(panel, trials=6, seed=1)
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from simulated.listeners import Rate
from svbench.listening.listening_test import ListeningTest
from svbench.listening.ratings import ratings_table

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal[
    "sound", "careless", "reversed", "reference-blind", "anchors-high", "compressed", "constant", "unmoved",
    "fast", "unsteady",
]  # fmt: skip
ANCHORED = {"reference": 100.0, "anchor35": 15.0, "anchor70": 40.0}
ROLES = {"reference": "reference", "anchor35": "low_anchor", "anchor70": "mid_anchor"}


@dataclass(frozen=True)
class Truth:
    """What conditions are worth.

    Attributes
    ----------
    means : mapping of str to float
        Of every condition, 0 to 100.
    roles : mapping of str to str
        Of every condition: reference, low_anchor, mid_anchor, anchor, system.
    item_spread : float
        Half the range by which a condition's worth differs from item to item; the reference is always 100.
    """

    means: Mapping[str, float]
    roles: Mapping[str, str]
    item_spread: float = 10.0

    def worth(self, condition: str, trial: str) -> float:
        """Worth of one stimulus, the same wherever and whenever it is asked for.

        Examples
        --------
        >>> mushra_truth({"net": 70.0}, item_spread=0.0).worth("net", "any")
        70.0
        """
        if self.roles[condition] == "reference":
            return self.means[condition]
        share = zlib.crc32(f"{condition}\t{trial}".encode()) / 0xFFFFFFFF
        return float(self.means[condition] + self.item_spread * (2 * share - 1))


def mushra_truth(systems: Mapping[str, float], item_spread: float = 10.0) -> Truth:
    """Return the worth of some systems beside a hidden reference and both low-passed anchors."""
    roles = {**ROLES, **dict.fromkeys(systems, "system")}
    return Truth({**ANCHORED, **systems}, roles, item_spread)


@dataclass(frozen=True)
class Assessor:
    """One simulated person.

    Attributes
    ----------
    name : str
    truth : Truth
    kind : str
        ``sound`` assessors rate the worth with ``noise`` and ``bias``. Others do so too, except:
        ``careless`` move sliders anywhere, ``reversed`` turn the scale round, ``reference-blind`` take the
        hidden reference for a fair system, ``anchors-high`` cannot hear that the mid anchor is dull,
        ``compressed`` use the scale's upper third only, ``constant`` give 50 to everything, ``unmoved``
        leave all at 100, ``fast`` take 0.3 s a stimulus, ``unsteady`` know only reference and low anchor
        and guess the rest.
    bias, noise : float
        Points; noise is the standard deviation, a quarter of it for the reference.
    """

    name: str
    truth: Truth
    kind: Kind = "sound"
    bias: float = 0.0
    noise: float = 6.0

    def rate(self, condition: str, trial: str, rng: np.random.Generator) -> float:
        """Rate one stimulus, 0 to 100, in whole points."""
        return float(np.clip(np.round(CONDUCT[self.kind](self, condition, trial, rng)), 0, 100))

    def seconds(self, n_stimuli: int, rng: np.random.Generator) -> float:
        """Seconds that a trial takes."""
        pace = 0.3 if self.kind == "fast" else 8.0
        return float(n_stimuli * pace * rng.uniform(0.8, 1.2))


def simulate(
    assessors: Sequence[Assessor], *, trials: int, replicates: int = 1, seed: int = 0, test: str = "simulated"
) -> pd.DataFrame:
    """Let assessors rate every condition of some trials.

    Parameters
    ----------
    assessors : sequence of Assessor
    trials, replicates : int
        Trials of the test, and how many of the first of them are rated once more.
    seed : int
    test : str

    Returns
    -------
    DataFrame
        The long table of `svbench.listening.ratings`.

    Examples
    --------
    >>> table = simulate([Assessor("a", mushra_truth({"net": 70.0}))], trials=2, replicates=1)
    >>> len(table), table.condition[0]
    (12, 'reference')
    """
    rng = np.random.default_rng(seed)
    screens = [(n, 0) for n in range(trials)] + [(n, 1) for n in range(replicates)]
    rows: list[dict[str, object]] = []
    for assessor in assessors:
        for screen, (number, replicate) in enumerate(screens):
            trial = f"trial{number + 1:02}"
            conditions = list(assessor.truth.means)
            seconds = assessor.seconds(len(conditions), rng)
            rows += [
                {
                    "test": test, "assessor": assessor.name, "session": f"s-{assessor.name}",
                    "screen": screen, "trial": trial, "track": f"track{number + 1}", "target": "vocals",
                    "condition": condition, "role": assessor.truth.roles[condition],
                    "replicate": replicate, "slot": slot, "seconds": seconds,
                    "rating": assessor.rate(condition, trial, rng),
                }
                for slot, condition in enumerate(conditions)
            ]  # fmt: skip
    return ratings_table(rows)


def by_sound(assessor: Assessor, test: ListeningTest, rng: np.random.Generator) -> Rate:
    """Let an assessor rate what `simulated.listeners.Listener` hears, known by its bytes.

    Parameters
    ----------
    assessor : Assessor
        Whose truth has the conditions of the test.
    test : ListeningTest
    rng : Generator
    """
    known = {s.sha256: (s.condition, t.id) for t in test.trials for s in t.stimuli}

    def rate(sound: bytes, screen: Mapping[str, Any], slot: int) -> float:
        return assessor.rate(*known[hashlib.sha256(sound).hexdigest()], rng)

    return rate


Conduct = Callable[[Assessor, str, str, np.random.Generator], float]


def _sound(assessor: Assessor, condition: str, trial: str, rng: np.random.Generator) -> float:
    worth = assessor.truth.worth(condition, trial)
    if assessor.truth.roles[condition] == "reference":
        return worth - abs(rng.normal(0, assessor.noise / 4))
    return worth + assessor.bias + rng.normal(0, assessor.noise)


def _careless(assessor: Assessor, condition: str, trial: str, rng: np.random.Generator) -> float:
    return rng.uniform(0, 100)


def _reversed(assessor: Assessor, condition: str, trial: str, rng: np.random.Generator) -> float:
    return 100 - _sound(assessor, condition, trial, rng)


def _reference_blind(assessor: Assessor, condition: str, trial: str, rng: np.random.Generator) -> float:
    if assessor.truth.roles[condition] == "reference":
        return rng.normal(75, assessor.noise)
    return _sound(assessor, condition, trial, rng)


def _anchors_high(assessor: Assessor, condition: str, trial: str, rng: np.random.Generator) -> float:
    if assessor.truth.roles[condition] == "mid_anchor":
        return rng.uniform(93, 100)
    return _sound(assessor, condition, trial, rng)


def _compressed(assessor: Assessor, condition: str, trial: str, rng: np.random.Generator) -> float:
    return 100 - 0.35 * (100 - _sound(assessor, condition, trial, rng))


def _constant(assessor: Assessor, condition: str, trial: str, rng: np.random.Generator) -> float:
    return 50.0


def _unmoved(assessor: Assessor, condition: str, trial: str, rng: np.random.Generator) -> float:
    # A few sliders were touched, so not everything is the same value.
    if zlib.crc32(trial.encode()) % 5 == 0:
        return _sound(assessor, condition, trial, rng)
    return 100.0


def _unsteady(assessor: Assessor, condition: str, trial: str, rng: np.random.Generator) -> float:
    if assessor.truth.roles[condition] in ("reference", "low_anchor"):
        return _sound(assessor, condition, trial, rng)
    return rng.uniform(0, 100)


CONDUCT: dict[Kind, Conduct] = {
    "sound": _sound,
    "careless": _careless,
    "reversed": _reversed,
    "reference-blind": _reference_blind,
    "anchors-high": _anchors_high,
    "compressed": _compressed,
    "constant": _constant,
    "unmoved": _unmoved,
    "fast": _sound,
    "unsteady": _unsteady,
}
