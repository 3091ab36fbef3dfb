"""Every page in a real browser: barriers, narrow screens, dark and light, four languages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from svbench.specs.listening import Listeners, Method, Question, Sessions

pytestmark = [
    pytest.mark.browser,
    # Playwright leaves its pipes to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

Make = Callable[..., Any]
LANGUAGES = ("en", "de", "fr", "ja")


def everywhere(text: str) -> dict[str, str]:
    return dict.fromkeys(LANGUAGES, text)


def way(tab: Any, language: str) -> Iterator[str]:
    """Go from page to page; each is named when it can be looked at."""
    page = tab.page
    tab.open(f"/?language={language}")
    yield "welcome"
    page.check("[name=agree]")
    page.click("button.main")
    yield "questionnaire"
    page.check("[name=music] >> nth=0")
    page.click("button.main")
    yield "headphones"
    page.click("button.main")
    page.wait_for_selector("p.trouble:not(:empty)")
    yield "headphones-missing"
    for i in range(6):
        page.check(f"fieldset >> nth={i} >> input >> nth=0")
    page.click("button.main")
    page.wait_for_selector(".problem[role=alert]")
    yield "headphones-again"
    for i in range(6):
        page.check(f"fieldset >> nth={i} >> input >> nth=0")
    page.click("button.main")
    page.click("#play")
    yield "volume"
    page.click("button.main")
    yield "training"
    page.click("form[action='/training'] button")
    tab.ready()
    yield "screen"
    page.click(".keys")
    yield "keys"
    page.keyboard.press("Escape")
    done = False
    while page.locator("#screen").count():
        for i, play in enumerate(page.locator(".play:visible").all()):
            play.click()
            page.wait_for_function(
                "i => document.querySelectorAll('.play.heard, .heard .play').length > i", arg=i
            )
            if page.locator(".slot.active").count():
                page.locator(".slot.active input").press("PageUp")
        if page.locator("[name=answer]").count():
            page.check("[name=answer] >> nth=0")
        if not done:
            yield "screen-rated"
        done = True
        tab.next()
        if page.locator("form[action='/pause']").count():
            yield "pause"
            page.click("button.main")
            tab.ready()
    yield "thanks"


@pytest.mark.parametrize(
    ("method", "language", "width", "scheme"),
    [
        ("mushra", "en", 1280, "light"),
        ("mushra", "ja", 390, "dark"),
        ("ab", "de", 390, "dark"),
        ("acr", "fr", 1280, "dark"),
        ("dcr", "de", 360, "light"),
    ],
)
def test_no_page_has_a_barrier_or_is_too_wide(
    serve: Make,
    browse: Make,
    tmp_path: Path,
    method: Method,
    language: str,
    width: int,
    scheme: str,
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    music = Question(
        id="music",
        kind="choice",
        label=everywhere("?"),
        choices=(everywhere("1"), everywhere("2")),
        required=True,
    )
    age = Question(id="age", kind="number", label=everywhere("age"))
    listeners = Listeners(
        languages=LANGUAGES,
        questionnaire=(age, music),
        headphones="huggins",
        completion_url="https://example.org/done",
        contact="listening@example.org",
    )
    sessions = Sessions(replicates=0, break_after=1)
    served = serve(
        method=method,
        n_trials=2,
        n_systems=2,
        anchors=(),
        listeners=listeners,
        sessions=sessions,
        question={},
    )
    # The checker is a script of its own, which the pages' policy would refuse.
    size = {"width": width, "height": 800}
    tab = browse(served.address, bypass_csp=True, color_scheme=scheme, viewport=size)
    page, found, seen = tab.page, [], []
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    for number, name in enumerate(way(tab, language)):
        seen.append(name)
        page.screenshot(path=tmp_path / f"{number:02}-{name}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.evaluate("document.documentElement.lang") == language
        dark = (
            page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(20, 22, 26)"
        )
        assert dark == (scheme == "dark")
        small = page.evaluate(
            "() => [...document.querySelectorAll('button, a, [role=slider], label.choice')]"
            ".filter(e => e.checkVisibility() && !e.matches('.skip')).map(e => [e.outerHTML, e.getBoundingClientRect()])"
            ".filter(([_, box]) => box.width < 24 || box.height < 24)"
        )
        assert small == [], f"targets of {name} below 24 px"
        # A target on its way under the bar that stays in sight would count as a small one.
        page.evaluate("scrollTo(0, 0)")
        violations = Axe().run(page, options={"runOnly": tags}).response["violations"]
        found += [(name, v["id"], v["nodes"][0]["html"]) for v in violations]
    assert found == []
    assert {"welcome", "headphones-again", "screen-rated", "pause", "thanks"} <= set(seen)


def test_who_cannot_take_part_is_told_why(serve: Make, browse: Make) -> None:
    served = serve(listeners=Listeners(invited_only=True))
    tab = browse(served.address)
    tab.open("/?language=fr")
    assert "sur invitation" in tab.page.locator("main").inner_text()


def test_a_page_without_scripts_says_what_is_missing(serve: Make, browse: Make) -> None:
    served = serve(listeners=Listeners(languages=("de",)))
    tab = browse(served.address, java_script_enabled=False)
    tab.open("/")
    tab.page.check("[name=agree]")
    tab.page.click("button.main")
    assert "JavaScript" in tab.page.locator("main").inner_text()
