"""Which excerpts are chosen: where targets sound, spread over difficulty, seeded."""

from __future__ import annotations

import numpy as np
import pytest

from svbench.audio.sounds import ArraySound
from svbench.errors import DataError
from svbench.listening.building.excerpts import active_share, active_starts, frame_levels
from svbench.listening.building.material import named_excerpt
from svbench.listening.building.track_selection import Candidate, Excerpt, choose, even_ranks, max_excerpts
from svbench.results.record import Quantity
from svbench.specs.listening import Excerpts

DB = Quantity(name="uSDR", unit="dB", higher_is_better=True, metric="sdr")
STARTS = tuple(i * 0.5 for i in range(21))  # of 10 s in 20 s


def tracks(n: int, starts: tuple[float, ...] = STARTS) -> list[Candidate]:
    """Track k has difficulty k and a range of 2k between its systems."""
    return [Candidate(f"track {k}", (0.0, 2.0 * k), starts) for k in range(n)]


@pytest.mark.parametrize("rate_hz", [16000, 22050, 44100])
def test_levels_and_shares(rate_hz: int) -> None:
    samples = np.zeros((30 * rate_hz, 2))
    samples[10 * rate_hz : 20 * rate_hz, 0] = 0.5
    samples[20 * rate_hz : 25 * rate_hz, 0] = 0.05
    levels = frame_levels(ArraySound(samples, rate_hz))
    assert len(levels) == 600
    assert np.all(levels[:200] == -np.inf)
    assert levels[200:400] == pytest.approx(np.zeros(200), abs=0.01)
    assert levels[401:499] == pytest.approx(np.full(98, -20.0), abs=0.01)
    rule = Excerpts(length_s=10.0)
    assert active_share(levels, 5.0, rule) == pytest.approx(0.5, abs=0.01)
    assert active_starts(levels, 30.0, rule) == tuple(np.arange(6, 19.5, 0.5))
    assert active_starts(levels, 30.0, Excerpts(length_s=10.0, active_db=-10.0)) == tuple(
        np.arange(6, 14.5, 0.5)
    )
    assert active_starts(levels, 9.9, rule) == ()


def test_silence_is_nowhere_active() -> None:
    levels = frame_levels(ArraySound(np.zeros((16000, 1)), 8000))
    assert active_starts(levels, 2.0, Excerpts(length_s=1.0)) == ()


def test_spread_over_ranks_and_training_where_systems_differ_most() -> None:
    found = choose(tracks(11), Excerpts(n=3, training=1), "vocals", DB)
    assert [(e.kind, e.track) for e in found] == [
        ("training", "track 9"), ("test", "track 0"), ("test", "track 10"), ("test", "track 5"),
    ]  # fmt: skip
    assert found[1].chosen_by == "uSDR 0.00 dB, rank 1 of 11"
    assert found[0].chosen_by == "range of 18.00 dB between systems"
    lower = Quantity(name="error", unit="", higher_is_better=False, metric="x")
    ranks = {e.track: e.chosen_by for e in choose(tracks(3), Excerpts(n=3, training=0), "vocals", lower)}
    assert ranks["track 2"].endswith("rank 1 of 3"), "the highest error is the hardest"


def test_a_track_gives_more_only_when_all_gave_one() -> None:
    found = choose(tracks(3), Excerpts(n=5, training=1), "vocals", DB)
    by_track: dict[str, list[float]] = {}
    for e in found:
        by_track.setdefault(e.track, []).append(e.start_s)
    assert {t: len(s) for t, s in by_track.items()} == {"track 0": 2, "track 1": 2, "track 2": 2}
    assert all(abs(a - b) >= 10 for a, b in by_track.values()), "excerpts of a track never overlap"
    with pytest.raises(
        DataError, match=r"8 excerpts of 10 s are wanted \(7 of the test, 1 of the training\), there are 6"
    ):
        choose(tracks(3), Excerpts(n=7, training=1), "vocals", DB)


def test_starts_are_drawn_by_seed_and_differ_between_tracks() -> None:
    def starts(seed: int) -> list[float]:
        return [e.start_s for e in choose(tracks(8), Excerpts(n=8, training=0, seed=seed), "vocals", DB)]

    assert starts(1) == starts(1)
    assert starts(1) != starts(2)
    assert len(set(starts(1))) > 3
    more = choose(tracks(9), Excerpts(n=9, training=0, seed=1), "vocals", DB)
    assert [e.start_s for e in more][:8] == starts(1), "a further track leaves the others where they were"


def test_every_draw_leaves_room_for_the_rest() -> None:
    """Of 25 s, two excerpts of 10 s fit only if the first is not drawn from the middle."""
    starts = tuple(i * 0.5 for i in range(31))
    for seed in range(30):
        found = choose(tracks(1, starts), Excerpts(n=2, training=0, seed=seed), "vocals", DB)
        assert abs(found[0].start_s - found[1].start_s) >= 10


def test_training_beside_named_excerpts() -> None:
    named = [Excerpt("test", "track 1", "vocals", 0.0, 1.0, "named by the user")]
    found = choose(tracks(2, (0.0, 5.0)), Excerpts(training=1), "vocals", DB, named)
    assert [(e.kind, e.track) for e in found] == [("training", "track 0"), ("test", "track 1")]
    with pytest.raises(DataError, match="1 excerpts of 10 s are wanted"):
        choose(tracks(2, (0.0, 5.0))[1:], Excerpts(training=1), "vocals", DB, named)


def test_small_pieces() -> None:
    assert max_excerpts([], 10) == 0
    assert max_excerpts([0, 9.5, 10], 10) == 2
    assert [len(set(even_ranks(n, k))) for n in range(1, 20) for k in range(1, n + 1)] == [
        k for n in range(1, 20) for k in range(1, n + 1)
    ]
    for text in ("track", "@3", "a@", "a@-1", "a@x", "a@nan", "a@inf"):
        with pytest.raises(DataError, match="expected TRACK@START"):
            named_excerpt(text)
