"""The words of the pages, and pages made of them.

Words stand in ``texts/<language>.toml``, one flat table of the same keys for every language;
``{name}`` in a text is filled by the template or the script that shows it.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from svbench.errors import UnknownNameError
from svbench.listening.web.contexts import View, variables
from svbench.printing.pages import templates

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
TEMPLATES, STATIC, TEXTS = HERE / "templates", HERE / "static", HERE / "texts"


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
