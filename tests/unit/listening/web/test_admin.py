"""The admin page over HTTP: who gets in, what is shown, what may be done, and that nothing breaks it."""

from __future__ import annotations

import contextlib
import html
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from svbench.listening.live import screening
from svbench.listening.store.export import stored_ratings
from svbench.listening.web import site as site_module
from svbench.listening.web.signing import new_admin_token
from svbench.listening.web.site import Admins
from svbench.specs.listening import Listeners, Question, Sessions

Serve = Callable[..., Any]
QUESTIONS = (
    Question(id="remark", kind="text", label={"en": "Remark"}),
    Question(id="music", kind="choice", label={"en": "Music?"}, choices=({"en": "Yes"}, {"en": "No"})),
)
WEIRD = '<script>alert(1)</script>\u202egnirts 🎧=HYPERLINK("x")'


class Admin:
    """A browser at the admin page of a server."""

    def __init__(self, served: Any) -> None:
        self.served = served
        self.token, stored = new_admin_token()
        served.store.facts["admin"] = stored
        served.site.admins = Admins(stored)
        self.http = httpx.Client(base_url=served.address, timeout=30)

    def sign_in(self) -> httpx.Response:
        answer = self.http.post("/admin/sign-in", data={"token": self.token})
        assert answer.status_code == 303
        return answer

    def page(self) -> str:
        answer = self.http.get("/admin")
        assert answer.status_code == 200
        return answer.text

    def send(self, form: str, **fields: str) -> httpx.Response:
        found = re.search(r'name="csrf" value="(\w+)"', self.page())
        assert found is not None
        return self.http.post(f"/admin/{form}", data={"csrf": found[1], **fields}, follow_redirects=True)


@pytest.fixture
def admin() -> Iterator[Callable[[Any], Admin]]:
    with contextlib.ExitStack() as stack:

        def start(served: Any) -> Admin:
            one = Admin(served)
            stack.callback(one.http.close)
            return one

        yield start


Start = Callable[[Any], Admin]


