"""Spectrogram metrics against closed forms and against slow code written from the definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from svbench.datasets.synthetic import synthetic_track
from svbench.errors import AudioError
from svbench.metrics.community import community_scores
from svbench.metrics.magnitudes import hann, magnitude_blocks, matching_gain, mel_filters
from svbench.metrics.spectral import spectral_distances

RATE = 44100
STEMS = {name: audio.samples for name, audio in synthetic_track(0, duration_s=3.0).items()}
VOCALS = STEMS["vocals"][np.newaxis]
MIXTURE = sum(STEMS.values())[np.newaxis]
NOISE = 1e-3 * np.random.default_rng(7).standard_normal(VOCALS.shape)


def slow_stft(signal: np.ndarray, window: np.ndarray, hop: int, mode: str) -> np.ndarray:
    """Magnitudes (n_frames, n_bins) of one channel, by an explicit Fourier matrix."""
    n = len(window)
    padded = np.pad(signal, n // 2, mode=mode)
    matrix = np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n // 2 + 1)) / n)
    starts = range(0, len(padded) - n + 1, hop)
    return np.abs(np.array([padded[k : k + n] * window for k in starts]) @ matrix)


@pytest.mark.parametrize("edge", ["constant", "reflect"])
@pytest.mark.parametrize("n_samples", [700, 8192, 70 * 128])
def test_spectrogram_equals_the_slow_one(edge: str, n_samples: int) -> None:
    signal = NOISE[0, :n_samples]
    window = hann(512)
    fast = np.concatenate(list(magnitude_blocks(signal, window, 128, edge)), axis=1)
    slow = np.stack([slow_stft(signal[:, c], window, 128, edge) for c in range(2)])
    assert fast.shape == (2, 1 + n_samples // 128, 257)
    assert fast == pytest.approx(slow, abs=1e-12)


def test_mirroring_wants_samples() -> None:
    with pytest.raises(AudioError, match="needs more than 1024 samples, and there are 1024"):
        community_scores(VOCALS[:, :1024], VOCALS[:, :1024], rate_hz=RATE)


def slow_mel(rate_hz: int, n_fft: int, n_mels: int) -> np.ndarray:
    """Slaney's filters by the tables of the Auditory Toolbox: 200/3 Hz steps, then factors of 6.4^(1/27)."""
    knee = 15.0

    def to_hz(mel: float) -> float:
        return mel * 200 / 3 if mel < knee else 1000 * 6.4 ** ((mel - knee) / 27)

    top = knee + 27 * np.log(rate_hz / 2 / 1000) / np.log(6.4)
    corners = [to_hz(top * k / (n_mels + 1)) for k in range(n_mels + 2)]
    filters = np.zeros((n_mels, n_fft // 2 + 1))
    for m in range(n_mels):
        low, centre, high = corners[m : m + 3]
        for k in range(n_fft // 2 + 1):
            f = k * rate_hz / n_fft
            if low < f <= centre:
                filters[m, k] = (f - low) / (centre - low) * 2 / (high - low)
            elif centre < f < high:
                filters[m, k] = (high - f) / (high - centre) * 2 / (high - low)
    return filters


@pytest.mark.parametrize(("rate_hz", "n_mels"), [(44100, 512), (16000, 128)])
def test_mel_filters_equal_the_slow_ones(rate_hz: int, n_mels: int) -> None:
    assert mel_filters(rate_hz, 4096, n_mels) == pytest.approx(slow_mel(rate_hz, 4096, n_mels), abs=1e-12)


def slow_bleedless_fullness(s: np.ndarray, e: np.ndarray) -> tuple[float, float]:
    filters = slow_mel(RATE, 4096, 512)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(4096) / 4096)
    levels = []
    for signal in (s, e):
        mel = np.stack([slow_stft(signal[:, c], window, 1024, "constant") @ filters.T for c in range(2)])
        db = 20 * np.log10(np.maximum(mel, 1e-10))
        levels.append(np.maximum(db, db.max() - 80))
    d = levels[1] - levels[0]
    return 100 / (1 + d[d > 0].mean()), 100 / (1 - d[d < 0].mean())


def test_community_scores_equal_slow_code() -> None:
    s, e = VOCALS[:, :22050], MIXTURE[:, :22050]
    found = community_scores(s, e, rate_hz=RATE).values
    bleedless, fullness = slow_bleedless_fullness(s[0], e[0])
    assert found["bleedless"][0, 0] == pytest.approx(bleedless, rel=1e-9)
    assert found["fullness"][0, 0] == pytest.approx(fullness, rel=1e-9)
    flat = np.ones(2048)
    difference = [
        slow_stft(e[0, :, c], flat, 1024, "reflect") - slow_stft(s[0, :, c], flat, 1024, "reflect")
        for c in (0, 1)
    ]
    assert found["L1_freq"][0, 0] == pytest.approx(100 / (1 + 10 * np.mean(np.abs(difference))), rel=1e-9)


# From utils/metrics.py of ZFTurbo/Music-Source-Separation-Training at 2127d5e with torch 2.13 and librosa
# 0.11, in single precision; estimate: the mixture of synthetic_track(0), 3 s.
GOLDEN = {
    "vocals": (5.791817, 71.200165, 15.795249),
    "drums": (6.096935, 76.874771, 14.222863),
    "bass": (7.379506, 59.572937, 12.532388),
    "other": (4.406581, 57.650398, 13.679281),
}


@pytest.mark.parametrize("stem", GOLDEN)
def test_golden_scores_of_the_original(stem: str) -> None:
    found = community_scores(STEMS[stem][np.newaxis], MIXTURE, rate_hz=RATE).values
    scores = [found[name][0, 0] for name in ("bleedless", "fullness", "L1_freq")]
    assert scores == pytest.approx(GOLDEN[stem], abs=2e-4)


def test_double_gain_is_six_decibels_of_bleed_and_none_matched() -> None:
    found = {k: v[0, 0] for k, v in community_scores(VOCALS, 2 * VOCALS, rate_hz=RATE).values.items()}
    assert found["bleedless"] == pytest.approx(100 / (1 + 20 * np.log10(2)))
    assert found["fullness"] == 100
    assert found["bleedless_gm"] == pytest.approx(100)
    assert found["L1_freq_gm"] == pytest.approx(100)


def test_noise_raises_fullness() -> None:
    dull = 0.5 * VOCALS
    plain, noisy = (community_scores(VOCALS, e, rate_hz=RATE).values for e in (dull, dull + NOISE))
    assert noisy["fullness"][0, 0] > plain["fullness"][0, 0]
    assert noisy["bleedless"][0, 0] < plain["bleedless"][0, 0]


def test_phase_is_not_heard() -> None:
    for values in (
        community_scores(VOCALS, -VOCALS, rate_hz=RATE).values,
        spectral_distances(VOCALS, -VOCALS, rate_hz=RATE).values,
    ):
        for name, value in values.items():
            assert value[0, 0] == (0 if "LSD" in name or "MSE" in name else 100)


def test_log_spectral_distance_of_a_gain_is_the_gain() -> None:
    loud = 1e3 * NOISE  # far above the floor
    found = spectral_distances(loud, 0.1 * loud, rate_hz=RATE).values
    assert found["LSD"][0, 0] == pytest.approx(20, abs=1e-6)
    assert found["LSD_gm"][0, 0] == pytest.approx(0, abs=1e-9)
    assert found["magMSE_gm"][0, 0] == pytest.approx(0, abs=1e-20)


def test_spectral_distances_equal_slow_code() -> None:
    s, e = VOCALS[0, :8000], MIXTURE[0, :8000]
    found = spectral_distances(s[np.newaxis], e[np.newaxis], rate_hz=RATE, n_fft=512, hop=100).values
    (a, b) = (np.stack([slow_stft(x[:, c], hann(512), 100, "constant") for c in (0, 1)]) for x in (s, e))
    log_difference = 10 * np.log10((a**2 + 1e-10) / (b**2 + 1e-10))
    assert found["LSD"][0, 0] == pytest.approx(np.mean(np.sqrt(np.mean(log_difference**2, axis=2))), rel=1e-9)
    assert found["magMSE"][0, 0] == pytest.approx(np.mean((a - b) ** 2), rel=1e-9)


def test_bad_transform_lengths() -> None:
    with pytest.raises(AudioError, match="n_fft and hop must be at least 1 sample, not 512 and 0"):
        spectral_distances(VOCALS, VOCALS, rate_hz=RATE, n_fft=512, hop=0)


def test_matching_gain_leaves_an_error_orthogonal_to_the_estimate() -> None:
    matched = matching_gain(VOCALS[0], MIXTURE[0]) * MIXTURE[0]
    assert np.sum((VOCALS[0] - matched) * matched) == pytest.approx(0, abs=1e-9)
    assert matching_gain(VOCALS[0], 0 * VOCALS[0]) == 1
    assert np.isnan(matching_gain(0 * VOCALS[0], VOCALS[0]))


@pytest.mark.parametrize("function", [community_scores, spectral_distances])
def test_matched_scores_are_those_of_the_scaled_estimate(function: Any) -> None:
    gain = matching_gain(VOCALS[0], MIXTURE[0])
    found = function(VOCALS, MIXTURE, rate_hz=RATE).values
    scaled = function(VOCALS, gain * MIXTURE, rate_hz=RATE).values
    for name in found:
        if not name.endswith("_gm"):
            assert found[f"{name}_gm"] == pytest.approx(scaled[name], rel=1e-9)
