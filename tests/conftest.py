"""Fixtures shared by all tests: synthetic data sets, finished runs, the real recordings."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from svbench.cli.main import main
from svbench.datasets.synthetic import synthetic_track, write_folder

ROOT = Path(__file__).resolve().parents[1]
# Under nohup SIGHUP is ignored, and by everything that is started from there, which some tests hang up on.
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark as slow what opens a browser or works on the full recordings; keep users of a fixture together.

    Tests that share a fixture of their module run in one process, so that it is made only once.
    """
    has_groups = config.pluginmanager.hasplugin("xdist")
    for item in items:
        if {"chromium", "music"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
        definitions = getattr(item, "_fixtureinfo", None)
        scopes = {d[-1].scope for d in definitions.name2fixturedefs.values()} if definitions else set()
        if has_groups and "module" in scopes and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


@pytest.fixture(scope="session")
def music() -> Path:
    """The full recordings of real music, where they are."""
    path = Path(os.environ.get("SVBENCH_MUSIC", ROOT.parent / "shared/data/everything-is-free"))
    if not path.is_dir():
        pytest.skip("the full recordings are not here; set SVBENCH_MUSIC to their folder")
    return path


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three synthetic tracks of 2.5 s at 16 kHz; the last one has no bass."""
    root = tmp_path_factory.mktemp("small")
    tracks = {f"track {i}": synthetic_track(i, duration_s=2.5, rate_hz=16000) for i in range(3)}
    del tracks["track 2"]["bass"]
    write_folder(root, tracks)
    return root


@pytest.fixture(scope="session")
def small_runs(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of three systems under both protocols on the small folder, estimates kept."""
    out = tmp_path_factory.mktemp("runs")
    for protocol in ("mdx21", "sisec18"):
        words = ["run", protocol, "--data", f"folder={small_folder}", "--out", str(out), "--keep-estimates"]
        assert main([*words, "--system", "mixture", "--system", "hpss", "--system", "irm1"]) == 0
    return out


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium for browser tests."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("SVBENCH_REQUIRE_BROWSER"):
            pytest.fail("no Chromium on PATH, but SVBENCH_REQUIRE_BROWSER is set")
        pytest.skip("no Chromium on PATH (Debian: apt-get install chromium)")
    return path


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    """A Chromium of Playwright, started once for the tests of a module; each opens contexts of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()
