"""Who took part, from sessions of known fate."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from svbench.listening.design import assign
from svbench.listening.listening_test import ListeningTest
from svbench.listening.report.participants import taking_part
from svbench.listening.store.state import SessionState
from svbench.specs.listening import Question
from svbench.testing.listening import make_test

QUESTIONS = (
    Question(id="ears", kind="choice", label={"en": "Trained?"}, choices=({"en": "yes"}, {"en": "<no>"})),
    Question(id="age", kind="number", label={"en": "Age"}),
    Question(id="remarks", kind="text", label={"en": "Remarks"}),
)
OLD = "2026-01-01T10:00:00.000+00:00"


@pytest.fixture
def test(tmp_path: Path) -> ListeningTest:
    made = make_test(tmp_path, n_trials=2, length_s=0.05, rate_hz=16000)
    listeners = msgspec.structs.replace(
        made.protocol.listeners, languages=("en",), questionnaire=QUESTIONS, headphones="woods"
    )
    protocol = msgspec.structs.replace(made.protocol, listeners=listeners)
    return msgspec.structs.replace(made, protocol=protocol)


def session(test: ListeningTest, number: int, **changes: object) -> SessionState:
    plan = assign(test, number, {}, {})
    state = SessionState(
        id=f"s{number}", assessor=f"a{number}", number=number, row=plan.row, screens=plan.screens,
        language="en", consent_version="1", step="screen", began_at=OLD, seen_at=OLD,
    )  # fmt: skip
    for name, value in changes.items():
        setattr(state, name, value)
    return state


def test_what_became_of_sessions(test: ListeningTest) -> None:
    done = {"step": "thanks", "complete_at": "2026-01-01T10:12:00.000+00:00"}
    longer = {"step": "thanks", "complete_at": "2026-01-01T10:20:00.000+00:00", "language": "de"}
    section = taking_part(
        test,
        [
            session(test, 0, **done, headphones=[2, 6], questionnaire={"ears": "1", "age": "30"}),
            session(test, 1, **longer, headphones=[1], questionnaire={"ears": "1", "remarks": "I am Ann"}),
            session(test, 2, step="volume"),
            session(test, 3, step="away", headphones=[0, 0]),
        ],
    )
    facts = dict(section.facts)
    assert facts["sessions"] == "2 complete, 1 dropped out, 1 turned away"
    assert facts["languages"] == "de: 1, en: 3"
    assert facts["time of a complete session"].startswith("median 16.0 min, 12.0 to 20.0 min")
    assert facts["headphones (woods)"] == "failed: 2, not tried: 1, passed: 1"
    drop_outs, answers = section.tables
    assert drop_outs.rows == (("volume", 1, 0), ("away", 0, 1))
    assert answers.rows == (
        ("Trained?", "<no>", 2),
        ("Age", "30 to 30, median 30", 1),
        ("Age", "no answer", 1),
        ("Remarks", "a text", 1),
        ("Remarks", "no answer", 1),
    )
    assert "Ann" not in str(section)


def test_a_test_nobody_has_begun(test: ListeningTest) -> None:
    section = taking_part(test, [])
    assert dict(section.facts)["sessions"] == "none"
    assert section.tables == ()
