from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import wait
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from svbench.errors import DataError
from svbench.listening.design import assign
from svbench.listening.listening_test import ListeningTest
from svbench.listening.store.database import database_url
from svbench.listening.store.export import export_ratings, stored_ratings
from svbench.listening.store.state import Rating, SessionState, now
from svbench.listening.store.status import progress
from svbench.listening.store.store import Store
from svbench.listening.web.registry import Registry
from svbench.tables.spreadsheet import frame_csv
from svbench.testing.listening import make_test

SMALL = {"n_trials": 2, "length_s": 0.05, "rate_hz": 16000}


def session(test: ListeningTest, number: int = 0, name: str = "s") -> SessionState:
    plan = assign(test, number, {}, {})
    return SessionState(
        id=f"{name}{number}", assessor=f"a{number}", number=number, row=plan.row, screens=plan.screens,
        language="en", consent_version="1", step="screen", began_at=now(), seen_at=now(), crowd=f"c{number}",
    )  # fmt: skip


def begin(store: Store, state: SessionState) -> None:
    assessor = {"id": state.assessor, "crowd": state.crowd, "submission": None, "invitation": None}
    store.save(store.begin(state, assessor)).result(30)


def rate(store: Store, state: SessionState, screen: int, slot: int, *values: float) -> None:
    for revision, value in enumerate(values, 1):
        state.seen_at = now()
        store.save(
            store.rate(state.id, screen, slot, Rating(revision, value), 1.5, state.seen_at)
            + store.hear(state.id, screen, slot)
        ).result(30)
        state.ratings[screen, slot] = Rating(revision, value)
        state.heard.add((screen, slot))


def test_what_is_written_is_read(folder: Path, database: str) -> None:
    test = make_test(folder, **SMALL)
    store = Store(folder, test, database)
    states = [session(test, n) for n in range(2)]
    for state in states:
        begin(store, state)
        rate(store, state, 1, 0, 10.0, 20.5)
        rate(store, state, 1, 1, 30.25)
        store.save(
            store.change(state.id, step="pause", at=2, headphones=[6], questionnaire={"age": "=30"})
        ).result(30)
        store.save(store.finish_screen(state.id, 1, now())).result(30)
        state.step, state.at, state.headphones, state.questionnaire = "pause", 2, [6], {"age": "=30"}
    assert store.sessions() == states
    store.close()
    again = Store(folder, test, database)
    assert again.sessions(states[1].id) == states[1:]
    history = "SELECT revision, rating FROM ratings WHERE session = 's0' AND slot = 0 ORDER BY revision"
    with again.engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(text(history))] == [(1, 10.0), (2, 20.5)]
    again.close()


def test_a_batch_fails_only_where_it_must(folder: Path, database: str) -> None:
    test = make_test(folder, **SMALL)
    store = Store(folder, test, database)
    state = session(test)
    begin(store, state)
    rate(store, state, 0, 0, 1.0)
    futures = [
        store.save(store.rate(state.id, 0, slot, Rating(1, float(slot)), None, now()))
        for slot in (1, 0, 2, 3)
    ]
    wait(futures, 30)
    assert [f.exception() is None for f in futures] == [True, False, True, True]
    assert isinstance(futures[1].exception(), IntegrityError)
    assert set(store.sessions()[0].ratings) == {(0, n) for n in range(4)}
    store.close()


def test_who_leaves_while_waiting_takes_nobody_along(folder: Path, database: str) -> None:
    store = Store(folder, make_test(folder, **SMALL), database)
    states = [session(store.test, n) for n in range(2)]
    for state in states:
        begin(store, state)
    asked = []
    for number in range(1, 201):
        asked.append(store.save(store.rate("s0", 0, 0, Rating(number, 1.0), None, now())))
        asked[-1].cancel()
    rate(store, states[1], 0, 0, 50.0)  # the thread that writes is alive
    written = {f"{f.result(0)}" for f in asked if not f.cancelled()}
    assert written <= {"None"}
    assert any(f.cancelled() for f in asked)
    store.close()


def test_memory_knows_what_was_written_for_one_who_left(folder: Path) -> None:
    test = make_test(folder, **SMALL)
    store = Store(folder, test)
    state = session(test)
    begin(store, state)
    registry = Registry(test, store)
    (held,) = registry.by_id.values()

    async def leave() -> None:
        operations = store.rate(held.id, 0, 0, Rating(1, 77.0), None, now())
        task = asyncio.create_task(registry.save(held, operations))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    assert held.ratings == {(0, 0): Rating(1, 77.0)}
    store.close()


