"""The admin page in a real browser: signing in, watching a test, acting on it; on phones, in the dark, without scripts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from simulated.listeners import Listener, ServerProcess, running_server

from svbench.specs.listening import Listeners, Question, Sessions
from svbench.testing.listening import make_test

pytestmark = [
    pytest.mark.browser,
    # Playwright leaves its pipes to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

QUESTION = Question(id="remark", kind="text", label={"en": "Remark"})
WEIRD = "<img src=x onerror=alert(1)> =1+1 العربية 🎧"
NOW = "document.dispatchEvent(new Event('visibilitychange'))"  # a tab that is looked at again is refreshed


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A test with one complete session, one that has only begun, and a remark nobody would expect."""
    folder = tmp_path / "test"
    make_test(
        folder,
        length_s=0.1,
        rate_hz=16000,
        listeners=Listeners(languages=("en",), questionnaire=(QUESTION,)),
        sessions=Sessions(seats=9, replicates=0),
    )
    with running_server(folder) as running:
        take_part(running, remark=WEIRD)
        begin(running)
        yield running


def take_part(server: ServerProcess, remark: str = "") -> None:
    one = Listener(server.address, lambda sound, screen, slot: 33.25, listens=False)
    assert one.take_part(answers={"remark": remark}) == "Thank you"


def begin(server: ServerProcess) -> None:
    one = Listener(server.address, lambda sound, screen, slot: 0.0, listens=False)
    one.open("/")
    one.submit("consent", **one.filled("consent"))
    one.close()


