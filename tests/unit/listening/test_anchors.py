"""Anchors: the mask of BS.1534-3 and no lag, at all rates; what the distorted target loses."""

from __future__ import annotations

import numpy as np
import pytest

from svbench.audio.sounds import ArraySound
from svbench.errors import AudioError
from svbench.listening.building.anchors import low_pass, measure, window_samples, without_coefficients
from svbench.listening.building.material import distorted, low_passed

RATES = [16000, 22050, 44100, 48000, 96000, 192000]


def noise(rate_hz: int, seconds: float = 0.5, n_channels: int = 2) -> np.ndarray:
    return np.random.default_rng(1).uniform(-0.3, 0.3, (round(seconds * rate_hz), n_channels))


def gain_db(before: np.ndarray, after: np.ndarray, rate_hz: int, low: float, high: float) -> np.ndarray:
    """How each frequency of a band comes through, in dB."""
    window = np.hanning(len(before))[:, np.newaxis]
    frequencies = np.fft.rfftfreq(len(before), 1 / rate_hz)
    band = (frequencies >= low) & (frequencies <= high)
    a, b = (np.abs(np.fft.rfft(s * window, axis=0))[band] for s in (before, after))
    return 10 * np.log10(np.sum(b**2, axis=0) / np.sum(a**2, axis=0))


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("cutoff_hz", [3500.0, 7000.0])
def test_the_mask_holds_for_sines(cutoff_hz: float, rate_hz: int) -> None:
    n = rate_hz
    for hz, least, most in [
        (100, -0.1, 0.1),
        (2000, -0.1, 0.1),
        (3500, -0.1, 0.1),
        (4000, -400, -25),
        (4500, -400, -50),
    ]:
        at = hz * cutoff_hz / 3500
        if at >= rate_hz / 2:
            continue
        wave = np.sin(2 * np.pi * at * np.arange(n) / rate_hz)[:, np.newaxis]
        middle = slice(n // 4, n // 4 + n // 2)
        after = low_passed(ArraySound(wave, rate_hz), 0, n, cutoff_hz)
        gain = 20 * np.log10(np.sqrt(np.mean(after[middle] ** 2) / np.mean(wave[middle] ** 2)) + 1e-20)
        assert least <= gain <= most, (at, gain)


@pytest.mark.parametrize("rate_hz", [8000, *RATES])
def test_what_is_stored_is_what_the_filter_does(rate_hz: int) -> None:
    found = low_pass(3500.0, rate_hz)
    assert len(found.taps) % 2 == 1
    assert np.array_equal(found.taps, found.taps[::-1])
    assert found.measured["lag_samples"] == 0
    assert found.measured["ripple_db"] <= 0.1
    assert found.measured["attenuation_db"]["4000"] >= 25
    above = found.measured["attenuation_db"]["4500"]
    assert above is None if rate_hz == 8000 else above >= 50


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("condition", ["anchor35", "anchor70", "distorted"])
def test_no_lag_against_the_reference(condition: str, rate_hz: int) -> None:
    reference = noise(rate_hz, n_channels=1)
    start, n = rate_hz // 10, rate_hz // 4
    cut = reference[start : start + n, 0]
    sound = ArraySound(reference, rate_hz)
    if condition == "distorted":
        anchor = distorted(sound, start, n, seed=1)[:, 0]
    else:
        anchor = low_passed(sound, start, n, 3500.0 if condition == "anchor35" else 7000.0)[:, 0]
    size = 2 * n
    product = np.fft.rfft(anchor, size) * np.fft.rfft(cut, size).conj()
    # Between samples too: the maximum is sought on a grid eight times as fine.
    fine = np.fft.irfft(product, 8 * size)
    lag = int(np.argmax(fine))
    assert lag == 0, lag / 8


def test_a_filter_that_breaks_the_mask_measures_as_such() -> None:
    taps = np.ones(5) / 5
    found = measure(taps, 3500.0, 44100)
    assert found["ripple_db"] > 0.1
    assert found["attenuation_db"]["4000"] < 25
    late = np.concatenate([np.zeros(88), low_pass(3500.0, 44100).taps])
    assert measure(late, 3500.0, 44100)["lag_samples"] == 44


def test_rates_that_hold_nothing_to_take_away_are_refused() -> None:
    low_pass(7000.0, 16000)
    with pytest.raises(AudioError, match="wants recordings of at least 16000 Hz, these have 11025 Hz"):
        low_pass(7000.0, 11025)


def test_a_cut_anchor_is_a_piece_of_the_whole_one() -> None:
    """What lies before and after the excerpt is filtered with it."""
    reference = noise(44100)
    sound = ArraySound(reference, 44100)
    whole = low_passed(sound, 0, len(reference), 3500.0)
    piece = low_passed(sound, 5000, 4000, 3500.0)
    assert np.allclose(piece, whole[5000:9000], atol=1e-12)


def test_the_distorted_target_is_low_passed_and_loses_a_fifth() -> None:
    rate_hz = 44100
    reference = noise(rate_hz, 2.0)
    sound = ArraySound(reference, rate_hz)
    low = low_passed(sound, 0, len(reference), 3500.0)
    found = distorted(sound, 0, len(reference), seed=3)
    assert np.all(gain_db(reference, found, rate_hz, 4500, 20000) < -40)
    # A fifth of the coefficients, hence of the power; overlapping frames smear the holes, not their sum.
    kept = np.sum(found * low) / np.sum(low**2)
    assert kept == pytest.approx(0.8, abs=0.02)
    assert np.array_equal(found, distorted(sound, 0, len(reference), seed=3))
    assert not np.array_equal(found, distorted(sound, 0, len(reference), seed=4))


def test_both_channels_lose_the_same() -> None:
    mono = noise(22050, 0.5, 1)
    found = without_coefficients(np.hstack([mono, -0.5 * mono]), 22050, seed=2)
    assert np.allclose(found[:, 1], -0.5 * found[:, 0], atol=1e-12)
    assert np.allclose(without_coefficients(mono, 22050, seed=2, share=0.0), mono, atol=1e-12)
    assert np.allclose(without_coefficients(mono, 22050, seed=2, share=1.0), 0)


def test_windows_last_about_46_ms() -> None:
    for rate_hz in RATES:
        assert window_samples(rate_hz) / rate_hz == pytest.approx(0.046, rel=0.42)
