"""Requests of every shape: answered with a page, a redirect or a sentence, never with a 500."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from simulated.listeners import Listener

from svbench.listening.web import site as site_module
from svbench.listening.web.api import Done, Heard, RatingGiven
from svbench.specs.listening import Listeners, Question

Serve = Callable[..., Any]
FEW = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
FORMS = {
    "consent": ("join", "language", "consent_version", "agree"),
    "questionnaire": ("age", "hearing", "remark"),
    "headphones": ("answer-1",),
    "volume": (),
    "training": (),
    "pause": (),
}
QUESTIONS = (
    Question(id="age", kind="number", label={"en": "Age"}),
    Question(id="remark", kind="text", label={"en": "Remark"}),
    Question(id="hearing", kind="choice", label={"en": "Hearing"}, choices=({"en": "good"}, {"en": "bad"})),
)


@pytest.fixture(autouse=True)
def no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that is refused for coming too soon would test nothing."""
    for name in ("SESSION_BURST", "JOIN_BURST"):
        monkeypatch.setattr(site_module, name, 1e9)


def interface() -> dict[str, Any]:
    """The script's interface and the forms as OpenAPI, from the records that read them."""
    kinds = {"/api/rating": ("put", RatingGiven), "/api/heard": ("post", Heard), "/api/done": ("post", Done)}
    _, components = msgspec.json.schema_components(
        [k for _, k in kinds.values()], ref_template="#/components/schemas/{name}"
    )
    answers = {str(code): {"description": ""} for code in (200, 303, 400, 401, 403, 404, 409, 415, 422, 429)}
    paths: dict[str, Any] = {}
    for path, (verb, kind) in kinds.items():
        schema = {"$ref": f"#/components/schemas/{kind.__name__}"}
        body = {"required": True, "content": {"application/json": {"schema": schema}}}
        paths[path] = {verb: {"requestBody": body, "responses": answers}}
    for path, names in (
        ("/", ("join", "language")),
        ("/join", ("invite", "PROLIFIC_PID", "STUDY_ID", "SESSION_ID")),
        ("/api/screen", ()),
        ("/thanks", ()),
    ):
        query = [{"name": n, "in": "query", "schema": {"type": "string"}} for n in names]
        paths[path] = {"get": {"parameters": query, "responses": answers}}
    token = {"name": "token", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    ranges = {"name": "Range", "in": "header", "schema": {"type": "string"}}
    paths["/audio/{token}"] = {"get": {"parameters": [token, ranges], "responses": answers}}
    for form, names in FORMS.items():
        schema = {"type": "object", "properties": {n: {"type": "string"} for n in ("csrf", *names)}}
        body = {"content": {"application/x-www-form-urlencoded": {"schema": schema}}}
        paths[f"/{form}"] = {"post": {"requestBody": body, "responses": answers}}
    info = {"title": "listening", "version": "1"}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": components}}


def test_no_request_of_the_interface_breaks_the_server(serve: Serve) -> None:
    served = serve(listeners=Listeners(questionnaire=QUESTIONS))
    schema = schemathesis.openapi.from_dict(interface())
    sessions = [served.listener(), served.listener()]
    for one in sessions:
        one.open("/")
        one.submit("consent", **one.filled("consent"))
    for form in ("questionnaire", "volume", "training"):
        sessions[1].submit(form, **sessions[1].filled(form))
    tried = 0
    for operation in schema.get_all_operations():
        for mode in schemathesis.GenerationMode:

            @FEW
            @given(case=operation.ok().as_strategy(generation_mode=mode))
            def check(case: Any) -> None:
                nonlocal tried
                tried += 1
                one = sessions[tried % 2]  # one at the questionnaire, one at the first screen
                headers = {"x-csrf-token": one.csrf, "cookie": f"svbench={one.cookie}"}
                case.headers = {**(case.headers or {}), **headers}
                response = case.call(base_url=served.address, allow_redirects=False)
                assert response.status_code < 500, (response.request.url, response.request.body)

            with contextlib.suppress(Unsatisfiable):  # there is no wrong request without parameters
                check()
    assert tried > 80
    assert "<h1" in served.listener().open("/").body.decode()  # and it still serves


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers()), st.just({})
)


def test_requests_near_the_right_ones_are_refused_in_words(serve: Serve) -> None:
    served = serve()
    one = served.at_screen()
    screen = one.call("screen", "GET", "/api/screen").json()
    right = {
        "screen": screen["screen"], "token": screen["slots"][0]["token"], "rating": 50.0, "revision": 0,
        "heard": True, "seconds": 1.0,
    }  # fmt: skip

    @FEW
    @given(
        field=st.sampled_from([*right, "more"]), value=VALUES, raw=st.booleans(), junk=st.binary(max_size=40)
    )
    def check(field: str, value: Any, raw: bool, junk: bytes) -> None:
        body = junk if raw else json.dumps(right | {field: value}).encode(errors="surrogatepass")
        answer = one.request("rating", "PUT", "/api/rating", body, {"x-csrf-token": one.csrf})
        assert answer.status in (200, 400, 404, 409)
        assert answer.status == 200 or answer.json()["error"]

    check()
    values = {s.value for x in served.site.registry.by_id.values() for s in x.ratings.values()}
    assert all(0 <= v <= 100 for v in values)


def test_no_answer_to_a_question_breaks_the_database(serve: Serve, database: str) -> None:
    served = serve(database, listeners=Listeners(questionnaire=QUESTIONS, volume=False))

    def newcomer() -> Listener:
        one = served.listener()
        one.open("/")
        one.submit("consent", **one.filled("consent"))
        return one

    for value in (
        "\0",
        "a\0b",
        "=1+1",
        "\ud800",
        "x" * 5000,
        "1e999",
        "nan",
        "Ω",
        "\u202e",
        "'; DROP TABLE x",
    ):
        one = newcomer()
        kind = {"content-type": "application/x-www-form-urlencoded"}
        quoted = "".join(f"%{byte:02x}" for byte in value.encode(errors="surrogatepass"))
        body = f"csrf={one.csrf}&remark={quoted}&age={quoted}&hearing={quoted}".encode()
        assert one.request("form", "POST", "/questionnaire", body, kind).status in (303, 422)
        body = f"csrf={one.csrf}&remark={quoted}".encode()
        assert one.request("form", "POST", "/questionnaire", body, kind).status == 303
    assert len(served.store.sessions()) == 10
