"""Scores of the excerpts of a listening test, with known answers by construction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from svbench.agreement.excerpts import PROTOCOLS, Rule, _rules, chosen_protocols, score_cut
from svbench.agreement.stimulus_match import Cut
from svbench.audio import Audio, Samples, write_audio
from svbench.datasets.api import Track, open_dataset
from svbench.datasets.synthetic import write_folder
from svbench.errors import DataError
from svbench.scoring.bound import bind
from svbench.specs.manifest import load_manifest
from svbench.specs.protocol import load_protocol

RATE_HZ = 8000
START, LENGTH = 8000, 8000
STEMS = ("vocals", "drums", "bass", "other")
MDX21 = load_protocol("mdx21")


def noise(seed: int) -> Samples:
    return 0.1 * np.random.default_rng(seed).standard_normal((4 * RATE_HZ, 2))


SOUNDS = {t: noise(i) for i, t in enumerate(STEMS)}


@pytest.fixture(scope="module")
def track(tmp_path_factory: pytest.TempPathFactory) -> Track:
    """Four seconds of four stems of noise."""
    root = tmp_path_factory.mktemp("references")
    write_folder(root, {"song": {t: Audio(x, RATE_HZ) for t, x in SOUNDS.items()}})
    return open_dataset(load_manifest("folder"), root).tracks[0]


@pytest.fixture
def estimates(tmp_path: Path) -> dict[str, Path]:
    """Kept estimates: 0.9 times the reference (20 dB) within the excerpt, other noise outside it."""
    paths = {}
    for i, (target, samples) in enumerate(SOUNDS.items()):
        estimate = noise(10 + i)
        estimate[START : START + LENGTH] = 0.9 * samples[START : START + LENGTH]
        paths[target] = tmp_path / f"{target}.wav"
        write_audio(paths[target], Audio(estimate, RATE_HZ))
    return paths


def cut(track: Track, estimates: object, condition: str = "model") -> Cut:
    return Cut("t1", condition, "vocals", track, estimates, START, LENGTH)  # type: ignore[arg-type]


def test_only_the_excerpt_counts(track: Track, estimates: dict[str, Path]) -> None:
    (row,), notes = score_cut(cut(track, estimates), [Rule(bind(MDX21), "4-stems")])
    assert (row.trial, row.condition, row.protocol, row.target_set) == ("t1", "model", "mdx21", "4-stems")
    assert (row.metric, row.status, row.higher_is_better) == ("uSDR", "ok", True)
    assert row.score == pytest.approx(20, abs=0.01)
    assert notes == []


def test_an_anchor_is_scored_by_its_target_alone(track: Track) -> None:
    anchor = {"vocals": 0.5 * SOUNDS["vocals"][START : START + LENGTH]}
    (row,), _ = score_cut(cut(track, anchor, "anchor35"), [Rule(bind(MDX21), "4-stems")])
    assert row.score == pytest.approx(20 * np.log10(2), abs=0.01)


def test_every_rule_gives_its_quantities_of_the_target(track: Track, estimates: dict[str, Path]) -> None:
    rules = [Rule(bind(load_protocol(p)), "4-stems") for p in ("mdx21", "si-sdr", "sdri")]
    rows, notes = score_cut(cut(track, estimates), rules)
    assert notes == []
    found = {(r.protocol, r.metric): r.score for r in rows}
    assert {p for p, _ in found} == {"mdx21", "si-sdr", "sdri"}
    # The gain is free, so 0.9 times the reference is perfect but for the rounding of 16 bits.
    assert found["si-sdr", "SI-SDR"] > 60
    within = {t: x[START : START + LENGTH] for t, x in SOUNDS.items()}
    rest = sum(within[t] for t in STEMS[1:])
    mixture = 10 * np.log10(np.sum(within["vocals"] ** 2) / np.sum(np.square(rest)))
    assert found["sdri", "uSDRi"] == pytest.approx(20 - mixture, abs=0.1)


def test_what_cannot_be_scored_is_a_failed_row_and_a_note(track: Track, estimates: dict[str, Path]) -> None:
    broken = np.zeros((LENGTH, 2))
    broken[5] = np.nan
    rules = [Rule(bind(MDX21), "4-stems")]
    (row,), (note,) = score_cut(cut(track, {**estimates, "vocals": broken}), rules)
    assert np.isnan(row.score)
    assert row.status == "failed"
    assert note.startswith("mdx21 cannot score model of 'song': the estimate of vocals has a NaN")


def test_the_target_set_is_the_first_that_all_systems_estimate() -> None:
    def sets(target: str, *estimated: str) -> list[str]:
        notes: list[str] = []
        return [r.target_set for r in _rules([MDX21], target, set(estimated), False, notes)]

    assert sets("vocals", *STEMS) == ["4-stems"]
    assert sets("vocals", "vocals", "accompaniment") == ["vocals-accompaniment"]
    with pytest.raises(DataError, match="none of the protocols scores bass: mdx21"):
        sets("bass", "vocals")
    notes: list[str] = []
    both = [MDX21, load_protocol("si-sdr")]
    with pytest.raises(DataError, match="mdx21 does not score drums without estimates of"):
        _rules(both, "drums", {"vocals", "accompaniment"}, True, notes)


def test_protocols_of_the_runs_come_first_and_probes_are_refused() -> None:
    chosen = chosen_protocols([], [load_protocol("msst"), MDX21])
    assert [p.id for p in chosen] == ["msst", "mdx21", *(p for p in PROTOCOLS if p != "mdx21")]
    assert [p.id for p in chosen_protocols(["sdri"], [MDX21])] == ["sdri"]
    with pytest.raises(DataError, match="robustness scores what a probe made of the music"):
        chosen_protocols(["robustness"], [])
