"""The data of each page and the texts in each language, and the HTML made from them.

There is one record for each template, and one for the JSON of a screen. None of them holds a condition, a
track or a file name: a page can only show what is in its record, so nothing here can unblind. Tokens are
valid for one session. Texts are in ``texts/<language>.toml``, one flat table with the same keys for every
language; the template or script fills in ``{name}``.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import msgspec

from svbench.errors import UnknownNameError
from svbench.printing.pages import templates

HERE = Path(__file__).parent
TEMPLATES, STATIC, TEXTS = HERE / "templates", HERE / "static", HERE / "texts"


class View:
    """What a template is given: the fields of a record."""

    template: ClassVar[str]


@dataclass(frozen=True, kw_only=True)
class Page(View):
    """What every page of listeners has.

    ``texts`` are the interface's words in ``language``, by key; ``languages`` are (code, own name).
    """

    title: str
    language: str
    languages: tuple[tuple[str, str], ...]
    texts: dict[str, str]
    csrf: str
    done: int = 0
    total: int = 0
    problem: str = ""  # why the last answer was not taken, in the listener's language


@dataclass(frozen=True, kw_only=True)
class Welcome(Page):
    """What this is, consent, language; ``minutes`` is how long it takes, roughly."""

    template: ClassVar[str] = "welcome.html"
    consent: str
    consent_version: str
    contact: str
    minutes: int
    join: str  # signed: invitation and crowd ids, carried from the first address to the answer


@dataclass(frozen=True, kw_only=True)
class Field:
    """One question of the questionnaire in one language; ``choices`` are (value, label)."""

    id: str
    kind: Literal["choice", "number", "text"]
    label: str
    choices: tuple[tuple[str, str], ...]
    required: bool
    value: str


@dataclass(frozen=True, kw_only=True)
class Questionnaire(Page):
    """The questions of the test."""

    template: ClassVar[str] = "questionnaire.html"
    fields: tuple[Field, ...]


@dataclass(frozen=True, kw_only=True)
class Headphones(Page):
    """Six sounds, each with three intervals; which one is it?"""

    template: ClassVar[str] = "headphones.html"
    method: Literal["woods", "huggins"]
    sounds: tuple[tuple[str, str], ...]  # (token, address)


@dataclass(frozen=True, kw_only=True)
class Volume(Page):
    """A sound to set the volume by, once."""

    template: ClassVar[str] = "volume.html"
    sound: str


@dataclass(frozen=True, kw_only=True)
class Training(Page):
    """What the training is and how one rates; followed by the screens of the training."""

    template: ClassVar[str] = "training.html"
    method: str
    question: str


@dataclass(frozen=True, kw_only=True)
class Screen(Page):
    """One screen to rate; what is on it comes as JSON of its own (`ScreenData`)."""

    template: ClassVar[str] = "screen.html"
    method: str


@dataclass(frozen=True, kw_only=True)
class Pause(Page):
    """A break is offered."""

    template: ClassVar[str] = "pause.html"


@dataclass(frozen=True, kw_only=True)
class Thanks(Page):
    """The end; ``completion`` is an address to go to, or empty."""

    template: ClassVar[str] = "thanks.html"
    completion: str


@dataclass(frozen=True, kw_only=True)
class Away(Page):
    """There is nothing to do here: closed, full, not invited, or headphones not found.

    ``reason`` is one of ``closed``, ``full``, ``uninvited``, ``headphones``, ``deleted``.
    """

    template: ClassVar[str] = "away.html"
    reason: str


class SlotData(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stimulus of a screen: where to get it, and what has been saved of it."""

    token: str
    audio: str
    rating: float | None = None
    heard: bool = False
    revision: int = 0


class ScreenData(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``GET /api/screen``: the screen that is to be rated now.

    Slots are in the order of presentation: for ``mushra`` the stimuli; ``acr`` and ``dcr`` one;
    ``ab`` A and B; ``abx`` A, B and X. ``reference`` is the open one's address where there is one.
    ``ahead`` are the addresses of the next screen, to be fetched while this one is heard.
    """

    screen: str
    method: str
    kind: str
    number: int
    of: int
    question: str
    length_s: float
    rate_hz: int
    slots: tuple[SlotData, ...]
    reference: str | None = None
    reference_heard: bool = False
    ahead: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 100.0


def variables(view: View) -> dict[str, Any]:
    """Return what the template is given: exactly the fields of its record."""
    from dataclasses import fields, is_dataclass

    assert is_dataclass(view)
    return {f.name: getattr(view, f.name) for f in fields(view)}


if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def texts(language: str) -> dict[str, str]:
    """Return the interface's words in a language, by key.

    Raises
    ------
    UnknownNameError
        There is no such translation.

    Examples
    --------
    >>> texts("de")["begin"]
    'Beginnen'
    """
    known = sorted(path.stem for path in TEXTS.glob("*.toml"))
    if language not in known:
        raise UnknownNameError("language of the listeners' pages", language, known)
    found: dict[str, str] = tomllib.loads((TEXTS / f"{language}.toml").read_text(encoding="utf-8"))
    return found


def own_names(languages: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return languages as (code, own name).

    Examples
    --------
    >>> own_names(("en", "ja"))
    (('en', 'English'), ('ja', '日本語'))
    """
    return tuple((code, texts(code)["own_name"]) for code in languages)


def render(page: View) -> str:
    """Return a page as HTML; its template is given the fields of its record and nothing else.

    An undefined name is an error, and whatever a field holds is escaped.
    """
    return _environment().get_template(page.template).render(variables(page))


@cache
def _environment() -> Environment:
    return templates(TEMPLATES)
