"""What every route needs, and who a request comes from."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from svbench.listening.listening_test import ListeningTest, Stimulus, Trial
from svbench.listening.live import Screener
from svbench.listening.store.state import SessionState
from svbench.listening.store.store import Store
from svbench.listening.web.admin_access import Admins
from svbench.listening.web.limits import Bucket
from svbench.listening.web.registry import Registry
from svbench.listening.web.signing import Signer

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

COOKIE = "svbench"
COOKIE_DAYS = 90
# What one session, and all newcomers together, may ask for: so many at once, so many a second.
SESSION_BURST, SESSION_PER_S = 400.0, 40.0
JOIN_BURST, JOINS_PER_S = 600.0, 50.0


@dataclass(frozen=True)
class Visitor:
    """Who a request comes from: a session, one that was deleted, or somebody new."""

    cookie: str
    session: SessionState | None
    word: str = ""  # of somebody new
    deleted: bool = False


class Site:
    """A test that is being served.

    Parameters
    ----------
    folder : Path
    test : ListeningTest
    store : Store
    url : str
        The public address, if it is known. If listeners come by https, cookies go by nothing else.
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
        """Return who a request comes from; one without a cookie is given one."""
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
        """Whether a session may ask for something more right now."""
        bucket = self._buckets.setdefault(session.id, Bucket(SESSION_BURST, SESSION_PER_S))
        return bucket.take()

    def set_cookie(self, response: Response, cookie: str, secure: bool = False) -> None:
        """Have the browser keep a cookie, out of reach of scripts and of other sites' forms."""
        response.set_cookie(
            COOKIE,
            cookie,
            max_age=COOKIE_DAYS * 86400,
            httponly=True,
            samesite="lax",
            secure=self.secure or secure,
        )
