"""The report in a real browser: sorting, the way to a moment of a track, listening, keyboard, small screens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from svbench.cli.main import main

pytestmark = [
    pytest.mark.browser,
    # Playwright leaves its pipes to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

POSITION = "element => element.closest('article').position"
HEARD = """element => {
  const { current, audio } = element.player;
  return [audio.get(current).currentTime, audio.get(current).paused, current.dataset.src,
          [...audio.values()].filter(a => !a.paused && !a.muted).length];
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
def opened(browser: Any, report: Path) -> Iterator[Browser]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    found = Browser(context.new_page())
    found.page.goto((report / "index.html").as_uri())
    yield found
    context.close()
    outside = [u for u in found.requests if not u.startswith((report.as_uri(), "data:,"))]
    assert outside == [], "the page asked for something outside its folder"
    assert found.complaints == []


@pytest.fixture
def track(opened: Browser) -> Browser:
    """The page of a track that can be heard, reached from the first page."""
    opened.page.locator("#listen .cards a").first.click()
    opened.page.wait_for_function("() => document.querySelector('.curves')?.curves?.cursor")
    return opened


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
        ranked = [float(t.split()[0].replace("−", "-")) for t in opened.column(table, 3)]
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
    table: str = opened.page.locator("table[id*='-tracks-'][id$='-bass']").first.get_attribute("id")
    button = opened.page.locator(f"#{table} thead button").nth(1)
    for _ in range(2):
        button.click()
        assert opened.column(table, 2)[-1] == "no target"
        assert opened.column(table, 2).count("no target") == 1


def test_switching_signals_keeps_the_position(track: Browser) -> None:
    player = "article .player >> nth=0"
    track.page.locator(f"{player} >> .play").click()
    track.page.wait_for_function("() => document.querySelector('article').position > 0.4")
    assert track.page.locator(f"{player} >> .play").inner_text().startswith("Pause")
    before, paused, mixture, _ = track.heard(player)
    assert not paused
    assert mixture.endswith("mixture.flac")
    track.page.locator(f"{player} >> .signal", has_text="reference").click()
    track.page.wait_for_function(
        "() => { const p = document.querySelector('article .player').player;"
        " const a = p.audio.get(p.current); return !a.paused && a.readyState >= 3; }"
    )
    after, paused, reference, n_sounding = track.heard(player)
    assert reference.endswith("reference.flac")
    assert (paused, n_sounding) == (False, 1)
    assert before <= after < before + 1.0
    track.page.locator(f"{player} >> .play").click()
    assert track.heard(player)[1]


SWITCHED = """async (root) => {
  const { player } = root, wait = (ms) => new Promise((done) => setTimeout(done, ms)), found = [];
  player.play();
  await wait(1200); // all signals run, and have found each other's position
  for (const signal of [...player.signals.slice(1), player.signals[0]]) {
    const from = player.element(player.current), to = player.element(signal);
    const running = !to.paused && !to.seeking && to.readyState >= 3 && to.muted;
    const apart = [];
    for (let i = 0; i < 9; i++) { apart.push(Math.abs(to.currentTime - from.currentTime)); await wait(4); }
    player.choose(signal);
    const heard = [...player.audio.values()].filter((a) => !a.paused && !a.muted);
    found.push([running, apart.sort()[4], heard.length === 1 && heard[0] === to]);
    await wait(100);
  }
  player.pause();
  return found;
}"""


def test_switching_has_no_gap_and_no_jump(track: Browser) -> None:
    """The signal chosen has been running silently, at the position of the one that was heard."""
    found = track.page.locator("article .player").first.evaluate(SWITCHED)
    assert len(found) > 3
    assert all(running and heard_alone for running, _, heard_alone in found)
    apart_s = sorted(seconds for _, seconds, _ in found)
    assert apart_s[len(found) // 2] < 0.05  # clocks are read late on a busy machine
    assert apart_s[-1] < 0.2


def test_a_player_needs_no_mouse(track: Browser) -> None:
    player = "article .player >> nth=0"
    track.page.locator(f"{player} >> .signal").first.focus()
    track.page.keyboard.press(" ")
    track.page.wait_for_function("() => document.querySelector('article').position > 0.2")
    track.page.keyboard.press(" ")
    at, paused, _, _ = track.heard(player)
    assert paused
    track.page.keyboard.press("ArrowDown")
    track.page.keyboard.press(" ")
    later, _, source, n_sounding = track.heard(player)
    assert source.endswith("reference.flac")
    assert n_sounding == 0
    assert at - 0.05 <= later < at + 1.0
    track.page.keyboard.press("3")
    track.page.keyboard.press(" ")
    assert "hpss" in track.heard(player)[2]
    track.page.keyboard.press("ArrowLeft")
    assert track.page.locator(player).evaluate(POSITION) == 0
    checked = track.page.locator(f"{player} >> .signal[aria-checked='true']")
    assert checked.count() == 1
    assert checked.evaluate("e => e === document.activeElement")
    assert track.page.locator(f"{player} >> .signal[tabindex='0']").count() == 1


def test_targets_of_a_track_share_the_position_and_one_sounds(track: Browser) -> None:
    boxes = track.page.locator(".view")
    boxes.nth(1).locator("summary").click()
    seek = boxes.nth(0).locator(".seek")
    seek.evaluate("e => { e.value = 400; e.dispatchEvent(new Event('input')); }")
    assert track.page.locator("article .player").first.evaluate(POSITION) == pytest.approx(1.0, abs=0.01)
    boxes.nth(0).locator(".play").click()
    boxes.nth(1).locator(".play").click()
    sounding = track.page.locator(".player").evaluate_all("all => all.map(e => e.player.sounding)")
    assert sum(sounding) == 1
    assert sounding[1]
    assert track.page.locator("article .player").nth(1).evaluate(POSITION) >= 0.99
    boxes.nth(1).locator(".play").click()


def test_a_moment_of_the_curves_is_heard_and_any_signal_at_it(track: Browser) -> None:
    strips = track.page.locator(".strips >> nth=0")
    box = strips.bounding_box()
    assert box
    plot = 44, box["width"] - 14  # the drawing's margins
    share = 1.2 / 2.5
    strips.click(position={"x": plot[0] + share * (plot[1] - plot[0]), "y": 60})
    player = "article .player >> nth=0"
    started, paused, source, n_sounding = track.heard(player)
    assert (paused, n_sounding) == (False, 1)
    assert source.endswith("mixture.flac")
    assert started == pytest.approx(1.2, abs=0.4)
    track.page.locator(f"{player} >> .signal[data-system='hpss']").click()
    track.page.wait_for_function(
        "() => { const p = document.querySelector('.player').player;"
        " const a = p.audio.get(p.current); return !a.paused && a.readyState >= 3; }"
    )
    later, paused, source, n_sounding = track.heard(player)
    assert "hpss" in source
    assert (paused, n_sounding) == (False, 1)
    assert started <= later < 2.5
    assert track.page.locator(".line.chosen").first.get_attribute("data-system") == "hpss"
    assert track.page.locator(".now >> nth=0 >> .chosen th").inner_text() == "hpss"
    # One moment in curves, player and pictures.
    track.page.locator(f"{player} >> .play").click()
    time = track.page.evaluate("document.querySelector('article').time")
    at = float(track.page.locator(".cursor >> nth=0").get_attribute("x1"))
    assert at == pytest.approx(plot[0] + time / 2.5 * (plot[1] - plot[0]), abs=2)
    line = track.page.locator(".spectrograms >> nth=0").evaluate("e => e.style.getPropertyValue('--at')")
    assert float(line.removesuffix("%")) == pytest.approx(100 * time / 2.5, abs=1)


def test_pictures_are_those_of_the_chosen_signal(track: Browser) -> None:
    shown = "article .spectrograms >> nth=0 >> figure:not([hidden]) img"
    assert track.page.locator(shown).count() == 1  # the reference
    track.page.locator("article .player >> nth=0 >> .signal[data-system='hpss']").click()
    track.page.wait_for_function(
        "() => [...document.querySelectorAll('.spectrograms')[0].querySelectorAll('img')]"
        ".every(i => i.complete && i.naturalWidth === 600)"
    )
    sources = [i.get_attribute("src") for i in track.page.locator(shown).all()]
    assert [s.rsplit("/", 1)[1] for s in sources] == [
        "reference-reference.webp",
        "baseline-hpss.webp",
        "baseline-hpss-difference.webp",
    ]


def test_the_curves_need_no_mouse(track: Browser) -> None:
    page = track.page
    page.locator(".strips >> nth=0").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.querySelector('article').time") == 0
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.querySelector('article').time") == 1
    told = page.locator(".strips >> nth=0").get_attribute("aria-valuetext")
    assert told.startswith("1.0 seconds; SDR: ")
    assert "mixture" in told
    page.keyboard.press(" ")
    page.wait_for_function("() => document.querySelector('article').position > 1.1")
    page.keyboard.press(" ")
    assert track.heard("article .player >> nth=0")[1]


def test_a_frame_of_the_play_list_is_heard_and_leads_to_its_track(opened: Browser) -> None:
    page = opened.page
    page.locator("nav a", has_text="Worst frames").click()
    assert page.get_by_text("Each is played with 0.5 s before and after it").count() == 1
    lists = page.locator(".playlist")
    assert [n.split()[0] for n in lists.locator("h2").all_inner_texts()] == ["hpss", "mixture", "irm1"]
    page.locator("#worst-hpss .hear").nth(2).click()
    page.wait_for_function("() => document.querySelector('#worst-hpss article').position > 0")
    starts = page.locator("#worst-hpss").get_attribute("data-at").split()
    at = page.locator("#worst-hpss .player").evaluate(POSITION)
    assert float(starts[2]) <= at < float(starts[3])
    assert page.locator("#worst-hpss tr[aria-current]").get_by_role("rowheader").inner_text().startswith("3")
    page.locator("#worst-hpss .play").click()
    link = page.locator("#worst-hpss tbody a").first
    view, _, seconds = (link.get_attribute("href") or "").partition("#")[2].partition("@")
    link.click()
    page.wait_for_function("() => document.querySelector('article')?.time !== undefined")
    assert page.evaluate("document.querySelector('article').time") == float(seconds)
    assert page.locator(".view[open]").evaluate_all("all => all.map(e => e.id)") == [view]


def test_nothing_is_loaded_before_it_is_asked_for(opened: Browser) -> None:
    assert not [u for u in opened.requests if u.endswith(".flac")]
    assert {u.rsplit("/", 1)[1] for u in opened.requests if u.startswith("file:")} == {
        "index.html",
        "sort.js",
        "print.js",
        *(f"{name}.css" for name in ("report", "tables", "player", "curves")),
    }


def test_a_missing_excerpt_is_said_in_words(browser: Any, report: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(report, tmp_path / "moved")
    shutil.rmtree(tmp_path / "moved/audio")
    page = browser.new_page()
    page.goto((tmp_path / "moved/index.html").as_uri())
    page.locator("#listen .cards a").first.click()
    page.locator(".play").first.click()
    page.wait_for_function("() => document.querySelector('.trouble').textContent !== ''")
    assert page.locator(".play").first.inner_text().startswith("Play")
    page.close()


@pytest.fixture(scope="module")
def places(report: Path) -> list[str]:
    """One page of each kind."""
    heard = next(p for p in sorted(report.glob("tracks/sisec18*/*.html")) if "player" in p.read_text())
    return ["index.html", "pages/worst.html", "pages/provenance.html", str(heard.relative_to(report))]


@pytest.mark.parametrize("width", [360, 800, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_screen_is_too_small(
    opened: Browser, report: Path, places: list[str], width: int, scheme: Any
) -> None:
    page = opened.page
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    for place in places:
        page.goto((report / place).as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, place
        dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert (dark == "rgb(253, 253, 252)") == (scheme == "light")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_is_found(browser: Any, report: Path, places: list[str], scheme: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    # The checker is a script of its own, which the page's policy would refuse.
    context = browser.new_context(bypass_csp=True, color_scheme=scheme)
    page = context.new_page()
    found = []
    for place in places:
        page.goto((report / place).as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        page.wait_for_timeout(100)
        found += [(place, v) for v in Axe().run(page).response["violations"]]
    context.close()
    assert [(place, v["id"], v["nodes"][0]["html"]) for place, v in found] == []
