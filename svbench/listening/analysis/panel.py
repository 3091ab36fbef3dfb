"""Which ratings count: from the long table to the panel that is analysed.

Training is kept in the table and never analysed. Of an assessor's ratings of one stimulus the first one
counts; the others tell how reliable the assessor is. Sessions that were not finished are left out, since
who gives up may do so because of what there is to hear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from svbench.errors import DataError
from svbench.listening.ratings import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

SCALES = {"mushra": (0, 100), "acr": (1, 5), "dcr": (1, 5), "ab": (0, 1), "abx": (0, 1)}
ROLES = ("reference", "system", "anchor", "mid_anchor", "low_anchor")  # as tables list them
CELL = ["assessor", "item", "condition", "against"]  # what is rated once, or again as a replicate


@dataclass(frozen=True)
class Panel:
    """The ratings of one method.

    Attributes
    ----------
    method : str
    table : DataFrame
        First ratings in finished sessions (of comparisons, all answers), no training; the columns of the
        long table and ``item``, which is the trial (with its test, where there are several).
    again : DataFrame
        The same columns: all later ratings of what is in ``table``.
    conditions : tuple of str
        Reference, systems, anchors; the best of each first.
    roles : dict of str to str
        Of each condition.
    notes : tuple of str
        What was left out, and what is missing.
    """

    method: str
    table: pd.DataFrame
    again: pd.DataFrame
    conditions: tuple[str, ...]
    roles: dict[str, str]
    notes: tuple[str, ...]

    @property
    def assessors(self) -> tuple[str, ...]:
        """Whose ratings there are, by name."""
        return tuple(sorted(self.table["assessor"].unique()))

    def of_role(self, *roles: str) -> list[str]:
        """Return the conditions of some roles, in order."""
        return [c for c in self.conditions if self.roles[c] in roles]


def panel(ratings: pd.DataFrame) -> Panel:
    """Take from the long table what is analysed.

    Parameters
    ----------
    ratings : DataFrame
        With the columns of `svbench.listening.ratings.COLUMNS`.

    Returns
    -------
    Panel

    Raises
    ------
    DataError
        No ratings that count, several methods, ratings off the scale, one stimulus rated twice as the same
        replicate, or a condition with two roles.

    Examples
    --------
    >>> from svbench.listening.ratings import ratings_table
    >>> row = {"assessor": "a", "trial": "t", "condition": "net", "rating": 60.0}
    >>> training = {**row, "kind": "training"}
    >>> found = panel(ratings_table([row, {**row, "replicate": 1, "rating": 50.0}, training]))
    >>> len(found.table), len(found.again), found.notes[0]
    (1, 1, '1 rating of training is left out.')
    """
    if ratings.empty:
        raise DataError("there are no ratings to analyse")
    method = _one_method(ratings)
    _check_scale(ratings, method)
    notes = []
    table = ratings[ratings["kind"] == "test"]
    if len(table) < len(ratings):
        notes.append(f"{_left_out(len(ratings) - len(table), 'of training ')}.")
    finished = table[table["complete"]]
    if len(finished) < len(table):
        n = table.loc[~table["complete"], ["assessor", "session"]].drop_duplicates().shape[0]
        what = f"{n} sessions were" if n > 1 else "1 session was"
        notes.append(f"{what} not finished: {_left_out(len(table) - len(finished))}.")
    if finished.empty:
        raise DataError(
            f"none of the {len(ratings)} ratings count: all are of training, or of sessions never finished"
        )
    several = finished["test"].nunique() > 1
    items = finished["test"] + "/" + finished["trial"] if several else finished["trial"]
    finished = finished.assign(item=items)
    _refuse_doubles(finished)
    finished = finished.sort_values([*CELL, "replicate"], kind="stable").reset_index(drop=True)
    # Counted anew: the first rating may have been in a session that was not finished.
    finished["replicate"] = finished.groupby(CELL).cumcount()
    # Of comparisons every answer counts: a pair is mostly presented several times.
    first = (finished["replicate"] == 0) | (method in ("ab", "abx"))
    table = finished[first].reset_index(drop=True)
    roles = _roles(table)
    means = table.groupby("condition")["rating"].mean()
    names = sorted(roles, key=lambda c: (ROLES.index(roles[c]), -means[c], c))
    notes += _missing(table, method)
    targets = sorted(set(table["target"]) - {""})
    if len(targets) > 1:
        notes.append(f"Items of several targets are analysed together: {', '.join(targets)}.")
    return Panel(method, table, finished[~first].reset_index(drop=True), tuple(names), roles, tuple(notes))


def _one_method(ratings: pd.DataFrame) -> str:
    missing = [name for name in COLUMNS if name not in ratings.columns]
    if missing:
        raise DataError(f"the table of ratings has no column {missing[0]!r}; it needs {', '.join(COLUMNS)}")
    methods = sorted(ratings["method"].unique())
    if len(methods) > 1:
        raise DataError(f"ratings of several methods ({', '.join(methods)}); analyse each by itself")
    if methods[0] not in SCALES:
        raise DataError(f"unknown method {methods[0]!r}; expected one of {', '.join(SCALES)}")
    return str(methods[0])


def _check_scale(ratings: pd.DataFrame, method: str) -> None:
    low, high = SCALES[method]
    values = ratings["rating"].to_numpy()
    wrong = np.flatnonzero(~((values >= low) & (values <= high)))  # NaN is wrong as well
    if len(wrong):
        row = ratings.iloc[wrong[0]]
        raise DataError(
            f"{row['assessor']} rated {row['condition']} in trial {row['trial']} {row['rating']:g}; "
            f"{method} goes from {low} to {high}"
        )


def _refuse_doubles(table: pd.DataFrame) -> None:
    double = table[table.duplicated([*CELL, "replicate"])]
    if len(double):
        row = double.iloc[0]
        raise DataError(
            f"{row['assessor']} rated {row['condition']} in trial {row['trial']} twice as replicate "
            f"{row['replicate']}; are the same ratings given in two files?"
        )


def _roles(table: pd.DataFrame) -> dict[str, str]:
    roles: dict[str, str] = {}
    for condition, role in table[["condition", "role"]].drop_duplicates().itertuples(index=False):
        if role not in ROLES:
            raise DataError(f"condition {condition!r} has role {role!r}; expected one of {', '.join(ROLES)}")
        if roles.setdefault(condition, role) != role:
            raise DataError(f"condition {condition!r} is once {roles[condition]} and once {role}")
    return roles


def _missing(table: pd.DataFrame, method: str) -> list[str]:
    """Count the cells that nobody of the panel filled; comparisons have no full design to miss."""
    if method in ("ab", "abx"):
        return []
    stimuli = table[["item", "condition"]].drop_duplicates().shape[0]
    wanted = stimuli * table["assessor"].nunique()
    if len(table) == wanted:
        return []
    return [
        f"{wanted - len(table)} of {wanted} cells (assessor × item × condition) have no rating. Numbers of a "
        "condition rest on the ratings there are, a pair on the items that an assessor rated under both."
    ]


def _left_out(n: int, which: str = "") -> str:
    return f"1 rating {which}is left out" if n == 1 else f"{n} ratings {which}are left out"