def test_operations_of_one_request_are_all_or_nothing(folder: Path, database: str) -> None:
    test = make_test(folder, **SMALL)
    store = Store(folder, test, database)
    state = session(test)
    begin(store, state)
    rate(store, state, 0, 0, 1.0)
    twice = store.rate(state.id, 0, 0, Rating(1, 5.0), None, now())
    failing = store.save(store.hear(state.id, 0, 4) + twice)
    with pytest.raises(IntegrityError, match=r"(?i)unique"):
        failing.result(30)
    assert (0, 4) not in store.sessions()[0].heard
    store.close()


def test_many_threads_write_at_once(folder: Path, database: str) -> None:
    test = make_test(folder, **SMALL)
    store = Store(folder, test, database)
    states = [session(test, n) for n in range(8)]
    for state in states:
        begin(store, state)

    def work(state: SessionState) -> None:
        futures = [
            store.save(store.rate(state.id, 0, 0, Rating(revision, float(revision)), None, now()))
            for revision in range(1, 101)
        ]
        wait(futures, 60)

    threads = [threading.Thread(target=work, args=(s,)) for s in states]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {s.ratings[0, 0] for s in store.sessions()} == {Rating(100, 100.0)}
    with store.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM ratings")) == 800
    store.close()


def test_forgetting_an_assessor_leaves_nothing_but_the_fact(folder: Path, database: str) -> None:
    test = make_test(folder, **SMALL)
    store = Store(folder, test, database)
    gone, kept = session(test, 0), session(test, 1)
    for state in (gone, kept):
        begin(store, state)
        rate(store, state, 0, 0, 1.0, 2.0)
        store.save(store.finish_screen(state.id, 0, now())).result(30)
    store.save(store.forget([gone.id], gone.assessor)).result(30)
    assert [s.id for s in store.sessions()] == [kept.id]
    assert store.deleted() == {gone.id}
    with store.engine.connect() as connection:
        for table in ("ratings", "heard", "screens"):
            assert set(connection.scalars(text(f"SELECT session FROM {table}"))) == {kept.id}
        assert set(connection.scalars(text("SELECT crowd FROM assessors"))) == {"c1"}
    store.close()


def test_one_server_at_a_time(folder: Path, database: str) -> None:
    test = make_test(folder, **SMALL)
    first = Store(folder, test, database, serving=True)
    with pytest.raises(DataError, match="another `svbench listen serve` is using this database"):
        Store(folder, test, database, serving=True)
    Store(folder, test, database).close()  # reading is always possible
    first.close()
    Store(folder, test, database, serving=True).close()


def test_databases_of_other_versions_and_tests_are_refused(
    folder: Path, tmp_path: Path, database: str
) -> None:
    test = make_test(folder, **SMALL)
    store = Store(folder, test, database)
    other = make_test(tmp_path / "other", **SMALL)
    with pytest.raises(DataError, match=f"ratings of another test .{test.id}, this one is {other.id}"):
        Store(folder, other, database)
    rebuilt = type(test)(
        **{f: getattr(test, f) for f in test.__struct_fields__} | {"trials": test.trials[:2]}
    )
    with pytest.raises(DataError, match="was built anew since its first rating"):
        Store(folder, rebuilt, database)
    store.save(store.set_fact("schema", "99")).result(30)
    with pytest.raises(DataError, match="schema 99 is from another version, this svbench writes 1"):
        Store(folder, test, database)
    store.close()


