"""The report in a real browser: sorting, listening, the keyboard, small screens, no network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from svbench.cli import main

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    # Playwright leaves its pipes to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

POSITION = "element => element.closest('article').position"
HEARD = """element => {
  const { current, audio } = element.player;
  return [audio.get(current).currentTime, audio.get(current).paused, current.dataset.src,
          [...audio.values()].filter(a => !a.paused).length];
}"""


@pytest.fixture(scope="module")
def report(small_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    assert main(["report", str(small_runs), "--out", str(out)]) == 0
    return out


class Browser:
    """A page together with all it complained about and asked for."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda m: self.complaints.append(m.text))
        page.on("pageerror", lambda e: self.complaints.append(str(e)))
        page.on("requestfailed", lambda r: self.complaints.append(f"{r.url}: {r.failure}"))
        page.on("request", lambda r: self.requests.append(r.url))

    def column(self, table: str, number: int) -> list[str]:
        cells = self.page.locator(f"#{table} tbody tr > :nth-child({number})")
        return [t.strip() for t in cells.all_inner_texts()]

    def heard(self, player: str) -> tuple[float, bool, str, int]:
        seconds, paused, source, n_sounding = self.page.locator(player).evaluate(HEARD)
        return seconds, paused, source, n_sounding


@pytest.fixture
def opened(chromium: str, report: Path) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--headless=new", "--autoplay-policy=no-user-gesture-required"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        try:
            context = browser.new_context(bypass_csp=False, viewport={"width": 1400, "height": 900})
            found = Browser(context.new_page())
            found.page.goto((report / "index.html").as_uri())
            yield found
        finally:
            browser.close()
    outside = [u for u in found.requests if not u.startswith((report.as_uri(), "data:,"))]
    assert outside == [], "the page asked for something outside its folder"
    assert found.complaints == []


def board(page: Any) -> str:
    found: str = page.locator("table.ranked").first.get_attribute("id")
    return found


def test_tables_sort_and_oracles_stay_apart(opened: Browser) -> None:
    table = board(opened.page)
    assert [t.split()[0] for t in opened.column(table, 2)] == ["hpss", "mixture", "irm1"]
    vocals = opened.page.locator(f"#{table} thead th").nth(2)
    for order in ("descending", "ascending", "descending"):
        vocals.locator("button").click()
        assert vocals.get_attribute("aria-sort") == order
        ranked = [float(t.replace("−", "-")) for t in opened.column(table, 3)]
        assert ranked[:2] == sorted(ranked[:2], reverse=order == "descending")
        assert opened.column(table, 2)[-1].startswith("irm1")
    name = opened.page.locator(f"#{table} thead th").nth(1)
    name.locator("button").focus()
    opened.page.keyboard.press("Enter")
    assert name.get_attribute("aria-sort") == "ascending"
    assert vocals.get_attribute("aria-sort") is None
    assert [t.split()[0] for t in opened.column(table, 2)] == ["hpss", "mixture", "irm1"]
    opened.page.keyboard.press("Enter")
    assert [t.split()[0] for t in opened.column(table, 2)] == ["mixture", "hpss", "irm1"]


def test_what_has_no_score_sorts_last_either_way(opened: Browser) -> None:
    opened.page.locator("summary", has_text="Every track").first.click()
    table: str = opened.page.locator("table[id*='-tracks-']").first.get_attribute("id")
    button = opened.page.locator(f"#{table} thead button").nth(2)
    for _ in range(2):
        button.click()
        assert opened.column(table, 3)[-1] == "no target"
        assert opened.column(table, 3).count("no target") == 1


def test_switching_signals_keeps_the_position(opened: Browser) -> None:
    player = "#listen .player >> nth=0"
    opened.page.locator(f"{player} >> .play").click()
    opened.page.wait_for_function("() => document.querySelector('#listen article').position > 0.4")
    assert opened.page.locator(f"{player} >> .play").inner_text().startswith("Pause")
    before, paused, mixture, _ = opened.heard(player)
    assert not paused
    assert mixture.endswith("mixture.flac")
    opened.page.locator(f"{player} >> .signal", has_text="reference").click()
    opened.page.wait_for_function(
        "() => { const p = document.querySelector('#listen .player').player;"
        " const a = p.audio.get(p.current); return !a.paused && a.readyState >= 3; }"
    )
    after, paused, reference, n_sounding = opened.heard(player)
    assert reference.endswith("reference.flac")
    assert (paused, n_sounding) == (False, 1)
    assert before <= after < before + 1.0
    opened.page.locator(f"{player} >> .play").click()
    assert opened.heard(player)[1]


