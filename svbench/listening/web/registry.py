"""All sessions of a running test: who may begin one, and every change of one.

Sessions are held in memory, so that a page or a rating costs no query. A change is made under the
session's lock: checked against memory, written, and taken over into memory when the database has it
on disk. Where writing fails, memory is read anew, since the database alone knows what it took.
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
    """The database did not take a change; what was asked for has not happened."""


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
        """Return the session that this person has, so that nobody becomes a second assessor."""
        for session in self.by_id.values():
            if join.crowd is not None and session.crowd == join.crowd:
                return session
            if join.invitation is not None and session.invitation == join.invitation:
                return session
        return None

    def refusal(self, join: Join) -> Refusal | None:
        """Tell why a new session may not begin, if it may not."""
        if not self.open:
            return "closed"
        if self.test.protocol.listeners.invited_only and join.invitation is None:
            return "uninvited"
        wanted = self.test.protocol.sessions
        return "full" if wanted.seats and len(self.seated()) >= wanted.seats else None

    def seated(self) -> list[SessionState]:
        """Sessions that hold a seat: complete, or not idle for too long."""
        moment, minutes = datetime.now(UTC), self.test.protocol.sessions.idle_minutes
        return [
            s
            for s in self.by_id.values()
            if s.complete_at or (s.step != "away" and not s.idle(minutes, moment))
        ]

    async def begin(self, identity: str, join: Join, language: str) -> SessionState | Refusal:
        """Begin a session under an id, or return the one that there is.

        Between the look for a session and its entry nothing is awaited, so the same consent sent
        twice at once finds the first one's session.
        """
        session = self.find(join) or self.by_id.get(identity)
        if session is not None:
            async with session.lock:  # until it is on disk
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
        """Hold what the database has of a session that may have begun; nothing, if it cannot be asked."""
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
        """How many sessions have each trial and row: of idle ones, only trials that were rated."""
        seated = {s.id for s in self.seated()}
        seen: Counter[str] = Counter()
        for session in self.by_id.values():
            screens = session.screens if session.id in seated else session.screens[: session.at]
            seen.update({s.trial for s in screens if s.kind == "test"})
        return seen, Counter(self.by_id[identity].row for identity in seated)

    async def save(self, session: SessionState, operations: Sequence[Operation]) -> None:
        """Write a change of a session; its lock is held by the caller.

        Raises
        ------
        Unsaved
        """
        written = asyncio.wrap_future(self.store.save(operations))
        try:
            await asyncio.shield(written)
        except asyncio.CancelledError:
            # Who asked has gone; what was sent is written all the same, and memory has to know of it.
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
            return  # the database is out of reach; memory is what it said last
        if found:
            for name in ("step", "at", "questionnaire", "headphones", "heard", "ratings", "complete_at"):
                setattr(session, name, getattr(found[0], name))
        else:
            self.by_id.pop(session.id, None)

    async def write(self, operations: Sequence[Operation]) -> None:
        """Write what belongs to no session.

        Raises
        ------
        Unsaved
        """
        try:
            await asyncio.wrap_future(self.store.save(operations))
        except Exception as error:
            raise Unsaved from error

    async def set_open(self, value: bool) -> None:
        """Take new listeners, or no more; those who have begun may finish.

        Raises
        ------
        Unsaved
        """
        done = self.store.log("opened the test" if value else "closed the test")
        await self.write([*self.store.tell("open", "yes" if value else "no"), *done])
        self.open = value

    async def forget(self, assessor: str) -> bool:
        """Delete an assessor with everything that is known of them; False where there is none.

        Raises
        ------
        Unsaved
        """
        session = next((s for s in self.by_id.values() if s.assessor == assessor), None)
        if session is None:
            return False
        async with session.lock:
            done = self.store.log("deleted an assessor")  # not which: nothing is to be left of them
            await self.save(session, [*self.store.forget([session.id], assessor), *done])
            self.by_id.pop(session.id, None)
            self.deleted.add(session.id)
        await asyncio.to_thread(self.store.clean_up)
        return True
