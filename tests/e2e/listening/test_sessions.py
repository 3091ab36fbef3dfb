"""Whole sessions in a real browser: by mouse, by keyboard, by touch; interrupted, resumed, offline."""

from __future__ import annotations

import re
from collections.abc import Callable
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
SHORT = {"anchors": (), "sessions": Sessions(replicates=0)}  # the hidden reference and one system


def rate_all(tab: Any, ratings: list[int]) -> None:
    """Hear and rate by mouse: a click on the slider where the rating is."""
    page = tab.page
    page.get_by_role("button", name="Play the reference").click()
    tab.heard("Play the reference")
    for i, rating in enumerate(ratings):
        page.get_by_role("button", name=f"Play version {i + 1}", exact=True).click()
        tab.heard(f"Version {i + 1}")
        slider = page.get_by_role("slider", name=f"Rating of version {i + 1}", exact=True)
        box = slider.bounding_box()
        thumb = 1.6 * 17
        upright = box["height"] > box["width"]
        along = box["height"] if upright else box["width"]
        at = thumb / 2 + (rating if not upright else 100 - rating) / 100 * (along - thumb)
        position = {"x": box["width"] / 2, "y": at} if upright else {"x": at, "y": box["height"] / 2}
        if page.evaluate("matchMedia('(pointer: coarse)').matches"):
            slider.tap(position=position)
        else:
            slider.click(position=position)


def test_a_session_by_mouse(serve: Make, browse: Make) -> None:
    word = {"en": "Do you play music?"}
    questions = (
        Question(id="age", kind="number", label={"en": "How old are you?"}),
        Question(id="music", kind="choice", label=word, choices=({"en": "Yes"}, {"en": "No"}), required=True),
    )
    listeners = Listeners(
        languages=("en",),
        questionnaire=questions,
        headphones="woods",
        completion_url="https://example.org/done",
    )
    served = serve(
        n_trials=2, listeners=listeners, anchors=(), sessions=Sessions(replicates=0, break_after=1)
    )
    tab = browse(served.address)
    page = tab.page
    tab.open()
    page.get_by_label("agree").check()
    page.get_by_role("button", name="Begin").click()
    page.get_by_label("How old").fill("33")
    page.get_by_label("Yes").check()
    page.get_by_role("button", name="Continue").click()
    for _ in range(2):  # attempts, which both fail; the protocol takes note of it and goes on
        page.get_by_role("button", name="Play sound 1").click()
        page.get_by_role("button", name="Sound 1 is playing").wait_for()
        page.get_by_role("button", name="Continue").click()
        page.get_by_text("Still open: 1, 2, 3, 4, 5, 6").wait_for()
        for i in range(6):
            page.get_by_role("group", name=f"Sound {i + 1} of 6").get_by_label("First").check()
        page.get_by_role("button", name="Continue").click()
    page.locator("#play:enabled").wait_for()
    page.get_by_role("button", name="The volume is set").click()
    page.get_by_text("Please play the sound before you continue.").wait_for()
    page.get_by_role("button", name="Play the sound").click()
    page.get_by_role("button", name="Stop the sound").wait_for()
    page.get_by_role("button", name="The volume is set").click()
    page.get_by_role("button", name="Begin").click()
    tab.ready()
    page.get_by_text("Practice").wait_for()
    rate_all(tab, [40, 60])
    tab.next()
    assert not page.get_by_text("Practice").is_visible()
    page.get_by_text("1 of 2").wait_for()
    rate_all(tab, [90, 10])
    assert [v.split(", ")[1] for v in tab.values()] == ["Excellent", "Bad"]
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Continue").click()
    tab.ready()
    rate_all(tab, [75, 25])
    shown = [int(v.split(",")[0]) for v in tab.values()]
    assert shown == [pytest.approx(75, abs=1), pytest.approx(25, abs=1)]
    page.get_by_role("button", name="Next").click()
    done = page.get_by_role("link", name="Finish and return")
    assert done.get_attribute("href") == "https://example.org/done"
    table = served.ratings()
    assert table.complete.all()
    assert table.kind.value_counts().to_dict() == {"test": 4, "training": 2}
    last = table[table.screen == 2].sort_values("slot")
    assert last.rating.round().astype(int).tolist() == shown
    assert (table.seconds > 0).all()


