"""What differs between fresh workers, and by how much."""

from __future__ import annotations

from pathlib import Path

import pytest

from svbench.cost.repeats import repeat_tracks
from svbench.datasets.api import Dataset, open_dataset
from svbench.specs.manifest import load_manifest
from svbench.specs.protocol import load_protocol
from svbench.specs.system import LocatedSystem, load_system

MDX21 = load_protocol("mdx21")


@pytest.fixture
def dataset(small_folder: Path) -> Dataset:
    return open_dataset(load_manifest("folder"), small_folder)


def system(folder: Path, body: str, deterministic: bool = True) -> LocatedSystem:
    """A system of one line: what the mixture's samples x become for both targets."""
    (folder / "code.py").write_text(
        "import os\nimport numpy as np\nfrom svbench.audio import Audio\n"
        "from svbench.systems.api import SystemInfo\n\n\nclass Made:\n    n = 0\n"
        f"    info = SystemInfo('s', ('vocals', 'accompaniment'), deterministic={deterministic})\n\n"
        "    def separate(self, mixture):\n        x = mixture.samples\n        self.n += 1\n"
        f"        y = {body}\n        return dict.fromkeys(self.info.targets, Audio(y, mixture.rate_hz))\n"
    )
    (folder / "s.toml").write_text(
        'schema = 1\nid = "s"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n'
        'parameters = { factory = "code.py:Made" }\n'
    )
    return load_system(folder / "s.toml")


def test_equal_to_the_last_bit(dataset: Dataset, tmp_path: Path) -> None:
    told: list[str] = []
    found = repeat_tracks(load_system("hpss"), MDX21, dataset, tmp_path, n_passes=3, on_step=told.append)
    assert (found.is_equal, found.contradicts, found.largest_spread("uSDR")) == (True, False, 0)
    assert [t.track for t in found.tracks] == ["track 0", "track 1", "track 2"]
    assert told == [
        "track 0",
        "track 1",
        "track 2",
        "track 2",
        "track 1",
        "track 0",
        "track 0",
        "track 1",
        "track 2",
    ]
    for spread in found.tracks[0].spreads:
        assert len(spread.scores) == 3
    # The last track has no bass: no score, no spread, no trouble.
    absent = [s for s in found.tracks[2].spreads if s.target == "bass"]
    assert {s.statuses for s in absent} == {("no target",) * 3}
    assert {s.spread for s in absent} == {None}


@pytest.mark.parametrize("deterministic", [True, False])
def test_noise_is_measured(deterministic: bool, dataset: Dataset, tmp_path: Path) -> None:
    """Half the mixture plus an offset drawn afresh: the difference of two draws from ±0.01."""
    draw = "np.random.default_rng().uniform(-0.01, 0.01)"
    located = system(tmp_path, f"0.5 * x + {draw}", deterministic)
    found = repeat_tracks(located, MDX21, dataset, tmp_path, n_passes=4)
    assert not found.is_equal
    assert found.contradicts is deterministic
    for track in found.tracks:
        assert 0 < track.largest_difference < 0.02
        assert track.peak > 0.05
    assert 0 < (found.largest_spread("uSDR") or 0) < 5


def test_the_spread_is_that_of_the_scores(dataset: Dataset, tmp_path: Path) -> None:
    """All of the mixture in one process and half of it in the next: both scores are known from runs of their own."""
    flag = tmp_path / "flag"
    once = f"x * (1.0 if not os.path.exists({str(flag)!r}) and not open({str(flag)!r}, 'w').close() else 0.5)"
    one = Dataset(dataset.manifest, dataset.root, dataset.tracks[:1])
    found = repeat_tracks(system(tmp_path, once), MDX21, one, tmp_path).tracks[0]
    scores = {}
    for gain in (1.0, 0.5):
        alone = repeat_tracks(system(tmp_path, f"{gain} * x"), MDX21, one, tmp_path).tracks[0]
        scores[gain] = {(s.target, s.metric): s.scores[0] for s in alone.spreads}
    for spread in found.spreads:
        expected = [scores[g][spread.target, spread.metric] for g in (1.0, 0.5)]
        assert list(spread.scores) == expected
        if expected[0] is not None:
            assert spread.spread == pytest.approx(abs(expected[0] - expected[1]))
    assert found.largest_difference == pytest.approx(found.peak / 2)


def test_state_from_the_track_before_shows(dataset: Dataset, tmp_path: Path) -> None:
    """The second pass goes backwards, so only the track in the middle comes at the same turn."""
    found = repeat_tracks(system(tmp_path, "x / self.n"), MDX21, dataset, tmp_path)
    assert [t.largest_difference > 0 for t in found.tracks] == [True, False, True]
    assert found.contradicts
