"""The way of a session: which page comes after which."""

from __future__ import annotations

from svbench.listening.listening_test import ListeningTest
from svbench.listening.store.state import SessionState
from svbench.listening.web.contexts import Step

ORDER: tuple[Step, ...] = ("welcome", "questionnaire", "headphones", "volume", "training", "screen")


def next_step(test: ListeningTest, step: Step) -> Step:
    """Return the step after one of those before the first screen; steps the test has not are skipped."""
    return next(s for s in ORDER[ORDER.index(step) + 1 :] if _has(test, s))


def _has(test: ListeningTest, step: Step) -> bool:
    listeners = test.protocol.listeners
    there = {
        "questionnaire": bool(listeners.questionnaire),
        "headphones": listeners.headphones != "none",
        "volume": listeners.volume,
        "training": any(t.kind == "training" for t in test.trials),
    }
    return there.get(step, True)


def step_after_screen(test: ListeningTest, session: SessionState, done: int) -> Step:
    """Return the step when ``done`` screens of the session are done."""
    if done == len(session.screens):
        return "thanks"
    rated = sum(s.kind == "test" for s in session.screens[:done])
    every = test.protocol.sessions.break_after
    return "pause" if every and rated and rated % every == 0 else "screen"


def step_now(test: ListeningTest, session: SessionState) -> Step:
    """Return where a session stands.

    Between two starts of the server the test's words may change: a consent of another version is
    asked for again, and a step that is no more is passed over.
    """
    asked_again = session.consent_version != test.protocol.listeners.consent_version
    if asked_again and session.step not in ("thanks", "away"):
        return "welcome"
    return session.step if _has(test, session.step) else next_step(test, session.step)