def test_a_session_by_keyboard_alone(serve: Make, browse: Make) -> None:
    served = serve(**SHORT)
    tab = browse(served.address)
    page, press = tab.page, tab.page.keyboard.press
    tab.open()
    page.locator("[name=agree]").focus()
    press("Space")
    press("Enter")
    page.locator("#play:enabled").wait_for()
    press("Tab")
    press("Tab")
    press("Enter")
    page.get_by_role("button", name="Stop the sound").wait_for()
    press("Tab")
    press("Enter")
    page.locator("form[action='/training']").wait_for()
    press("Tab")
    press("Tab")
    press("Enter")
    for _ in range(2):
        tab.ready()
        press("r")
        tab.heard("Play the reference")
        press("1")
        tab.heard("Version 1")
        press("Home")
        press("ArrowUp")
        press("ArrowRight")
        press("2")
        press("PageUp")
        tab.heard("Version 2")
        assert tab.values() == ["2, Bad", "60, Good"]
        press(" ")
        page.get_by_text("Paused").wait_for()
        press("ArrowUp")
        assert tab.values()[1] == "60, Good", "a stimulus that does not play is not rated"
        assert "Play version 2 first" in tab.message()
        page.locator(".next").focus()
        before = page.locator(".practice").is_hidden()
        press("Enter")
        if not before:
            page.wait_for_function("() => document.querySelector('.practice').hidden")
            # The heading gets the focus once the sounds of the new screen are loaded.
            page.wait_for_function("() => document.activeElement.tagName === 'H1'")
    page.get_by_role("heading", name="Thank you").wait_for()
    table = served.ratings()
    assert sorted(table.rating) == [2, 2, 60, 60]


