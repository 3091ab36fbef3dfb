"""Who may open the admin page: whoever has shown the admin token to this server in the last hours.

Where a request comes from says nothing, for behind a proxy all come from one place. Sessions are held
in memory alone: signing out ends one for good, and a restart of the server ends all.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from svbench.listening.web.limits import Bucket
from svbench.listening.web.signing import right_admin_token

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

COOKIE, PATH = "svbench-admin", "/admin"
SESSION_S = 8 * 3600.0
MOST_SESSIONS = 50
# Of all attempts together. A token has 192 bits, so this spares the processor (a check costs it 50 ms)
# more than it hinders guessing; whoever is signed in already is not concerned.
ATTEMPTS_BURST, ATTEMPTS_PER_S = 10.0, 0.5


@dataclass
class AdminSession:
    """One browser that has shown the token; ``revealed`` where it has asked to see how ratings fall."""

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
        self._sessions = dict(list(alive.items())[1 - MOST_SESSIONS :])
        cookie = secrets.token_urlsafe(32)
        self._sessions[_key(cookie)] = AdminSession(moment + SESSION_S)
        return cookie

    def sign_out(self, cookie: str) -> None:
        """End a session."""
        self._sessions.pop(_key(cookie), None)

    def find(self, cookie: str) -> AdminSession | None:
        """Return the session of a cookie, if it has one that has not ended."""
        session = self._sessions.get(_key(cookie))
        return session if session is not None and session.ends_at > time.monotonic() else None

    def _is_right(self, token: str) -> bool:
        try:
            return right_admin_token(token, self._stored)
        except ValueError:  # what is stored is no hash
            return False


def admin_cookie(request: Request) -> str:
    """Return the cookie that a request brings, or an empty text."""
    return request.cookies.get(COOKIE, "")


def set_admin_cookie(response: Response, cookie: str, secure: bool) -> None:
    """Have the browser keep a cookie: of this page alone, and never sent along from other sites."""
    response.set_cookie(
        COOKIE, cookie, max_age=int(SESSION_S), path=PATH, httponly=True, samesite="strict", secure=secure
    )


def drop_admin_cookie(response: Response, secure: bool) -> None:
    """Have the browser forget the cookie."""
    response.delete_cookie(COOKIE, path=PATH, httponly=True, samesite="strict", secure=secure)


def _key(cookie: str) -> bytes:
    """Looked up by a hash, so that the time of a look-up tells nothing of the cookies there are."""
    return hashlib.sha256(cookie.encode(errors="surrogatepass")).digest()
