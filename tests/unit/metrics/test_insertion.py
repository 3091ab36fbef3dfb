"""Estimates that are known sums of voice, music and pattern."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from svbench.errors import AudioError
from svbench.metrics.insertion import insertion

RATE_HZ = 1000


@pytest.fixture(scope="module")
def parts() -> dict[str, NDArray[np.float64]]:
    draw = np.random.default_rng(1)
    found = {name: draw.standard_normal((10 * RATE_HZ, 2)) for name in ("voice", "music", "pattern")}
    found["pattern"][: 4 * RATE_HZ] = 0
    return found


def score(parts: dict[str, NDArray[np.float64]], estimate: NDArray[np.float64]) -> float:
    voice, before = parts["voice"], parts["voice"] + parts["music"]
    result = insertion(
        voice[np.newaxis],
        estimate[np.newaxis],
        rate_hz=RATE_HZ,
        mixture=before + parts["pattern"],
        original=(voice[np.newaxis], before),
    )
    return float(result.values["pattern"][0, 0])


@pytest.mark.parametrize("gain", [1.0, 0.1, -0.5, 2.0])
def test_the_gain_of_the_pattern_is_found(parts: dict[str, NDArray[np.float64]], gain: float) -> None:
    estimate = 0.9 * parts["voice"] + 0.3 * parts["music"] + gain * parts["pattern"]
    assert score(parts, estimate) == pytest.approx(20 * np.log10(abs(gain)), abs=1e-6)


def test_without_the_pattern_there_is_nothing(parts: dict[str, NDArray[np.float64]]) -> None:
    assert score(parts, 0.9 * parts["voice"] + 0.3 * parts["music"]) == pytest.approx(-120, abs=0.01)
    assert score(parts, np.zeros_like(parts["voice"])) == pytest.approx(-120)


def test_each_frame_has_a_gain_of_its_own(parts: dict[str, NDArray[np.float64]]) -> None:
    # A quarter of the pattern's energy where it passes, nothing elsewhere: six frames, three of each.
    gate = np.repeat(np.tile([0.5, 0.0], 5), RATE_HZ)[:, np.newaxis]
    energy = np.square(parts["pattern"]).reshape(10, -1).sum(axis=1)
    expected = 10 * np.log10(0.25 * energy[4::2].sum() / energy.sum())
    assert score(parts, gate * parts["pattern"]) == pytest.approx(expected, abs=1e-6)


def test_chance_is_as_small_as_stated(parts: dict[str, NDArray[np.float64]]) -> None:
    # White noise of two channels: 1/(2 B T) is 1/2000 in a frame of one second.
    noise = np.random.default_rng(2).standard_normal(parts["voice"].shape)
    assert score(parts, noise) == pytest.approx(10 * np.log10(1 / 2000), abs=6)


def test_nothing_inserted_is_undefined(parts: dict[str, NDArray[np.float64]]) -> None:
    silent = {**parts, "pattern": np.zeros_like(parts["pattern"])}
    assert np.isnan(score(silent, parts["voice"]))


def test_silent_voice_is_no_obstacle(parts: dict[str, NDArray[np.float64]]) -> None:
    silent = {**parts, "voice": np.zeros_like(parts["voice"])}
    assert score(silent, 0.1 * parts["pattern"] + parts["music"]) == pytest.approx(-20, abs=1e-6)


def test_mixtures_of_another_length_are_refused(parts: dict[str, NDArray[np.float64]]) -> None:
    voice = parts["voice"][np.newaxis]
    with pytest.raises(AudioError, match="the mixtures have shapes"):
        insertion(voice, voice, rate_hz=RATE_HZ, mixture=voice[0, :-1], original=(voice, voice[0]))
