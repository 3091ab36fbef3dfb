"""Pages and their forms. Where a session stands decides what is shown, never what a browser believes.

A form that comes twice, or late, changes nothing and leads to the page of the current step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, RedirectResponse, Response

from svbench.listening.headphones import NEEDED
from svbench.listening.store.state import SessionState, Step, next_step, now, step_now
from svbench.listening.web.answers import Refused, answer, read_form, refuse
from svbench.listening.web.compose import away, headphone_set, headphone_sounds, page_of, welcome
from svbench.listening.web.pages import Page, render, texts
from svbench.listening.web.registry import Unsaved
from svbench.listening.web.signing import Join
from svbench.listening.web.site import Site, Visitor

if TYPE_CHECKING:
    from starlette.requests import Request

LONGEST_ANSWER = 500  # characters


async def home(request: Request) -> Response:
    """Show the page of the visitor's step; ``join`` tells who a newcomer is, ``language`` what they read."""
    site: Site = request.app.state.site
    visitor = site.visitor(request)
    language = spoken(site, request, visitor.session)
    signed = request.query_params.get("join", "")
    if not signed:
        return show(site, request, visitor, page_of(site, visitor, language))
    join = site.signer.read_join(signed)
    if join is None:
        return show(site, request, visitor, away(site, visitor, language, "uninvited"), 403)
    return _arrival(site, request, visitor, join, language)


async def join(request: Request) -> Response:
    """Take somebody from an invitation or a crowd to the first page, their ids hashed on the way."""
    site: Site = request.app.state.site
    if not site.joins.take():
        return refuse(429, "too many people are coming in at once; please try again in a moment")
    given = request.query_params
    invitation, person = given.get("invite", ""), given.get("PROLIFIC_PID", "")
    number = site.signer.read_invitation(invitation) if invitation else None
    if invitation and number is None:
        visitor = site.visitor(request)
        page = away(site, visitor, spoken(site, request, visitor.session), "uninvited")
        return show(site, request, visitor, page, 403)
    sitting = (given.get("STUDY_ID", ""), given.get("SESSION_ID", ""))
    who = Join(
        invitation=number,
        crowd=site.signer.person("crowd", person) if person else None,
        submission=site.signer.person("submission", *sitting) if any(sitting) else None,
    )
    address = f"/?join={site.signer.join(who)}" if who != Join() else "/"
    return RedirectResponse(address, 303)


def _arrival(site: Site, request: Request, visitor: Visitor, join: Join, language: str) -> Response:
    """Show the welcome page to somebody new; who has a session goes on with it, on any machine."""
    session = site.registry.find(join)
    if session is not None:
        response: Response = RedirectResponse("/", 303)
        site.set_cookie(response, site.signer.cookie("session", session.id), request.url.scheme == "https")
        return response
    if not join.known() and visitor.session is not None:
        return RedirectResponse("/", 303)
    refused = site.registry.refusal(join)
    if refused:
        return show(site, request, visitor, away(site, visitor, language, refused))
    page = welcome(site, visitor, language, site.signer.join(join))
    return show(site, request, visitor, page)


async def thanks(request: Request) -> Response:
    """Tell where a finished session goes on."""
    site: Site = request.app.state.site
    session = site.visitor(request).session
    if session is None or session.step != "thanks":
        return refuse(409, "this session is not finished")
    return answer({"completion": site.test.protocol.listeners.completion_url})


async def consent(request: Request) -> Response:
    """Begin a session, or agree to a changed text."""
    site, visitor, form, problem = await _form(request)
    if problem:
        return problem
    session, language = visitor.session, spoken(site, request, visitor.session, form.get("language"))
    join = site.signer.read_join(form["join"]) if form.get("join") else Join()
    if join is None:
        return show(site, request, visitor, away(site, visitor, language, "uninvited"), 403)
    if join.known():  # another person at the same computer has a session of their own
        session = site.registry.find(join)
    elif session is not None and step_now(site.test, session) != "welcome":
        return RedirectResponse("/", 303)
    version = site.test.protocol.listeners.consent_version
    if form.get("agree") != "yes" or form.get("consent_version") != version:
        word = "problem_agree" if form.get("agree") != "yes" else "problem_expired"
        again = welcome(site, visitor, language, form.get("join", ""), texts(language)[word])
        return show(site, request, visitor, again, 422)
    if session is None:
        if not site.joins.take():
            return refuse(429, "too many people are coming in at once; please try again in a moment")
        word = visitor.word or visitor.cookie
        identity = site.signer.session_of(f"{word}/{form.get('join', '')}" if join.known() else word)
        try:
            begun = await site.registry.begin(identity, join, language)
        except Unsaved:
            unsaved = texts(language)["problem_unsaved"]
            again = welcome(site, visitor, language, form.get("join", ""), unsaved)
            return show(site, request, visitor, again, 503)
        if not isinstance(begun, SessionState):
            return show(site, request, visitor, away(site, visitor, language, begun))
        session = begun
    elif step_now(site.test, session) == "welcome":
        await _agree(site, session, language)
    response = RedirectResponse("/", 303)
    site.set_cookie(response, site.signer.cookie("session", session.id), request.url.scheme == "https")
    return response


async def _agree(site: Site, session: SessionState, language: str) -> None:
    version, moment = site.test.protocol.listeners.consent_version, now()
    async with session.lock:
        await site.registry.save(
            session,
            site.registry.store.change(
                session.id, consent_version=version, consented_at=moment, language=language, seen_at=moment
            ),
        )
        session.consent_version, session.language, session.seen_at = version, language, moment


