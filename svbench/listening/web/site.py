"""What every route needs: the test being served, who sent a request, and how much they may ask for.

Listeners are known by a signed cookie. The admin page opens for a browser that has shown the admin token in
the last hours; the address of a request proves nothing, because behind a proxy all requests come from one
address. Admin sessions are held in memory only: signing out ends one at once, and a restart ends all.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from svbench.listening.listening_test import ListeningTest, Stimulus, Trial
from svbench.listening.live import Screener
from svbench.listening.store.state import SessionState
from svbench.listening.store.store import Store
from svbench.listening.web.registry import Registry
from svbench.listening.web.signing import Signer, right_admin_token

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

COOKIE = "svbench"
COOKIE_DAYS = 90
# Limits for one session, and for all newcomers together: requests at once, and requests a second.
SESSION_BURST, SESSION_PER_S = 400.0, 40.0
JOIN_BURST, JOINS_PER_S = 600.0, 50.0
ADMIN_COOKIE, ADMIN_PATH = "svbench-admin", "/admin"
ADMIN_SESSION_S = 8 * 3600.0
MOST_ADMIN_SESSIONS = 50
# Of all attempts together. The token has 192 bits, so nobody guesses it; the limit saves processor time
# (checking a token takes 50 ms). Those who are signed in already are not affected.
ATTEMPTS_BURST, ATTEMPTS_PER_S = 10.0, 0.5


@dataclass(frozen=True)
class Visitor:
    """The sender of a request: a session, a deleted session, or somebody new."""

    cookie: str
    session: SessionState | None
    word: str = ""  # random id of somebody new
    deleted: bool = False


class Site:
    """A test that is being served.

    Parameters
    ----------
    folder : Path
    test : ListeningTest
    store : Store
    url : str
        The public address, if it is known. With https, cookies are sent over https only.
    """

    def __init__(self, folder: Path, test: ListeningTest, store: Store, url: str = "") -> None:
        self.folder, self.test, self.url, self.secure = folder, test, url, url.startswith("https:")
        self.registry = Registry(test, store)
        self.signer = Signer(store.facts["secret"])
        self.trials: dict[str, Trial] = {t.id: t for t in test.trials}
        self.stimuli: dict[str, tuple[Stimulus, Trial]] = {
            s.id: (s, t) for t in test.trials for s in t.files()
        }
        self.joins = Bucket(JOIN_BURST, JOINS_PER_S)
        self.admins = Admins(store.facts.get("admin", ""))
        self.screener = Screener(test)
        self._buckets: dict[str, Bucket] = {}

    def visitor(self, request: Request) -> Visitor:
        """Return who sent a request; a request without a cookie gets a new one."""
        cookie = request.cookies.get(COOKIE, "")
        kind, value = self.signer.read_cookie(cookie) or ("", "")
        if kind == "session" and value in self.registry.by_id:
            return Visitor(cookie, self.registry.by_id[value])
        if kind == "session" and value in self.registry.deleted:
            return Visitor(cookie, None, deleted=True)
        if kind == "visitor":
            return Visitor(cookie, None, value)
        word = secrets.token_hex(16)
        return Visitor(self.signer.cookie("visitor", word), None, word)

    def allowed(self, session: SessionState) -> bool:
        """Whether a session is within its limit of requests."""
        bucket = self._buckets.setdefault(session.id, Bucket(SESSION_BURST, SESSION_PER_S))
        return bucket.take()

    def set_cookie(self, response: Response, cookie: str, secure: bool = False) -> None:
        """Set a cookie that scripts cannot read and that forms of other sites do not send."""
        response.set_cookie(
            COOKIE,
            cookie,
            max_age=COOKIE_DAYS * 86400,
            httponly=True,
            samesite="lax",
            secure=self.secure or secure,
        )


class Bucket:
    """A token bucket: limits how many requests are allowed at once and over time.

    Parameters
    ----------
    burst : float
        How many requests are allowed at once.
    per_s : float
        How many are added each second.

    Examples
    --------
    >>> bucket = Bucket(burst=2, per_s=0.001)
    >>> [bucket.take() for _ in range(3)]
    [True, True, False]
    """

    __slots__ = ("_burst", "_filled_at", "_left", "_per_s")

    def __init__(self, burst: float, per_s: float) -> None:
        self._burst, self._per_s, self._left = burst, per_s, burst
        self._filled_at = time.monotonic()

    def take(self) -> bool:
        """Use up one token; False if there is none left."""
        moment = time.monotonic()
        self._left = min(self._burst, self._left + (moment - self._filled_at) * self._per_s)
        self._filled_at = moment
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass
class AdminSession:
    """One browser that has shown the token; ``revealed`` if it has asked to see the ratings."""

    ends_at: float  # of the monotonic clock
    revealed: bool = False


class Admins:
    """Those who are signed in.

    Parameters
    ----------
    stored : str
        Hash of the admin token as the database has it; empty where there is none, and nobody gets in.

    Examples
    --------
    >>> from svbench.listening.web.signing import new_admin_token
    >>> token, stored = new_admin_token()
    >>> admins = Admins(stored)
    >>> asyncio.run(admins.sign_in("guess")) is None
    True
    >>> admins.find(asyncio.run(admins.sign_in(token))).revealed
    False
    """

    def __init__(self, stored: str) -> None:
        self._stored = stored
        self._sessions: dict[bytes, AdminSession] = {}
        self._attempts = Bucket(ATTEMPTS_BURST, ATTEMPTS_PER_S)

    def may_try(self) -> bool:
        """Whether a token may be tried right now."""
        return self._attempts.take()

    async def sign_in(self, token: str) -> str | None:
        """Return a cookie for whoever has the token, or None."""
        if not await asyncio.to_thread(self._is_right, token):
            return None
        moment = time.monotonic()
        alive = {k: s for k, s in self._sessions.items() if s.ends_at > moment}
        self._sessions = dict(list(alive.items())[1 - MOST_ADMIN_SESSIONS :])
        cookie = secrets.token_urlsafe(32)
        self._sessions[_cookie_key(cookie)] = AdminSession(moment + ADMIN_SESSION_S)
        return cookie

    def sign_out(self, cookie: str) -> None:
        """End a session."""
        self._sessions.pop(_cookie_key(cookie), None)

    def find(self, cookie: str) -> AdminSession | None:
        """Return the session of a cookie, if it has one that has not ended."""
        session = self._sessions.get(_cookie_key(cookie))
        return session if session is not None and session.ends_at > time.monotonic() else None

    def _is_right(self, token: str) -> bool:
        try:
            return right_admin_token(token, self._stored)
        except ValueError:  # what is stored is no hash
            return False


def admin_cookie(request: Request) -> str:
    """Return the cookie that a request brings, or an empty text."""
    return request.cookies.get(ADMIN_COOKIE, "")


def set_admin_cookie(response: Response, cookie: str, secure: bool) -> None:
    """Have the browser keep a cookie: of this page alone, and never sent along from other sites."""
    response.set_cookie(
        ADMIN_COOKIE,
        cookie,
        max_age=int(ADMIN_SESSION_S),
        path=ADMIN_PATH,
        httponly=True,
        samesite="strict",
        secure=secure,
    )


def drop_admin_cookie(response: Response, secure: bool) -> None:
    """Have the browser forget the cookie."""
    response.delete_cookie(ADMIN_COOKIE, path=ADMIN_PATH, httponly=True, samesite="strict", secure=secure)


def _cookie_key(cookie: str) -> bytes:
    """Looked up by a hash, so that the time of a look-up tells nothing of the cookies there are."""
    return hashlib.sha256(cookie.encode(errors="surrogatepass")).digest()
