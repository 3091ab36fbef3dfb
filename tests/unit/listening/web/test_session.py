"""A session from the first page to the last: what is shown, kept and refused at each step."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from svbench.listening.store.export import export_ratings
from svbench.listening.web.compose import headphone_set
from svbench.listening.web.signing import right_admin_token
from svbench.specs.listening import Listeners, Question, Sessions

Serve = Callable[..., Any]
METHODS = {"mushra": 77.5, "ab": 0.5, "abx": 1.0, "acr": 4.0, "dcr": 2.0}


@pytest.mark.parametrize("method", METHODS)
def test_a_whole_session(serve: Serve, database: str, method: str) -> None:
    served = serve(database, method=method)
    end = served.listener(METHODS[method]).take_part()
    assert end == "Thank you"
    table = export_ratings(served.store, served.test)
    assert table.complete.all()
    assert set(table.kind) == {"training", "test"}
    session = served.store.sessions()[0]
    assert session.step == "thanks"
    assert session.complete_at is not None
    assert session == served.site.registry.by_id[session.id]
    expected = {(i, n) for i, s in enumerate(session.screens) for n in range(len(s.slots))}
    assert {key for key in session.heard if key[1] >= 0} == expected
    stored = {"ab": 1, "abx": 1}.get(method)
    assert len(session.ratings) == sum(stored or len(s.slots) for s in session.screens)


def test_steps_come_in_order_and_none_is_skipped(serve: Serve) -> None:
    question = Question(id="age", kind="number", label={"en": "Age"}, required=True)
    served = serve(listeners=Listeners(questionnaire=(question,)))
    one = served.listener()
    one.open("/")
    for form in ("training", "volume", "questionnaire"):  # nothing happens before consent
        one.submit(form)
        assert one.heading == "Welcome"
    one.submit("consent", **one.filled("consent"))
    assert "A few questions" in one.page
    one.submit("volume")
    assert "A few questions" in one.page
    assert one.submit("questionnaire", age="").status == 422
    assert "Please answer: Age" in one.page
    assert one.submit("questionnaire", age="old").status == 422
    assert "Please give a number: Age" in one.page
    one.submit("questionnaire", age="41")
    assert "Set the volume" in one.page
    assert one.call("screen", "GET", "/api/screen").status == 409
    one.submit("volume")
    one.submit("training")
    assert 'id="screen"' in one.page
    assert served.store.sessions()[0].questionnaire == {"age": "41"}


def test_consent_must_be_given(serve: Serve) -> None:
    one = serve().listener()
    one.open("/")
    fields = one.filled("consent")
    assert one.submit("consent", **fields | {"agree": ""}).status == 422
    assert "please agree to the text" in one.page
    assert one.submit("consent", **fields | {"consent_version": "0"}).status == 422
    one.submit("consent", **fields)
    assert "Set the volume" in one.page


def test_the_same_consent_twice_is_one_session(serve: Serve) -> None:
    served = serve()
    one = served.listener()
    one.open("/")
    visitor, fields = one.cookie, {"csrf": one.csrf, **one.filled("consent")}
    one.submit("consent", **fields)
    first = one.cookie
    one.cookie = visitor
    one.submit("consent", **fields)
    assert one.cookie == first
    assert len(served.store.sessions()) == 1


def test_a_crowd_id_is_one_assessor_on_every_machine(serve: Serve, put: Callable[..., Any]) -> None:
    served = serve()
    path = "/join?PROLIFIC_PID=5f3e&STUDY_ID=s&SESSION_ID=t"
    first = served.at_screen(path)
    screen = first.call("screen", "GET", "/api/screen").json()
    assert put(first, screen, rating=12.0).status == 200
    second = served.listener()
    second.open(path)
    assert second.call("screen", "GET", "/api/screen").json()["slots"][0]["rating"] == 12.0
    other = served.at_screen("/join?PROLIFIC_PID=5f3f")
    assert other.call("screen", "GET", "/api/screen").json()["screen"] != screen["screen"]
    assert len(served.store.sessions()) == 2
    with served.store.engine.connect() as connection:
        stored = str(connection.exec_driver_sql("SELECT * FROM assessors").all())
    assert "5f3e" not in stored
    assert "STUDY" not in stored


def test_another_person_at_the_same_computer_has_another_session(serve: Serve) -> None:
    served = serve()
    one = served.at_screen("/join?PROLIFIC_PID=a")
    one.open("/join?PROLIFIC_PID=b")
    assert one.heading == "Welcome"
    one.submit("consent", **one.filled("consent"))
    assert len(served.store.sessions()) == 2
    one.open("/join?PROLIFIC_PID=a")
    assert 'id="screen"' in one.page
    one.open("/join")  # no one in particular: whoever was here
    assert 'id="screen"' in one.page


def test_invitations_are_signed_and_good_for_one(serve: Serve) -> None:
    served = serve(listeners=Listeners(invited_only=True))
    one = served.listener()
    one.open("/")
    assert "by invitation" in one.page
    assert one.open("/join?invite=forged").status == 403
    assert one.open("/?join=forged").status == 403
    one.open("/")
    assert one.submit("consent", language="en", consent_version="1", agree="yes").status == 403
    assert not served.store.sessions()
    invitation = served.site.signer.invitation()
    served.at_screen(f"/join?invite={invitation}")
    again = served.listener()
    again.open(f"/join?invite={invitation}")
    assert 'id="screen"' in again.page
    assert len(served.store.sessions()) == 1


def test_seats_are_given_back_by_idle_sessions_who_may_still_finish(serve: Serve) -> None:
    served = serve(sessions=Sessions(seats=1, idle_minutes=5))
    first = served.at_screen()
    second = served.listener()
    second.open("/")
    assert "all the listeners it needs" in second.page
    session = served.store.sessions()[0]
    old = (datetime.now(UTC) - timedelta(minutes=6)).isoformat(timespec="milliseconds")
    served.site.registry.by_id[session.id].seen_at = old
    second = served.at_screen()
    assert first.take_part() == "Thank you"
    assert second.take_part() == "Thank you"
    third = served.listener()
    third.open("/")
    assert "all the listeners it needs" in third.page


def test_a_closed_test_takes_nobody_new(serve: Serve) -> None:
    served = serve()
    first = served.at_screen()
    served.site.registry.open = False
    second = served.listener()
    second.open("/")
    assert "is closed" in second.page
    assert first.take_part() == "Thank you"


def test_a_break_is_offered(serve: Serve) -> None:
    served = serve(n_trials=3, sessions=Sessions(break_after=1, replicates=0))
    one = served.at_screen()
    steps = []
    for _ in range(8):
        if 'id="screen"' in one.page:
            one.rate_screen()
        elif "Time for a break" in one.page:
            one.submit("pause")
            continue
        one.open("/")
        steps.append(one.heading)
    assert [s for s in steps if s in ("Time for a break", "Thank you")][:3] == ["Time for a break"] * 2 + [
        "Thank you"
    ]


def test_a_changed_consent_is_asked_for_again(serve: Serve) -> None:
    served = serve()
    one = served.at_screen()
    protocol = served.test.protocol
    newer = msgspec.structs.replace(protocol.listeners, consent_version="2")
    changed = msgspec.structs.replace(
        served.test, protocol=msgspec.structs.replace(protocol, listeners=newer)
    )
    served.site.test = served.site.registry.test = changed
    one.open("/")
    assert one.heading == "Welcome"
    assert one.call("screen", "GET", "/api/screen").status == 409
    one.submit("consent", **one.filled("consent"))
    assert 'id="screen"' in one.page
    assert served.store.sessions()[0].consent_version == "2"


@pytest.mark.parametrize("refuse", [False, True])
def test_headphones_are_checked(serve: Serve, refuse: bool) -> None:
    listeners = Listeners(
        headphones="woods",
        headphones_attempts=2,
        headphones_failed="refuse" if refuse else "note",
        volume=False,
    )
    served = serve(listeners=listeners)
    good = served.listener()
    good.open("/")
    good.submit("consent", **good.filled("consent"))
    addresses = re.findall(r'data-sound="(/audio/[\w-]+)"', good.page)
    sounds = [good.request("audio", "GET", a) for a in addresses]
    assert len(sounds) == 6
    assert len({len(s.body) for s in sounds}) == 1
    session = next(iter(served.site.registry.by_id.values()))
    answers = [answer for _, answer in headphone_set("woods", session)]
    right = {f"answer-{a.rpartition('/')[2]}": str(n + 1) for a, n in zip(addresses, answers, strict=True)}
    wrong = {k: str(int(v) % 3 + 1) for k, v in right.items()}
    good.submit("headphones", **dict(list(right.items())[:3]))
    assert session.headphones == []
    good.submit("headphones", **wrong)
    assert session.headphones == [0]
    assert "did not sound like headphones" in good.page
    good.submit("headphones", **right)  # of the first attempt: judged already
    assert session.headphones == [0]
    good.submit("headphones", **dict.fromkeys(re.findall(r'name="(answer-[\w-]+)"', good.page), "1"))
    assert len(session.headphones) == 2
    assert session.step == ("away" if refuse else "training")
    assert ("could not find headphones" in good.page) == refuse


def test_languages_are_chosen_kept_or_guessed(serve: Serve) -> None:
    served = serve()
    one = served.listener()
    german = one.request("page", "GET", "/", headers={"accept-language": "de-AT,en;q=0.5"})
    assert b'<html lang="de">' in german.body
    one.open("/?language=fr")
    assert '<html lang="fr">' in one.page
    one.submit("consent", **one.filled("consent"))
    assert '<html lang="fr">' in one.page
    one.open("/?language=xx")
    assert '<html lang="fr">' in one.page


def test_the_end_tells_where_to_go(serve: Serve) -> None:
    url = "https://app.prolific.com/submissions/complete?cc=ABC"
    served = serve(listeners=Listeners(completion_url=url))
    one = served.listener()
    assert one.request("thanks", "GET", "/thanks").status == 409
    one.take_part()
    assert url in one.page
    assert one.request("thanks", "GET", "/thanks").json() == {"completion": url}


def test_a_deleted_assessor_is_gone_for_good(serve: Serve, put: Callable[..., Any]) -> None:
    import asyncio

    served = serve()
    one = served.at_screen()
    screen = one.call("screen", "GET", "/api/screen").json()
    put(one, screen)
    session = served.store.sessions()[0]
    assert asyncio.run(served.site.registry.forget(session.assessor))
    assert not asyncio.run(served.site.registry.forget(session.assessor))
    assert put(one, screen, revision=1).status == 401
    one.open("/")
    assert "have been deleted" in one.page
    assert not served.store.sessions()


def test_admin_tokens_are_kept_as_hashes(serve: Serve) -> None:
    from svbench.listening.web.server import Settings, _admin_token

    served = serve()
    token = _admin_token(served.store, Settings())
    assert token is not None
    assert _admin_token(served.store, Settings()) is None
    stored = served.store.facts["admin"]
    assert token not in stored
    assert right_admin_token(token, stored)
    assert not right_admin_token(token + "x", stored)
