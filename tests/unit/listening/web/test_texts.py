"""The words of the pages: the same keys and gaps in every language, all of them in use."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from svbench.errors import UnknownNameError
from svbench.listening.web import pages
from svbench.listening.web.pages import STATIC, TEMPLATES, TEXTS, own_names, render, texts

LANGUAGES = sorted(path.stem for path in TEXTS.glob("*.toml"))
# Keys that are put together from a prefix and a value.
MADE_UP = {
    "training_": ("mushra", "ab", "abx", "acr", "dcr"),
    "question_": ("mushra", "ab", "abx", "acr", "dcr"),
    "away_": ("closed", "full", "uninvited", "headphones", "deleted"),
    "band_": ("bad", "poor", "fair", "good", "excellent"),
    "acr_": "12345",
    "dcr_": "12345",
    "headphones_": ("woods", "huggins", "first", "second", "third"),
}


def sources() -> str:
    files = [*TEMPLATES.glob("*.html"), *STATIC.glob("*.js"), *TEXTS.parent.glob("*.py")]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def test_at_least_these_languages() -> None:
    assert {"de", "en", "fr", "ja"} <= set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_keys_and_gaps_agree(language: str) -> None:
    english, own = texts("en"), texts(language)
    assert own.keys() == english.keys()
    for key, text in own.items():
        assert text.strip() == text != "", key
        gaps = [Counter(re.findall(r"{(\w*)}", t)) for t in (text, english[key])]
        assert gaps[0] == gaps[1], key
        assert "{" not in re.sub(r"{\w+}", "", text), key


@pytest.mark.parametrize("language", [code for code in LANGUAGES if code != "en"])
def test_all_is_translated(language: str) -> None:
    same = {key for key, text in texts(language).items() if text == texts("en")[key]}
    # Words and signs that are written alike.
    assert same <= {"seconds", "pause", "band_excellent", "acr_5", "dcr_5", "stimulus"}


def test_no_text_is_missing_or_unused() -> None:
    found = sources()
    made_up = {prefix + end for prefix, ends in MADE_UP.items() for end in ends}
    asked = set(re.findall(r"\btexts\.(\w+)|\bsay\(\"(\w+)\"|\btexts\[\"(\w+)\"\]", found))
    named = {"".join(groups) for groups in asked} - {"format"}
    words = set(re.findall(r"\w+", found))
    assert named - texts("en").keys() - set(MADE_UP) == set()
    assert made_up <= texts("en").keys()
    assert {key for key in texts("en") if key not in words} <= made_up


def test_no_key_hides_behind_a_method_of_dict() -> None:
    assert [key for key in texts("en") if hasattr(dict, key)] == []


def test_unknown_languages_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown language of the listeners' pages 'xx'"):
        texts("xx")


def page(kind: type[pages.Page], **more: object) -> str:
    shared = {
        "title": "<b>T</b>", "language": "de", "languages": own_names(("en", "de")), "texts": texts("de"),
        "csrf": "c&c", "done": 1, "total": 4,
    }  # fmt: skip
    return render(kind(**shared, **more))  # type: ignore[arg-type]


def test_pages_escape_what_they_are_given() -> None:
    found = page(pages.Volume, sound='/audio/"x"', problem="<script>alert(1)</script>")
    assert "<script>alert" not in found
    assert "<b>T" not in found
    assert 'value="c&amp;c"' in found
    assert 'data-sound="/audio/&#34;x&#34;"' in found


@pytest.mark.parametrize("method", ["mushra", "ab", "abx", "acr", "dcr"])
def test_no_script_or_style_stands_in_a_page(method: str) -> None:
    found = page(pages.Screen, method=method)
    scripts = re.findall(r"<script([^>]*)>([^<]*)", found)
    assert [a for a, content in scripts if content.strip()] == [' type="application/json" id="texts"']
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|https?://", found)


def test_own_text_of_a_consent_takes_the_place_of_the_usual_one() -> None:
    more = {"consent_version": "2", "contact": "", "minutes": 3, "join": ""}
    assert texts("de")["consent_default"] in page(pages.Welcome, consent="", **more)
    own = page(pages.Welcome, consent="Nur <hier>", **more)
    assert "Nur &lt;hier&gt;" in own
    assert texts("de")["consent_default"] not in own
    assert "/?language=en" in own
