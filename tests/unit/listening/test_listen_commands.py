"""``svbench listen status``, ``ratings``, ``forget`` and ``invite``: the admin page's twins, without a server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from svbench.cli.main import main
from svbench.listening.readers import read_ratings
from svbench.listening.store.export import stored_ratings
from svbench.specs.listening import Listeners, Question, Sessions
from svbench.testing.listening import make_test

Serve = Callable[..., Any]
QUESTIONS = (Question(id="remark", kind="text", label={"en": "Remark"}),)


@pytest.fixture
def rated(serve: Serve) -> Any:
    """A served test: two sessions are complete, one has begun."""
    served = serve(
        listeners=Listeners(languages=("en",), questionnaire=QUESTIONS),
        sessions=Sessions(seats=3, replicates=0),
    )
    for number in range(2):
        served.listener(rating=31.25 + number).take_part(answers={"remark": "=1"})
    served.listener().open("/")
    newcomer = served.listener()
    newcomer.open("/")
    newcomer.submit("consent", **newcomer.filled("consent"))
    return served


def test_status_tells_of_a_test_that_is_being_served(rated: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["listen", "status", str(rated.folder)]) == 0
    told = capsys.readouterr().out
    assert "full, 3 of 3 seats taken" in told
    assert "sessions: 2 complete, 1 under way, 0 dropped out, 0 turned away, 0 unreadable, 0 deleted" in told
    assert "screening: 2 of 2 excluded now" in told
    assert "integrity ok" in told
    assert "31.25" not in told
    assert main(["listen", "status", str(rated.folder), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["progress"]["standings"]["complete"] == 2
    assert {n for row in content["progress"]["cells"].values() for n in row.values()} == {2}
    assert content["progress"]["steps"]["questionnaire"]["under way"] == 1
    assert content["screening"]["screened"] == 2
    assert content["database"]["ratings"] == len(stored_ratings(rated.folder, rated.test))


def test_ratings_leave_as_files_that_are_read_again(
    rated: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / name for name in ("r.csv", "a.json", "r.json", "a.csv")]
    for ratings, answers in (files[:2], files[2:]):
        words = ["listen", "ratings", str(rated.folder), "--out", str(ratings), "--answers", str(answers)]
        assert main(words) == 0
    assert "ratings of 2 assessors" in capsys.readouterr().out
    table = stored_ratings(rated.folder, rated.test)
    assert read_ratings([files[0]]).equals(table)
    assert [row["rating"] for row in json.loads(files[2].read_text())] == list(table.rating)
    assert [row["answer_remark"] for row in json.loads(files[1].read_text())] == ["=1", "=1", ""]
    assert files[3].read_text().count(",'=1\n") == 2
    assert main(["listen", "ratings", str(rated.folder), "--out", str(tmp_path / "r.xlsx")]) == 2
    assert "expected a name that ends in .csv or .json" in capsys.readouterr().err


def test_an_assessor_is_forgotten_when_nobody_serves(rated: Any, capsys: pytest.CaptureFixture[str]) -> None:
    gone, kept, _ = rated.site.registry.by_id.values()
    words = ["listen", "forget", str(rated.folder)]
    assert main([*words, gone.assessor]) == 2
    assert "another `svbench listen serve` is using this database; stop it first" in capsys.readouterr().err
    rated.server.should_exit = True
    rated.thread.join(30)
    rated.store.close()
    assert main([*words, gone.assessor[:-1] + "x"]) == 2
    assert "unknown assessor" in capsys.readouterr().err
    assert main([*words, gone.assessor]) == 0
    assert set(stored_ratings(rated.folder, rated.test).assessor) == {kept.assessor}
    written = b"".join(p.read_bytes() for p in rated.folder.glob("ratings.sqlite*"))
    assert gone.assessor.encode() not in written
    assert kept.assessor.encode() in written
    rated.start()


@pytest.mark.parametrize("words", [["status"], ["ratings", "--out", "r.csv"], ["forget", "somebody"]])
def test_a_test_never_served_has_nothing_to_tell(
    folder: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    make_test(folder, n_trials=1, length_s=0.05, rate_hz=16000)
    assert main(["listen", words[0], str(folder), *words[1:]]) == 2
    assert "not there, so nobody has rated yet" in capsys.readouterr().err
    assert not (folder / "ratings.sqlite").exists()


def test_invitations_are_asked_for_in_numbers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_test(folder, n_trials=1, length_s=0.05, rate_hz=16000)
    assert main(["listen", "invite", str(folder), "--count", "0"]) == 2
    assert "--count 0: expected a number from 1 on" in capsys.readouterr().err
    assert main(["listen", "invite", str(folder), "--count", "3", "--url", "https://host/"]) == 0
    made = capsys.readouterr().out.split()
    assert len(set(made)) == 3
    assert all(address.startswith("https://host/join?invite=") for address in made)
