"""Convert questionnaires between webMUSHRA and svbench, and HTML to plain text and back.

No markup of an imported configuration ever reaches a listener's browser.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from svbench.errors import SpecError, suggestion
from svbench.listening.interchange.keys import Keys
from svbench.specs.listening import Question

_KINDS = {"text": "text", "long_text": "text", "number": "number", "likert": "choice"}
# Elements that begin a line, most of which end one too.
_LINES = frozenset(
    ("address", "article", "blockquote", "br", "div", "dl", "dt", "dd", "figure", "footer", "form", "h1",
     "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre", "section", "table", "tr",
     "ul")
)  # fmt: skip
_UNSEEN = frozenset(("script", "style", "template", "title", "noscript"))
_MEDIA = frozenset(("audio", "canvas", "embed", "iframe", "img", "object", "svg", "video"))


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


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.lost: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        if tag in _MEDIA:
            self.lost.append(tag)
        if tag in _LINES:
            self.parts.append("\n")
        if tag == "li":
            self.parts.append("• ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _UNSEEN:  # else it would never end
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        if tag in _LINES - {"br", "li"}:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(re.sub(r"\s+", " ", data))


def plain_text(markup: str) -> tuple[str, tuple[str, ...]]:
    """Return what a page of HTML says, and the elements of it that text cannot hold.

    Examples
    --------
    >>> plain_text("<p>Listen <b>well</b>.<br/>Then rate &amp; go on.</p><img src=x onerror=y>")
    ('Listen well.\\nThen rate & go on.', ('img',))
    >>> plain_text("<ul><li>one<li>two</ul><script>alert(1)</script>")[0]
    '• one\\n• two'
    """
    parser = _Text()
    parser.feed(markup)
    parser.close()
    lines = [re.sub(r" +", " ", line).strip() for line in "".join(parser.parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(), tuple(dict.fromkeys(parser.lost))


def as_html(text: str) -> str:
    """Return plain text as HTML on one line, as `plain_text` reads it back.

    Examples
    --------
    >>> as_html("a < b\\nc")
    'a &lt; b<br/>c'
    """
    return html.escape(text, quote=False).replace("\n", "<br/>")
