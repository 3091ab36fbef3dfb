"""What is refused before anything listens, and how the command starts and stops."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from simulated.listeners import Listener, ServerProcess, running_server

from svbench.cli.main import main
from svbench.errors import DataError
from svbench.listening.listening_test import FILE, ListeningTest, stimulus_path
from svbench.listening.web.server import check_test
from svbench.specs.listening import Listeners
from svbench.testing.listening import make_test

SMALL: dict[str, Any] = {"n_trials": 1, "length_s": 0.05, "rate_hz": 16000}
Change = Callable[[Path, ListeningTest], None]


def remove(folder: Path, test: ListeningTest) -> None:
    stimulus_path(folder, test.trials[0].stimuli[1]).unlink()


def alter(folder: Path, test: ListeningTest) -> None:
    path = stimulus_path(folder, test.trials[0].stimuli[1])
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")


def other_version(folder: Path, test: ListeningTest) -> None:
    content = json.loads((folder / FILE).read_bytes())
    (folder / FILE).write_text(json.dumps(content | {"schema": 2}))


def unknown_key(folder: Path, test: ListeningTest) -> None:
    content = json.loads((folder / FILE).read_bytes())
    content["protocol"]["sessions"]["seets"] = 3
    (folder / FILE).write_text(json.dumps(content))


def rewrite(folder: Path, test: ListeningTest) -> None:
    (folder / FILE).write_bytes(msgspec.json.encode(test))


def lengthen(folder: Path, test: ListeningTest) -> None:
    import hashlib

    trial = test.trials[0]
    path = stimulus_path(folder, trial.stimuli[0])
    path.write_bytes(path.read_bytes() + b"\0\0")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    stimuli = (msgspec.structs.replace(trial.stimuli[0], sha256=sha256), *trial.stimuli[1:])
    trials = (msgspec.structs.replace(trial, stimuli=stimuli), *test.trials[1:])
    rewrite(folder, msgspec.structs.replace(test, trials=trials))


def too_many(folder: Path, test: ListeningTest) -> None:
    trials = tuple(msgspec.structs.replace(t, stimuli=t.stimuli * 3) for t in test.trials)
    rewrite(folder, msgspec.structs.replace(test, trials=trials))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (remove, "a stimulus of trial"),
        (alter, "is not the stimulus that was built"),
        (lengthen, "others of trial"),
        (other_version, "schema 2 is from another version"),
        (unknown_key, "unknown field `seets`"),
        (too_many, "15 conditions; BS.1534-3 allows 12"),
    ],
)
def test_a_broken_test_is_refused_before_anything_listens(
    folder: Path, change: Change, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change(folder, make_test(folder, **SMALL))
    assert main(["listen", "serve", str(folder), "--port", "0"]) == 2
    out, err = capsys.readouterr()
    assert told in err
    assert err.count("\n") == 1
    assert out == ""
    assert not (folder / "ratings.sqlite").exists()


def test_a_language_without_translation_is_refused(folder: Path) -> None:
    test = make_test(folder, listeners=Listeners(languages=("en", "xx")), **SMALL)
    with pytest.raises(DataError, match=r"protocol\.listeners\.languages: .*'xx'"):
        check_test(folder, test)


def test_a_completion_address_is_one(folder: Path) -> None:
    test = make_test(folder, listeners=Listeners(completion_url="javascript:alert(1)"), **SMALL)
    with pytest.raises(DataError, match="completion_url: expected an address that begins with https://"):
        check_test(folder, test)


def test_a_folder_without_a_test_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["listen", "serve", str(tmp_path)]) == 2
    assert "a listening test is made by `svbench listen build`" in capsys.readouterr().err


def test_a_port_in_use_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_test(folder, **SMALL)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["listen", "serve", str(folder), "--port", port]) == 2
    out, err = capsys.readouterr()
    assert f"127.0.0.1:{port}: cannot listen there" in err
    assert out == ""  # the admin token is still to be shown


@pytest.mark.parametrize("port", ["-1", "65536", "99999"])
def test_a_port_is_one(folder: Path, port: str, capsys: pytest.CaptureFixture[str]) -> None:
    make_test(folder, **SMALL)
    assert main(["listen", "serve", str(folder), "--port", port]) == 2
    assert f"--port {port}: expected a number from 0 to 65535" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["listen.example.org", "ftp://x", "https://x/path"])
def test_a_public_address_is_one(folder: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    make_test(folder, **SMALL)
    assert main(["listen", "serve", str(folder), "--url", url]) == 2
    assert "expected an address without a path" in capsys.readouterr().err


def test_invitations_are_addresses_that_the_server_takes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_test(folder, listeners=Listeners(invited_only=True), **SMALL)
    words = ["listen", "invite", str(folder), "--count", "2", "--url", "https://listen.example.org/"]
    assert main([*words, "--json"]) == 0
    addresses = json.loads(capsys.readouterr().out)
    assert len(set(addresses)) == 2
    assert all(a.startswith("https://listen.example.org/join?invite=") for a in addresses)
    with running_server(folder) as server:
        one = Listener(server.address, lambda sound, screen, slot: 50.0)
        assert one.take_part(addresses[0].removeprefix("https://listen.example.org")) == "Thank you"


def test_the_command_serves_this_machine_alone_and_stops_when_told(folder: Path) -> None:
    make_test(folder, **SMALL)
    with running_server(folder) as server:
        assert server.address.startswith("http://127.0.0.1:")
        assert len(server.told["admin_token"]) >= 32
        assert Listener(server.address, lambda *_: 42.0).take_part() == "Thank you"
        with pytest.raises(RuntimeError, match="another `svbench listen serve` is using this database"):
            ServerProcess(folder)
        said = server.stop()
    assert server.process.returncode == 0
    assert not list(folder.glob("ratings.sqlite-wal")), "the database was not closed"
    assert said == ""
    with running_server(folder) as again:
        assert again.told["admin_token"] is None
    with running_server(folder, "--admin-token") as renewed:
        assert renewed.told["admin_token"] != server.told["admin_token"]
    kept = b"".join(p.read_bytes() for p in folder.glob("ratings.sqlite*"))
    assert server.told["admin_token"].encode() not in kept
    assert b"127.0.0.1" not in kept


def test_the_database_is_of_its_owner_alone(folder: Path) -> None:
    make_test(folder, **SMALL)
    with running_server(folder):
        modes = {p.name: oct(p.stat().st_mode & 0o077) for p in folder.glob("ratings.sqlite*")}
    assert set(modes.values()) == {"0o0"}, modes