async def questionnaire(request: Request) -> Response:
    """Take the answers to the questions."""
    site, visitor, form, problem = await _form(request, "questionnaire")
    if problem:
        return problem
    session = visitor.session
    assert session is not None
    answers, trouble = _answers(site, session, form)
    if trouble:
        return show(site, request, visitor, page_of(site, visitor, session.language, trouble), 422)
    return await _go_on(site, session, "questionnaire", questionnaire=answers)


def _answers(site: Site, session: SessionState, form: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """The answers as they are stored (choices by number), and what is wrong with them."""
    words = texts(session.language)
    answers: dict[str, str] = {}
    for question in site.test.protocol.listeners.questionnaire:
        label = question.label.get(session.language, question.id)
        value = form.get(question.id, "").strip()[:LONGEST_ANSWER]
        if not value:
            if question.required:
                return answers, words["problem_required"].format(label=label)
            continue
        if question.kind == "number" and not _is_number(value):
            return answers, words["problem_number"].format(label=label)
        if question.kind == "choice" and value not in map(str, range(len(question.choices))):
            return answers, words["problem_choice"].format(label=label)
        answers[question.id] = value
    return answers, ""


def _is_number(value: str) -> bool:
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False


async def headphones(request: Request) -> Response:
    """Judge an attempt at the headphone screening."""
    site, visitor, form, problem = await _form(request, "headphones")
    if problem:
        return problem
    session, listeners = visitor.session, site.test.protocol.listeners
    method = listeners.headphones
    assert session is not None
    assert method != "none"
    tokens = headphone_sounds(site.signer, session)
    given = [form.get(f"answer-{token}", "") for token in tokens]
    if not any(given):  # of an attempt that has been judged
        return RedirectResponse("/", 303)
    if not set(given) <= {"1", "2", "3"}:
        words = texts(session.language)["problem_expired"]
        return show(site, request, visitor, page_of(site, visitor, session.language, words), 422)
    sounds = headphone_set(method, session)
    right = sum(int(g) - 1 == answer for g, (_, answer) in zip(given, sounds, strict=True))
    attempts = [*session.headphones, right]
    if right >= NEEDED[method]:
        return await _go_on(site, session, "headphones", headphones=attempts)
    if len(attempts) >= listeners.headphones_attempts:
        refuses = listeners.headphones_failed == "refuse"
        return await _go_on(site, session, "headphones", to="away" if refuses else None, headphones=attempts)
    await _go_on(site, session, "headphones", to="headphones", headphones=attempts)
    words = texts(session.language)["problem_headphones"]
    return show(site, request, visitor, page_of(site, visitor, session.language, words))


async def volume(request: Request) -> Response:
    """Note that the volume is set."""
    return await _plain(request, "volume")


async def training(request: Request) -> Response:
    """Go from the words about the training to its screens."""
    return await _plain(request, "training")


async def pause(request: Request) -> Response:
    """End a break."""
    return await _plain(request, "pause", to="screen")


async def _plain(request: Request, step: Step, to: Step | None = None) -> Response:
    site, visitor, _, problem = await _form(request, step)
    if problem:
        return problem
    assert visitor.session is not None
    return await _go_on(site, visitor.session, step, to)


async def _form(
    request: Request, step: Step | None = None
) -> tuple[Site, Visitor, dict[str, str], Response | None]:
    """Read a form; the last item is an answer where the form is not to be taken."""
    site: Site = request.app.state.site
    visitor = site.visitor(request)
    form = await read_form(request)
    session = visitor.session
    if session is not None and not site.allowed(session):
        raise Refused(429, "too many requests; please wait a moment")
    if not site.signer.right_csrf(visitor.cookie, form.get("csrf", "")):
        language = spoken(site, request, session, form.get("language"))
        page = page_of(site, visitor, language, texts(language)["problem_expired"])
        return site, visitor, form, show(site, request, visitor, page, 403)
    if step is not None and (session is None or step_now(site.test, session) != step):
        return site, visitor, form, RedirectResponse("/", 303)
    return site, visitor, form, None


async def _go_on(
    site: Site, session: SessionState, step: Step, to: Step | None = None, **changes: object
) -> Response:
    """Take a session from a step to another one, unless it has gone on already."""
    following = to or next_step(site.test, step)
    async with session.lock:
        if step_now(site.test, session) == step:
            values = {"step": following, "seen_at": now(), **changes}
            await site.registry.save(session, site.registry.store.change(session.id, **values))
            for name, value in values.items():
                setattr(session, name, value)
    return RedirectResponse("/", 303)


def show_unsaved(site: Site, request: Request) -> Response:
    """Show the page of a session's step once more: what its form said could not be saved."""
    visitor = site.visitor(request)
    language = spoken(site, request, visitor.session)
    page = page_of(site, visitor, language, texts(language)["problem_unsaved"])
    return show(site, request, visitor, page, 503)


def spoken(site: Site, request: Request, session: SessionState | None, given: str | None = None) -> str:
    """Return the language of the answer: as chosen, as the session has it, as the browser prefers."""
    offered = site.test.protocol.listeners.languages
    chosen = given or request.query_params.get("language")
    if chosen in offered:
        return str(chosen)
    if session is not None and session.language in offered:
        return session.language
    preferred = request.headers.get("accept-language", "").lower()[:200].split(",")
    for wish in preferred:
        code = wish.split(";")[0].strip().split("-")[0]
        if code in offered:
            return code
    return offered[0]


def show(site: Site, request: Request, visitor: Visitor, page: Page, status: int = 200) -> Response:
    """Return a page, with the cookie for whoever has none yet."""
    response = HTMLResponse(render(page), status)
    if visitor.session is None and not visitor.deleted:
        site.set_cookie(response, visitor.cookie, request.url.scheme == "https")
    return response
