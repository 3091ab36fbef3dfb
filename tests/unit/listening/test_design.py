from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from svbench.errors import DataError
from svbench.listening.design import Plan, assign, check_design, williams_square
from svbench.listening.listening_test import ListeningTest
from svbench.specs.listening import Sessions
from svbench.testing.listening import make_test


def made(folder: Path, n_trials: int, method: str = "mushra", **sessions: int) -> ListeningTest:
    return make_test(
        folder, n_trials=n_trials, length_s=0.05, rate_hz=16000, method=method, sessions=Sessions(**sessions)
    )  # fmt: skip


def order(plan: Plan, replicate: int = 0) -> list[str]:
    return [s.trial for s in plan.screens if s.kind == "test" and s.replicate == replicate]


@pytest.mark.parametrize("n", range(1, 9))
def test_each_item_stands_equally_often_at_each_place_and_after_each_other(n: int) -> None:
    rows = williams_square(n)
    share = len(rows) // n
    for place in range(n):
        assert Counter(row[place] for row in rows) == dict.fromkeys(range(n), share)
    after = Counter(pair for row in rows for pair in itertools.pairwise(row))
    assert after == dict.fromkeys(itertools.permutations(range(n), 2), share)


def test_orders_of_sessions_are_rows_of_the_square(tmp_path: Path) -> None:
    test = made(tmp_path / "t", 4, replicates=0)
    trials = [t.id for t in test.trials if t.kind == "test"]
    rows: Counter[int] = Counter()
    orders = []
    for number in range(8):
        plan = assign(test, number, {}, rows)
        rows[plan.row] += 1
        orders.append([trials.index(t) for t in order(plan)])
    assert sorted(orders) == sorted(williams_square(4) * 2)


def test_trials_seen_least_come_first_into_a_session(tmp_path: Path) -> None:
    test = made(tmp_path / "t", 5, trials=2, replicates=0)
    trials = [t.id for t in test.trials if t.kind == "test"]
    seen = Counter({trials[0]: 3, trials[1]: 1, trials[2]: 2, trials[3]: 1, trials[4]: 3})
    assert set(order(assign(test, 0, seen, {}))) == {trials[1], trials[3]}
    seen = Counter()
    for number in range(50):
        seen.update(order(assign(test, number, seen, {})))
    assert set(seen.values()) == {20}


@pytest.mark.parametrize("method", ["mushra", "ab", "abx", "acr", "dcr"])
def test_replicates_come_later_and_never_at_once(tmp_path: Path, method: str) -> None:
    test = made(tmp_path / "t", 3, method, replicates=2)
    condition = {name: told for t in test.trials for name, told in t.conditions().items()}
    for number in range(30):
        screens = assign(test, number, {}, {number % 6: 0}).screens
        music = [
            (s.trial, frozenset(condition[x.stimulus] for x in s.slots)) for s in screens if s.kind == "test"
        ]
        assert all(a != b for a, b in itertools.pairwise(music)), "the same music twice running"
        assert Counter(Counter(music).values())[2] == 2 * len(music) / 5
        seen: Counter[object] = Counter()
        for screen, key in zip([s for s in screens if s.kind == "test"], music, strict=True):
            assert screen.replicate == seen[key]
            seen[key] += 1


def test_a_single_screen_has_no_place_for_its_replicate(tmp_path: Path) -> None:
    assert len(order(assign(made(tmp_path / "t", 1, replicates=1), 0, {}, {}), 1)) == 0


def test_what_is_drawn_follows_from_seed_and_number_but_tokens_do_not(tmp_path: Path) -> None:
    test = made(tmp_path / "t", 3)

    def drawn(number: int, test: ListeningTest = test) -> tuple[list[list[str]], list[str]]:
        screens = assign(test, number, {}, {}).screens
        return [[x.stimulus for x in s.slots] for s in screens], [x.token for s in screens for x in s.slots]

    assert drawn(0)[0] == drawn(0)[0] != drawn(1)[0]
    assert not set(drawn(0)[1]) & set(drawn(0)[1])
    protocol = msgspec.structs.replace(test.protocol, sessions=Sessions(seed=1))
    assert drawn(0, msgspec.structs.replace(test, protocol=protocol))[0] != drawn(0)[0]


def test_every_stimulus_stands_on_each_slot(tmp_path: Path) -> None:
    test = made(tmp_path / "t", 1)
    places = Counter(
        (i, x.stimulus)
        for n in range(300)
        for s in assign(test, n, {}, {}).screens
        if s.kind == "test"
        for i, x in enumerate(s.slots)
    )
    assert len(places) == 25
    assert min(places.values()) > 35  # of 60 expected, 7 their standard deviation


def test_screens_of_each_method(tmp_path: Path) -> None:
    sizes = {}
    for method in ("mushra", "ab", "abx", "acr", "dcr"):
        test = made(tmp_path / method, 1, method, replicates=0)
        screens = [s for s in assign(test, 0, {}, {}).screens if s.kind == "test"]
        sizes[method] = (len(screens), {len(s.slots) for s in screens}, screens[0].reference is not None)
    assert sizes == {
        "mushra": (1, {5}, True),  # hidden reference, two anchors, two systems
        "ab": (1, {2}, True),  # the two systems
        "abx": (3, {3}, False),  # pairs of systems and reference
        "acr": (3, {1}, False),
        "dcr": (3, {1}, True),
    }


def test_x_is_a_or_b_about_equally_often(tmp_path: Path) -> None:
    test = made(tmp_path / "t", 1, "abx")
    condition = {name: told for t in test.trials for name, told in t.conditions().items()}
    answers = Counter()
    for number in range(100):
        for screen in assign(test, number, {}, {}).screens:
            assert len({slot.stimulus for slot in screen.slots}) == 3
            a, b, x = (condition[slot.stimulus] for slot in screen.slots)
            assert x in (a, b)
            answers[x == a] += 1
    assert abs(answers[True] - answers[False]) < 4 * sum(answers.values()) ** 0.5


def test_tests_that_nobody_could_take_are_refused(tmp_path: Path) -> None:
    test = made(tmp_path / "t", 1)
    trial = test.trials[1]

    def changed(**changes: object) -> ListeningTest:
        return msgspec.structs.replace(test, trials=(msgspec.structs.replace(trial, **changes),))

    with pytest.raises(DataError, match=r"13 conditions; BS\.1534-3 allows 12"):
        check_design(changed(stimuli=(trial.stimuli * 3)[:13]), "test.json")
    with pytest.raises(DataError, match="no open reference, which mushra needs"):
        check_design(changed(reference=None), "test.json")
    with pytest.raises(DataError, match="no trial of kind 'test'"):
        check_design(changed(kind="training"), "test.json")
    single = make_test(tmp_path / "ab", n_systems=1, length_s=0.05, rate_hz=16000, method="ab")
    with pytest.raises(DataError, match="no two systems to compare"):
        check_design(single, "test.json")
