"""What ratings say while they come in: who would be excluded now, and the middle of each cell."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from svbench.errors import DataError
from svbench.listening.analysis.panel import panel
from svbench.listening.analysis.screening import screen
from svbench.listening.listening_test import ListeningTest
from svbench.listening.store.export import held_ratings
from svbench.listening.store.state import SessionState


class Excluded(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An assessor whom post-screening would exclude, and why."""

    assessor: str
    reasons: tuple[str, ...]


class Screening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Post-screening of the sessions complete so far; ``note`` tells why there is none, if there is none."""

    screened: int
    excluded: tuple[Excluded, ...]
    note: str = ""


class Screener:
    """`screening` for whoever asks again and again while 200 listeners want their ratings saved.

    Ratings of complete sessions never change, so it is repeated only when more sessions are complete.

    Parameters
    ----------
    test : ListeningTest
    """

    def __init__(self, test: ListeningTest) -> None:
        self._test = test
        self._last: tuple[frozenset[str], Screening] | None = None

    def __call__(self, sessions: Iterable[SessionState]) -> Screening:
        """Return what `screening` says of these sessions."""
        complete = [s for s in sessions if s.complete_at]
        key = frozenset(s.id for s in complete)
        if self._last is None or self._last[0] != key:
            self._last = key, screening(self._test, complete)
        return self._last[1]


def screening(test: ListeningTest, sessions: Iterable[SessionState]) -> Screening:
    """Apply the rules of the analysis to the sessions that are complete.

    Parameters
    ----------
    test : ListeningTest
    sessions : iterable of SessionState
    """
    if test.protocol.method != "mushra":
        return Screening(screened=0, excluded=(), note="Only MUSHRA has rules of post-screening.")
    complete = [s for s in sessions if s.complete_at and s.ratings]
    if not complete:
        return Screening(screened=0, excluded=(), note="No session is complete yet.")
    try:
        verdicts = screen(panel(held_ratings(test, complete)))
    except DataError as error:
        return Screening(screened=0, excluded=(), note=f"Cannot be computed: {error}.")
    excluded = tuple(Excluded(assessor=v.assessor, reasons=v.reasons) for v in verdicts if v.is_excluded)
    return Screening(screened=len(verdicts), excluded=excluded)


def centres(test: ListeningTest, sessions: Iterable[SessionState]) -> dict[str, dict[str, float]]:
    """Return the middle of the current ratings by trial and condition: it unblinds whoever reads it.

    Medians for MUSHRA, means for the coarser scales; of comparisons the share of answers for the
    condition (ab) or of right ones (abx). Training is left out, unfinished sessions are not.

    Raises
    ------
    DataError
        A session holds ratings of screens or stimuli that it does not have.
    """
    table = held_ratings(test, sessions)
    ratings = table[table["kind"] == "test"].groupby(["trial", "condition"])["rating"]
    found: dict[str, dict[str, float]] = {}
    for (trial, condition), value in (ratings.median() if is_median(test) else ratings.mean()).items():
        found.setdefault(trial, {})[condition] = float(value)
    return found


def is_median(test: ListeningTest) -> bool:
    """Whether `centres` of this test are medians."""
    return test.protocol.method == "mushra"
