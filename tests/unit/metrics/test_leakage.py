"""Energy where the target is silent, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from svbench.audio.sounds import ArraySound
from svbench.errors import AudioError
from svbench.metrics.leakage import leakage
from svbench.scoring.bound import bind
from svbench.scoring.track import Signals, score_signals
from svbench.specs.protocol import load_protocol

RATE = 1000
ONES = np.ones((1, 3 * RATE, 2))
FIRST_SILENT = ONES * (np.arange(3 * RATE) >= RATE)[:, np.newaxis]


def test_energy_is_a_sum_and_leakage_a_ratio() -> None:
    found = leakage(FIRST_SILENT, 0.1 * ONES, rate_hz=RATE, mixture=ONES[0]).values
    assert found["PES"][0, 0] == pytest.approx(10 * np.log10(0.01 * 2 * RATE))
    assert found["leakage"][0, 0] == pytest.approx(-20)
    assert np.isnan(found["PES"][0, 1:]).all()
    assert np.isnan(found["leakage"][0, 1:]).all()


def test_silent_estimate_meets_the_floor() -> None:
    found = leakage(0 * ONES, 0 * ONES, rate_hz=RATE, mixture=ONES[0]).values
    assert found["PES"] == pytest.approx(-120)
    assert found["leakage"] == pytest.approx(-120 - 10 * np.log10(2 * RATE))


def test_nothing_leaks_from_a_silent_mixture() -> None:
    found = leakage(0 * ONES, 0.1 * ONES, rate_hz=RATE, mixture=FIRST_SILENT[0]).values
    assert np.isnan(found["leakage"][0, 0])
    assert np.isfinite(found["leakage"][0, 1:]).all()
    assert np.isfinite(found["PES"]).all()


def test_one_sample_ends_silence_unless_a_level_is_given() -> None:
    references = 0 * ONES
    references[0, 0, 0] = 0.01
    quiet = leakage(references, ONES, rate_hz=RATE, mixture=ONES[0]).values["PES"]
    assert np.isnan(quiet[0]).tolist() == [True, False, False]
    level = leakage(references, ONES, rate_hz=RATE, mixture=ONES[0], silent_below_db=-60).values["PES"]
    assert np.isfinite(level).all()


def test_mixture_of_another_length_is_refused() -> None:
    with pytest.raises(
        AudioError, match=r"the mixture has shape \(2999, 2\), the references \(3000, 2\) each"
    ):
        leakage(ONES, ONES, rate_hz=RATE, mixture=ONES[0, 1:])


def test_protocol_scores_a_target_the_track_does_not_contain() -> None:
    noise = np.random.default_rng(0).standard_normal((3 * RATE, 2))
    present = {t: ArraySound(noise, RATE) for t in ("vocals", "drums", "bass")}
    estimates = present | {"other": ArraySound(0.1 * noise, RATE)}
    scored = score_signals(
        Signals(present, estimates, ArraySound(noise, RATE)), bind(load_protocol("leakage")), ("4-stems",)
    )
    rows = {s.target: s for s in scored.series if s.metric == "leakage"}
    assert rows["other"].score == pytest.approx([-20] * 3)
    assert rows["vocals"].status == ["undefined"] * 3
