"""Estimates are aligned as the protocol allows, and refused otherwise; sums of estimates cover target sets."""

from __future__ import annotations

import numpy as np
import pytest

from svbench.audio import Audio
from svbench.errors import SystemFailure
from svbench.scoring.coverage import align_estimate, covered_sets, derivation
from svbench.specs.protocol import Alignment, load_protocol

MIXTURE = Audio(np.random.default_rng(0).standard_normal((1000, 2)), 8000)
STEMS = {
    "vocals": ("vocals",), "drums": ("drums",), "bass": ("bass",), "other": ("other",),
    "accompaniment": ("drums", "bass", "other"),
}  # fmt: skip


def fit(estimate: Audio, rule: Alignment | None = None) -> tuple[Audio, list[str]]:
    return align_estimate(estimate, MIXTURE, MIXTURE, "vocals", rule or Alignment())


def test_a_fitting_estimate_is_untouched() -> None:
    audio, notes = fit(MIXTURE)
    assert np.array_equal(audio.samples, MIXTURE.samples)
    assert notes == []


@pytest.mark.parametrize(
    ("samples", "rate_hz", "sentence"),
    [
        (MIXTURE.samples[:-1], 8000, r"vocals has 999 samples, expected 1000 \(refused\)"),
        (MIXTURE.samples[:, :1], 8000, "has 1 channels, the mixture 2"),
        (MIXTURE.samples, 16000, "has 16000 Hz, the system was given 8000 Hz"),
    ],
)
def test_what_no_rule_allows_is_refused(samples: np.ndarray, rate_hz: int, sentence: str) -> None:
    with pytest.raises(SystemFailure, match=sentence):
        fit(Audio(samples.copy(), rate_hz))


def test_length_is_changed_within_the_rule_and_noted() -> None:
    rule = Alignment(length="pad_or_cut", max_samples=10)
    short, notes = fit(Audio(MIXTURE.samples[:-7], 8000), rule)
    assert np.array_equal(short.samples[:-7], MIXTURE.samples[:-7])
    assert not np.any(short.samples[-7:])
    assert notes == ["vocals: estimate padded by 7 samples"]
    long, notes = fit(Audio(np.vstack([MIXTURE.samples, np.ones((3, 2))]), 8000), rule)
    assert np.array_equal(long.samples, MIXTURE.samples)
    assert notes == ["vocals: estimate cut by 3 samples"]
    with pytest.raises(SystemFailure, match="at most 10 may differ"):
        fit(Audio(MIXTURE.samples[:-11], 8000), rule)


def test_mono_and_rate_are_converted_by_rule() -> None:
    mono, notes = fit(Audio(MIXTURE.samples[:, :1].copy(), 8000), Alignment(channels="duplicate_mono"))
    assert np.array_equal(mono.samples, MIXTURE.samples[:, [0, 0]])
    assert notes == ["vocals: mono estimate copied to 2 channels"]
    other, notes = fit(Audio(np.zeros((2000, 2)), 16000), Alignment(rate="resample"))
    assert other.samples.shape == (1000, 2)
    assert other.rate_hz == 8000
    assert notes == ["vocals: estimate resampled from 16000 Hz"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("vocals", "drums", "bass", "other"), ("drums", "bass", "other")),
        (("vocals", "accompaniment"), ("accompaniment",)),
        (("vocals", "drums"), ()),
        (("drums", "bass", "other", "accompaniment"), ()),  # each stem would count twice
    ],
)
def test_derivation(given: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert derivation("accompaniment", given, STEMS) == expected


def test_covered_sets() -> None:
    protocol = load_protocol("sisec18")

    def covered(*given: str) -> list[str]:
        return [s.id for s in covered_sets(given, protocol, STEMS)]

    assert covered("vocals", "drums", "bass", "other") == ["4-stems", "vocals-accompaniment"]
    assert covered("vocals", "accompaniment") == ["vocals-accompaniment"]
    assert covered("vocals", "drums") == []
