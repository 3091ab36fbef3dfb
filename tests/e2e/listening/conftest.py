"""A served listening test and a listener's browser, which keeps what the pages complain about."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from svbench.listening.listening_test import ListeningTest
from svbench.testing.listening import make_test

# The wave's position moves by itself; a page is at rest when its sounds are loaded.
READY = "() => document.querySelector('.work') && !document.querySelector('.work').hidden"


class Served:
    """A test and its server, a process of its own."""

    def __init__(self, folder: Path, test: ListeningTest) -> None:
        self.folder, self.test = folder, test
        words = [sys.executable, "-m", "svbench", "listen", "serve", str(folder), "--port", "0", "--json"]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address: str = json.loads(self.process.stdout.readline())["url"]

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.communicate(timeout=60)

    def ratings(self) -> Any:
        """The long table, read when the server is gone."""
        from svbench.listening.store.export import export_ratings
        from svbench.listening.store.store import Store

        self.stop()
        store = Store(self.folder, self.test, None)
        try:
            return export_ratings(store, self.test)
        finally:
            store.close()


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Served]]:
    """Make and serve a small test; keywords are those of make_test."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    started: list[Served] = []

    def start(**changes: Any) -> Served:
        folder = tmp_path / f"test-{len(started)}"
        started.append(Served(folder, make_test(folder, **{"n_trials": 1, "n_systems": 1} | changes)))
        return started[-1]

    yield start
    for served in started:
        served.stop()


class Tab:
    """A page of the browser together with all it complained about and asked for."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.set_default_timeout(30_000)
        page.on("console", lambda m: self.complaints.append(m.text))
        page.on("pageerror", lambda e: self.complaints.append(str(e)))
        page.on("request", lambda r: self.requests.append(r.url))

    def open(self, path: str = "/?language=en") -> None:
        self.page.goto(self.address + path)

    def begin(self) -> None:
        """From the first page to the first screen, of a test without questions."""
        self.open()
        self.page.check("[name=agree]")
        self.page.click("button.main")
        self.page.click("#play")
        self.page.wait_for_function("() => document.querySelector('#play').textContent.startsWith('Stop')")
        self.page.click("button.main")
        self.page.click("form[action='/training'] button")
        self.ready()

    def ready(self) -> None:
        self.page.wait_for_function(READY)

    def saved(self) -> None:
        self.page.wait_for_function(
            "() => document.querySelector('.seen').textContent === 'All ratings saved'"
        )

    def heard(self, name: str) -> None:
        """Wait until what was just started counts as heard."""
        self.page.wait_for_selector(f".heard[aria-label='{name}'], .heard:has-text('{name}')")

    def value(self, number: int) -> str:
        text: str = self.page.locator(f".slot >> nth={number - 1} >> input").get_attribute("aria-valuetext")
        return text

    def values(self) -> list[str]:
        return [self.value(i + 1) for i in range(self.page.locator(".slot").count())]

    def message(self) -> str:
        text: str = self.page.locator(".message").inner_text()
        return text

    def next(self) -> None:
        """Go on, and wait for what comes."""
        before = self.page.locator("header").inner_text()
        self.page.click(".next")
        self.page.wait_for_function(
            "before => document.querySelector('header').innerText !== before"
            " && !document.querySelector('.work[hidden]')",
            arg=before,
        )


@pytest.fixture
def browse(browser: Any) -> Iterator[Callable[..., Tab]]:
    """Open a page of a listener's own; keywords are those of a Playwright context.

    At the end no page may have complained, or asked anybody but the server. A test that makes
    requests fail says so by clearing ``complaints``.
    """
    tabs: list[Tab] = []

    def open_tab(address: str, beside: Tab | None = None, **options: Any) -> Tab:
        context = beside.page.context if beside else browser.new_context(**options)
        tabs.append(Tab(context.new_page(), address))
        return tabs[-1]

    yield open_tab
    for context in browser.contexts:
        context.close()
    for tab in tabs:
        assert tab.complaints == []
        assert [u for u in tab.requests if not u.startswith((tab.address, "data:"))] == []
