"""Metrics of other packages: what is asked of the package, and what is said without it."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from svbench.errors import AudioError, SvbenchError
from svbench.metrics.logwmse import log_wmse
from svbench.metrics.peass import peass

RATE = 44100
S = 0.1 * np.random.default_rng(2).standard_normal((2, RATE // 2, 2))
MIXTURE = S.sum(axis=0)


@pytest.mark.parametrize(
    ("module", "extra", "function", "given"),
    [
        ("log_wmse_audio_quality", "log-wmse", log_wmse, {"mixture": MIXTURE}),
        ("peass", "peass", peass, {}),
    ],
)
def test_missing_package_says_how_to_install(
    monkeypatch: pytest.MonkeyPatch, module: str, extra: str, function: Any, given: dict[str, Any]
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SvbenchError, match=rf"{module} is not installed in .*; pip install '\.\[{extra}\]'"):
        function(S, S, rate_hz=RATE, **given)


def test_log_wmse_of_an_error_as_loud_as_the_mixture_is_zero() -> None:
    # The weighted error's mean square is the mixture's own: −4 ln(1) = 0.
    values = log_wmse(0 * S, np.stack([MIXTURE] * 2), rate_hz=RATE, mixture=MIXTURE).values["logWMSE"]
    assert values == pytest.approx(0, abs=1e-4)
    tenth = log_wmse(0 * S, np.stack([0.1 * MIXTURE] * 2), rate_hz=RATE, mixture=MIXTURE).values["logWMSE"]
    assert tenth == pytest.approx(4 * np.log(100), abs=1e-3)


def test_log_wmse_refuses_another_mixture() -> None:
    with pytest.raises(AudioError, match="the mixture has shape"):
        log_wmse(S, S, rate_hz=RATE, mixture=MIXTURE[1:])


def test_peass_is_given_the_target_first_and_the_others_as_interference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    def predict(sources: Any, estimate: Any, sampling_frequency_hz: float) -> SimpleNamespace:
        calls.append((sources, estimate, sampling_frequency_hz))
        return SimpleNamespace(
            overall_perceptual_score=1.0,
            target_perceptual_score=2.0,
            interference_perceptual_score=3.0,
            artifact_perceptual_score=4.0,
        )

    fake = ModuleType("peass")
    fake.predict_perceptual_evaluation_scores = predict  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "peass", fake)
    references = np.stack([S[0], S[1], np.zeros_like(S[0])])
    found = peass(references, 0.5 * references, rate_hz=RATE).values
    assert [(len(sources), rate_hz) for sources, _, rate_hz in calls] == [(2, RATE), (2, RATE)]
    assert np.array_equal(calls[1][0], S[::-1])
    assert np.array_equal(calls[1][1], 0.5 * S[1])
    assert {name: value[0, 0] for name, value in found.items()} == {"OPS": 1, "TPS": 2, "IPS": 3, "APS": 4}
    assert np.isnan(found["OPS"][2, 0])  # a silent target


def test_peass_wants_interference() -> None:
    with pytest.raises(AudioError, match="needs the interfering sources too, and there is one target only"):
        peass(S[:1], S[:1], rate_hz=RATE)
