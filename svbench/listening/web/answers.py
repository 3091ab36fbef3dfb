"""Answers in JSON, and bodies read within limits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.responses import Response

from svbench.listening.web.security_headers import LARGEST_BODY_BYTES

if TYPE_CHECKING:
    from starlette.requests import Request

BODY_TIMEOUT_S = 15
MOST_FIELDS = 100
T = TypeVar("T", bound=msgspec.Struct)


class Refused(Exception):
    """A request that is answered with a status and a sentence.

    Parameters
    ----------
    status : int
    sentence : str
    **more
        Further content of the answer, such as the current value.
    """

    def __init__(self, status: int, sentence: str, **more: Any) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.more = status, sentence, more


def answer(content: Any, status: int = 200) -> Response:
    """Return content as JSON."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def refuse(status: int, sentence: str, **more: Any) -> Response:
    """Return a refusal: ``error`` is a sentence."""
    response = answer({"error": sentence, **more}, status)
    if status == 429:
        response.headers["retry-after"] = "2"
    return response


async def body(request: Request) -> bytes:
    """Read a body, if it is small and comes in time.

    Raises
    ------
    Refused
    """
    too_large = Refused(413, f"the body is larger than {LARGEST_BODY_BYTES} bytes")
    told = request.headers.get("content-length", "0")
    if told.isdecimal() and int(told[:12]) > LARGEST_BODY_BYTES:
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
    """Read a form as browsers send it, each field once.

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
    # Control characters say nothing, and PostgreSQL stores no NUL.
    return {name: "".join(c for c in value if c.isprintable() or c in "\n\t") for name, value in pairs}