def texts_of(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


def test_without_the_token_nothing_is_told(serve: Serve, admin: Start) -> None:
    served = serve()
    one = admin(served)
    before = one.http.get("/admin")
    served.listener().take_part("/join?PROLIFIC_PID=p")
    after = one.http.get("/admin")
    assert before.status_code == after.status_code == 401
    assert before.content == after.content
    assert served.test.id not in after.text
    assert served.test.title not in after.text
    for form in ("open", "reveal", "invitations", "forget", "export", "sign-out"):
        answer = one.http.post(f"/admin/{form}", data={"what": "ratings-csv", "confirm": "yes", "open": "no"})
        assert answer.status_code == 401
        assert answer.content == after.content
    wrong = one.http.post("/admin/sign-in", data={"token": one.token[:-1]})
    assert wrong.status_code == 401
    assert "This is not the admin token." in wrong.text
    assert not one.http.cookies
    assert one.http.get("/admin", params={"token": one.token}).status_code == 401
    assert served.site.registry.open


def test_the_cookie_is_of_the_page_alone_and_ends(
    serve: Serve, admin: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = admin(serve())
    cookie = one.sign_in().headers["set-cookie"]
    assert {"HttpOnly", "Path=/admin", "SameSite=strict", "Max-Age=28800"} <= set(cookie.split("; "))
    kept = one.http.cookies[site_module.ADMIN_COOKIE]
    assert "Sign out" in one.page()
    assert one.send("sign-out").status_code == 401
    again = {"cookie": f"{site_module.ADMIN_COOKIE}={kept}"}
    assert one.http.get("/admin", headers=again).status_code == 401, "signing out ends it on the server"
    monkeypatch.setattr(site_module, "ADMIN_SESSION_S", 0.0)
    one.sign_in()
    assert one.http.get("/admin").status_code == 401


def test_attempts_are_limited_wherever_they_come_from(
    serve: Serve, admin: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_module, "ATTEMPTS_BURST", 3.0)
    monkeypatch.setattr(site_module, "ATTEMPTS_PER_S", 1e-6)
    one = admin(serve())
    codes = [
        one.http.post(
            "/admin/sign-in", data={"token": "guess"}, headers={"x-forwarded-for": f"10.0.0.{n}"}
        ).status_code
        for n in range(5)
    ]
    assert codes == [401, 401, 401, 429, 429]
    assert one.http.post("/admin/sign-in", data={"token": one.token}).status_code == 429


def test_a_form_without_its_token_does_nothing(serve: Serve, admin: Start) -> None:
    served = serve()
    one = admin(served)
    one.sign_in()
    for csrf in ("", "0" * 64, "ü"):
        answer = one.http.post("/admin/open", data={"open": "no", "confirm": "yes", "csrf": csrf})
        assert answer.status_code == 403
    assert served.site.registry.open
    assert one.http.get("/admin/open").status_code == 405


def test_progress_is_shown_and_no_rating(serve: Serve, admin: Start) -> None:
    served = serve(sessions=Sessions(seats=5, replicates=0), listeners=Listeners(headphones="woods"))
    one = admin(served)
    served.listener(rating=37.25).take_part()
    one.sign_in()
    page = one.page()
    told = texts_of(page)
    assert "Seats taken 1 of 5" in told
    assert "Complete 1" in told
    session = next(iter(served.site.registry.by_id.values()))
    assert session.assessor in told
    assert re.search(r"of 6: (passed|failed)", told)
    for condition in served.test.conditions:
        assert condition.id in told
    n = len(served.test.conditions)
    assert f"All trials {' '.join(['2'] * n)} {2 * n}" in told
    # Everything was rated 37.25, the hidden reference too.
    assert f"{session.assessor} rated the hidden reference below 90 in 2 of 2 items" in told
    assert "37.2" not in page
    assert one.send("reveal", reveal="yes").status_code == 422, "not without confirming it"
    assert "37.2" not in one.page()
    assert "37.2" in one.send("reveal", reveal="yes", confirm="yes").text
    with httpx.Client(base_url=served.address) as other:
        other.post("/admin/sign-in", data={"token": one.token})
        assert "37.2" not in other.get("/admin").text, "another browser stays blind"
    assert "37.2" not in one.send("reveal", reveal="no").text
    log = [action for _, action in served.store.logged()]
    assert log == ["signed in", "revealed the ratings", "signed in"]


def test_closing_holds_back_newcomers_alone(serve: Serve, admin: Start) -> None:
    served = serve()
    one = admin(served)
    inside = served.at_screen()
    one.sign_in()
    assert one.send("open", open="no").status_code == 422
    assert served.site.registry.open
    assert "The test is closed" in one.send("open", open="no", confirm="yes").text
    outside = served.listener()
    outside.open("/")
    assert 'name="agree"' not in outside.page
    assert inside.take_part() == "Thank you"
    served.restart()
    assert not served.site.registry.open
    again = admin(served)
    again.sign_in()
    assert "The test is open" in again.send("open", open="yes", confirm="yes").text
    assert next(a for _, a in served.store.logged()) == "opened the test"


def test_invitations_are_shown_once_and_let_in(serve: Serve, admin: Start) -> None:
    served = serve(listeners=Listeners(invited_only=True))
    one = admin(served)
    one.sign_in()
    for count in ("0", "501", "-1", "x", "1e3", "٣", ""):
        assert one.send("invitations", count=count).status_code == 422, count
    answer = one.send("invitations", count="3")
    made = re.findall(rf"{served.address}/join\?invite=[\w.\-]+", answer.text)
    assert len(set(made)) == 3
    path = made[0].removeprefix(served.address)
    assert served.listener().take_part(path) == "Thank you"
    assert made[0].split("=")[1] not in one.page()
    assert next(a for _, a in served.store.logged()) == "made 3 invitations"


def test_an_assessor_is_deleted_from_every_file(serve: Serve, admin: Start, database: str) -> None:
    served = serve(database)
    one = admin(served)
    served.listener(rating=41.0).take_part("/join?PROLIFIC_PID=gone")
    served.listener(rating=42.0).take_part("/join?PROLIFIC_PID=kept")
    gone, kept = list(served.site.registry.by_id.values())
    one.sign_in()
    assert one.send("forget", assessor=gone.assessor, confirm="yes").status_code == 422
    assert one.send("forget", assessor="nobody", confirm="delete").status_code == 422
    assert len(served.store.sessions()) == 2
    answer = one.send("forget", assessor=gone.assessor, confirm="Delete ")
    assert "The assessor is deleted" in answer.text
    assert "This part cannot be told" not in answer.text
    assert gone.assessor not in answer.text
    assert [s.assessor for s in served.store.sessions()] == [kept.assessor]
    assert set(stored_ratings(served.folder, served.test, database).rating) == {42.0}
    with served.store.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM assessors")) == 1
    if database.startswith("sqlite"):
        path = served.store.engine.url.database
        written = b"".join(p.read_bytes() for p in served.folder.parent.glob("**/ratings.sqlite*"))
        assert path
        assert kept.assessor.encode() in written
        assert gone.assessor.encode() not in written
        assert (gone.crowd or "").encode() not in written


def test_exports_are_whole_and_safe(serve: Serve, admin: Start) -> None:
    served = serve(listeners=Listeners(questionnaire=QUESTIONS, languages=("en",)))
    one = admin(served)
    served.listener(rating=55.5).take_part(answers={"remark": "=1+1", "music": "1"})
    one.sign_in()
    ratings = one.send("export", what="ratings-csv")
    assert ratings.headers["content-disposition"] == f'attachment; filename="ratings-{served.test.id}.csv"'
    table = stored_ratings(served.folder, served.test)
    assert len(ratings.text.splitlines()) == 1 + len(table)
    assert len(json.loads(one.send("export", what="ratings-json").text)) == len(table)
    answers = one.send("export", what="answers-csv").text.splitlines()
    assert answers[0].endswith("answer_remark,answer_music")
    assert answers[1].endswith(",'=1+1,No")
    (row,) = json.loads(one.send("export", what="answers-json").text)
    assert (row["answer_remark"], row["answer_music"]) == ("=1+1", "No")
    assert "remark" not in ratings.text.splitlines()[0]
    assert one.send("export", what="<b>").status_code == 422
    logged = [a for _, a in served.store.logged()]
    assert logged[0] == "exported answers (JSON)"
    assert len(logged) == 5


def test_what_listeners_write_is_shown_as_text(serve: Serve, admin: Start) -> None:
    served = serve(listeners=Listeners(questionnaire=QUESTIONS, languages=("en",)))
    one = admin(served)
    listener = served.listener()
    listener.open("/")
    listener.submit("consent", **listener.filled("consent"))
    listener.submit("questionnaire", remark=WEIRD, music="0")
    one.sign_in()
    page = one.page()
    assert "<script>alert" not in page
    (shown,) = re.findall(r'<td class="text"><bdi>([^<]*gnirts[^<]*)</bdi>', page)
    assert html.unescape(shown) == WEIRD.replace("\u202e", "")  # does not print, so it is never stored


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sessions SET seen_at = 'yesterday', step = '<b>', language = '\u202eX'",
        "UPDATE sessions SET headphones = '[9, -4]', began_at = ''",
        "UPDATE ratings SET rating = -5",
        "UPDATE ratings SET screen = screen + 99",
        'UPDATE sessions SET plan = replace(plan, \'"trial":"\', \'"trial":"0\')',
        "INSERT INTO admin_log (at, action) VALUES ('', '<i>x</i>')",
    ],
)
def test_strange_stored_values_do_not_break_the_page(serve: Serve, admin: Start, change: str) -> None:
    served = serve()
    served.listener().take_part()
    with served.store.engine.begin() as connection:
        connection.execute(text(change))
    served.restart()
    one = admin(served)
    one.sign_in()
    page = one.send("reveal", reveal="yes", confirm="yes").text
    assert "Progress" in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert one.send("export", what="ratings-csv").status_code in (200, 500)
    assert "signed in" in one.page()


