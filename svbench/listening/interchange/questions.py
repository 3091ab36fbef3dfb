"""Questionnaires, webMUSHRA's and svbench's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from svbench.errors import SpecError, suggestion
from svbench.listening.interchange.keys import Keys
from svbench.listening.interchange.plain_text import as_html, plain_text
from svbench.specs.listening import Question

_KINDS = {"text": "text", "long_text": "text", "number": "number", "likert": "choice"}


def read_questions(
    path: Path, place: str, elements: Sequence[Any], language: str, notes: list[str]
) -> tuple[Question, ...]:
    """Turn the questionnaire of a finish page into questions.

    Parameters
    ----------
    path : Path
        For errors.
    place : str
        Key path of the list.
    elements : sequence
        What stands there.
    language : str
        That of the texts.
    notes : list of str
        Told what does not come over.

    Raises
    ------
    SpecError
        An unknown type, a question without a name, or two of one name.
    """
    found: dict[str, Question] = {}
    for number, element in enumerate(elements):
        keys = Keys(path, f"{place}[{number}]", element, "<question>")
        kind = keys.needed("type")
        if kind not in _KINDS:
            raise keys.wrong("type", f"unknown type of question {kind!r}; {suggestion(kind, _KINDS)}")
        name = keys.needed("name")
        label = plain_text(keys.text("label") or name)[0]
        if re.search(r"e-?mail", f"{name} {label}", re.IGNORECASE):
            notes.append(
                f"{keys.place}: the question {label!r} is left out: no test of svbench asks for addresses"
            )
            continue
        identity = _identity(name)
        if identity in found:
            raise keys.wrong("name", f"{name!r} stands twice; capitals and signs do not count")
        if identity != name:
            notes.append(f"{keys.key('name')}: {name!r} is called {identity!r}")
        unkept = [key for key in ("min", "max", "default") if keys.has(key)]
        if unkept:
            notes.append(
                f"{keys.place}: {', '.join(unkept)}: not kept; a number may be any, and none is given"
            )
        found[identity] = Question(
            id=identity,
            kind="number" if kind == "number" else "choice" if kind == "likert" else "text",
            label={language: label},
            choices=_choices(keys, language) if kind == "likert" else (),
            required=not keys.flag("optional"),
        )
    return tuple(found.values())


def _choices(keys: Keys, language: str) -> tuple[dict[str, str], ...]:
    place, choices = keys.key("response"), []
    for number, response in enumerate(keys.list("response")):
        one = Keys(keys.path, f"{place}[{number}]", response, "<response>")
        label = plain_text(one.text("label"))[0] or one.needed("value")
        choices.append({language: label})
    if not choices:
        raise SpecError(
            keys.path, place, "missing; a likert question has responses, each a value and a label"
        )
    return tuple(choices)


def _identity(name: str) -> str:
    """The name as an id of svbench's.

    Examples
    --------
    >>> _identity("Age (years)"), _identity("1st")
    ('age_years', 'q_1st')
    """
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return (plain if plain[:1].isalpha() else f"q_{plain}".rstrip("_"))[:32]


def write_questions(questions: Sequence[Question], language: str) -> list[dict[str, Any]]:
    """Turn questions into the questionnaire of a finish page."""
    kinds = {"text": "text", "number": "number", "choice": "likert"}
    found = []
    for question in questions:
        element: dict[str, Any] = {
            "type": kinds[question.kind],
            "name": question.id,
            "label": as_html(in_language(question.label, language)),
            "optional": not question.required,
        }
        if question.kind == "number":
            element["default"] = ""  # else webMUSHRA shows "undefined"
        if question.kind == "choice":
            labels = [in_language(choice, language) for choice in question.choices]
            element["response"] = [{"value": label, "label": as_html(label)} for label in labels]
        found.append(element)
    return found


def answer_told(question: Question, answer: str, language: str) -> str:
    """Return an answer as webMUSHRA has it: of a choice its label, not its number."""
    if question.kind == "choice" and answer:
        return in_language(question.choices[int(answer)], language)
    return answer


def in_language(text: dict[str, str], language: str) -> str:
    """Return a text in a language, or in the first that there is."""
    return text.get(language) or next(iter(text.values()), "")
