"""JSON answers, request bodies within limits, and the security headers of every answer.

The headers are added by plain ASGI middleware, because starlette's BaseHTTPMiddleware costs a task and two
queues for each request.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_TIMEOUT_S = 15
MOST_FIELDS = 100
T = TypeVar("T", bound=msgspec.Struct)
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


class Refused(Exception):
    """A request that is refused with a status and a message.

    Parameters
    ----------
    status : int
    sentence : str
    **more
        Further fields of the answer, such as the current value.
    """

    def __init__(self, status: int, sentence: str, **more: Any) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.more = status, sentence, more


def answer(content: Any, status: int = 200) -> Response:
    """Return content as JSON."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def refuse(status: int, sentence: str, **more: Any) -> Response:
    """Return a refusal; its field ``error`` is the message."""
    response = answer({"error": sentence, **more}, status)
    if status == 429:
        response.headers["retry-after"] = "2"
    return response


async def body(request: Request) -> bytes:
    """Read the body of a request, within the limits of size and time.

    Raises
    ------
    Refused
    """
    too_large = Refused(413, f"the body is larger than {LARGEST_BODY_BYTES} bytes")
    # The header is only a claim (and missing in chunked requests), so the bytes are counted as well.
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length[:12]) > LARGEST_BODY_BYTES:
        raise too_large
    content = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                content += chunk
                if len(content) > LARGEST_BODY_BYTES:
                    raise too_large
    except TimeoutError as error:
        raise Refused(408, "the body did not come in time") from error
    return bytes(content)


async def read_json(request: Request, kind: type[T]) -> T:
    """Read a JSON body as a record.

    Raises
    ------
    Refused
    """
    try:
        return msgspec.json.decode(await body(request), type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise Refused(400, f"the body is not what was expected: {error}") from error


async def read_form(request: Request) -> dict[str, str]:
    """Read a form as browsers send it, with one value for each field.

    Raises
    ------
    Refused
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Refused(415, "a form is expected as application/x-www-form-urlencoded")
    text = (await body(request)).decode("utf-8", "replace")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise Refused(400, f"a form has at most {MOST_FIELDS} fields") from error
    # Drop control characters: they carry no meaning, and PostgreSQL cannot store NUL.
    return {name: "".join(c for c in value if c.isprintable() or c in "\n\t") for name, value in pairs}


class Shield:
    """Adds the security headers to every answer, and hides errors of the application.

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
            # The log holds nothing about the listener, and the answer nothing about the error.
            log.exception("%s %s failed", scope["method"], scope["path"])
            if started:
                raise
            from svbench.listening.web.answers import refuse

            await refuse(500, "something went wrong here; please try again")(scope, receive, send_shielded)