@pytest.mark.parametrize("table", ["admin_log", "ratings"])
def test_a_part_that_cannot_be_told_leaves_the_others(serve: Serve, admin: Start, table: str) -> None:
    served = serve()
    one = admin(served)
    served.listener().take_part()
    one.sign_in()
    with served.store.engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {table} RENAME TO elsewhere"))
    told = texts_of(one.page())
    assert "This part cannot be told (OperationalError" in told
    assert "Complete 1" in told


def test_malformed_requests_are_refused_and_change_nothing(serve: Serve, admin: Start) -> None:
    served = serve()
    one = admin(served)
    one.sign_in()
    csrf = re.search(r'name="csrf" value="(\w+)"', one.page())
    assert csrf
    bodies = [
        b"", b"\xff\xfe\x00", b"csrf=" + csrf[1].encode(), b"&".join(b"a=%d" % n for n in range(200)),
        b"csrf=" + csrf[1].encode() + b"&open=%00%ff&confirm=yes&what=../../etc&count=9999999999999999999",
        b"x" * 70_000,
    ]  # fmt: skip
    for form in ("sign-in", "open", "reveal", "invitations", "forget", "export"):
        for body in bodies:
            for kind in ("application/x-www-form-urlencoded", "multipart/form-data", "application/json"):
                answer = one.http.post(f"/admin/{form}", content=body, headers={"content-type": kind})
                assert 400 <= answer.status_code < 500, (form, body[:40], kind)
    for cookie in ("", "a" * 5000, "é", '"'):
        answer = one.http.get("/admin", headers=[(b"cookie", f"svbench-admin={cookie}".encode("latin-1"))])
        assert answer.status_code in (401, 200)
    assert one.http.get("/admin?done=%3Cscript%3E").status_code == 200
    assert served.site.registry.open
    assert "Sign out" in one.page()


def test_a_stored_hash_that_is_none_lets_nobody_in(serve: Serve, admin: Start) -> None:
    served = serve()
    one = admin(served)
    for stored in ("", "plain", "scrypt$zz$zz"):
        served.site.admins = Admins(stored)
        for token in ("", one.token, "plain"):
            assert one.http.post("/admin/sign-in", data={"token": token}).status_code == 401


def test_screening_is_of_the_sessions_complete_by_now(serve: Serve) -> None:
    served = serve(sessions=Sessions(replicates=0))
    screener = served.site.screener
    sessions = served.site.registry.by_id
    assert screener(sessions.values()).note == "No session is complete yet."
    served.listener(rating=20.0).take_part()
    first = screener(sessions.values())
    assert (first.screened, len(first.excluded)) == (1, 1)
    assert screener(list(sessions.values())) is first
    served.listener(rating=90.0).take_part("/join?PROLIFIC_PID=p")
    assert screener(sessions.values()) == screening(served.test, list(sessions.values()))
    assert (screener(sessions.values()).screened, len(screener(sessions.values()).excluded)) == (2, 1)
