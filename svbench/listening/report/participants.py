"""Who took part: how sessions ended, headphones, and what assessors said of themselves, all as counts."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from svbench.listening.listening_test import ListeningTest
from svbench.listening.report.facts import Section
from svbench.listening.report.table import Column, Table
from svbench.listening.store.export import answer_text
from svbench.listening.store.state import SessionState
from svbench.listening.store.status import Progress, progress
from svbench.specs.listening import Question

NONE = "no answer"


def taking_part(test: ListeningTest, sessions: Sequence[SessionState]) -> Section:
    """Return the section on the panel of a test.

    Texts that assessors typed are counted, not printed: they may say who somebody is.

    Parameters
    ----------
    test : ListeningTest
    sessions : sequence of SessionState
        All of the test's database.
    """
    found = progress(test, sessions)
    complete = [s for s in sessions if s.complete_at]
    facts = [
        ("sessions", ", ".join(f"{n} {name}" for name, n in found.standings.items() if n) or "none"),
        ("languages", _counted(Counter(s.language for s in sessions))),
        ("consent", _counted(Counter(f"version {s.consent_version}" for s in sessions))),
        *_duration(complete),
        *_headphones(test, found),
    ]
    tables = [_drop_outs(found), _answers(test.protocol.listeners.questionnaire, complete)]
    return Section("people", "Assessors taking part", tuple(facts), tuple(t for t in tables if t.rows))


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {n}" for name, n in sorted(counts.items())) or "–"


def _duration(complete: Sequence[SessionState]) -> list[tuple[str, str]]:
    """From consent to the end, pauses included."""
    minutes = [_minutes(s.began_at, s.complete_at) for s in complete if s.complete_at]
    if not minutes:
        return []
    told = f"median {statistics.median(minutes):.1f} min, {min(minutes):.1f} to {max(minutes):.1f} min"
    return [("time of a complete session", f"{told}, pauses included")]


def _minutes(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds() / 60


def _headphones(test: ListeningTest, found: Progress) -> list[tuple[str, str]]:
    if test.protocol.listeners.headphones == "none":
        return []
    words = {True: "passed", False: "failed", None: "not tried"}
    counts = Counter(words[s.headphones_passed] for s in found.sessions)
    return [(f"headphones ({test.protocol.listeners.headphones})", _counted(counts))]


def _drop_outs(found: Progress) -> Table:
    """Where those stand who gave up or were turned away."""
    rows = tuple(
        (step, row["dropped out"], row["turned away"])
        for step, row in found.steps.items()
        if row["dropped out"] or row["turned away"]
    )
    columns = (
        Column("step", "step"), Column("dropped_out", "dropped out", "count"),
        Column("turned_away", "turned away", "count"),
    )  # fmt: skip
    about = "Sessions by the page they stopped at; dropped out: idle for longer than the protocol allows."
    return Table("drop-outs", "Drop-outs", about, columns, rows)


def _answers(questions: Sequence[Question], complete: Sequence[SessionState]) -> Table:
    rows: list[tuple[str, str, int]] = []
    for question in questions:
        label = question.label.get("en") or next(iter(question.label.values()))
        given = [answer_text(question, s.questionnaire.get(question.id, "")) for s in complete]
        rows += [(label, answer, n) for answer, n in _summed(question, given)]
    columns = (Column("question", "question", "prose"), Column("answer", "answer"), Column("n", "n", "count"))
    return Table("answers", "Questionnaire", "Of complete sessions.", columns, tuple(rows))


def _summed(question: Question, given: Sequence[str]) -> list[tuple[str, int]]:
    """Choices by their words, numbers by their range, texts by how many there are."""
    told = [answer for answer in given if answer]
    silent = [(NONE, len(given) - len(told))] if len(told) < len(given) else []
    if question.kind == "choice":
        return [*Counter(told).most_common(), *silent]
    if not told:
        return silent
    if question.kind == "number":
        values = sorted(float(answer) for answer in told)
        middle = f"{values[0]:g} to {values[-1]:g}, median {statistics.median(values):g}"
        return [(middle, len(told)), *silent]
    return [("a text", len(told)), *silent]
