"""What holds for every request and answer: security headers, size of bodies, errors as one sentence.

Plain ASGI, because starlette's BaseHTTPMiddleware costs a task and two queues a request.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY_BYTES = 64 * 1024
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]
log = logging.getLogger("svbench.listening")


class Shield:
    """Wraps an ASGI application.

    Parameters
    ----------
    app : ASGI application
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_shielded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = message["headers"]
                given = {name for name, _ in headers}
                message["headers"] = [*headers, *HEADERS]
                if b"cache-control" not in given:
                    kept = b"no-cache" if scope["path"].startswith("/static/") else b"no-store"
                    message["headers"].append((b"cache-control", kept))
            await send(message)

        try:
            await self._app(scope, receive, send_shielded)
        except Exception:
            # The trace tells nothing of the listener; the answer tells nothing of the trace.
            log.exception("%s %s failed", scope["method"], scope["path"])
            if started:
                raise
            from svbench.listening.web.answers import refuse

            await refuse(500, "something went wrong here; please try again")(scope, receive, send_shielded)
