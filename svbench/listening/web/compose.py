"""Fill in the records of pages and screens from the state of a session."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from svbench.listening.design import RATED, REFERENCE, SCALES, PlannedScreen
from svbench.listening.headphones import N_TRIALS, HeadphoneMethod, headphone_trials
from svbench.listening.listening_test import ListeningTest, Stimulus
from svbench.listening.store.state import SessionState, step_now
from svbench.listening.web import pages
from svbench.listening.web.pages import own_names, texts
from svbench.listening.web.signing import Join, Signer
from svbench.listening.web.site import Site, Visitor
from svbench.specs.listening import Method

SECONDS_PER_STIMULUS = 20  # heard, compared and rated
HEADPHONE_SETS = 6  # of headphone sounds: neighbours in a room hear others, and few are made and kept


def page_of(site: Site, visitor: Visitor, language: str, problem: str = "") -> pages.Page:
    """Return the page that a visitor is to see; sessions alone have more than welcome and away."""
    session = visitor.session
    if session is None:
        reason = "deleted" if visitor.deleted else site.registry.refusal(Join())
        if reason:
            return away(site, visitor, language, reason)
        return welcome(site, visitor, language, "", problem)
    step, more = step_now(site.test, session), shared(site, visitor, language, problem)
    listeners = site.test.protocol.listeners
    match step:
        case "welcome":
            return welcome(site, visitor, language, "", problem)
        case "questionnaire":
            return pages.Questionnaire(**more, fields=_fields(site, session, language))
        case "headphones":
            sounds = tuple((token, f"/audio/{token}") for token in headphone_sounds(site.signer, session))
            assert listeners.headphones != "none"
            return pages.Headphones(**more, method=listeners.headphones, sounds=sounds)
        case "volume":
            return pages.Volume(**more, sound=f"/audio/{site.signer.token(session.id, 'volume')}")
        case "training":
            question = _text(site.test.protocol.question, language)
            return pages.Training(**more, method=site.test.protocol.method, question=question)
        case "screen":
            return pages.Screen(**more, method=site.test.protocol.method)
        case "pause":
            return pages.Pause(**more)
        case "thanks":
            return pages.Thanks(**more, completion=listeners.completion_url)
        case _:
            return pages.Away(**more, reason="headphones")


def shared(site: Site, visitor: Visitor, language: str, problem: str = "") -> dict[str, Any]:
    """Return what every page has."""
    session = visitor.session
    return {
        "title": site.test.title,
        "language": language,
        "languages": own_names(site.test.protocol.listeners.languages),
        "texts": texts(language),
        "csrf": site.signer.csrf(visitor.cookie),
        "done": session.at if session else 0,
        "total": len(session.screens) if session else 0,
        "problem": problem,
    }


def welcome(site: Site, visitor: Visitor, language: str, join: str, problem: str = "") -> pages.Welcome:
    """Return the first page."""
    listeners = site.test.protocol.listeners
    return pages.Welcome(
        **shared(site, visitor, language, problem),
        consent=_text(listeners.consent, language),
        consent_version=listeners.consent_version,
        contact=listeners.contact,
        minutes=_minutes(site),
        join=join,
    )


def away(site: Site, visitor: Visitor, language: str, reason: str) -> pages.Away:
    """Return the page for those who cannot take part."""
    return pages.Away(**shared(site, visitor, language), reason=reason)


def screen_data(site: Site, session: SessionState) -> pages.ScreenData:
    """Return the screen to be rated, as JSON has it."""
    screen, method = session.screens[session.at], site.test.protocol.method
    trial = site.trials[screen.trial]
    same_kind = [s for s in session.screens if s.kind == screen.kind]
    low, high = SCALES[method]
    following = session.screens[session.at + 1 : session.at + 2]
    return pages.ScreenData(
        screen=screen.id,
        method=method,
        kind=screen.kind,
        number=1 + same_kind.index(screen),
        of=len(same_kind),
        question=_text(site.test.protocol.question, session.language),
        length_s=trial.length_s,
        rate_hz=trial.rate_hz,
        slots=tuple(_slot(session, i, slot.token) for i, slot in enumerate(screen.slots)),
        reference=f"/audio/{screen.reference.token}" if screen.reference else None,
        reference_heard=(session.at, REFERENCE) in session.heard,
        ahead=tuple(f"/audio/{token}" for s in following for token in audio_tokens(s)),
        low=low,
        high=high,
    )


def audio_tokens(screen: PlannedScreen) -> dict[str, str]:
    """Return the stimulus behind each token of a screen, the open reference first."""
    slots = ((screen.reference,) if screen.reference else ()) + screen.slots
    return {slot.token: slot.stimulus for slot in slots}


def _slot(session: SessionState, number: int, token: str) -> pages.SlotData:
    rating = session.ratings.get((session.at, number))
    return pages.SlotData(
        token=token,
        audio=f"/audio/{token}",
        rating=rating.value if rating else None,
        heard=(session.at, number) in session.heard,
        revision=rating.revision if rating else 0,
    )


def _fields(site: Site, session: SessionState, language: str) -> tuple[pages.Field, ...]:
    return tuple(
        pages.Field(
            id=question.id,
            kind=question.kind,
            label=_text(question.label, language),
            choices=tuple((str(i), _text(c, language)) for i, c in enumerate(question.choices)),
            required=question.required,
            value=session.questionnaire.get(question.id, ""),
        )
        for question in site.test.protocol.listeners.questionnaire
    )


def _minutes(site: Site) -> int:
    """How long it takes, roughly: every stimulus of the trials of a session is rated once."""
    protocol = site.test.protocol
    trials = [t for t in site.test.trials if t.kind == "test"]
    rated = sum(len(t.stimuli) for t in trials) / len(trials)
    n = min(protocol.sessions.trials or len(trials), len(trials)) + protocol.sessions.replicates
    n += len(site.test.trials) - len(trials)
    return max(1, round(n * rated * SECONDS_PER_STIMULUS / 60))


def _text(text: dict[str, str], language: str) -> str:
    """A text in a language; a test whose author wrote one language alone is shown in that one."""
    return text.get(language) or text.get("en") or next(iter(text.values()), "")


def missing(session: SessionState, screen: PlannedScreen, method: Method) -> list[str]:
    """Return the tokens of what has not been heard or rated on the screen to be rated, in its order."""
    numbers = range(len(screen.slots))
    rated = numbers[RATED[method]]
    lacking = [
        screen.slots[i].token
        for i in numbers
        if (session.at, i) not in session.heard or (i in rated and (session.at, i) not in session.ratings)
    ]
    open_lacks = screen.reference and (session.at, REFERENCE) not in session.heard
    return ["reference", *lacking] if open_lacks else lacking


def headphone_sounds(signer: Signer, session: SessionState) -> list[str]:
    """Return the tokens of the sounds of the attempt that a session is at."""
    attempt = len(session.headphones)
    return [signer.token(session.id, "headphones", attempt, i) for i in range(N_TRIALS)]


def headphone_set(method: HeadphoneMethod, session: SessionState) -> tuple[tuple[bytes, int], ...]:
    """Return the sounds of a session's attempt as WAV, each with its answer (0, 1, 2)."""
    return _made(method, (session.number + 5 * len(session.headphones)) % HEADPHONE_SETS)


@lru_cache(maxsize=HEADPHONE_SETS)
def _made(method: HeadphoneMethod, seed: int) -> tuple[tuple[bytes, int], ...]:
    return tuple((trial.wav(), trial.answer) for trial in headphone_trials(method, seed))


def volume_stimulus(test: ListeningTest) -> Stimulus:
    """Return what the volume is set by: the reference of a training trial, or the first there is."""
    trial = next((t for t in test.trials if t.kind == "training"), test.trials[0])
    hidden = [s for s in trial.stimuli if test.condition(s.condition).role == "reference"]
    return trial.reference or (hidden or trial.stimuli)[0]
