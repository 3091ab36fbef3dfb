"""Assessors who behaved oddly. These rules are not part of the standard: they flag, and exclude nobody."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from svbench.listening.analysis.panel import CELL, SCALES, Panel
from svbench.listening.analysis.reliability import concordance, second_ratings

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Kind = Literal["same value", "unmoved", "fast", "reversed", "unrelated", "narrow", "unsteady"]
Finding = tuple[Kind, str]
HASTE_S = 1.0  # a stimulus; nobody hears and judges music in less
MOST = 0.5  # of the screens
REVERSED_P, RELATED_P = 0.01, 0.05
NARROW = 0.5  # points for each point of the panel
UNSTEADY = 0.5  # concordance of an assessor's replicates
FEWEST_CELLS, FEWEST_REPLICATES = 6, 5


@dataclass(frozen=True)
class Flag:
    """Something odd about one assessor, in a sentence."""

    assessor: str
    kind: Kind
    told: str


def conduct(panel: Panel) -> tuple[Flag, ...]:
    """Check each assessor for signs of careless rating.

    Parameters
    ----------
    panel : Panel
        Before anybody is excluded. Comparisons are only checked for haste.

    Returns
    -------
    tuple of Flag
        By assessor; one may have several.
    """
    by_assessor = {str(name): own for name, own in panel.table.groupby("assessor")}
    found: dict[str, list[Finding | None]] = {name: [_haste(own)] for name, own in by_assessor.items()}
    if panel.method not in ("ab", "abx"):
        others = _Others(panel.table)
        twice = second_ratings(panel, panel.assessors)
        for name, own in by_assessor.items():
            found[name] += [
                _sameness(own, panel.method),
                _against_others(*others.beside(name)),
                _steadiness(twice[twice["assessor"] == name]),
            ]
    return tuple(Flag(name, *one) for name in found for one in found[name] if one)


def _sameness(own: pd.DataFrame, method: str) -> Finding | None:
    """All ratings equal; or, on most screens of several stimuli, all equal and at an end of the scale."""
    if len(own) > 1 and own["rating"].nunique() == 1:
        return "same value", f"gave {own['rating'].iloc[0]:g} to all {len(own)} stimuli"
    if method != "mushra":  # elsewhere there is no slider that could be left where it was
        return None
    screens = own.groupby("item")["rating"].agg(["min", "max", "size"])
    screens = screens[screens["size"] > 1]
    equal = screens["min"] == screens["max"]
    n = int((equal & screens["max"].isin(SCALES[method])).sum())
    if n > MOST * len(screens):
        return "unmoved", f"left all stimuli at one end of the scale in {n} of {len(screens)} trials"
    return None


def _haste(own: pd.DataFrame) -> Finding | None:
    """Less than a second for each stimulus, on most screens of known time."""
    # One screen may come twice, and one item fill several; files of others tell screens by item alone.
    by_screen = own.groupby(["item", "session", "screen", "replicate"])["seconds"]
    screens = by_screen.agg(seconds="max", size="size").dropna()
    n = int((screens["seconds"] < HASTE_S * screens["size"]).sum())
    if n > MOST * len(screens):
        return "fast", f"took less than {HASTE_S:g} s a stimulus in {n} of {len(screens)} trials"
    return None


def _against_others(y: Array, x: Array) -> Finding | None:
    """An assessor's ratings against the median of the others' for the same stimuli."""
    from scipy.stats import linregress

    if len(x) < FEWEST_CELLS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    line = linregress(x, y)
    one_sided = line.pvalue / 2
    if line.rvalue < 0 and one_sided < REVERSED_P:
        return "reversed", f"rates against the others (correlation {line.rvalue:.2f}); scale turned round?"
    if line.rvalue <= 0 or one_sided > RELATED_P:
        return "unrelated", f"ratings do not follow the others' (correlation {line.rvalue:.2f})"
    if line.slope < NARROW:
        return "narrow", f"uses little of the scale: {line.slope:.2f} points for each point of the others"
    return None


def _steadiness(twice: pd.DataFrame) -> Finding | None:
    if len(twice) < FEWEST_REPLICATES:
        return None
    found = concordance(twice["rating"].to_numpy(), twice["rating_again"].to_numpy())
    if math.isnan(found) or found >= UNSTEADY:
        return None
    return "unsteady", f"rated {len(twice)} stimuli twice with a concordance of {found:.2f}"


class _Others:
    """What the others gave the stimuli of one assessor; their median, so that odd ones do not decide."""

    def __init__(self, table: pd.DataFrame) -> None:
        wide = table.pivot(index="assessor", columns=CELL[1:], values="rating")
        self._row = {str(name): i for i, name in enumerate(wide.index)}
        self._ratings: Array = wide.to_numpy()

    def beside(self, assessor: str) -> tuple[Array, Array]:
        """Return the assessor's ratings and the others', of stimuli that both rated."""
        row = self._row[assessor]
        others = np.delete(self._ratings, row, axis=0)
        both = ~np.isnan(self._ratings[row]) & ~np.isnan(others).all(axis=0)
        return self._ratings[row, both], np.nanmedian(others[:, both], axis=0)
