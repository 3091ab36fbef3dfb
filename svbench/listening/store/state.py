"""The state of a session in memory, and the order of its pages.

The state always equals what the database holds of the session: it is changed only after a commit.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from svbench.listening.design import PlannedScreen
from svbench.listening.listening_test import ListeningTest

Step = Literal[
    "welcome", "questionnaire", "headphones", "volume", "training", "screen", "pause", "thanks", "away"
]
ORDER: tuple[Step, ...] = ("welcome", "questionnaire", "headphones", "volume", "training", "screen")


@dataclass(frozen=True)
class Rating:
    """The latest rating of a slot; ``revision`` counts from 1."""

    revision: int
    value: float


@dataclass(kw_only=True)
class SessionState:
    """One sitting of one assessor.

    ``step`` is the page that comes next, and ``at`` the screen to be rated, counted from 0. ``heard`` holds
    pairs (screen, slot); slot −1 is the open reference. To change a session, hold ``lock``, write the
    database, and change memory only after that has succeeded.
    """

    id: str
    assessor: str
    number: int
    row: int
    screens: tuple[PlannedScreen, ...]
    language: str
    consent_version: str
    step: Step
    began_at: str
    seen_at: str
    crowd: str | None = None
    invitation: str | None = None
    at: int = 0
    questionnaire: dict[str, str] = field(default_factory=dict)
    headphones: list[int] = field(default_factory=list)
    complete_at: str | None = None
    heard: set[tuple[int, int]] = field(default_factory=set)
    ratings: dict[tuple[int, int], Rating] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock, compare=False, repr=False)

    def idle(self, minutes: float, now: datetime) -> bool:
        """Whether the assessor has sent nothing for that many minutes."""
        return (now - datetime.fromisoformat(self.seen_at)).total_seconds() > 60 * minutes


def now() -> str:
    """Return the time as the database stores it: ISO 8601, UTC, milliseconds.

    Examples
    --------
    >>> len(now())
    29
    """
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def next_step(test: ListeningTest, step: Step) -> Step:
    """Return the step after one before the first screen, skipping steps that the test does not have."""
    return next(s for s in ORDER[ORDER.index(step) + 1 :] if _has(test, s))


def _has(test: ListeningTest, step: Step) -> bool:
    listeners = test.protocol.listeners
    there = {
        "questionnaire": bool(listeners.questionnaire),
        "headphones": listeners.headphones != "none",
        "volume": listeners.volume,
        "training": any(t.kind == "training" for t in test.trials),
    }
    return there.get(step, True)


def step_after_screen(test: ListeningTest, session: SessionState, done: int) -> Step:
    """Return the step that follows when ``done`` screens of the session are done."""
    if done == len(session.screens):
        return "thanks"
    rated = sum(s.kind == "test" for s in session.screens[:done])
    every = test.protocol.sessions.break_after
    return "pause" if every and rated and rated % every == 0 else "screen"


def step_now(test: ListeningTest, session: SessionState) -> Step:
    """Return the step that a session is at.

    The protocol may change between two starts of the server: a new version of the consent is asked for
    again, and a step that no longer exists is skipped.
    """
    asked_again = session.consent_version != test.protocol.listeners.consent_version
    if asked_again and session.step not in ("thanks", "away"):
        return "welcome"
    return session.step if _has(test, session.step) else next_step(test, session.step)