@pytest.fixture
def browse(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open a page; keywords are those of a Playwright context. No page may complain of anything but a 401."""
    complaints: list[str] = []

    def open_page(**options: Any) -> Any:
        page = browser.new_context(**options).new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda m: complaints.append(m.text))
        page.on("pageerror", lambda e: complaints.append(str(e)))
        return page

    yield open_page
    for context in browser.contexts:
        context.close()
    assert [c for c in complaints if "401" not in c] == []


def sign_in(page: Any, server: ServerProcess) -> None:
    page.goto(f"{server.address}/admin")
    page.get_by_label("Admin token").fill(server.told["admin_token"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Progress").wait_for()


def figure(page: Any, name: str) -> str:
    text: str = page.locator(".figures div", has_text=name).locator("dd").inner_text()
    return text


def test_a_running_test_is_watched_without_reloading(server: ServerProcess, browse: Any) -> None:
    page = browse()
    page.goto(f"{server.address}/admin")
    page.get_by_label("Admin token").fill("guess")
    page.get_by_role("button", name="Sign in").click()
    assert page.get_by_role("alert").inner_text() == "This is not the admin token."
    sign_in(page, server)
    assert (figure(page, "Complete"), figure(page, "Under way")) == ("1", "1")
    assert figure(page, "Seats taken") == "2 of 9"
    assert page.locator("#sessions tbody tr").count() == 2
    page.get_by_label("Id, as in the table").fill("half a")
    page.get_by_label("How many").fill("7")
    page.locator("#answers summary").click()
    begin(server)
    page.evaluate(NOW)
    page.wait_for_function("() => document.querySelectorAll('#sessions tbody tr').length === 3")
    assert figure(page, "Under way") == "2"
    assert page.get_by_label("Id, as in the table").input_value() == "half a", "forms are left alone"
    assert page.get_by_label("How many").input_value() == "7"
    assert page.locator("#answers details").get_attribute("open") is not None
    assert page.locator("#answers td").first.inner_text() == WEIRD
    page.get_by_label("Keep up to date").uncheck()
    begin(server)
    page.evaluate(NOW)
    page.get_by_label("Keep up to date").check()
    page.wait_for_function("() => document.querySelectorAll('#sessions tbody tr').length === 4")


def test_who_is_signed_out_is_told_so(server: ServerProcess, browse: Any) -> None:
    page = browse()
    sign_in(page, server)
    other = page.context.new_page()
    other.goto(f"{server.address}/admin")
    other.get_by_role("button", name="Sign out").click()
    other.get_by_label("Admin token").wait_for()
    page.evaluate(NOW)
    page.get_by_text("You are signed out. Reload the page to sign in.").wait_for()
    assert not page.get_by_label("Keep up to date").is_checked()


def test_ratings_stay_hidden_until_they_are_asked_for(server: ServerProcess, browse: Any) -> None:
    page = browse()
    sign_in(page, server)
    assert page.get_by_text("33.2").count() == 0
    page.get_by_text("Reveal how ratings fall").click()
    page.get_by_role("button", name="Reveal").click()
    assert not page.url.endswith("reveal"), "the browser itself wants the box to be ticked"
    page.get_by_label("I want to see results").check()
    page.get_by_role("button", name="Reveal").click()
    page.get_by_text("Ratings are revealed in this browser").wait_for()
    assert set(page.locator(".middle").all_inner_texts()) == {"33.2"}
    page.get_by_role("button", name="Hide the ratings").click()
    page.get_by_text("Ratings are hidden again").wait_for()
    assert page.get_by_text("33.2").count() == 0
    assert page.locator("#log tbody tr").first.inner_text().endswith("revealed the ratings")


def test_a_test_is_run_from_the_page(server: ServerProcess, browse: Any, tmp_path: Path) -> None:
    page = browse()
    sign_in(page, server)
    page.get_by_label("Close it now").check()
    page.get_by_role("button", name="Close", exact=True).click()
    page.get_by_text("The test is closed").wait_for()
    assert figure(page, "Test") == "closed"
    page.get_by_label("Open it now").check()
    page.get_by_role("button", name="Open", exact=True).click()
    page.get_by_text("The test is open").wait_for()
    page.get_by_label("How many").fill("2")
    page.get_by_role("button", name="Make invitations").click()
    made = page.get_by_label("Addresses").input_value().split("\n")
    assert len(made) == 2
    assert all(address.startswith(f"{server.address}/join?invite=") for address in made)
    page.get_by_role("button", name="Copy all").click()
    page.locator(".copied", has_text=re.compile("Copied|Selected")).wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Ratings, CSV").click()
    download.value.save_as(tmp_path / "ratings.csv")
    assert "33.25" in (tmp_path / "ratings.csv").read_text()
    with page.expect_download() as download:
        page.get_by_role("button", name="Answers, CSV").click()
    download.value.save_as(tmp_path / "answers.csv")
    assert WEIRD in (tmp_path / "answers.csv").read_text()
    gone = page.locator("#sessions tbody th").first.inner_text()
    page.get_by_label("Id, as in the table").fill(gone)
    page.get_by_label("Type “delete” to confirm").fill("delete")
    page.get_by_role("button", name="Delete").click()
    page.get_by_text("The assessor is deleted").wait_for()
    assert figure(page, "Deleted") == "1"
    assert page.get_by_text(gone).count() == 0
    told = page.locator("#log tbody td:last-child").all_inner_texts()
    assert told == [
        "deleted an assessor", "exported answers (CSV)", "exported ratings (CSV)", "made 2 invitations",
        "opened the test", "closed the test", "signed in",
    ]  # fmt: skip


def test_everything_is_there_without_scripts(server: ServerProcess, browse: Any) -> None:
    page = browse(java_script_enabled=False)
    sign_in(page, server)
    assert page.locator("#sessions tbody tr").count() == 2
    begin(server)
    page.get_by_role("link", name="Refresh").click()
    assert page.locator("#sessions tbody tr").count() == 3
    assert not page.get_by_label("Keep up to date").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_no_barrier_is_found_at_any_width(
    server: ServerProcess, browse: Any, scheme: Any, width: int
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    # The checker is a script of its own, which the page's policy would refuse.
    page = browse(bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 800})
    page.goto(f"{server.address}/admin")
    violations = Axe().run(page).response["violations"]
    sign_in(page, server)
    page.get_by_label("How many").fill("2")
    page.get_by_role("button", name="Make invitations").click()
    page.get_by_role("heading", name="2 new invitations").wait_for()
    page.wait_for_load_state("load")
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    violations += Axe().run(page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in violations] == []
