"""What the screen's script may ask for, and what it is refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from svbench.listening.store.state import Rating
from svbench.listening.web import site as site_module
from svbench.listening.web.api import MOST_REVISIONS

Serve = Callable[..., Any]
Put = Callable[..., Any]


def history(served: Any) -> list[tuple[Any, ...]]:
    query = "SELECT screen, slot, revision, rating FROM ratings ORDER BY screen, slot, revision"
    with served.store.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_the_same_rating_twice_is_one_rating(serve: Serve, put: Put) -> None:
    served = serve()
    one = served.at_screen()
    screen = one.call("screen", "GET", "/api/screen").json()
    for _ in range(3):
        answer = put(one, screen, rating=61.5)
        assert (answer.status, answer.json()) == (200, {"revision": 1, "rating": 61.5})
    assert history(served) == [(0, 0, 1, 61.5)]


def test_changes_of_mind_are_revisions(serve: Serve, put: Put) -> None:
    served = serve()
    one = served.at_screen()
    screen = one.call("screen", "GET", "/api/screen").json()
    for revision, rating in enumerate([10.0, 20.0, 10.0]):
        assert put(one, screen, rating=rating, revision=revision).json()["revision"] == revision + 1
    assert [row[2:] for row in history(served)] == [(1, 10.0), (2, 20.0), (3, 10.0)]
    slot = one.call("screen", "GET", "/api/screen").json()["slots"][0]
    assert (slot["rating"], slot["revision"], slot["heard"]) == (10.0, 3, True)


def test_a_stale_tab_is_told_the_current_value(serve: Serve, put: Put) -> None:
    served = serve()
    one = served.at_screen()
    screen = one.call("screen", "GET", "/api/screen").json()
    other = served.listener()
    other.cookie, other.csrf = one.cookie, one.csrf
    assert other.call("screen", "GET", "/api/screen").json() == screen
    assert put(one, screen, rating=30.0).status == 200
    stale = put(other, screen, rating=40.0)
    assert stale.status == 409
    assert (stale.json()["revision"], stale.json()["rating"]) == (1, 30.0)
    ahead = put(other, screen, slot=1, rating=40.0, revision=5)
    assert (ahead.status, ahead.json()["revision"], ahead.json()["rating"]) == (409, 0, None)
    assert put(other, screen, rating=40.0, revision=1).json() == {"revision": 2, "rating": 40.0}
    assert len(history(served)) == 2


def test_two_tabs_at_the_same_moment_are_one_after_the_other(serve: Serve, put: Put) -> None:
    served = serve()
    one = served.at_screen()
    screen = one.call("screen", "GET", "/api/screen").json()
    tabs = [served.listener() for _ in range(8)]
    answers: list[Any] = []

    def send(tab: Any, rating: float) -> None:
        tab.cookie, tab.csrf = one.cookie, one.csrf
        answers.append(put(tab, screen, rating=rating))

    threads = [threading.Thread(target=send, args=(t, float(i))) for i, t in enumerate(tabs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(a.status for a in answers) == [200] + [409] * 7
    winner = next(a.json()["rating"] for a in answers if a.status == 200)
    assert {a.json()["rating"] for a in answers} == {winner}
    assert history(served) == [(0, 0, 1, winner)]


def test_next_waits_for_everything_heard_and_rated(serve: Serve, put: Put) -> None:
    served = serve()
    one = served.at_screen()
    screen = one.call("screen", "GET", "/api/screen").json()
    name, tokens = screen["screen"], [s["token"] for s in screen["slots"]]
    refused = one.call("done", "POST", "/api/done", screen=name)
    assert (refused.status, refused.json()["missing"]) == (409, ["reference", *tokens])
    put(one, screen, 0)
    put(one, screen, 1, heard=False)
    one.call("heard", "POST", "/api/heard", screen=name, token=tokens[2])
    one.call("heard", "POST", "/api/heard", screen=name, token="reference")
    assert one.call("done", "POST", "/api/done", screen=name).json()["missing"] == tokens[1:]
    assert one.call("screen", "GET", "/api/screen").json()["reference_heard"] is True
    for slot in (1, 2, 3, 4):
        assert put(one, screen, slot, revision=int(slot == 1)).status == 200
    for _ in range(2):  # the second time: done already
        assert one.call("done", "POST", "/api/done", screen=name).json() == {"step": "screen"}
    following = one.call("screen", "GET", "/api/screen").json()
    assert following["screen"] != name
    assert following["kind"] == "test"
    late = put(one, screen, 0, rating=99.0, revision=1)
    assert (late.status, "rating" in late.json()) == (409, False)


@pytest.mark.parametrize(
    ("method", "rating", "status"),
    [
        ("mushra", 0, 200), ("mushra", 100, 200), ("mushra", 99.99, 200), ("mushra", 100.01, 400),
        ("mushra", -0.01, 400), ("mushra", 1e999, 400), ("acr", 1, 200), ("acr", 5, 200), ("acr", 0, 400),
        ("acr", 2.5, 400), ("dcr", 6, 400), ("ab", 0.5, 200), ("ab", 0.25, 400), ("abx", 1, 200),
        ("abx", 0.5, 400),
    ],
)  # fmt: skip
def test_ratings_are_of_the_scale(serve: Serve, put: Put, method: str, rating: float, status: int) -> None:
    one = serve(method=method).at_screen()
    screen = one.call("screen", "GET", "/api/screen").json()
    assert put(one, screen, 2 if method == "abx" else 0, rating=rating).status == status


@pytest.mark.parametrize(("method", "slot"), [("ab", 1), ("abx", 0), ("abx", 1)])
def test_a_comparison_is_one_rating(serve: Serve, put: Put, method: str, slot: int) -> None:
    one = serve(method=method).at_screen()
    answer = put(one, one.call("screen", "GET", "/api/screen").json(), slot, rating=1)
    assert (answer.status, answer.json()["error"]) == (400, "this stimulus takes no rating")


BODIES = {
    b"": "the body is not what was expected",
    b"{": "the body is not what was expected",
    b"[]": "Expected `object`",
    b'{"screen": "x"}': "missing required field",
    b'{"screen": 3, "token": "x", "rating": 1, "revision": 0}': "Expected `str`",
    b'{"screen": "x", "token": "x", "rating": NaN, "revision": 0}': "the body is not what was expected",
    b'{"screen": "x", "token": "x", "rating": "1", "revision": 0}': "Expected `float`",
    b'{"screen": "x", "token": "x", "rating": 1, "revision": -1}': ">= 0",
    b'{"screen": "x", "token": "x", "rating": 1, "revision": 0, "condition": "y"}': "unknown field",
    b"\xff\xfe": "the body is not what was expected",
}


@pytest.mark.parametrize("body", BODIES)
def test_malformed_bodies_are_refused_in_words(serve: Serve, body: bytes) -> None:
    one = serve().at_screen()
    answer = one.request("rating", "PUT", "/api/rating", body, {"x-csrf-token": one.csrf})
    assert answer.status == 400
    assert BODIES[body] in answer.json()["error"]


def test_ratings_name_stimuli_of_the_session_and_screen(serve: Serve, put: Put) -> None:
    served = serve()
    one, other = served.at_screen(), served.at_screen()
    mine = one.call("screen", "GET", "/api/screen").json()
    theirs = other.call("screen", "GET", "/api/screen").json()
    assert put(one, mine, token=theirs["slots"][0]["token"]).status == 404
    assert put(one, theirs).status == 409
    assert put(one, mine, token="reference").status == 400
    assert put(one, mine, seconds=-1.0).status == 400
    assert one.request("audio", "GET", theirs["slots"][0]["audio"]).status == 404
    assert not history(served)


def test_writes_need_the_token_of_their_session(serve: Serve, put: Put) -> None:
    served = serve()
    one, other = served.at_screen(), served.at_screen()
    screen = one.call("screen", "GET", "/api/screen").json()
    for token in ("", "0" * 64, other.csrf, "é"):
        content = json.dumps({"screen": screen["screen"], "token": "reference"}).encode()
        answer = one.request(
            "heard", "POST", "/api/heard", content, {"x-csrf-token": token.encode("latin-1")}
        )
        assert answer.status == 403, token
    one.csrf = other.csrf
    assert one.submit("pause").status == 403
    assert "out of date" in one.page
    one.cookie = ""
    assert put(one, screen).status == 401
    one.cookie = "forged.forged"
    assert put(one, screen).status == 401


def test_forms_come_as_forms(serve: Serve) -> None:
    one = serve().listener()
    one.open("/")
    assert one.request("form", "POST", "/consent", b"{}", {"content-type": "application/json"}).status == 415
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert one.request("form", "POST", "/consent", b"&".join([b"a=1"] * 101), kind).status == 400
    assert one.request("form", "POST", "/consent", b"x" * 70_000, kind).status == 413
    chunked = {**kind, "transfer-encoding": "chunked"}
    large = b"11170\r\n" + b"x" * 70_000 + b"\r\n0\r\n\r\n"
    assert one.request("form", "POST", "/consent", large, chunked).status == 413


def test_a_session_may_ask_for_so_much(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_module, "SESSION_BURST", 10.0)
    monkeypatch.setattr(site_module, "SESSION_PER_S", 0.001)
    served = serve()
    one, other = served.at_screen(), served.at_screen()
    answers = [one.call("screen", "GET", "/api/screen") for _ in range(12)]
    assert answers[0].status == 200
    assert answers[-1].status == 429
    assert dict(answers[-1].headers)["retry-after"] == "2"
    assert other.call("screen", "GET", "/api/screen").status == 200  # others are not held up


def test_so_many_may_join_at_once(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_module, "JOIN_BURST", 3.0)
    monkeypatch.setattr(site_module, "JOINS_PER_S", 0.001)
    one = serve().listener()
    statuses = [one.request("join", "GET", f"/join?PROLIFIC_PID={n}").status for n in range(4)]
    assert statuses == [303, 303, 303, 429]


def test_one_rating_is_not_revised_for_ever(serve: Serve, put: Put) -> None:
    served = serve()
    one = served.at_screen()
    session = next(iter(served.site.registry.by_id.values()))
    session.ratings[0, 0] = Rating(MOST_REVISIONS, 1.0)
    assert put(one, one.call("screen", "GET", "/api/screen").json(), revision=MOST_REVISIONS).status == 429


def test_what_is_not_saved_is_not_acknowledged(serve: Serve, put: Put) -> None:
    served = serve()
    one = served.at_screen()
    screen = one.call("screen", "GET", "/api/screen").json()
    with served.store.engine.begin() as connection:
        connection.execute(text("ALTER TABLE ratings RENAME TO away"))
    answer = put(one, screen, rating=5.0)
    assert (answer.status, dict(answer.headers)["retry-after"]) == (503, "2")
    assert one.call("screen", "GET", "/api/screen").json()["slots"][0]["rating"] is None
    with served.store.engine.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO ratings"))
    assert put(one, screen, rating=5.0).status == 200
    assert history(served) == [(0, 0, 1, 5.0)]


def test_a_form_that_is_not_saved_is_told_on_its_page(serve: Serve) -> None:
    served = serve()
    one = served.listener()
    one.open("/join?PROLIFIC_PID=p")
    with served.store.engine.begin() as connection:
        connection.execute(text("ALTER TABLE sessions RENAME TO away"))
    consent = one.filled("consent")
    for _ in range(2):
        assert one.submit("consent", **consent).status == 503
        assert (one.heading, one.filled("consent")) == ("Welcome", consent)  # who comes is not forgotten
        assert "could not be saved at the moment" in one.page
    with served.store.engine.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO sessions"))
    assert one.submit("consent", **consent).status == 200
    with served.store.engine.begin() as connection:
        connection.execute(text("ALTER TABLE sessions RENAME TO away"))
    assert one.submit("volume").status == 503
    assert one.heading == "Set the volume"
    assert "could not be saved at the moment" in one.page
    with served.store.engine.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO sessions"))
    assert one.submit("volume").status == 200
    assert served.store.sessions()[0].step == "training"
    assert next(iter(served.site.registry.by_id.values())).crowd is not None


def test_a_commit_whose_answer_was_lost_is_found_again(serve: Serve, put: Put) -> None:
    served = serve()
    one = served.at_screen()
    screen = one.call("screen", "GET", "/api/screen").json()
    session = next(iter(served.site.registry.by_id.values()))
    rating = served.store.rate(session.id, 0, 0, Rating(1, 44.0), None, "2026-01-01T00:00:00.000+00:00")
    served.store.save(rating).result(30)  # in the database, but memory was not told
    assert put(one, screen, rating=44.0).status == 503
    assert put(one, screen, rating=44.0).json() == {"revision": 1, "rating": 44.0}
    assert history(served) == [(0, 0, 1, 44.0)]


def test_restarting_the_server_changes_nothing(serve: Serve, put: Put) -> None:
    served = serve()
    one = served.at_screen()
    one.rate_screen()
    screen = one.call("screen", "GET", "/api/screen").json()
    put(one, screen, 3, rating=12.5)
    before = one.call("screen", "GET", "/api/screen").json()
    served.restart()
    again = served.listener()
    again.cookie = one.cookie
    again.open("/")
    assert again.call("screen", "GET", "/api/screen").json() == before
    assert put(again, before, 3, rating=13.0, revision=1).json()["revision"] == 2


RANGES = {
    "bytes=0-9": (206, slice(0, 10)),
    "bytes=44-": (206, slice(44, None)),
    "bytes=-7": (206, slice(-7, None)),
    "bytes=0-99999999": (206, slice(0, None)),
    "bytes=0-1,5-6": (200, slice(0, None)),
    "bytes=-": (200, slice(0, None)),
    "lines=1-2": (200, slice(0, None)),
    "bytes=99999999-": (416, None),
    "bytes=9-3": (416, None),
    "bytes=-0": (416, None),
}


@pytest.mark.parametrize("wanted", RANGES)
def test_sound_is_sent_in_ranges(serve: Serve, wanted: str) -> None:
    one = serve().at_screen()
    address = one.call("screen", "GET", "/api/screen").json()["slots"][0]["audio"]
    whole = one.request("audio", "GET", address).body
    answer = one.request("audio", "GET", address, headers={"range": wanted})
    status, part = RANGES[wanted]
    assert answer.status == status
    if part is not None:
        assert answer.body == whole[part]
    headers = dict(answer.headers)
    if status == 206:
        start = part.indices(len(whole))
        assert headers["content-range"] == f"bytes {start[0]}-{start[1] - 1}/{len(whole)}"
    if status == 416:
        assert headers["content-range"] == f"bytes */{len(whole)}"


def test_sound_of_later_screens_waits_for_its_turn(serve: Serve) -> None:
    served = serve(n_trials=4)
    one = served.at_screen()
    session = next(iter(served.site.registry.by_id.values()))
    statuses = [one.request("audio", "GET", f"/audio/{s.slots[0].token}").status for s in session.screens[:4]]
    assert statuses == [200, 200, 404, 404]
    ahead = one.call("screen", "GET", "/api/screen").json()["ahead"]
    assert [one.request("audio", "HEAD", a).status for a in ahead] == [200] * 6


def test_answers_carry_the_headers_that_protect(serve: Serve) -> None:
    served = serve()
    one = served.at_screen()
    for path in ("/", "/api/screen", "/nowhere", "/static/icon.svg", "/health"):
        headers = dict(one.request("page", "GET", path).headers)
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "server" not in headers
    fresh = served.listener()
    cookie = dict(fresh.request("page", "GET", "/").headers)["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert one.request("page", "GET", "/").status == 200
    assert one.request("page", "DELETE", "/").status == 405
    assert one.request("page", "GET", "/nowhere").json() == {"error": "there is nothing at this address"}


@pytest.mark.parametrize("trusted", [False, True])
def test_forwarded_headers_are_trusted_by_choice_alone(serve: Serve, trusted: bool) -> None:
    one = serve(settings={"proxy": trusted}).listener()
    answer = one.request(
        "page", "GET", "/", headers={"x-forwarded-proto": "https", "x-forwarded-for": "1.2.3.4"}
    )
    assert ("Secure" in dict(answer.headers)["set-cookie"]) == trusted


def test_a_failure_of_the_server_tells_nothing(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    served = serve()
    one = served.at_screen()
    monkeypatch.setattr(type(served.site), "allowed", lambda self, session: 1 / 0)
    answer = one.call("screen", "GET", "/api/screen")
    assert answer.status == 500
    assert answer.json() == {"error": "something went wrong here; please try again"}
    assert "ZeroDivisionError" in caplog.text
    assert "127.0.0.1" not in caplog.text
