"""Sound, by tokens that are of one session and good for the current and the next screen alone.

Every stimulus is read in the same way from files of one size, so neither headers nor time tell one
from another: no name, no date, no entity tag.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse

from svbench.listening.listening_test import stimulus_path
from svbench.listening.store.state import SessionState, step_now
from svbench.listening.web.answers import Refused, refuse
from svbench.listening.web.compose import audio_tokens, headphone_set, headphone_sounds, volume_stimulus
from svbench.listening.web.site import Site

if TYPE_CHECKING:
    from starlette.requests import Request

CHUNK_BYTES = 512 * 1024
ONE_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
# `private` keeps sound out of shared caches; the browser may keep it, for a reload of the page.
HEADERS = {"accept-ranges": "bytes", "cache-control": "private, max-age=3600", "content-type": "audio/wav"}


async def audio(request: Request) -> Response:
    """Send a sound, or a range of it."""
    site: Site = request.app.state.site
    session = site.visitor(request).session
    if session is None:
        raise Refused(401, "there is no session; open the test's first page")
    if not site.allowed(session):
        raise Refused(429, "too many requests; please wait a moment")
    sound = _sound(site, session, request.path_params["token"])
    if sound is None:
        raise Refused(404, "no sound of this or the next screen has that token")
    if isinstance(sound, Path):
        try:
            size = sound.stat().st_size
        except OSError as error:
            raise Refused(503, "this sound cannot be read at the moment") from error
    else:
        size = len(sound)
    return _send(request, sound, size)


def _sound(site: Site, session: SessionState, token: str) -> Path | bytes | None:
    step = step_now(site.test, session)
    method = site.test.protocol.listeners.headphones
    if step == "headphones" and method != "none":
        tokens = headphone_sounds(site.signer, session)
        if token in tokens:
            return headphone_set(method, session)[tokens.index(token)][0]
    if step == "volume" and token == site.signer.token(session.id, "volume"):
        return stimulus_path(site.folder, volume_stimulus(site.test))
    for screen in session.screens[session.at : session.at + 2]:
        name = audio_tokens(screen).get(token)
        if name is not None and step in ("training", "screen", "pause"):
            return stimulus_path(site.folder, site.stimuli[name][0])
    return None


def _send(request: Request, sound: Path | bytes, size: int) -> Response:
    found = ONE_RANGE.fullmatch(request.headers.get("range", "").strip())
    first, last, status = 0, size - 1, 200
    if found and any(found.groups()):  # anything else, such as several ranges, may be ignored: RFC 9110
        first, last = _range(found[1], found[2], size)
        status = 206
        if first > last:
            response = refuse(416, "the sound has no such range")
            response.headers["content-range"] = f"bytes */{size}"
            return response
    headers = {**HEADERS, "content-length": str(last - first + 1)}
    if status == 206:
        headers["content-range"] = f"bytes {first}-{last}/{size}"
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    if isinstance(sound, bytes):
        return Response(sound[first : last + 1], status, headers)
    return StreamingResponse(_read(sound, first, last + 1), status, headers)


def _range(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1


async def _read(path: Path, start: int, end: int) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        file.seek(start)
        while start < end:
            chunk = await asyncio.to_thread(file.read, min(CHUNK_BYTES, end - start))
            if not chunk:
                return
            start += len(chunk)
            yield chunk
    finally:
        file.close()
