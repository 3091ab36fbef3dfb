"""How far a test has come: for the person who runs it, never for listeners."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from svbench.listening.store.state import SessionState
from svbench.listening.test import ListeningTest


@dataclass(frozen=True, kw_only=True)
class SessionProgress:
    """One session; ``standing`` is ``idle`` where it has given its seat back."""

    assessor: str
    standing: Literal["complete", "active", "idle", "turned away"]
    step: str
    done: int
    total: int
    began_at: str
    seen_at: str
    headphones: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """``trials`` and ``conditions`` count current ratings of the test, training left out, by id."""

    sessions: tuple[SessionProgress, ...]
    trials: dict[str, int]
    conditions: dict[str, int]


def progress(test: ListeningTest, sessions: Iterable[SessionState]) -> Progress:
    """Count what has been done in sessions."""
    condition_of = {s.id: s.condition for t in test.trials for s in t.stimuli}
    trials = Counter({t.id: 0 for t in test.trials if t.kind == "test"})
    conditions = Counter({c.id: 0 for c in test.conditions})
    told = []
    for session in sessions:
        told.append(_session(test, session))
        for (number, slot), _ in session.ratings.items():
            screen = session.screens[number]
            if screen.kind != "test":
                continue
            trials[screen.trial] += 1
            judged = screen.slots[:2] if test.protocol.method == "ab" else screen.slots[slot : slot + 1]
            conditions.update(condition_of[s.stimulus] for s in judged)
    return Progress(sessions=tuple(told), trials=dict(trials), conditions=dict(conditions))


def _session(test: ListeningTest, session: SessionState) -> SessionProgress:
    standing: Literal["complete", "active", "idle", "turned away"] = "active"
    if session.complete_at:
        standing = "complete"
    elif session.step == "away":
        standing = "turned away"
    elif session.idle(test.protocol.sessions.idle_minutes, datetime.now(UTC)):
        standing = "idle"
    return SessionProgress(
        assessor=session.assessor,
        standing=standing,
        step=session.step,
        done=session.at,
        total=len(session.screens),
        began_at=session.began_at,
        seen_at=session.seen_at,
        headphones=tuple(session.headphones),
    )
