"""Comparing a variant with the original: what is compared, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import svbench.probes.tracks
from svbench.audio.sounds import ArraySound
from svbench.datasets.api import open_dataset
from svbench.errors import AudioError, SpecError
from svbench.probes.api import Variant
from svbench.probes.robustness import robustness_variants
from svbench.probes.tracks import ProbedTrack, brought_back, expected, probed
from svbench.running.jobs import jobs_of
from svbench.running.reuse import kept_originals, result_key
from svbench.scoring.arrays import score_arrays
from svbench.scoring.bound import bind
from svbench.scoring.track import Signals, score_signals
from svbench.specs.manifest import load_manifest
from svbench.specs.protocol import load_protocol
from svbench.specs.system import load_system

PROTOCOL = load_protocol("robustness")
RATE_HZ = 8000


def noise(seed: int) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal((RATE_HZ, 2))


def test_the_expected_estimate_takes_the_place_of_the_reference() -> None:
    reference, error = noise(0), noise(1)
    error -= reference * np.vdot(error, reference) / np.vdot(reference, reference)
    error *= 0.1 * np.linalg.norm(reference) / np.linalg.norm(error)
    sounds = {
        name: {"vocals": ArraySound(x, RATE_HZ)}
        for name, x in (("r", noise(2)), ("e", 0.5 * (reference + error)), ("o", reference))
    }
    scored = score_signals(Signals(sounds["r"], sounds["e"], expected=sounds["o"]), bind(PROTOCOL))
    found = {s.metric: s.score[0] for s in scored.series}
    assert found["SI-SDR-eq"] == pytest.approx(20.0, abs=1e-9)
    # Half the level: the error is half of the reference and a twentieth of it across.
    assert found["uSDR-eq"] == pytest.approx(-10 * np.log10(0.5**2 + 0.05**2), abs=1e-9)
    assert list(found) == ["uSDR", "SI-SDR-eq", "uSDR-eq"] == [q.name for q in bind(PROTOCOL).quantities]
    # A track without the target has the comparison all the same.
    without = score_signals(Signals({}, sounds["e"], expected=sounds["o"]), bind(PROTOCOL))
    assert {s.metric: s.status[0] for s in without.series} == {
        "uSDR": "no target", "SI-SDR-eq": "ok", "uSDR-eq": "ok",
    }  # fmt: skip
    failed = score_signals(Signals(sounds["r"], sounds["e"], expected={}), bind(PROTOCOL))
    assert [s.status[0] for s in failed.series] == ["ok", "failed", "failed"]
    assert "the original of this track failed" in failed.notes[0]


def test_estimates_without_an_original_are_refused() -> None:
    with pytest.raises(
        AudioError, match="si-sdr is used against the original's estimates: use `svbench run`"
    ):
        score_arrays({"vocals": noise(0)}, {"vocals": noise(1)}, rate_hz=RATE_HZ, protocol=PROTOCOL)


def test_what_can_be_undone_is_scored_on_the_recorded_track(small_folder: Path) -> None:
    dataset = open_dataset(load_manifest("folder"), small_folder, tracks=["track 0"])
    found = {d.variant: d.tracks[0] for d in probed(dataset, PROTOCOL)}
    recorded = dataset.tracks[0]
    assert found["original"] is recorded
    estimates = {"vocals": ArraySound(found["silence"].mixture().samples, recorded.rate_hz)}
    on, back = brought_back(found["silence"], estimates)
    assert on is recorded
    assert back["vocals"].n_samples == recorded.n_samples
    assert expected(found["silence"], back) is back
    tempo = found["tempo+5"]
    assert isinstance(tempo, ProbedTrack)
    assert tempo.n_samples == tempo.mixture().n_samples == round(recorded.n_samples / 1.05)
    own = {"vocals": ArraySound(recorded.mixture().samples, recorded.rate_hz)}
    assert brought_back(tempo, own) == (tempo, own)
    assert expected(tempo, own)["vocals"].n_samples == tempo.n_samples
    # Changes of the mixture alone leave what is expected, and the references.
    noisy = found["noise"]
    assert isinstance(noisy, ProbedTrack)
    vocals, same = recorded.reference("vocals"), noisy.reference("vocals")
    assert vocals is not None
    assert same is not None
    assert np.array_equal(vocals.samples, same.samples)
    assert np.array_equal(expected(noisy, own)["vocals"]._samples, own["vocals"]._samples)  # type: ignore[attr-defined]


def test_keys_know_the_original() -> None:
    bound, system = bind(PROTOCOL), load_system("mixture")
    plain = result_key(bound, system, "t", "d").digest
    keys = {
        plain,
        *(result_key(bound, system, "t", "d", o).digest for o in ({}, {"vocals": "a"}, {"vocals": "b"})),
    }
    assert len(keys) == 4
    assert result_key(bound, system, "t", "d", None).digest == plain


def test_the_original_comes_first_and_is_kept(
    small_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, system = open_dataset(load_manifest("folder"), small_folder), load_system("mixture")
    first, *others = jobs_of(system, PROTOCOL, dataset, tmp_path)
    assert (first.dataset.variant, first.keep_estimates, first.original) == ("original", True, None)
    assert len(others) >= 22  # all but what needs an encoder
    assert {(j.keep_estimates, j.original) for j in others} == {(False, first.folder)}
    assert kept_originals(first.folder, "track 0").paths == {}
    plain = jobs_of(system, load_protocol("mdx21"), dataset, tmp_path)
    assert [(j.original, j.keep_estimates) for j in plain] == [(None, False)]

    def lacking(protocol: object) -> list[Variant]:
        return robustness_variants(["swap"])[1:]

    monkeypatch.setattr(svbench.probes.tracks, "variants", lacking)
    with pytest.raises(SpecError, match="probes: its metrics need a variant 'original'; it has none"):
        jobs_of(system, PROTOCOL, dataset, tmp_path)
