"""A test to be served, databases of both kinds, a server in a thread."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from simulated.listeners import Answered, Listener

from svbench.listening.listening_test import ListeningTest
from svbench.listening.store.store import Store
from svbench.listening.web.server import Settings, make_server
from svbench.listening.web.site import Site
from svbench.testing.listening import make_test


@pytest.fixture(autouse=True)
def no_database_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "test"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Address of a PostgreSQL server of our own, by a unix socket; it refuses to run as root."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    initdb = shutil.which("initdb") or (str(programs[-1] / "initdb") if programs else None)
    if initdb is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    postgres = Path(initdb).with_name("postgres")
    with tempfile.TemporaryDirectory(prefix="pg") as temporary:  # short: a socket's path has 107 characters
        data, user = Path(temporary) / "data", []
        if os.getuid() == 0:
            if shutil.which("setpriv") is None:
                pytest.skip("PostgreSQL refuses to run as root, and there is no setpriv to be somebody else")
            shutil.chown(temporary, "nobody")
            user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        words = [*user, initdb, "-D", str(data), "-U", "listening", "--auth=trust", "--no-sync"]
        subprocess.run(words, check=True, capture_output=True, cwd="/")
        server = subprocess.Popen(
            [*user, str(postgres), "-D", str(data), "-k", temporary, "-c", "listen_addresses="],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )
        try:
            for _ in range(600):
                if (Path(temporary) / ".s.PGSQL.5432").exists():
                    break
                time.sleep(0.1)
            yield f"postgresql://listening@/postgres?host={temporary}"
        finally:
            server.terminate()
            server.wait(60)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty database: everything that uses it is tested with both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ratings.sqlite'}"
    return str(request.getfixturevalue("new_postgresql")())


@pytest.fixture
def new_postgresql(postgresql: str) -> Callable[[], str]:
    """Make an empty PostgreSQL database."""
    import psycopg

    def make() -> str:
        name = f"test_{time.monotonic_ns()}"
        with psycopg.connect(postgresql, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return postgresql.replace("/postgres?", f"/{name}?")

    return make


class Served:
    """A server in a thread of this process."""

    def __init__(
        self, folder: Path, test: ListeningTest, database: str | None = None, **settings: Any
    ) -> None:
        self.folder, self.test, self.database, self.settings = folder, test, database, settings
        self.listeners: list[Listener] = []
        self.start()

    def start(self) -> None:
        self.store = Store(self.folder, self.test, self.database, serving=True)
        self.site = Site(self.folder, self.test, self.store)
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.bind(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{bound.getsockname()[1]}"
        self.server = make_server(self.site, Settings(**self.settings))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [bound]})
        self.thread.start()
        while not self.server.started:
            time.sleep(0.005)

    def restart(self) -> None:
        self.stop()
        self.start()

    def listener(self, rating: float = 50.0, **options: Any) -> Listener:
        """Somebody who rates everything alike; closed with the server."""
        self.listeners.append(Listener(self.address, lambda sound, screen, slot: rating, **options))
        return self.listeners[-1]

    def at_screen(self, path: str = "/") -> Listener:
        """Somebody who has come as far as the first screen."""
        one = self.listener()
        one.open(path)
        for form in ("consent", "volume", "training"):
            one.submit(form, **one.filled(form))
        assert 'id="screen"' in one.page
        return one

    def stop(self) -> None:
        while self.listeners:
            self.listeners.pop().close()
        self.server.should_exit = True
        self.thread.join(30)
        self.store.close()


def _put(one: Listener, screen: dict[str, Any], slot: int = 0, **changes: Any) -> Answered:
    content = {
        "screen": screen["screen"], "token": screen["slots"][slot]["token"], "rating": 50.0, "revision": 0,
        "heard": True, "seconds": 2.0,
    }  # fmt: skip
    return one.call("rating", "PUT", "/api/rating", **content | changes)


@pytest.fixture
def put() -> Callable[..., Answered]:
    """Rate a slot of a screen."""
    return _put


@pytest.fixture
def serve(folder: Path) -> Iterator[Callable[..., Served]]:
    """Make and serve a small test; keywords are those of make_test."""
    with contextlib.ExitStack() as stack:

        def start(
            database: str | None = None, settings: dict[str, Any] | None = None, **changes: Any
        ) -> Served:
            changes = {"n_trials": 2, "length_s": 0.1, "rate_hz": 16000} | changes
            test = make_test(folder, **changes)
            served = Served(folder, test, database, **(settings or {}))
            stack.callback(served.stop)
            return served

        yield start
