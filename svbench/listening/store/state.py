"""A session as the server holds it in memory, always equal to what the database has of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from svbench.listening.design import PlannedScreen
from svbench.listening.web.contexts import Step


@dataclass(frozen=True)
class Rating:
    """The latest rating of a slot; ``revision`` counts from 1."""

    revision: int
    value: float


@dataclass(kw_only=True)
class SessionState:
    """One sitting of one assessor.

    ``step`` is the page that comes next and ``at`` the screen that is to be rated, from 0. ``heard``
    holds (screen, slot), slot −1 being the open reference. Whoever changes a session holds ``lock``,
    writes the database, and changes memory when that has succeeded.
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
        """Whether nothing has come from the assessor for so long."""
        return (now - datetime.fromisoformat(self.seen_at)).total_seconds() > 60 * minutes


def now() -> str:
    """Return the time as the database has it: ISO 8601, UTC, milliseconds.

    Examples
    --------
    >>> len(now())
    29
    """
    return datetime.now(UTC).isoformat(timespec="milliseconds")