def test_a_player_needs_no_mouse(opened: Browser) -> None:
    player = "#listen .player >> nth=0"
    opened.page.locator(f"{player} >> .signal").first.focus()
    opened.page.keyboard.press(" ")
    opened.page.wait_for_function("() => document.querySelector('#listen article').position > 0.2")
    opened.page.keyboard.press(" ")
    at, paused, _, _ = opened.heard(player)
    assert paused
    opened.page.keyboard.press("ArrowDown")
    opened.page.keyboard.press(" ")
    later, _, source, n_sounding = opened.heard(player)
    assert source.endswith("reference.flac")
    assert n_sounding == 0
    assert at - 0.05 <= later < at + 1.0
    opened.page.keyboard.press("3")
    opened.page.keyboard.press(" ")
    assert "hpss" in opened.heard(player)[2]
    opened.page.keyboard.press("ArrowLeft")
    assert opened.page.locator(player).evaluate(POSITION) == 0
    checked = opened.page.locator(f"{player} >> .signal[aria-checked='true']")
    assert checked.count() == 1
    assert checked.evaluate("e => e === document.activeElement")
    assert opened.page.locator(f"{player} >> .signal[tabindex='0']").count() == 1


def test_targets_of_a_track_share_the_position_and_one_sounds(opened: Browser) -> None:
    boxes = opened.page.locator("#listen article >> nth=0 >> .player-box")
    boxes.nth(1).locator("summary").click()
    seek = boxes.nth(0).locator(".seek")
    seek.evaluate("e => { e.value = 400; e.dispatchEvent(new Event('input')); }")
    assert opened.page.locator("#listen .player").first.evaluate(POSITION) == pytest.approx(1.0, abs=0.01)
    boxes.nth(0).locator(".play").click()
    boxes.nth(1).locator(".play").click()
    sounding = opened.page.locator(".player").evaluate_all("all => all.map(e => e.player.sounding)")
    assert sum(sounding) == 1
    assert sounding[1]
    assert opened.page.locator("#listen .player").nth(1).evaluate(POSITION) >= 0.99
    boxes.nth(1).locator(".play").click()


def test_nothing_is_loaded_before_it_is_asked_for(opened: Browser) -> None:
    assert not [u for u in opened.requests if u.endswith(".flac")]
    assert len(opened.requests) <= 4


def test_a_missing_excerpt_is_said_in_words(chromium: str, report: Path, tmp_path: Path) -> None:
    import shutil

    from playwright.sync_api import sync_playwright

    shutil.copytree(report, tmp_path / "moved")
    shutil.rmtree(tmp_path / "moved/audio")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto((tmp_path / "moved/index.html").as_uri())
        page.locator(".play").first.click()
        page.wait_for_function("() => document.querySelector('.trouble').textContent !== ''")
        assert page.locator(".play").first.inner_text().startswith("Play")
        browser.close()


@pytest.mark.parametrize("width", [360, 800, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_screen_is_too_small(opened: Browser, width: int, scheme: Any, tmp_path: Path) -> None:
    page = opened.page
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (dark == "rgb(253, 253, 252)") == (scheme == "light")
    page.screenshot(path=tmp_path / f"{width}-{scheme}.png")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_is_found(chromium: str, report: Path, scheme: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        # The checker is a script of its own, which the page's policy would refuse.
        context = browser.new_context(bypass_csp=True, color_scheme=scheme)
        page = context.new_page()
        page.goto((report / "index.html").as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        found = Axe().run(page).response["violations"]
        browser.close()
    assert [(v["id"], v["nodes"][0]["html"]) for v in found] == []
