"""Folders of estimates against folders of references, with known scores by construction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from svbench.audio import Audio, Samples
from svbench.datasets.synthetic import write_folder
from svbench.errors import DataError
from svbench.results.record import collect
from svbench.results.scores import TrackResult
from svbench.results.store import Run
from svbench.scoring.folders import score_folders
from svbench.scoring.pool import ScoringPool
from svbench.specs.protocol import Alignment, Protocol, load_protocol

RATE_HZ = 8000
STEMS = ("vocals", "drums", "bass", "other")
Tracks = Mapping[str, Mapping[str, Samples]]
Score = Callable[..., Run]


def stems(seed: int, n_samples: int = 4000) -> dict[str, Samples]:
    draw = np.random.default_rng(seed)
    return {t: 0.1 * draw.standard_normal((n_samples, 2)) for t in STEMS}


REFERENCES = {"first": stems(1), "second": stems(2)}


def scaled(tracks: Tracks, gain: float = 0.9) -> dict[str, dict[str, Samples]]:
    """Make estimates: a gain of 0.9 is 20 dB."""
    return {name: {t: gain * x for t, x in parts.items()} for name, parts in tracks.items()}


@pytest.fixture
def score(tmp_path: Path, inline_pool: ScoringPool) -> Score:
    def write(name: str, tracks: Tracks) -> Path:
        write_folder(
            tmp_path / name,
            {n: {t: Audio(x, RATE_HZ) for t, x in parts.items()} for n, parts in tracks.items()},
        )
        return tmp_path / name

    def run(estimates: Tracks, references: Tracks = REFERENCES, protocol: Protocol | str = "mdx21") -> Run:
        rule = load_protocol(protocol) if isinstance(protocol, str) else protocol
        reported: list[tuple[str, int]] = []
        done = score_folders(
            write("references", references), write("estimates", estimates), rule,
            system="my model", pool=inline_pool, provenance=collect(["svbench"], {}),
            report=lambda result, n: reported.append((result.track, n)),
        )  # fmt: skip
        assert reported == [(r.track, len(done.results)) for r in done.results]
        return done

    return run


def scores(result: TrackResult) -> dict[tuple[str, str], float | None]:
    return {(s.target_set, s.target): s.score[0] for s in result.series}


def test_scores_are_those_of_the_estimates(score: Score) -> None:
    run = score(scaled(REFERENCES))
    assert run.record.system.id == "my-model"
    assert [(r.track, r.status) for r in run.results] == [("first", "ok"), ("second", "ok")]
    for result in run.results:
        assert result.target_sets == ("4-stems", "vocals-accompaniment")
        assert list(scores(result).values()) == pytest.approx([20.0] * 6, abs=0.01)
        assert "accompaniment is the sum of its estimates of drums, bass, other" in result.notes


def test_a_track_that_lacks_an_estimate_fails_by_itself(score: Score) -> None:
    estimates = scaled(REFERENCES)
    del estimates["second"]["bass"]
    first, second = score(estimates).results
    assert first.status == "ok"
    assert (second.status, second.reason) == (
        "failed",
        "no estimate of bass, accompaniment; found vocals, drums, other",
    )
    assert set(scores(second).values()) == {None}


def test_a_track_without_any_estimate_fails_by_itself(score: Score) -> None:
    estimates = scaled(REFERENCES)
    del estimates["first"]
    first, second = score(estimates).results
    assert (first.status, second.status) == ("failed", "ok")
    assert first.reason.startswith("no estimate of vocals, drums, bass, other")


def test_two_stem_estimates_are_scored_in_their_set_alone(score: Score) -> None:
    estimates = {
        name: {"vocals": 0.9 * s["vocals"], "accompaniment": 0.8 * (s["drums"] + s["bass"] + s["other"])}
        for name, s in REFERENCES.items()
    }
    run = score(estimates)
    assert "target set 4-stems: no estimate of drums, bass, other" in run.record.data.left_out
    for result in run.results:
        found = scores(result)
        assert list(found) == [("vocals-accompaniment", t) for t in ("vocals", "accompaniment")]
        assert list(found.values()) == pytest.approx([20.0, 20 * np.log10(1 / 0.2)], abs=0.01)


def test_estimates_of_other_lengths_follow_the_rule_of_the_protocol(score: Score) -> None:
    estimates = scaled(REFERENCES)
    estimates["second"]["drums"] = estimates["second"]["drums"][:-5]
    rule = load_protocol("mdx21")

    def under(alignment: Alignment) -> TrackResult:
        from msgspec.structs import replace

        first, second = score(estimates, protocol=replace(rule, alignment=alignment)).results
        assert first.status == "ok"
        return second

    refused = under(Alignment())
    assert (refused.status, refused.reason) == (
        "failed",
        "estimate of drums has 3995 samples, expected 4000 (refused)",
    )
    padded = under(Alignment(length="pad_or_cut", max_samples=5))
    assert padded.status == "ok"
    assert "drums: estimate padded by 5 samples" in padded.notes
    lost = np.sum(REFERENCES["second"]["drums"][-5:] ** 2)
    whole = np.sum(REFERENCES["second"]["drums"] ** 2)
    wanted = 10 * np.log10(whole / (0.01 * (whole - lost) + lost))
    assert scores(padded)["4-stems", "drums"] == pytest.approx(wanted, abs=0.02)
    assert under(Alignment(length="pad_or_cut", max_samples=4)).status == "failed"


def test_references_without_what_a_set_needs_are_named(score: Score) -> None:
    two = {name: {t: s[t] for t in ("vocals",)} for name, s in REFERENCES.items()}
    with pytest.raises(DataError, match="nothing to score under mdx21: target set 4-stems: no reference of"):
        score(scaled(two), two)


def test_protocols_with_probes_are_refused(score: Score) -> None:
    with pytest.raises(DataError, match="robustness changes the mixtures before separation"):
        score(scaled(REFERENCES), protocol="robustness")