def test_a_session_by_touch_on_a_phone(serve: Make, browse: Make) -> None:
    served = serve(n_systems=2, anchors=("lowpass-3500",), sessions=Sessions(replicates=0))
    tab = browse(served.address, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    tab.begin()
    for _ in range(2):
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= 390
        rate_all(tab, [10, 35, 62, 88])
        assert [v.split(", ")[1] for v in tab.values()] == ["Bad", "Poor", "Good", "Excellent"]
        tab.next()
    tab.page.get_by_role("heading", name="Thank you").wait_for()
    assert len(served.ratings()) == 8


def test_nothing_goes_on_before_all_is_heard_and_rated(serve: Make, browse: Make) -> None:
    served = serve(**SHORT)
    tab = browse(served.address)
    tab.begin()
    page = tab.page
    assert tab.values() == ["not rated", "not rated"]
    slider = page.locator(".slot input").first
    pictures = []
    for value in (20, 80):
        slider.evaluate("(e, value) => { e.value = value; }", value)
        pictures.append(slider.screenshot())
    assert pictures[0] == pictures[1], "no thumb before there is a rating"
    page.click(".next")
    assert tab.message() == "Not heard yet: 1, 2, Reference"
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Play version 1"
    page.locator(".rail").first.click()
    assert tab.values() == ["not rated", "not rated"]
    assert "Play version 1 first" in tab.message()
    for name in ("1", "2"):
        page.keyboard.press(name)
        tab.heard(f"Version {name}")
    page.keyboard.press("r")
    tab.heard("Play the reference")
    page.click(".next")
    assert tab.message() == "Not rated yet: 1, 2"
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    assert tab.value(2) == "50, Fair", "the middle can be meant"
    page.click(".next")
    assert tab.message() == "Not rated yet: 1"


def test_a_reload_and_a_second_tab_resume_the_trial(serve: Make, browse: Make) -> None:
    served = serve(n_systems=2, **SHORT)
    tab = browse(served.address)
    tab.begin()
    order = re.findall(r"/audio/(\w+)", " ".join(tab.requests))[-4:]
    rate_all(tab, [20, 40, 60])
    before = tab.values()
    tab.saved()
    tab.page.reload()
    tab.ready()
    assert tab.values() == before
    assert re.findall(r"/audio/(\w+)", " ".join(tab.requests))[-4:] == order
    assert tab.page.locator(".slot.heard").count() == 3
    other = browse(served.address, beside=tab)
    other.open("/")
    other.ready()
    assert other.values() == before
    # What is rated in one tab is shown by the other when one comes back to it.
    other.page.keyboard.press("1")
    other.heard("Version 1")
    other.page.keyboard.press("End")
    other.saved()
    tab.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    tab.page.wait_for_function("() => document.querySelector('.slot input').value === '100'")
    # A tab that does not know takes the value of the server.
    tab.page.keyboard.press("2")
    tab.page.keyboard.press("Home")
    tab.saved()
    other.page.keyboard.press("2")
    other.page.keyboard.press("ArrowUp")
    other.page.get_by_text("This was rated in another tab").wait_for()
    assert other.value(2) == "0, Bad"
    assert [c for c in other.complaints if "409" not in c] == []
    other.complaints.clear()
    # And one whose screen is over says so.
    tab.next()
    other.page.keyboard.press("3")
    other.page.keyboard.press("ArrowUp")
    other.page.get_by_role("button", name="Continue here").click()
    other.ready()
    assert other.values() == ["not rated"] * 3
    other.complaints.clear()


def test_ratings_wait_for_the_network(serve: Make, browse: Make) -> None:
    served = serve(**SHORT)
    tab = browse(served.address)
    tab.begin()
    page = tab.page
    page.keyboard.press("1")
    tab.heard("Version 1")
    tab.saved()
    page.context.set_offline(True)
    page.keyboard.press("Home")
    page.get_by_text("Not saved yet").first.wait_for()
    page.keyboard.press("PageUp")
    warned = []
    page.on("dialog", lambda d: (warned.append(d.type), d.dismiss()))
    page.close(run_before_unload=True)
    page.wait_for_timeout(200)
    assert warned == ["beforeunload"]
    page.context.set_offline(False)
    tab.saved()
    page.reload()
    tab.ready()
    assert tab.value(1) == "10, Bad"
    assert [c for c in tab.complaints if "INTERNET_DISCONNECTED" not in c] == []
    tab.complaints.clear()


def test_an_answer_that_is_lost_is_asked_for_again(serve: Make, browse: Make) -> None:
    served = serve(**SHORT)
    tab = browse(served.address)
    tab.begin()
    page = tab.page
    lost: list[str] = []

    def lose(route: Any) -> None:
        if not lost:
            lost.append(route.request.post_data)
            route.fetch()  # it arrives, its answer does not
            route.abort()
        else:
            route.continue_()

    page.route("**/api/rating", lose)
    page.keyboard.press("1")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowUp")
    tab.saved()
    page.reload()
    tab.ready()
    assert tab.value(1) == "1, Bad"
    assert lost
    tab.complaints.clear()


def test_sounds_that_do_not_come_are_fetched_again(serve: Make, browse: Make) -> None:
    served = serve(**SHORT)
    tab = browse(served.address)
    page = tab.page
    refused: list[str] = []

    def refuse(route: Any) -> None:
        if len(refused) < 2:
            refused.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    tab.begin()
    page.route("**/audio/*", refuse)
    page.reload()
    page.get_by_text("The sounds could not be loaded.").wait_for()
    page.get_by_role("button", name="Try now").click()
    tab.ready()
    assert page.get_by_text("The sounds could not be loaded.").is_hidden()
    tab.complaints.clear()


def test_twelve_stimuli_have_a_key_each_and_keys_can_be_off(serve: Make, browse: Make) -> None:
    served = serve(n_systems=11, **SHORT)
    tab = browse(served.address)
    tab.begin()
    page = tab.page
    for number, key in enumerate([*"1234567890", "Minus", "Equal"], 1):
        page.keyboard.press(key)
        page.get_by_text(f"Version {number} is playing", exact=True).wait_for()
        name = page.evaluate("document.activeElement.getAttribute('aria-label')")
        assert name == f"Rating of version {number}"
    page.keyboard.press("Control+1")
    page.keyboard.press("Alt+2")
    page.get_by_text("Version 12 is playing").wait_for()
    page.keyboard.press("?")
    page.get_by_role("dialog").get_by_label("Use these keys").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    page.keyboard.press("r")
    page.get_by_text("Version 12 is playing").wait_for()
    page.reload()
    tab.ready()
    page.keyboard.press("1")
    page.get_by_text("Paused").wait_for()  # the choice is remembered
    page.get_by_role("button", name="Keys").click()
    assert not page.get_by_label("Use these keys").is_checked()


def test_only_this_and_the_next_screen_are_fetched(serve: Make, browse: Make) -> None:
    served = serve(n_trials=4, **SHORT)
    tab = browse(served.address)
    tab.begin()
    tab.page.wait_for_load_state("networkidle")
    # The volume's sound, and two screens of a reference and two stimuli.
    assert len({u for u in tab.requests if "/audio/" in u}) == 1 + 6
    rate_all(tab, [20, 40])
    tab.next()
    tab.page.wait_for_load_state("networkidle")
    heard = [u for u in tab.requests if "/audio/" in u]
    assert len(heard) == len(set(heard)) == 1 + 9


@pytest.mark.parametrize(
    ("method", "sounds", "answer", "rating"),
    [
        ("ab", ["Play the reference", "Play version A", "Play version B"], "No preference", 0.5),
        ("abx", ["Play version A", "Play version B", "Play version X"], "X is A", None),
        ("acr", ["Play the sound"], "4 – Good", 4),
        ("dcr", ["Play the reference", "Play the sound"], "2 – Annoying", 2),
    ],
)
def test_the_other_methods(
    serve: Make, browse: Make, method: Method, sounds: list[str], answer: str, rating: float | None
) -> None:
    served = serve(
        method=method, n_systems=2, listeners=Listeners(languages=("en",)), sessions=Sessions(replicates=0)
    )
    tab = browse(served.address)
    tab.begin()
    page = tab.page
    while page.get_by_role("heading", name="Thank you").count() == 0:
        choice = page.get_by_label(answer, exact=True)
        choice.click(force=True)  # Playwright waits for what says that it is disabled
        assert not choice.is_checked()
        assert tab.message() == "Please hear everything on this screen first."
        for name in sounds:
            page.get_by_role("button", name=name).click()
            tab.heard(name)
        page.click(".next")
        assert tab.message().startswith("Not rated yet")
        choice.click()
        assert choice.is_checked()
        tab.saved()
        page.reload()
        tab.ready()
        assert choice.is_checked()
        tab.next()
    ratings = served.ratings().rating
    assert len(ratings) >= 2
    assert set(ratings) <= ({rating} if rating is not None else {0.0, 1.0})
