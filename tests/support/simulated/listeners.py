"""Simulated assessors: a whole session through the real interface of a listening server, no browser.

What they hear they may judge by its bytes; the server tells them nothing else::

    with running_server(folder) as address:
        Listener(address, rate=lambda sound, screen, slot: 50.0).take_part()
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

START_S = 60.0
Rate = Callable[[bytes, Mapping[str, Any], int], float]


@dataclass(frozen=True)
class Answered:
    """An answer; ``seconds`` is from the request to the last byte."""

    kind: str
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    seconds: float

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


class Listener:
    """One assessor at one browser.

    Parameters
    ----------
    address : str
        Of the server, such as ``http://127.0.0.1:8000``.
    rate : callable
        ``(sound, screen, slot) -> rating`` on the method's scale; ``sound`` is the file as sent
        (empty unless ``listens``), ``screen`` the JSON of the screen.
    listens : bool
        Fetch every sound.
    think : callable
        Called before every rating.
    watch : callable, optional
        Given every answer.
    """

    def __init__(
        self,
        address: str,
        rate: Rate,
        *,
        listens: bool = True,
        think: Callable[[], None] = lambda: None,
        watch: Callable[[Answered], None] | None = None,
    ) -> None:
        parts = urlsplit(address)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        self._rate, self._listens, self._think, self._watch = rate, listens, think, watch
        self.cookie = self.csrf = ""
        self.page = ""

    def take_part(self, path: str = "/", answers: Mapping[str, str] | None = None) -> str:
        """Go through a session from wherever it stands, and return the last page's heading.

        Parameters
        ----------
        path : str
            Where to come in, such as ``/join?PROLIFIC_PID=…``.
        answers : mapping, optional
            To the questionnaire, by question.
        """
        self.open(path)
        while True:
            form = re.search(r'<form method="post" action="/(\w+)"', self.page)
            if 'id="screen"' in self.page:
                self.rate_screen()
                self.open("/")
            elif form is None:
                self.close()
                return self.heading
            else:
                self.submit(form[1], **self.filled(form[1], answers))

    @property
    def heading(self) -> str:
        """What the page that is open is about."""
        found = re.search(r"<h1[^>]*>(.*?)</h1>", self.page, re.DOTALL)
        return found[1].strip() if found else ""

    def open(self, path: str) -> Answered:
        """Open a page, following redirects."""
        answer = self.request("page", "GET", path)
        while answer.status in (302, 303, 307):
            answer = self.request("page", "GET", dict(answer.headers)["location"])
        self._see(answer)
        return answer

    def submit(self, form: str, **fields: str) -> Answered:
        """Send a form of the page that is open."""
        body = urlencode({"csrf": self.csrf, **fields}).encode()
        kind = {"content-type": "application/x-www-form-urlencoded"}
        answer = self.request("form", "POST", f"/{form}", body, kind)
        if answer.status == 303:
            return self.open(dict(answer.headers)["location"])
        self._see(answer)
        return answer

    def rate_screen(self) -> None:
        """Hear and rate everything on the current screen, and go on."""
        screen = self.call("screen", "GET", "/api/screen").json()
        if screen["reference"]:
            self._hear(screen["reference"])
            self.call("heard", "POST", "/api/heard", screen=screen["screen"], token="reference")
        rated = {"ab": [0], "abx": [2]}.get(screen["method"], range(len(screen["slots"])))
        for number, slot in enumerate(screen["slots"]):
            sound = self._hear(slot["audio"])
            given = {"screen": screen["screen"], "token": slot["token"]}
            if number in rated:
                self._think()
                rating = self._rate(sound, screen, number)
                answer = self.call(
                    "rating", "PUT", "/api/rating", **given, rating=rating, revision=slot["revision"],
                    heard=True, seconds=1.0,
                )  # fmt: skip
                if answer.status != 200:
                    raise RuntimeError(f"a rating was refused: {answer.status} {answer.body!r}")
            else:
                self.call("heard", "POST", "/api/heard", **given)
        self.call("done", "POST", "/api/done", screen=screen["screen"])

    def call(self, kind: str, method: str, path: str, **content: Any) -> Answered:
        """Send JSON as the screen's script does."""
        headers = {"content-type": "application/json", "x-csrf-token": self.csrf}
        return self.request(kind, method, path, json.dumps(content).encode() if content else None, headers)

    def request(
        self,
        kind: str,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str | bytes] | None = None,
    ) -> Answered:
        """Send a request with the cookie, and keep the cookie that comes back."""
        start = time.perf_counter()
        cookie = {"cookie": f"svbench={self.cookie}"} if self.cookie else {}
        self._connection.request(method, path, body, {**cookie, **(headers or {})})
        response = self._connection.getresponse()
        content = response.read()
        found = [(name.lower(), value) for name, value in response.getheaders()]
        answer = Answered(kind, response.status, found, content, time.perf_counter() - start)
        for name, value in found:
            if name == "set-cookie":
                self.cookie = value.partition("svbench=")[2].partition(";")[0]
        if self._watch:
            self._watch(answer)
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _see(self, answer: Answered) -> None:
        self.page = answer.body.decode()
        found = re.search(r'(?:name="csrf" value|data-csrf)="(\w+)"', self.page)
        self.csrf = found[1] if found else self.csrf

    def _hear(self, address: str) -> bytes:
        return self.request("audio", "GET", address).body if self._listens else b""

    def filled(self, form: str, answers: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return what a willing listener writes into a form of the page that is open."""
        if form == "consent":
            hidden = re.findall(r'name="(join|language|consent_version)" value="([^"]*)"', self.page)
            return {**{name: unescape(value) for name, value in hidden}, "agree": "yes"}
        if form == "headphones":
            return dict.fromkeys(re.findall(r'name="(answer-[\w-]+)"', self.page), "1")
        return dict(answers or {}) if form == "questionnaire" else {}


@contextlib.contextmanager
def running_server(folder: Path, *options: str, database: str | None = None) -> Iterator[ServerProcess]:
    """Serve a test in a process of its own; ended, if need be by force, on leaving."""
    server = ServerProcess(folder, *options, database=database)
    try:
        yield server
    finally:
        server.stop()


class ServerProcess:
    """``svbench listen serve`` as a process.

    Parameters
    ----------
    folder : Path
        That of the test.
    *options : str
        Further options of the command.
    database : str, optional
        DATABASE_URL of the process.

    Raises
    ------
    RuntimeError
        It did not start; the message is what it said.
    """

    def __init__(self, folder: Path, *options: str, database: str | None = None) -> None:
        words = [sys.executable, "-m", "svbench", "listen", "serve", str(folder), "--json"]
        if "--port" not in options:
            words += ["--port", "0"]
        environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
        self.process = subprocess.Popen(
            [*words, *options],
            env=environment | ({"DATABASE_URL": database} if database else {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(self.process.communicate(timeout=START_S)[1].strip())
        self.told = json.loads(line)
        self.address: str = self.told["url"]

    def kill(self) -> None:
        """Kill it as a power cut would: nothing of it runs any more."""
        self.process.kill()
        self.process.communicate()

    def stop(self) -> str:
        """Ask it to stop, and return what it said on stderr."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.communicate(timeout=START_S)[1]
