"""Pairs, ranks and repeats on scores whose truth is known, and against scipy."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats

from svbench.errors import DataError
from svbench.results.aggregate import Summary
from svbench.specs.protocol import Reduce
from svbench.statistics.comparison import printed_number
from svbench.statistics.pairs import all_pairs, one_pair
from svbench.statistics.ranks import critical_difference, rank_intervals
from svbench.statistics.samples import Sampler
from svbench.statistics.signed_rank import (
    MOST_EXACT,
    _n_outside,
    holm,
    signed_rank,
    typical_difference,
)
from svbench.statistics.track_values import IntervalSettings, SystemRuns, SystemValues, TrackValues


def entrant(name: str, *repeats: Sequence[float], rule: Any = "mean") -> SystemValues:
    """A system with one score a track, for each repeat."""
    tracks = tuple(f"t{i}" for i in range(len(repeats[0])))
    materials = []
    for scores in repeats:
        own = dict(zip(tracks, map(float, scores), strict=True))
        value = float(getattr(np, rule)(scores))
        materials.append(
            TrackValues(
                Summary("set", "v", "SDR", value, "ok", "", len(tracks), len(tracks), 1, 0),
                Reduce(frames=rule, tracks=rule),
                {t: [np.array([v])] for t, v in own.items()},
                own,
                dict.fromkeys(tracks, 1.0),
                {},
            )
        )
    return SystemValues(SystemRuns(name, "system", ()), tuple(materials), tracks)


def sampler(resamples: int = 2000) -> Sampler:
    return Sampler(IntervalSettings(resamples=resamples))


@pytest.mark.parametrize(("n", "digits"), [(30, 9), (50, 9), (60, 9), (150, 0)])
def test_signed_rank_is_scipys(n: int, digits: int) -> None:
    better = np.round(np.random.default_rng(1).normal(0.2, 1, n), digits)
    found = signed_rank(better)
    assert found.p == pytest.approx(
        stats.wilcoxon(better[better != 0], method="exact" if n <= MOST_EXACT else "asymptotic").pvalue
    )
    assert found.wins + found.ties + found.losses == n
    assert found.standardised == pytest.approx(better.mean() / better.std(ddof=1))
    assert signed_rank(-better).rank_biserial == -found.rank_biserial


@pytest.mark.parametrize("seed", range(5))
def test_tied_ranks_have_their_share_of_all_signs(seed: int) -> None:
    better = np.random.default_rng(seed).integers(1, 4, 9) * np.random.default_rng(seed).choice([-1, 1], 9)
    ranks = stats.rankdata(np.abs(better))
    sums = [abs(np.dot(signs, ranks)) for signs in itertools.product((-1, 1), repeat=9)]
    as_far = np.mean([s >= abs(np.dot(np.sign(better), ranks)) - 1e-9 for s in sums])
    assert signed_rank(better.astype(float)).p == pytest.approx(as_far)


def test_four_equal_differences_prove_nothing() -> None:
    assert signed_rank(np.ones(4)).p == 2 / 16


def test_the_typical_difference_is_that_of_the_book() -> None:
    # Hollander and Wolfe 1999, table 3.1 and sections 3.2, 3.3: nine patients before and after therapy.
    before = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
    after = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
    found = typical_difference(after - before, 0.05)
    assert (found.value, found.low, found.high) == pytest.approx((-0.46, -0.786, -0.010))
    assert found.median == pytest.approx(np.median(after - before))


@pytest.mark.parametrize(("n", "alpha"), [(6, 0.05), (11, 0.05), (30, 0.1), (50, 0.05), (120, 0.01)])
def test_the_interval_holds_the_shifts_that_scipys_test_does_not_reject(n: int, alpha: float) -> None:
    values = np.random.default_rng(n).normal(0.3, 1, n)
    found = typical_difference(values, alpha)
    averages = [(a + b) / 2 for i, a in enumerate(values) for b in values[i:]]
    assert found.value == pytest.approx(np.median(averages), abs=1e-12)
    method = "exact" if n <= MOST_EXACT else "asymptotic"
    assert found.low is not None
    assert found.high is not None
    for bound, inwards in ((found.low, 1e-9), (found.high, -1e-9)):
        inside, outside = (
            stats.wilcoxon(values - bound - step, method=method, correction=True).pvalue
            for step in (inwards, -inwards)
        )
        assert inside > alpha >= outside
    assert typical_difference(-values, alpha).low == pytest.approx(-found.high, abs=1e-12)


def test_too_few_and_perfect_tracks_have_no_typical_interval() -> None:
    assert typical_difference(np.arange(5.0), 0.05).low is None  # 2 of 32 signs are as one-sided
    assert typical_difference(np.arange(6.0), 0.05).low == 0.0
    perfect = typical_difference(np.array([np.inf, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), 0.05)
    assert (perfect.value, perfect.high) == (4.5, None)
    assert perfect.low == 2.0
    both = typical_difference(np.array([np.inf, -np.inf, 1.0]), 0.05)
    assert (both.value, both.low, both.high) == (None, None, None)


def test_the_approximate_count_meets_the_exact_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for alpha in (0.01, 0.05, 0.1):
        exact = _n_outside(MOST_EXACT, alpha)
        with monkeypatch.context() as patch:
            patch.setattr("svbench.statistics.signed_rank.MOST_EXACT", 0)
            assert abs(_n_outside.__wrapped__(50, alpha) - exact) <= 3  # of 1275 averages


def test_a_pair_says_where_the_numbers_and_the_tracks_disagree() -> None:
    # Medians 5 and 4.875; yet the second is better by 1.5 on five of the seven tracks.
    first = entrant("a", [1, 2, 4.75, 5, 8, 9, 10], rule="median")
    second = entrant("b", [2.5, 3.5, 4.5, 4.875, 9.5, 10.5, 11.5], rule="median")
    pair = one_pair(first, second, sampler(), higher_is_better=True)
    assert pair.typical is not None
    assert (pair.value, pair.typical.value, pair.typical.median) == (0.125, -1.5, -1.5)
    assert pair.signs_differ
    assert not one_pair(first, first, sampler(), higher_is_better=True).signs_differ


def test_infinite_and_equal_tracks_are_ranked_not_dropped() -> None:
    found = signed_rank(np.array([np.inf, 1.0, 2.0, 0.0, 0.004]))
    assert (found.wins, found.ties, found.losses, found.standardised) == (3, 2, 0, None)
    assert found.rank_biserial == 1.0
    assert signed_rank(np.zeros(5)).p == 1.0


def test_holm_is_what_step_down_by_hand_gives() -> None:
    assert holm([0.04, 0.01, 0.03, 0.005]) == pytest.approx([0.06, 0.03, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_pair_tells_what_the_paired_t_test_tells_of_means() -> None:
    draw = np.random.default_rng(4)
    tracks = draw.normal(5, 3, 40)
    a, b = tracks + draw.normal(0.5, 1, 40), tracks + draw.normal(0, 1, 40)
    pair = one_pair(entrant("a", a), entrant("b", b), sampler(), higher_is_better=True)
    theirs = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert (pair.low, pair.high) == (pytest.approx(theirs.low), pytest.approx(theirs.high))
    assert pair.value == pytest.approx(np.mean(a - b))
    reach = float(theirs.high) - float(np.mean(a - b))
    assert pair.detectable == pytest.approx(reach * (1 + stats.t.ppf(0.8, 39) / stats.t.ppf(0.975, 39)))


def test_the_detectable_difference_is_found_four_times_out_of_five() -> None:
    draw, found, told = np.random.default_rng(6), 0, []
    for _ in range(400):
        better = entrant("a", draw.normal(DETECTABLE, 1, 50))
        pair = one_pair(better, entrant("b", np.zeros(50)), sampler(200), higher_is_better=True)
        assert pair.low is not None
        assert pair.detectable is not None
        found += pair.low > 0
        told.append(pair.detectable)
    assert np.mean(told) == pytest.approx(DETECTABLE, rel=0.03)
    assert 0.75 <= found / 400 <= 0.85


DETECTABLE = float((stats.t.ppf(0.975, 49) + stats.t.ppf(0.8, 49)) / 50**0.5)


def test_lower_is_better_turns_wins_and_ranks_but_not_the_difference() -> None:
    low, high = entrant("low", [1, 2, 3, 1, 2, 3]), entrant("high", [5, 7, 6, 6, 7, 5])
    pair = one_pair(low, high, sampler(), higher_is_better=False)
    assert pair.value == -4.0
    assert pair.tests is not None
    assert (pair.tests.wins, pair.tests.losses, pair.tests.rank_biserial) == (6, 0, 1.0)
    assert [r.system for r in rank_intervals([low, high], [1, 2], sampler(), higher_is_better=False)] == [
        "low",
        "high",
    ]


def test_one_track_has_a_difference_but_no_interval() -> None:
    pair = one_pair(entrant("a", [3.0]), entrant("b", [1.0]), sampler(), higher_is_better=True)
    assert (pair.value, pair.low, pair.high, pair.detectable) == (2.0, None, None, None)
    assert pair.note == "one track only: no interval"
    alone = printed_number(entrant("a", [3.0]), sampler())
    assert (alone.value, alone.low, alone.note) == (3.0, None, "one track only: no interval")


def test_ranks_hold_the_truth_together_also_where_systems_are_equal() -> None:
    draw, held, widest = np.random.default_rng(11), 0, 0
    means = np.array([1.0, 0.0, 0.0, 0.0, -1.0])
    possible = {"0": (1, 1), "1": (2, 4), "2": (2, 4), "3": (2, 4), "4": (5, 5)}
    for _ in range(200):
        tracks = draw.normal(5, 3, 50)
        found = [entrant(str(i), tracks + m + draw.normal(0, 1, 50)) for i, m in enumerate(means)]
        intervals = rank_intervals(found, range(1, 6), sampler(500), higher_is_better=True)
        held += all(r.best <= possible[r.system][0] and r.worst >= possible[r.system][1] for r in intervals)
        widest = max(widest, *(r.worst - r.best for r in intervals if r.system == "0"))
    assert held / 200 >= 0.93
    assert widest <= 2  # and they say something


@pytest.mark.parametrize(("k", "quantile"), [(3, 2.343), (4, 2.569), (10, 3.164)])
def test_critical_difference_has_the_quantiles_of_demsars_table_5(k: int, quantile: float) -> None:
    draw = np.random.default_rng(k)
    found = critical_difference(
        [entrant(str(i), draw.normal(0, 1, 14)) for i in range(k)], 0.05, higher_is_better=True
    )
    assert found is not None
    assert found.difference == pytest.approx(quantile * (k * (k + 1) / (6 * 14)) ** 0.5, abs=1e-3)


def test_mean_ranks_and_cliques_by_hand() -> None:
    # Ranks of a, b, c, d on each of ten tracks: 1, 2.5, 2.5, 4.
    scores = {"c": 2.0, "a": 3.0, "d": 1.0, "b": 2.0}
    found = critical_difference(
        [entrant(n, [v + t for t in range(10)]) for n, v in scores.items()], 0.05, higher_is_better=True
    )
    assert found is not None
    assert dict(found.mean_ranks) == {"a": 1.0, "c": 2.5, "b": 2.5, "d": 4.0}
    assert [n for n, _ in found.mean_ranks][0::3] == ["a", "d"]
    assert found.difference == pytest.approx(1.483, abs=1e-3)  # just below 1.5
    assert found.cliques == (("c", "b"),)
    ranks = np.tile([[2.5], [1], [4], [2.5]], 10)
    assert found.p == pytest.approx(stats.friedmanchisquare(*ranks).pvalue)


def test_too_few_systems_have_no_ranks() -> None:
    assert rank_intervals([entrant("a", [1, 2])], [1], sampler(), higher_is_better=True) == []
    assert rank_intervals([], [], sampler(), higher_is_better=True) == []
    assert (
        critical_difference([entrant("a", [1, 2]), entrant("b", [1, 2])], 0.05, higher_is_better=True) is None
    )
    same = critical_difference([entrant(n, [1, 2, 3]) for n in "abc"], 0.05, higher_is_better=True)
    assert same is not None
    assert same.p == 1.0


def test_seeds_widen_an_interval_as_far_as_they_vary() -> None:
    draw, one, held = np.random.default_rng(12), 0, 0
    for _ in range(300):
        tracks = draw.normal(5, 1, 50)
        seeds = draw.normal(0, 0.4, 5)  # how good the training went, alike on all tracks
        repeats = [tracks + s + draw.normal(0, 0.3, 50) for s in seeds]
        found, single = (printed_number(entrant("net", *r), sampler(300)) for r in (repeats, repeats[:1]))
        assert found.n_repeats == 5
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 5 <= found.high
        assert single.low is not None
        assert single.high is not None
        one += single.low <= 5 <= single.high
    assert 0.92 <= held / 300 <= 0.98
    assert one / 300 < 0.85  # one seed passes for the method


def test_drawn_repeats_vary_as_much_as_their_mean_is_uncertain() -> None:
    repeats = [np.full(50, v) for v in (0.0, 1.0, 3.0)]
    samples = sampler(20_000).of(entrant("net", *repeats), tuple(f"t{i}" for i in range(50)))
    assert samples.drawn.mean() == pytest.approx(4 / 3, abs=0.02)
    assert samples.drawn.var() == pytest.approx(np.var([0, 1, 3], ddof=1) / 3, rel=0.03)
    assert samples.seed_variance == pytest.approx(np.var([0, 1, 3], ddof=1) / 3)


def test_the_same_seed_gives_the_same_numbers_whoever_else_is_there() -> None:
    draw = np.random.default_rng(13)
    a, b, c = (entrant(n, draw.normal(0, 1, 20), draw.normal(0, 1, 20), rule="median") for n in "abc")
    two, three = (
        all_pairs([a, b], sampler(), higher_is_better=True),
        all_pairs([a, b, c], sampler(), higher_is_better=True),
    )
    assert (two[0].low, two[0].high) == (three[0].low, three[0].high)
    assert (
        Sampler(IntervalSettings(seed=1)).of(a, a.tracks).drawn.tolist()
        != Sampler(IntervalSettings()).of(a, a.tracks).drawn.tolist()
    )


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"resamples": 5}, "5 resamples are too few"),
        ({"alpha": 0.7}, "alpha is 0.7"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_settings_out_of_range(settings: dict[str, Any], match: str) -> None:
    with pytest.raises(DataError, match=match):
        IntervalSettings(**settings)
