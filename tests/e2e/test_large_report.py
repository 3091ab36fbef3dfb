"""Fifty tracks by twelve systems: the first page opens at once, and a page loads what it shows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from svbench.report.pages.site import write_report
from svbench.results.scores import TrackResult, series
from svbench.results.store import Run, load_run
from svbench.specs.report import load_report

pytestmark = [
    pytest.mark.browser,
    # Playwright leaves its pipes to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

N_TRACKS, N_SYSTEMS, N_FRAMES = 50, 12, 40


@pytest.fixture(scope="module")
def large(small_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of made-up scores in the shape of a real run under ``sisec18``."""
    real = load_run(next(small_runs.glob("mixture--sisec18--*")))
    spec = msgspec.structs.replace(
        load_report("default"), sections=("leaderboard", "targets", "boxplots", "cost", "tracks", "worst")
    )
    index = write_report(
        [_made_up(real, i) for i in range(N_SYSTEMS)], spec, tmp_path_factory.mktemp("large")
    )
    return index.parent


def _made_up(real: Run, number: int) -> Run:
    random = np.random.default_rng(number)
    tracks = tuple(f"Artist {i} - Song" for i in range(N_TRACKS))
    kind = "oracle" if number == N_SYSTEMS - 1 else "system"
    system = msgspec.structs.replace(
        real.record.system, id=f"network-{number}", kind=kind, adapter="python", training_data=()
    )
    data = msgspec.structs.replace(real.record.data, tracks=tracks, digest="d" * 64)
    record = msgspec.structs.replace(real.record, system=system, data=data)
    return Run(real.path, record, tuple(_scores(real.results[0], t, random) for t in tracks))


def _scores(result: TrackResult, track: str, random: np.random.Generator) -> TrackResult:
    times = [float(i) for i in range(N_FRAMES)]
    made = tuple(
        series(
            s.target_set, s.target, s.metric, times, [1.0] * N_FRAMES, random.normal(6, 3, N_FRAMES).tolist()
        )
        for s in result.series
    )
    return msgspec.structs.replace(
        result, track=track, series=made, duration_s=float(N_FRAMES), estimates={}, notes=()
    )


def test_the_first_page_opens_at_once_and_leads_to_a_track(browser: Any, large: Path) -> None:
    assert len(list(large.glob("tracks/*/*.html"))) == N_TRACKS
    page = browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text))
    page.on("pageerror", lambda e: complaints.append(str(e)))
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        page.goto((large / "index.html").as_uri())
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 2.0
    page.locator("summary", has_text="Every track").first.click()
    maps = page.locator("table[id*='-tracks-'] >> nth=0 >> tbody")
    assert maps.locator("tr").count() == N_TRACKS
    assert maps.locator("td.heat").count() == N_TRACKS * N_SYSTEMS
    requests: list[str] = []
    page.on("request", lambda r: requests.append(r.url))
    maps.locator("a").nth(7).click()
    page.wait_for_function("() => document.querySelector('.curves')?.curves?.cursor")
    assert [r for r in requests if r.endswith(".html")] == [page.url]
    assert page.locator(".view[open] .line").count() == 4 * N_SYSTEMS
    leading = page.locator(".legend button").first
    assert leading.get_attribute("aria-pressed") == "true"
    page.locator(".legend button").nth(3).click()
    chosen = page.locator(".legend button").nth(3).get_attribute("data-system")
    assert page.locator(".line.chosen").first.get_attribute("data-system") == chosen
    page.close()
    assert complaints == []
    assert (large / "index.html").stat().st_size < 3e6
