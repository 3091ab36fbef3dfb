"""What the admin page shows. It is the one page that knows of conditions, and is shown to admins alone.

Each part is computed by itself: if one fails, the page says why in its place and still shows the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, TypeVar

from svbench.listening.live import Screening, centres, is_median
from svbench.listening.store.export import answer_text
from svbench.listening.store.state import ORDER, SessionState, now
from svbench.listening.store.status import Health, Progress, health, progress
from svbench.listening.web.pages import View

if TYPE_CHECKING:
    from svbench.listening.listening_test import ListeningTest
    from svbench.listening.web.site import Site

LOG_SHOWN = 200
T = TypeVar("T")
log = logging.getLogger("svbench.listening")


@dataclass(frozen=True, kw_only=True)
class SignIn(View):
    """A form for the token, and nothing about the test."""

    template: ClassVar[str] = "admin_sign_in.html"
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class ProgressRow:
    """A trial: what it is, and for each condition how many ratings it has and, if asked for, their middle."""

    name: str
    cells: tuple[tuple[int | None, float | None], ...]
    total: int


@dataclass(frozen=True, kw_only=True)
class AdminPage(View):
    """The whole page.

    ``troubles`` tells, by part, why a part is None; ``centre`` is the word for the revealed numbers,
    empty while they are not; ``steps`` are in the order of a session.
    """

    template: ClassVar[str] = "admin.html"
    title: str
    test: str
    method: str
    csrf: str
    problem: str
    done: str
    told_at: str
    progress: Progress
    deleted: int
    steps: tuple[str, ...]
    conditions: tuple[tuple[str, str], ...]  # id, role
    trials: tuple[ProgressRow, ...]
    centre: str
    revealed: bool
    questions: tuple[str, ...]
    answers: tuple[tuple[str, tuple[str, ...]], ...]
    screening: Screening | None
    health: Health | None
    log: tuple[tuple[str, str], ...] | None
    logged: int
    troubles: dict[str, str]
    invitations: tuple[str, ...]


async def admin_page(
    site: Site,
    csrf: str,
    revealed: bool,
    *,
    problem: str = "",
    done: str = "",
    invitations: Sequence[str] = (),
) -> AdminPage:
    """Return the page as things stand."""
    # A copy is told of elsewhere, so that nobody's rating waits for it.
    sessions = [replace(s, ratings=dict(s.ratings)) for s in site.registry.by_id.values()]
    words = {"csrf": csrf, "problem": problem, "done": done}
    return await asyncio.to_thread(_compose, site, sessions, revealed, words, tuple(invitations))


def _compose(
    site: Site,
    sessions: list[SessionState],
    revealed: bool,
    words: dict[str, str],
    invitations: tuple[str, ...],
) -> AdminPage:
    test, store, troubles = site.test, site.registry.store, dict[str, str]()
    counts = progress(test, sessions, site.registry.open)
    middles = _try(troubles, "centres", lambda: centres(test, sessions)) if revealed else None
    done = _try(troubles, "log", store.logged)
    questions = test.protocol.listeners.questionnaire
    return AdminPage(
        **words,
        title=test.title,
        test=test.id,
        method=test.protocol.method,
        told_at=now(),
        progress=counts,
        deleted=len(site.registry.deleted),
        steps=tuple(sorted(counts.steps, key=_place)),
        conditions=tuple((c.id, c.role) for c in test.conditions),
        trials=_rows(test, counts, middles or {}),
        centre="" if middles is None else "median" if is_median(test) else "mean",
        revealed=revealed,
        questions=tuple(q.label.get("en") or next(iter(q.label.values()), q.id) for q in questions),
        answers=tuple(
            (s.assessor, tuple(answer_text(q, s.questionnaire.get(q.id, "")) for q in questions))
            for s in sessions
            if s.questionnaire
        ),
        screening=_try(troubles, "screening", lambda: site.screener(sessions)),
        health=_try(troubles, "health", lambda: health(store)),
        log=None if done is None else tuple(done[:LOG_SHOWN]),
        logged=len(done or ()),
        troubles=troubles,
        invitations=invitations,
    )


def _try(troubles: dict[str, str], part: str, compute: Callable[[], T]) -> T | None:
    try:
        return compute()
    except Exception as error:  # whatever is stored, or a database out of reach, must not take the page away
        log.exception("the admin page cannot show %s", part)
        troubles[part] = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:300]}"
        return None


def _place(step: str) -> tuple[int, str]:
    order = (*ORDER, "pause", "away", "thanks")
    return (order.index(step) if step in order else len(order), step)


def _rows(
    test: ListeningTest, counts: Progress, middles: dict[str, dict[str, float]]
) -> tuple[ProgressRow, ...]:
    return tuple(
        ProgressRow(
            name=f"{trial.track}, {trial.target} from {trial.start_s:g}\u00a0s",
            cells=tuple(
                (counts.cells[trial.id].get(c.id), middles.get(trial.id, {}).get(c.id))
                for c in test.conditions
            ),
            total=counts.of_trial(trial.id),
        )
        for trial in test.trials
        if trial.kind == "test"
    )