def test_databases_that_cannot_be_used_are_refused_in_words(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = make_test(folder, **SMALL)
    with pytest.raises(DataError, match="'mysql' is not a database svbench writes"):
        database_url(folder, "mysql://host/name")
    monkeypatch.setenv("DATABASE_URL", "nonsense")
    with pytest.raises(DataError, match="DATABASE_URL: not an address such as postgresql"):
        database_url(folder)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://me:hidden@/name?host={folder}")
    with pytest.raises(DataError, match="cannot be used as the test's database") as told:
        Store(folder, test)
    assert "hidden" not in str(told.value)
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@host:port/name")
    with pytest.raises(DataError, match="DATABASE_URL: not an address such as postgresql"):
        database_url(folder)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{folder}/none/ratings.sqlite")
    with pytest.raises(DataError, match=r"none has to be a folder that can be written, even to read"):
        Store(folder, test)
    monkeypatch.delenv("DATABASE_URL")
    (folder / "ratings.sqlite").write_text("this is no database, but long enough to look like a header" * 20)
    with pytest.raises(DataError, match="sqlite: cannot be used as the test's database"):
        Store(folder, test)


def test_ratings_become_the_long_table(folder: Path) -> None:
    test = make_test(folder, **SMALL)
    with pytest.raises(DataError, match="not there, so nobody has rated yet"):
        stored_ratings(folder, test)
    store = Store(folder, test)
    state = session(test)
    begin(store, state)
    rate(store, state, 1, 2, 40.0, 45.0)
    rate(store, state, 0, 0, 70.0)
    table = stored_ratings(folder, test)
    assert list(table.rating) == [70.0, 45.0]
    assert list(table.kind) == ["training", "test"]
    row = table.iloc[1]
    by_id = {s.id: s for t in test.trials for s in t.stimuli}
    assert row.condition == by_id[state.screens[1].slots[2].stimulus].condition
    assert row.role == test.condition(row.condition).role
    assert (row.test, row.assessor, row.session, row.screen, row.slot) == (test.id, "a0", "s0", 1, 2)
    assert (row.method, row.complete, row.seconds, row.replicate) == ("mushra", False, 1.5, 0)
    assert row.trial == state.screens[1].trial
    store.close()


@pytest.mark.parametrize(("stored", "expected"), [(1.0, (1.0, 0.0)), (0.5, (0.5, 0.5)), (0.0, (0.0, 1.0))])
def test_a_preference_is_two_rows(folder: Path, stored: float, expected: tuple[float, float]) -> None:
    test = make_test(folder, method="ab", **SMALL)
    store = Store(folder, test)
    state = session(test)
    begin(store, state)
    rate(store, state, 1, 0, stored)
    table = export_ratings(store, test)
    assert tuple(table.rating) == expected
    assert list(table.condition) == list(table.against)[::-1]
    conditions = {s.id: s.condition for t in test.trials for s in t.stimuli}
    assert list(table.condition) == [conditions[s.stimulus] for s in state.screens[1].slots]
    store.close()


def test_x_told_rightly_is_one(folder: Path) -> None:
    test = make_test(folder, method="abx", **SMALL)
    store = Store(folder, test)
    state = session(test)
    begin(store, state)
    conditions = {name: told for t in test.trials for name, told in t.conditions().items()}
    expected = []
    for number, screen in enumerate(state.screens[:4]):
        said_a = number % 2 == 0
        rate(store, state, number, 2, float(said_a))
        a, b, x = (conditions[slot.stimulus] for slot in screen.slots)
        expected.append((float(said_a == (x == a)), x, b if x == a else a))
    table = export_ratings(store, test)
    assert list(zip(table.rating, table.condition, table.against, strict=True)) == expected
    store.close()


def test_progress_counts_the_test_alone(folder: Path) -> None:
    test = make_test(folder, **SMALL)
    store = Store(folder, test)
    states = [session(test, n) for n in range(3)]
    for state in states:
        rate_all = [(0, 0), (1, 0), (1, 1)]
        begin(store, state)
        for screen, slot in rate_all:
            rate(store, state, screen, slot, 50.0)
    states[1].complete_at = now()
    states[2].seen_at = "2020-01-01T00:00:00.000+00:00"
    told = progress(test, states)
    assert [s.standing for s in told.sessions] == ["under way", "complete", "dropped out"]
    assert sum(map(told.of_trial, told.cells)) == 6
    assert sum(told.of_condition(c.id) for c in test.conditions) == 6
    store.close()


def test_formulas_do_not_leave_in_csv() -> None:
    import pandas as pd

    cells = ["=cmd()", "+1+1", "-1x", "@x", "\tx", "plain"]
    lines = frame_csv(pd.DataFrame({"text": cells, "number": [-1.5] * 6})).splitlines()
    assert [line.split(",")[0].strip('"')[0] for line in lines[1:]] == ["'"] * 5 + ["p"]
    assert all(line.endswith(",-1.5") for line in lines[1:])


def test_a_new_database_of_each_kind_has_no_address_column(
    folder: Path, new_postgresql: Callable[[], str]
) -> None:
    test = make_test(folder, **SMALL)
    store = Store(folder, test, new_postgresql())
    query = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public'"
    with store.engine.connect() as connection:
        names = set(connection.scalars(text(query)))
    assert not {n for n in names if n in ("ip", "address", "email", "name")}
    store.close()
