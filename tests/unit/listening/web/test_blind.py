"""Nothing that a listener is sent tells what a stimulus is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from simulated.listeners import Answered

from svbench.listening.web.api import Done, Heard, RatingGiven
from svbench.specs.listening import Listeners

Serve = Callable[..., Any]


def secrets_of(test: Any) -> set[str]:
    """All that would unblind: names of conditions, tracks, files, trials, what was measured of them."""
    found = {c.id for c in test.conditions} | {c.title for c in test.conditions}
    found |= {c.role for c in test.conditions}
    for trial in test.trials:
        found |= {trial.id, trial.track, str(trial.difficulty)} - {"0.0", "1.0", "2.0", "3.0"}
        for stimulus in trial.files():
            found |= {stimulus.id, stimulus.sha256, stimulus.sha256[:16]}
    # Words that pages may say: an open reference there is, and a system of the kind that plays.
    return (found | {"stimuli/", test.id}) - {"reference", "system", "anchor"}


@pytest.mark.parametrize("method", ["mushra", "ab", "abx", "acr", "dcr"])
def test_no_byte_of_a_session_tells_a_condition(serve: Serve, method: str) -> None:
    served = serve(method=method, listeners=Listeners(headphones="woods"))
    answers: list[Answered] = []
    one = served.listener(rating=1.0, watch=answers.append)
    one.take_part("/join?PROLIFIC_PID=p")
    for name in ("pages.css", "icon.svg", "screen.js", "player.js", "graph.js"):
        one.request("static", "GET", f"/static/{name}")
    one.request("missing", "GET", "/audio/none")
    assert len(answers) > 30
    unblinding = {word.lower().encode() for word in secrets_of(served.test)}
    assert len(unblinding) > 20
    for answer in answers:
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers).encode()
        # Sound holds what it holds; that it has no metadata is tested where it is made.
        sent = (head if answer.kind == "audio" else head + answer.body).lower()
        for word in unblinding:
            assert word not in sent, (answer.kind, word)
        names = {name for name, _ in answer.headers}
        assert answer.kind == "static" or not names & {"etag", "last-modified", "content-disposition"}


@pytest.mark.parametrize("method", ["mushra", "ab", "abx", "dcr"])
def test_sounds_of_a_screen_differ_in_nothing_but_sound(serve: Serve, method: str) -> None:
    """No two are equal byte for byte, neither X and what it is nor the open and the hidden reference."""
    served = serve(method=method)
    one = served.at_screen()
    screen = one.call("screen", "GET", "/api/screen").json()
    addresses = [s["audio"] for s in screen["slots"]] + [screen["reference"]] * (method != "abx")
    assert len({len(a) for a in addresses}) == 1
    answers = [one.request("audio", "GET", a) for a in addresses]
    assert len({len(a.body) for a in answers}) == 1
    assert len({a.body for a in answers}) == len(answers)
    heads = {tuple(h for h in a.headers if h[0] != "date") for a in answers}
    assert len(heads) == 1


def test_tokens_are_of_one_session(serve: Serve) -> None:
    served = serve()
    tokens: list[str] = []
    for _ in range(3):
        one = served.at_screen()
        screen = one.call("screen", "GET", "/api/screen").json()
        tokens += [s["token"] for s in screen["slots"]] + [screen["reference"], *screen["ahead"]]
    assert len(set(tokens)) == len(tokens)
    known = {s.id for t in served.test.trials for s in t.files()}
    assert not [t for t in tokens if any(k in t for k in known)]


def test_order_differs_between_sessions(serve: Serve) -> None:
    served = serve()
    for _ in range(6):
        served.at_screen()
    orders = {tuple(x.stimulus for x in s.screens[0].slots) for s in served.site.registry.by_id.values()}
    assert len(orders) > 1


def test_requests_have_no_field_for_a_condition() -> None:
    for kind in (RatingGiven, Heard, Done):
        assert not {"condition", "stimulus", "trial", "track"} & set(kind.__struct_fields__)
