"""The JSON interface of the rating screen: get the screen, store ratings, go on.

A rating names the revision that it replaces (0: none). A request that is sent again counts once; a request
that replaces an outdated revision is refused with the current value (409).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
from starlette.responses import Response

from svbench.listening.design import RATED, REFERENCE, SCALES, PlannedScreen
from svbench.listening.store.state import Rating, SessionState, now, step_after_screen, step_now
from svbench.listening.web.answers import Refused, answer, read_json
from svbench.listening.web.compose import missing, screen_data
from svbench.listening.web.site import Site

if TYPE_CHECKING:
    from starlette.requests import Request

Token = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
MOST_REVISIONS = 10_000  # of one rating: far more than anybody makes by hand, too few to fill a disk
T = TypeVar("T", bound=msgspec.Struct)


class RatingGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``PUT /api/rating``."""

    screen: Token
    token: Token
    rating: float
    revision: Annotated[int, msgspec.Meta(ge=0, le=MOST_REVISIONS)]
    heard: bool = False
    seconds: float | None = None


class Heard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /api/heard``; the token of the open reference is ``reference``."""

    screen: Token
    token: Token


class Done(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /api/done``."""

    screen: Token


async def get_screen(request: Request) -> Response:
    """Return the screen that is to be rated now."""
    site, session = _session(request)
    step = step_now(site.test, session)
    if step != "screen":
        raise Refused(409, "there is no screen to be rated at this step", step=step)
    return answer(screen_data(site, session))


async def put_rating(request: Request) -> Response:
    """Store a rating, and answer only when it is on disk."""
    site, session, given = await _read(request, RatingGiven)
    async with session.lock:
        screen = _current(site, session, given.screen)
        slot = _slot(screen, given.token)
        _check_rating(site, given, slot, screen)
        current = session.ratings.get((session.at, slot), Rating(0, math.nan))
        if given.revision != current.revision:
            # The answer to this very request was lost on its way, so the browser sent it again: it is stored
            # already. Answering as the first time makes the retry harmless.
            again = given.revision + 1 == current.revision and given.rating == current.value
            if again:
                return answer({"revision": current.revision, "rating": current.value})
            # Another tab has rated meanwhile. The browser gets the current value and decides.
            raise Refused(
                409,
                f"the rating is at revision {current.revision}, not {given.revision}",
                revision=current.revision,
                rating=None if math.isnan(current.value) else current.value,
            )
        if current.revision == MOST_REVISIONS:
            raise Refused(429, "this was rated too often; please go on")
        rating, moment, store = Rating(current.revision + 1, given.rating), now(), site.registry.store
        operations = store.rate(session.id, session.at, slot, rating, given.seconds, moment)
        newly = given.heard and (session.at, slot) not in session.heard
        if newly:
            operations += store.hear(session.id, session.at, slot)
        await site.registry.save(session, operations)  # raises Unsaved: then memory stays as it was
        session.ratings[session.at, slot] = rating
        if newly:
            session.heard.add((session.at, slot))
        session.seen_at = moment
    return answer({"revision": rating.revision, "rating": rating.value})


async def post_heard(request: Request) -> Response:
    """Record that a stimulus has been heard."""
    site, session, given = await _read(request, Heard)
    async with session.lock:
        screen = _current(site, session, given.screen)
        slot = _slot(screen, given.token)
        if (session.at, slot) not in session.heard:
            await site.registry.save(session, site.registry.store.hear(session.id, session.at, slot))
            session.heard.add((session.at, slot))
    return answer({})


async def post_done(request: Request) -> Response:
    """Go on to the next step, if everything on the screen has been heard and rated."""
    site, session, given = await _read(request, Done)
    async with session.lock:
        # Sent again after a lost answer, or by a second tab: the screen is done, say what comes next.
        before = session.screens[: session.at]
        if any(screen.id == given.screen for screen in before):
            return answer({"step": step_now(site.test, session)})
        screen = _current(site, session, given.screen)
        lacking = missing(session, screen, site.test.protocol.method)
        if lacking:
            raise Refused(409, "not everything has been heard and rated", missing=lacking)
        moment, store, done = now(), site.registry.store, session.at + 1
        changes = {"step": step_after_screen(site.test, session, done), "at": done, "seen_at": moment}
        if changes["step"] == "thanks":
            changes["complete_at"] = moment
        finished = store.finish_screen(session.id, session.at, moment)
        await site.registry.save(session, finished + store.change(session.id, **changes))
        for name, value in changes.items():
            setattr(session, name, value)
    return answer({"step": changes["step"]})


def _session(request: Request) -> tuple[Site, SessionState]:
    site: Site = request.app.state.site
    session = site.visitor(request).session
    if session is None:
        raise Refused(401, "there is no session; open the test's first page")
    if not site.allowed(session):
        raise Refused(429, "too many requests; please wait a moment")
    return site, session


async def _read(request: Request, kind: type[T]) -> tuple[Site, SessionState, T]:
    site, session = _session(request)
    cookie = site.visitor(request).cookie
    if not site.signer.right_csrf(cookie, request.headers.get("x-csrf-token", "")):
        raise Refused(403, "the header X-CSRF-Token is missing or of another session; reload the page")
    return site, session, await read_json(request, kind)


def _current(site: Site, session: SessionState, screen: str) -> PlannedScreen:
    """Return the screen to be rated, if the request names it; screens that are done can no longer change."""
    step = step_now(site.test, session)
    if step != "screen":
        raise Refused(409, "there is no screen to be rated at this step", step=step)
    current = session.screens[session.at]
    if current.id != screen:
        raise Refused(409, "this is not the screen to be rated now; reload the page", screen=current.id)
    return current


def _slot(screen: PlannedScreen, token: str) -> int:
    if token == "reference" and screen.reference is not None:
        return REFERENCE
    for number, slot in enumerate(screen.slots):
        if slot.token == token:
            return number
    raise Refused(404, "no stimulus of this screen has that token")


def _check_rating(site: Site, given: RatingGiven, slot: int, screen: PlannedScreen) -> None:
    method = site.test.protocol.method
    low, high = SCALES[method]
    if slot == REFERENCE or slot not in range(len(screen.slots))[RATED[method]]:
        raise Refused(400, "this stimulus takes no rating")
    if not low <= given.rating <= high:  # refuses NaN and infinity too
        raise Refused(400, f"a rating is a number from {low:g} to {high:g}")
    steps = {"mushra": 0.0, "ab": 0.5}.get(method, 1.0)
    if steps and given.rating % steps:
        raise Refused(400, f"a rating is a multiple of {steps:g}")
    if given.seconds is not None and not 0 <= given.seconds <= 1e7:
        raise Refused(400, "seconds is a number from 0 to 1e7")
