"""A board's site in a real browser: it opens from disk, sorts, leads to each row's provenance and back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from svbench.cli.main import main
from svbench.results.store import find_runs, load_run, track_file, write_record

pytestmark = [
    pytest.mark.browser,
    # Playwright leaves its pipes to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def site(small_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two labs: the second confirms one system and has other scores for another."""
    home = tmp_path_factory.mktemp("labs")
    for path in find_runs([small_runs]):
        if path.name.startswith(("hpss--sisec18", "mixture--sisec18")):
            shutil.copytree(path, home / "paris" / path.name)
    other = load_run(next(p for p in find_runs([home / "paris"]) if p.name.startswith("hpss")))
    result = other.results[0]
    series = msgspec.structs.replace(result.series[0], score=[s and s + 1 for s in result.series[0].score])
    changed = msgspec.structs.replace(result, series=(series, *result.series[1:]))
    write_record(track_file(other.path, result.track), changed)
    words = ["board", f"tokyo={small_runs}", f"paris={home / 'paris'}", "--protocol", "sisec18"]
    assert main([*words, "--out", str(home / "site"), "--title", "Two labs"]) == 1
    return home / "site"


@pytest.fixture
def page(browser: Any, site: Path) -> Iterator[Any]:
    complaints: list[str] = []
    requests: list[str] = []
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.on("console", lambda m: complaints.append(m.text))
    page.on("pageerror", lambda e: complaints.append(str(e)))
    page.on("requestfailed", lambda r: complaints.append(f"{r.url}: {r.failure}"))
    page.on("request", lambda r: requests.append(r.url))
    page.goto((site / "index.html").as_uri())
    yield page
    context.close()
    assert complaints == []
    assert [u for u in requests if not u.startswith((site.as_uri(), "data:,"))] == []


def names(page: Any) -> list[str]:
    cells = page.locator("table.ranked >> nth=0 >> tbody tr > th")
    return [t.split()[0] for t in cells.all_inner_texts()]


def test_the_board_sorts_and_oracles_stay_apart(page: Any) -> None:
    assert names(page)[-1] == "irm1"
    head = page.locator("table.ranked >> nth=0 >> thead th").nth(1)
    for order in ("ascending", "descending"):
        head.locator("button").focus()
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == order
        assert names(page)[:-1] == sorted(names(page)[:-1], reverse=order == "descending")
        assert names(page)[-1] == "irm1"


def test_conflicts_and_confirmations_are_told(page: Any) -> None:
    assert "hpss: tokyo and paris have other scores" in page.locator("#conflicts").inner_text()
    assert "mixture: tokyo, confirmed by paris" in page.locator("#duplicates").inner_text()
    assert names(page).count("hpss") == 2
    assert page.locator("table.ranked >> nth=0 >> tbody tr", has_text="conflict").count() == 2


def test_every_row_leads_to_its_provenance_and_back(page: Any) -> None:
    page.locator("table.ranked >> nth=0 >> tbody th a", has_text="mixture").click()
    told = page.locator("#provenance").inner_text()
    assert "tokyo: mixture--sisec18" in told
    assert "paris: mixture--sisec18" in told
    assert "system digest" in told
    page.locator("nav a").click()
    assert page.locator("h1").inner_text() == "Two labs"


@pytest.mark.parametrize("width", [360, 800, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_screen_is_too_small(page: Any, width: int, scheme: Any, tmp_path: Path) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=tmp_path / f"{width}-{scheme}.png", full_page=True)
    page.locator("table.ranked >> nth=0 >> tbody th a").first.click()
    page.wait_for_load_state("load")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_is_found(browser: Any, site: Path, scheme: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    # The checker is a script of its own, which the page's policy would refuse.
    context = browser.new_context(bypass_csp=True, color_scheme=scheme)
    page = context.new_page()
    violations = []
    for path in (site / "index.html", next((site / "systems").iterdir())):
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        violations += Axe().run(page).response["violations"]
    context.close()
    assert [(v["id"], v["nodes"][0]["html"]) for v in violations] == []
