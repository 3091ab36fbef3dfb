"""All sessions of a running test: who may begin one, and how one is changed.

Sessions are held in memory, so that a page or a rating needs no query. A change happens under the lock of
the session: it is checked against memory, written, and applied to memory once it is on disk. If writing
fails, the session is read again, because only the database knows what it stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from svbench.listening.design import assign
from svbench.listening.listening_test import ListeningTest
from svbench.listening.store.state import SessionState, next_step, now
from svbench.listening.store.store import Store
from svbench.listening.store.writer import Operation
from svbench.listening.web.signing import Join

Refusal = Literal["closed", "full", "uninvited"]


class Unsaved(Exception):
    """The database did not store a change, so the request has had no effect."""


class Registry:
    """The sessions of one test.

    Parameters
    ----------
    test : ListeningTest
    store : Store
    """

    def __init__(self, test: ListeningTest, store: Store) -> None:
        self.test, self.store = test, store
        self.by_id = {s.id: s for s in store.sessions()}
        self.deleted = store.deleted()
        self.open = store.facts.get("open") == "yes"
        self._numbers = 1 + max((s.number for s in self.by_id.values()), default=-1)

    def find(self, join: Join) -> SessionState | None:
        """Return the existing session of this person, so that nobody counts as two assessors."""
        for session in self.by_id.values():
            if join.crowd is not None and session.crowd == join.crowd:
                return session
            if join.invitation is not None and session.invitation == join.invitation:
                return session
        return None

    def refusal(self, join: Join) -> Refusal | None:
        """Return why a new session may not begin, or None if it may."""
        if not self.open:
            return "closed"
        if self.test.protocol.listeners.invited_only and join.invitation is None:
            return "uninvited"
        wanted = self.test.protocol.sessions
        return "full" if wanted.seats and len(self.seated()) >= wanted.seats else None

    def seated(self) -> list[SessionState]:
        """Return the sessions that hold a seat: complete ones, and those not idle for too long."""
        moment, minutes = datetime.now(UTC), self.test.protocol.sessions.idle_minutes
        return [
            s
            for s in self.by_id.values()
            if s.complete_at or (s.step != "away" and not s.idle(minutes, moment))
        ]

    async def begin(self, identity: str, join: Join, language: str) -> SessionState | Refusal:
        """Begin a session under an id, or return the existing one.

        Nothing is awaited between looking for a session and entering it, so a consent that is sent twice at
        once (a double click) finds the session of the first one.
        """
        session = self.find(join) or self.by_id.get(identity)
        if session is not None:
            async with session.lock:  # the first request may still be writing it
                if self.by_id.get(session.id) is not session:
                    raise Unsaved
                return session
        refused = self.refusal(join)
        if refused:
            return refused
        session = self._new(identity, join, language)
        assessor = {
            "id": session.assessor,
            "crowd": join.crowd,
            "submission": join.submission,
            "invitation": join.invitation,
        }
        self.by_id[identity] = session
        async with session.lock:
            try:
                await self.save(session, self.store.begin(session, assessor))
            except (Unsaved, asyncio.CancelledError):
                await self._look_up(session)
                raise
        return session

    async def _look_up(self, session: SessionState) -> None:
        """Replace a session that may have begun by what the database holds; drop it if there is no answer."""
        self.by_id.pop(session.id, None)
        with contextlib.suppress(Exception):
            self.by_id |= {s.id: s for s in await asyncio.to_thread(self.store.sessions, session.id)}

    def _new(self, identity: str, join: Join, language: str) -> SessionState:
        number, self._numbers = self._numbers, self._numbers + 1
        plan = assign(self.test, number, *self._balance())
        moment = now()
        return SessionState(
            id=identity,
            assessor=secrets.token_hex(8),
            number=number,
            row=plan.row,
            screens=plan.screens,
            language=language,
            consent_version=self.test.protocol.listeners.consent_version,
            step=next_step(self.test, "welcome"),
            began_at=moment,
            seen_at=moment,
            crowd=join.crowd,
            invitation=join.invitation,
        )

    def _balance(self) -> tuple[Counter[str], Counter[int]]:
        """Count the sessions of each trial and row; of idle sessions only the trials that were rated."""
        seated = {s.id for s in self.seated()}
        seen: Counter[str] = Counter()
        for session in self.by_id.values():
            screens = session.screens if session.id in seated else session.screens[: session.at]
            seen.update({s.trial for s in screens if s.kind == "test"})
        return seen, Counter(self.by_id[identity].row for identity in seated)

    async def save(self, session: SessionState, operations: Sequence[Operation]) -> None:
        """Write a change of a session; the caller holds its lock.

        Raises
        ------
        Unsaved
        """
        written = asyncio.wrap_future(self.store.save(operations))
        try:
            # Shielded: a listener who closes the page cancels the request, but must not cancel the commit.
            await asyncio.shield(written)
        except asyncio.CancelledError:
            # The browser is gone, but its rating is written all the same. Wait for that and read it back,
            # or the next rating would get a revision number that the database has already.
            await asyncio.wait([written])
            await self._reload(session)
            raise
        except Exception as error:
            await self._reload(session)
            raise Unsaved from error

    async def _reload(self, session: SessionState) -> None:
        try:
            found = await asyncio.to_thread(self.store.sessions, session.id)
        except Exception:
            return  # the database does not answer; keep its last known state
        if found:
            for name in ("step", "at", "questionnaire", "headphones", "heard", "ratings", "complete_at"):
                setattr(session, name, getattr(found[0], name))
        else:
            self.by_id.pop(session.id, None)

    async def write(self, operations: Sequence[Operation]) -> None:
        """Write operations that belong to no session.

        Raises
        ------
        Unsaved
        """
        try:
            await asyncio.wrap_future(self.store.save(operations))
        except Exception as error:
            raise Unsaved from error

    async def set_open(self, value: bool) -> None:
        """Open the test for new listeners, or close it; those who have begun may finish.

        Raises
        ------
        Unsaved
        """
        done = self.store.log("opened the test" if value else "closed the test")
        await self.write([*self.store.set_fact("open", "yes" if value else "no"), *done])
        self.open = value

    async def forget(self, assessor: str) -> bool:
        """Delete an assessor and all their data; return False if there is no such assessor.

        Raises
        ------
        Unsaved
        """
        session = next((s for s in self.by_id.values() if s.assessor == assessor), None)
        if session is None:
            return False
        async with session.lock:
            done = self.store.log("deleted an assessor")  # the log does not say which one
            await self.save(session, [*self.store.forget([session.id], assessor), *done])
            self.by_id.pop(session.id, None)
            self.deleted.add(session.id)
        await asyncio.to_thread(self.store.clean_up)
        return True
