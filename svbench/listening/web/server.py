"""Starting and stopping the server.

One process serves a test: sessions are held in its memory and ratings go through its one writer. A
test of hundreds of listeners is a few hundred small requests a second, which one process bears.
"""

from __future__ import annotations

import hashlib
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from svbench.errors import DataError, SvbenchError
from svbench.listening.design import check_design
from svbench.listening.listening_test import FILE, ListeningTest, load_test, stimulus_path
from svbench.listening.store.store import Store
from svbench.listening.web.app import create_app
from svbench.listening.web.pages import texts
from svbench.listening.web.signing import new_admin_token
from svbench.listening.web.site import Site

if TYPE_CHECKING:
    import uvicorn

# The writing thread waits for the interpreter after each answer of the database; Python's 5 ms add up.
SWITCH_S = 0.0005
GRACE_S = 10  # for requests that are under way when the server stops
IDLE_S = 65  # a connection without requests; longer than proxies keep theirs


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a test is served; ``url`` is its public address, ``database`` one instead of the default's."""

    host: str = "127.0.0.1"
    port: int = 8000
    url: str = ""
    proxy: bool = False
    new_admin_token: bool = False
    json: bool = False
    database: str | None = None


def serve(folder: Path, settings: Settings) -> None:
    """Check a test, then serve it until the process receives a signal to stop.

    Raises
    ------
    DataError
        A test or database that cannot be served; nothing listens then.
    """
    url = checked_url(settings.url)
    test = load_test(folder)
    check_test(folder, test)
    store = Store(folder, test, settings.database, serving=True)
    try:
        bound = _bind(settings)
        address = url or _address(bound)
        admin = _admin_token(store, settings)
        site = Site(folder, test, store, url)
        _announce(settings, test, address, admin, store.name)
        _stop_on_signal()
        sys.setswitchinterval(SWITCH_S)
        make_server(site, settings).run(sockets=[bound])
    finally:
        store.close()


def check_test(folder: Path, test: ListeningTest) -> None:
    """Refuse a test that a listener would get stuck in.

    Raises
    ------
    DataError
        A stimulus that is missing, changed, or of another size than the others of its trial, more
        conditions than a screen may have, or a language without translation.
    """
    check_design(test, folder / FILE)
    completion = test.protocol.listeners.completion_url
    if completion and urlsplit(completion).scheme not in ("http", "https"):
        raise DataError(
            f"{folder / FILE}: protocol.listeners.completion_url: expected an address that begins with "
            f"https://, found {completion!r}"
        )
    for language in test.protocol.listeners.languages:
        try:
            texts(language)
        except SvbenchError as error:
            raise DataError(f"{folder / FILE}: protocol.listeners.languages: {error}") from error
    for trial in test.trials:
        sizes = {}
        for stimulus in trial.files():
            path = stimulus_path(folder, stimulus)
            try:
                content = path.read_bytes()
            except OSError as error:
                raise DataError(
                    f"{path}: a stimulus of trial {trial.id} cannot be read ({error.strerror}); "
                    "copy the whole folder of the test, or build it again"
                ) from error
            if hashlib.sha256(content).hexdigest() != stimulus.sha256:
                raise DataError(
                    f"{path}: is not the stimulus that was built (sha256 differs); build the test again"
                )
            sizes[path] = len(content)
        if len(set(sizes.values())) > 1:
            odd = max(sizes, key=lambda p: list(sizes.values()).count(sizes[p]) == 1)
            raise DataError(
                f"{odd}: {sizes[odd]} bytes, others of trial {trial.id} have other sizes; a listener could "
                "tell them apart: build the test again"
            )


def checked_url(url: str) -> str:
    """Return a public address without the slash at its end; an empty one is none.

    Raises
    ------
    DataError
    """
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/")):
        raise DataError(f"--url {url}: expected an address without a path, such as https://host:8000")
    return url.rstrip("/")


def _admin_token(store: Store, settings: Settings) -> str | None:
    """A new admin token at the first start, or when asked for; the database keeps its hash alone."""
    if "admin" in store.facts and not settings.new_admin_token:
        return None
    token, store.facts["admin"] = new_admin_token()
    store.save(store.set_fact("admin", store.facts["admin"])).result()
    return token


def _bind(settings: Settings) -> socket.socket:
    bound = None
    if not 0 <= settings.port < 2**16:  # the system would take what is left of it by 65536
        raise DataError(f"--port {settings.port}: expected a number from 0 to 65535")
    try:
        family, _, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[
            0
        ]
        # By its number, not 0: asyncio switches Nagle's delay off (40 ms an answer) for such sockets alone.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(1024)
    except OSError as error:
        if bound is not None:
            bound.close()
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{settings.host}:{settings.port}: cannot listen there ({reason}); try --port"
        ) from error
    return bound


def _address(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _announce(
    settings: Settings, test: ListeningTest, address: str, admin: str | None, database: str
) -> None:
    if settings.json:
        content = {"url": address, "test": test.id, "database": database, "admin_token": admin}
        print(msgspec.json.encode(content).decode(), flush=True)
        return
    print(f"serving {test.title!r} at {address}, its admin page at {address}/admin\nratings: {database}")
    if admin:
        print(f"admin token (shown this once, keep it): {admin}")
    sys.stdout.flush()


def _stop_on_signal() -> None:
    """Have the signals that stop a server leave by the front door.

    uvicorn finishes what is under way and then raises the signal again, whose usual effect would be
    the end of the process before the database is closed.
    """

    def leave(*_: object) -> None:
        raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)


def make_server(site: Site, settings: Settings) -> uvicorn.Server:
    """Return the server of a site, not yet running."""
    import uvicorn

    config = uvicorn.Config(
        create_app(site),
        proxy_headers=settings.proxy,
        forwarded_allow_ips="*" if settings.proxy else None,
        access_log=False,  # it would hold addresses of listeners
        log_level="warning",
        server_header=False,
        lifespan="off",
        ws="none",
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    return uvicorn.Server(config)
