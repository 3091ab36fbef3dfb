"""Read a webMUSHRA configuration, and check it key by key before any audio is read.

The YAML is read without surprises: every scalar is text until a key says what it is. PyYAML's ``safe_load``
turns ``no`` into False and ``12:30`` into 750, and silently keeps the last of two equal keys; here a
condition called ``no`` stays "no", and equal keys are refused. On the other hand webMUSHRA accepts
``content: Note: listen well``, which is not valid YAML; such a value is read as text to the end of its line.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import yaml

from svbench.errors import SpecError, suggestion
from svbench.listening.interchange.keys import Keys
from svbench.listening.interchange.questions import plain_text, read_questions
from svbench.specs.listening import Question

Heard = Literal["mushra", "paired_comparison"]
HEARD: tuple[Heard, ...] = ("mushra", "paired_comparison")
OTHER = {
    "bs1116": "svbench has no BS.1116 test",
    "likert_multi_stimulus": "scales of one's own have no place in svbench",
    "likert_single_stimulus": "scales of one's own have no place in svbench",
    "spatial": "svbench asks for quality, not for places",
}
TYPES = ("generic", "consent", "volume", "finish", *HEARD, *OTHER)
LANGUAGES = ("en", "de", "fr")  # which both tools have
ANCHOR_KEYS = {"createAnchor35": "anchor35", "createAnchor70": "anchor70"}
MOST_ITEMS = 1000  # of nested lists: a few lines of aliases can make billions
# What svbench does in another way, whatever a page asks for.
DIFFERENCES = (
    ("strict", False, "svbench keeps to BS.1534-3"),
    ("randomize", False, "stimuli are in random order"),
    ("showConditionNames", True, "names of conditions are never shown"),
    ("switchBack", True, "switching keeps the position"),
    ("showWaveform", False, "the waveform is shown"),
    ("enableLooping", False, "loops can be set"),
    ("mustConsent", False, "nobody takes part without consent"),
    ("showResults", True, "listeners never see results"),
    ("writeResults", False, "each rating is kept when it is given"),
)
MOST_BYTES = 1 << 20
# A key, perhaps after dashes, and text that is not quoted, nested or a block.
_PLAIN = re.compile(
    r"^(?P<key>\s*(?:- +)*[\w-]+\s*:\s+)(?P<text>[^\s'\"\[{|>&*!#%@`].*?)(?P<rest>\s+#.*|\s*)$"
)


@dataclass(frozen=True)
class Page:
    """A page with something to hear and judge; ``create`` names the anchors to be made of the reference."""

    key: str
    kind: Heard
    id: str
    question: str
    reference: str
    stimuli: dict[str, str]
    create: tuple[str, ...]
    unforced: bool
    shuffled: bool


@dataclass
class Configuration:
    """A configuration; ``notes`` list what the import changes."""

    path: Path
    sha256: str
    title: str
    test_id: str
    language: str
    kind: Heard = "mushra"
    consent: str = ""
    volume: bool = False
    pages: list[Page] = field(default_factory=list)
    questions: tuple[Question, ...] = ()
    notes: list[str] = field(default_factory=list)


def read_configuration(path: Path, only: Heard | None = None) -> Configuration:
    """Read a webMUSHRA configuration.

    Parameters
    ----------
    path : Path
    only : {"mushra", "paired_comparison"}, optional
        Take pages of that type, and leave out others with something to hear.

    Raises
    ------
    SpecError
        Not YAML, an unknown key or page type, a wrong value, or pages that make no test of svbench's.
    """
    content, quoted = load_yaml(path)
    top = Keys(path, "", content, "")
    language = top.text("language") or "en"
    found = Configuration(
        path=path,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        title=plain_text(top.needed("testname"))[0],
        test_id=top.needed("testId"),
        language=language if language in LANGUAGES else "en",
    )
    if quoted:
        lines = f"line{'s' if len(quoted) > 1 else ''} {', '.join(map(str, quoted))}"
        found.notes.append(f"{lines}: no YAML, as ': ' stands in text without quotes; read as text")
    if language != found.language:
        found.notes.append(f"language: svbench's pages are not written in {language!r}; they are in English")
    if top.flag("showButtonPreviousPage"):
        found.notes.append("showButtonPreviousPage: a finished screen is not opened again")
    pages = [_typed(path, *item) for item in _flat(path, "pages", top.list("pages"))]
    found.kind = _kind(path, pages, only)
    _read_pages(found, pages)
    _check(found)
    return found


@dataclass(frozen=True)
class _Typed:
    key: str
    type: str
    content: dict[str, Any]
    shuffled: bool


def _flat(path: Path, place: str, items: list[Any]) -> Iterator[tuple[str, Any, bool]]:
    """All pages in the order of the file, with their key paths and whether their order is drawn."""
    waiting: list[tuple[str, Any, bool]] = [(place, items, False)]
    n = 0
    while waiting:
        key, item, shuffled = waiting.pop()
        n += 1
        if n > MOST_ITEMS:
            raise SpecError(path, place, f"holds more than {MOST_ITEMS} pages and lists")
        if isinstance(item, list):
            drawn = shuffled or item[:1] == ["random"]
            first = 1 if item[:1] == ["random"] else 0
            waiting += [(f"{key}[{i}]", item[i], drawn) for i in range(len(item) - 1, first - 1, -1)]
        else:
            yield key, item, shuffled


def _typed(path: Path, key: str, item: object, shuffled: bool) -> _Typed:
    if not isinstance(item, dict):
        expected = "expected a page, or a list of pages whose first item may be the word random"
        raise SpecError(path, key, f"is {item!r}, {expected}")
    kind = item.get("type")
    if not isinstance(kind, str) or kind not in TYPES:
        found = "missing" if kind is None else f"unknown type of page {kind!r}"
        raise SpecError(path, f"{key}.type", f"{found}; {suggestion(str(kind), TYPES)}")
    return _Typed(key, kind, item, shuffled)


def _kind(path: Path, pages: list[_Typed], only: Heard | None) -> Heard:
    """The type of the pages to be taken: a test has one method."""
    there = [kind for kind in HEARD if any(p.type == kind for p in pages)]
    if only is not None:
        if only not in there:
            raise SpecError(path, "pages", f"there is none of type {only}")
        return only
    choice = f"take only pages of one type with --only {' or --only '.join(there)}" if there else ""
    for page in pages:
        if page.type in OTHER:
            advice = choice or f"svbench takes pages of type {' or '.join(HEARD)}"
            raise SpecError(path, f"{page.key}.type", f"is {page.type!r}: {OTHER[page.type]}; {advice}")
    if not there:
        raise SpecError(
            path, "pages", f"there is nothing to hear; expected pages of type {' or '.join(HEARD)}"
        )
    if len(there) > 1:
        raise SpecError(path, "pages", f"are of types {' and '.join(there)}, a test has one method; {choice}")
    return there[0]


def _read_pages(found: Configuration, pages: list[_Typed]) -> None:
    texts: list[str] = []
    left_out: list[str] = []
    different: dict[tuple[str, bool, str], list[str]] = {}
    for page in pages:
        if page.type in OTHER or (page.type in HEARD and page.type != found.kind):
            left_out.append(f"{page.key} ({page.type})")
            continue
        keys = Keys(found.path, page.key, page.content, page.type)
        for rule in DIFFERENCES:
            if keys.has(rule[0]) and keys.flag(rule[0]) == rule[1]:
                different.setdefault(rule, []).append(page.key)
        content, lost = plain_text(keys.text("content"))
        if lost:
            found.notes.append(f"{keys.key('content')}: {', '.join(lost)} left out, texts are plain")
        if page.type in HEARD:
            found.pages.append(_page(keys, content, page.shuffled))
        elif page.type == "volume":
            found.volume = True
            found.notes.append(f"{page.key}: svbench sets the volume by a sound of its own")
        elif page.type == "finish":
            found.notes.append(f"{page.key}: svbench thanks in words of its own")
            listed, place = keys.list("questionnaire"), keys.key("questionnaire")
            found.questions += read_questions(found.path, place, listed, found.language, found.notes)
            if listed:
                found.notes.append(f"{place}: asked before the trials, not after them")
        elif not found.pages:
            texts.append(content)
        elif content:
            found.notes.append(f"{page.key}: left out, since texts stand before the first trial alone")
    found.consent = "\n\n".join(text for text in texts if text)
    found.notes += [
        f"{', '.join(where)}: {key} is {str(value).lower()}; {effect}"
        for (key, value, effect), where in different.items()
    ]
    if left_out:
        found.notes.append(f"left out as pages of another type: {', '.join(left_out)}")


def _page(keys: Keys, question: str, shuffled: bool) -> Page:
    stimuli = keys.texts("stimuli")
    create = tuple(name for key, name in ANCHOR_KEYS.items() if keys.flag(key))
    for name in ("reference", *create):
        if name in stimuli:
            raise keys.wrong(
                f"stimuli.{name}", "is the name of what is added by itself; give this stimulus another one"
            )
    return Page(
        key=keys.place,
        kind=cast(Heard, keys.text("type")),
        id=keys.needed("id"),
        question=question,
        reference=keys.needed("reference"),
        stimuli=stimuli,
        create=create,
        unforced=keys.has("unforced"),
        shuffled=shuffled,
    )


def _check(found: Configuration) -> None:
    """Refuse pages that share an id, and note what concerns all of them."""
    first: dict[str, str] = {}
    for page in found.pages:
        if page.id in first:
            problem = f"{page.id!r} is the id of {first[page.id]} too; ratings could not be told apart"
            raise SpecError(found.path, f"{page.key}.id", problem)
        first[page.id] = page.key
    if len(found.pages) > 1 and not all(page.shuffled for page in found.pages):
        found.notes.append("pages: the order of the trials is drawn for each session, in a Latin square")
    if len({page.question for page in found.pages}) > 1:
        found.notes.append(
            "pages: their texts differ, and a test of svbench has one question; its own is asked instead"
        )
    if found.kind == "paired_comparison":
        found.notes.append("pages: X is drawn; with webMUSHRA it is always the reference")
    if any(page.unforced for page in found.pages):
        found.notes.append("pages: unforced: who hears no difference has to guess")


class _Loader(yaml.BaseLoader):  # type: ignore[misc]  # PyYAML has no types here
    """Text, lists and mappings alone: no numbers, no dates, no tags."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(None, None, "a key is not text", key_node.start_mark)
        if key in found:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key!r} stands twice", key_node.start_mark
            )
        found[key] = loader.construct_object(value_node, deep=True)
    return found


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def load_yaml(path: Path) -> tuple[dict[str, Any], list[int]]:
    """Read a file; also return the lines that were read as text although they are no YAML.

    Returns
    -------
    dict
        Of str, list and dict.
    list of int
        From 1.

    Raises
    ------
    SpecError
        A file that cannot be read, is not YAML, or not a mapping of keys.
    """
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise SpecError(path, "", f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise SpecError(path, "", "is not UTF-8 text; expected a webMUSHRA configuration") from error
    if len(raw) > MOST_BYTES:
        raise SpecError(path, "", f"has {len(raw)} bytes; a configuration has {MOST_BYTES} at most")
    lines, quoted = text.splitlines(), list[int]()
    while True:
        try:
            # _Loader builds nothing but text, lists and mappings, so it is as safe as SafeLoader.
            content = yaml.load("\n".join(lines), Loader=_Loader)
            break
        except yaml.MarkedYAMLError as error:
            number = error.problem_mark.line if error.problem_mark else 0
            found = _PLAIN.match(lines[number]) if number < len(lines) else None
            if found is None or ": " not in found["text"]:
                raise SpecError(path, "", f"line {number + 1}: not YAML ({error.problem})") from error
            inner = found["text"].replace("'", "''")
            lines[number] = f"{found['key']}'{inner}'{found['rest']}"
            quoted.append(number + 1)
        except (yaml.YAMLError, RecursionError) as error:
            raise SpecError(path, "", f"not YAML ({str(error).splitlines()[0]})") from error
    if not isinstance(content, dict):
        raise SpecError(path, "", "holds no keys; expected a webMUSHRA configuration (testname, pages, …)")
    return content, quoted
