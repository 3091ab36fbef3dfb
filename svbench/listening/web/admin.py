"""The admin page: how the test stands, and what can be done with it.

Everything that changes or unblinds something is a form with a CSRF token, is confirmed, and is written
to the log in the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from svbench.errors import DataError
from svbench.listening.store.export import as_json, export_answers, export_ratings
from svbench.listening.web.answers import read_form
from svbench.listening.web.pages import render
from svbench.listening.web.site import (
    ADMIN_PATH,
    AdminSession,
    admin_cookie,
    drop_admin_cookie,
    set_admin_cookie,
)
from svbench.tables.spreadsheet import frame_csv

if TYPE_CHECKING:
    from starlette.requests import Request

    from svbench.listening.web.site import Site
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, TypeVar

from svbench.listening.live import Screening, centres, is_median
from svbench.listening.store.export import answer_text
from svbench.listening.store.state import ORDER, SessionState, now
from svbench.listening.store.status import Health, Progress, health, progress
from svbench.listening.web.pages import View

if TYPE_CHECKING:
    from svbench.listening.listening_test import ListeningTest
    from svbench.listening.web.site import Site

LOG_SHOWN = 200
T = TypeVar("T")
log = logging.getLogger("svbench.listening")


@dataclass(frozen=True, kw_only=True)
class SignIn(View):
    """A form for the token, and nothing about the test."""

    template: ClassVar[str] = "admin_sign_in.html"
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class ProgressRow:
    """A trial: what it is, and for each condition how many ratings it has and, if asked for, their middle."""

    name: str
    cells: tuple[tuple[int | None, float | None], ...]
    total: int


@dataclass(frozen=True, kw_only=True)
class AdminPage(View):
    """The whole page.

    ``troubles`` says, for each part that is None, why; ``centre`` is the word for the revealed numbers,
    empty while they are not; ``steps`` are in the order of a session.
    """

    template: ClassVar[str] = "admin.html"
    title: str
    test: str
    method: str
    csrf: str
    problem: str
    done: str
    told_at: str
    progress: Progress
    deleted: int
    steps: tuple[str, ...]
    conditions: tuple[tuple[str, str], ...]  # id, role
    trials: tuple[ProgressRow, ...]
    centre: str
    revealed: bool
    questions: tuple[str, ...]
    answers: tuple[tuple[str, tuple[str, ...]], ...]
    screening: Screening | None
    health: Health | None
    log: tuple[tuple[str, str], ...] | None
    logged: int
    troubles: dict[str, str]
    invitations: tuple[str, ...]


async def admin_page(
    site: Site,
    csrf: str,
    revealed: bool,
    *,
    problem: str = "",
    done: str = "",
    invitations: Sequence[str] = (),
) -> AdminPage:
    """Return the page as things stand."""
    # The page is composed from a copy in another thread, so that no rating waits for it.
    sessions = [replace(s, ratings=dict(s.ratings)) for s in site.registry.by_id.values()]
    words = {"csrf": csrf, "problem": problem, "done": done}
    return await asyncio.to_thread(_compose, site, sessions, revealed, words, tuple(invitations))


def _compose(
    site: Site,
    sessions: list[SessionState],
    revealed: bool,
    words: dict[str, str],
    invitations: tuple[str, ...],
) -> AdminPage:
    test, store, troubles = site.test, site.registry.store, dict[str, str]()
    counts = progress(test, sessions, site.registry.open)
    middles = _try(troubles, "centres", lambda: centres(test, sessions)) if revealed else None
    done = _try(troubles, "log", store.logged)
    questions = test.protocol.listeners.questionnaire
    return AdminPage(
        **words,
        title=test.title,
        test=test.id,
        method=test.protocol.method,
        told_at=now(),
        progress=counts,
        deleted=len(site.registry.deleted),
        steps=tuple(sorted(counts.steps, key=_place)),
        conditions=tuple((c.id, c.role) for c in test.conditions),
        trials=_rows(test, counts, middles or {}),
        centre="" if middles is None else "median" if is_median(test) else "mean",
        revealed=revealed,
        questions=tuple(q.label.get("en") or next(iter(q.label.values()), q.id) for q in questions),
        answers=tuple(
            (s.assessor, tuple(answer_text(q, s.questionnaire.get(q.id, "")) for q in questions))
            for s in sessions
            if s.questionnaire
        ),
        screening=_try(troubles, "screening", lambda: site.screener(sessions)),
        health=_try(troubles, "health", lambda: health(store)),
        log=None if done is None else tuple(done[:LOG_SHOWN]),
        logged=len(done or ()),
        troubles=troubles,
        invitations=invitations,
    )


def _try(troubles: dict[str, str], part: str, compute: Callable[[], T]) -> T | None:
    try:
        return compute()
    except Exception as error:  # whatever is stored, or a database out of reach, must not take the page away
        log.exception("the admin page cannot show %s", part)
        troubles[part] = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:300]}"
        return None


def _place(step: str) -> tuple[int, str]:
    order = (*ORDER, "pause", "away", "thanks")
    return (order.index(step) if step in order else len(order), step)


def _rows(
    test: ListeningTest, counts: Progress, middles: dict[str, dict[str, float]]
) -> tuple[ProgressRow, ...]:
    return tuple(
        ProgressRow(
            name=f"{trial.track}, {trial.target} from {trial.start_s:g}\u00a0s",
            cells=tuple(
                (counts.cells[trial.id].get(c.id), middles.get(trial.id, {}).get(c.id))
                for c in test.conditions
            ),
            total=counts.of_trial(trial.id),
        )
        for trial in test.trials
        if trial.kind == "test"
    )


MOST_INVITATIONS = 500  # at once
DONE = {
    "opened": "The test is open: it takes new listeners.",
    "closed": "The test is closed: who has begun may finish, nobody else can begin.",
    "revealed": "Ratings are revealed in this browser. That is in the log.",
    "hidden": "Ratings are hidden again.",
    "deleted": "The assessor is deleted, with all answers and ratings.",
}
EXPORTS = {
    "ratings-csv": "ratings (CSV)",
    "ratings-json": "ratings (JSON)",
    "answers-csv": "answers (CSV)",
    "answers-json": "answers (JSON)",
}


@dataclass(frozen=True)
class Admin:
    """A request of somebody signed in."""

    site: Site
    session: AdminSession
    cookie: str
    request: Request

    @property
    def secure(self) -> bool:
        """Whether cookies go by https alone."""
        return self.site.secure or self.request.url.scheme == "https"

    async def page(
        self, status: int = 200, *, problem: str = "", done: str = "", invitations: tuple[str, ...] = ()
    ) -> Response:
        """Answer with the page."""
        csrf = self.site.signer.csrf(self.cookie)
        page = await admin_page(
            self.site, csrf, self.session.revealed, problem=problem, done=done, invitations=invitations
        )
        return HTMLResponse(render(page), status)


def routes() -> list[Route]:
    """Return the routes of the page."""
    forms = {
        "sign-out": sign_out,
        "open": set_open,
        "reveal": reveal,
        "invitations": invitations,
        "forget": forget,
        "export": export,
    }
    return [
        Route(ADMIN_PATH, show),
        Route(f"{ADMIN_PATH}/sign-in", sign_in, methods=["POST"]),
        *(Route(f"{ADMIN_PATH}/{name}", _guarded(act), methods=["POST"]) for name, act in forms.items()),
    ]


async def show(request: Request) -> Response:
    """Show the page, or the way in."""
    admin = _admin(request)
    if admin is None:
        return _way_in(401)
    return await admin.page(done=DONE.get(request.query_params.get("done", ""), ""))


async def sign_in(request: Request) -> Response:
    """Let in whoever has the token."""
    site: Site = request.app.state.site
    form = await read_form(request)
    if not site.admins.may_try():
        response = _way_in(429, "Too many attempts. Please wait some seconds and try again.")
        response.headers["retry-after"] = "5"
        return response
    cookie = await site.admins.sign_in(form.get("token", "").strip())
    if cookie is None:
        return _way_in(401, "This is not the admin token.")
    await site.registry.write(site.registry.store.log("signed in"))
    response = RedirectResponse(ADMIN_PATH, 303)
    set_admin_cookie(response, cookie, site.secure or request.url.scheme == "https")
    return response


async def sign_out(admin: Admin, form: dict[str, str]) -> Response:
    """End the session, here and in the browser."""
    admin.site.admins.sign_out(admin.cookie)
    response = RedirectResponse(ADMIN_PATH, 303)
    drop_admin_cookie(response, admin.secure)
    return response


async def set_open(admin: Admin, form: dict[str, str]) -> Response:
    """Open or close the test."""
    wanted = form.get("open")
    if wanted not in ("yes", "no") or form.get("confirm") != "yes":
        return await admin.page(422, problem="Nothing was changed: please tick the box to confirm.")
    await admin.site.registry.set_open(wanted == "yes")
    return _back("opened" if wanted == "yes" else "closed")


async def reveal(admin: Admin, form: dict[str, str]) -> Response:
    """Show how ratings fall in this browser, or hide it again."""
    wanted = form.get("reveal")
    if wanted not in ("yes", "no") or (wanted == "yes" and form.get("confirm") != "yes"):
        return await admin.page(422, problem="Nothing is revealed: please tick the box to confirm.")
    if wanted == "yes":
        await admin.site.registry.write(admin.site.registry.store.log("revealed the ratings"))
    admin.session.revealed = wanted == "yes"
    return _back("revealed" if admin.session.revealed else "hidden")


async def invitations(admin: Admin, form: dict[str, str]) -> Response:
    """Make signed addresses and show them, this once."""
    given = form.get("count", "")
    count = int(given) if given.isascii() and given.isdecimal() and len(given) < 9 else 0
    if not 1 <= count <= MOST_INVITATIONS:
        problem = f"No invitation was made: how many is a number from 1 to {MOST_INVITATIONS}."
        return await admin.page(422, problem=problem)
    site = admin.site
    made = site.signer.invitations(site.url or str(admin.request.base_url), count)
    await site.registry.write(site.registry.store.log(f"made {count} invitation{'s' * (count > 1)}"))
    return await admin.page(invitations=tuple(made))


async def forget(admin: Admin, form: dict[str, str]) -> Response:
    """Delete an assessor."""
    if form.get("confirm", "").strip().lower() != "delete":
        return await admin.page(422, problem="Nobody was deleted: please type “delete” to confirm.")
    if not await admin.site.registry.forget(form.get("assessor", "").strip()):
        problem = "Nobody was deleted: there is no assessor with that id. Ids stand in the table of sessions."
        return await admin.page(422, problem=problem)
    return _back("deleted")


async def export(admin: Admin, form: dict[str, str]) -> Response:
    """Send ratings, or answers to the questionnaire, as a file."""
    what = form.get("what", "")
    if what not in EXPORTS:
        return await admin.page(422, problem=f"There is no export {what[:40]!r}.")
    site = admin.site
    kind, _, form_of_it = what.partition("-")
    try:
        content = await asyncio.to_thread(_exported, site, kind, form_of_it)
    except DataError as error:
        return await admin.page(500, problem=f"Nothing was exported: {error}.")
    await site.registry.write(site.registry.store.log(f"exported {EXPORTS[what]}"))
    media = {"csv": "text/csv; charset=utf-8", "json": "application/json"}[form_of_it]
    saved = f'attachment; filename="{kind}-{site.test.id}.{form_of_it}"'
    return Response(content, media_type=media, headers={"content-disposition": saved})


def _exported(site: Site, kind: str, form: str) -> str:
    store = site.registry.store
    if kind == "ratings":
        table = export_ratings(store, site.test)
    else:
        table = export_answers(site.test, store.sessions())
    return frame_csv(table) if form == "csv" else as_json(table)


def _guarded(
    act: Callable[[Admin, dict[str, str]], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Wrap what only a form of a signed-in admin may do."""

    async def take(request: Request) -> Response:
        form = await read_form(request)
        admin = _admin(request)
        if admin is None:
            return _way_in(401)
        if not admin.site.signer.right_csrf(admin.cookie, form.get("csrf", "")):
            return await admin.page(
                403, problem="Nothing was done: that form was not of this page. Try again."
            )
        return await act(admin, form)

    return take


def _admin(request: Request) -> Admin | None:
    site: Site = request.app.state.site
    cookie = admin_cookie(request)
    session = site.admins.find(cookie)
    return None if session is None else Admin(site, session, cookie, request)


def _way_in(status: int, problem: str = "") -> Response:
    response = HTMLResponse(render(SignIn(problem=problem)), status)
    if status == 401:
        response.headers["www-authenticate"] = "Cookie"
    return response


def _back(done: str) -> Response:
    return RedirectResponse(f"{ADMIN_PATH}?done={done}", 303)
