"""Loudness, true peak and gains, against values that are known; dither."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from svbench.audio import Audio
from svbench.audio.sounds import ArraySound
from svbench.errors import AudioError
from svbench.listening.building.material import faded, stretch
from svbench.listening.building.stimuli import (
    decibels,
    dithered,
    levelled,
    loudness_lufs,
    true_peak,
    write_stimulus,
)
from svbench.specs.listening import Levels

RATE = 48000


def tone(peak_db: float, seconds: float = 2.0, hz: float = 997.0, n_channels: int = 2) -> np.ndarray:
    wave = 10 ** (peak_db / 20) * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)
    return np.repeat(wave[:, np.newaxis], n_channels, axis=1)


@pytest.mark.parametrize("rate_hz", [16000, 44100, 48000, 96000, 192000])
def test_loudness_of_a_sine(rate_hz: int) -> None:
    """BS.1770: a 997 Hz sine of 0 dBFS in one channel reads −3.01 LKFS; EBU 3341: −23 dBFS in both, −23."""
    wave = np.sin(2 * np.pi * 997 * np.arange(2 * rate_hz) / rate_hz)[:, np.newaxis]
    assert loudness_lufs(Audio(wave, rate_hz)) == pytest.approx(-3.01, abs=0.1)
    both = np.repeat(wave, 2, axis=1) * 10 ** (-23 / 20)
    assert loudness_lufs(Audio(both, rate_hz)) == pytest.approx(-23.0, abs=0.1)


def test_what_has_no_loudness() -> None:
    assert loudness_lufs(Audio(np.zeros((RATE, 2)), RATE)) is None
    assert loudness_lufs(Audio(tone(-80), RATE)) is None
    with pytest.raises(AudioError, match=r"0.3 s have no loudness; BS.1770 wants at least 0.4 s"):
        loudness_lufs(Audio(tone(-20, seconds=0.3), RATE))
    with pytest.raises(AudioError, match="mono and stereo, not 3 channels"):
        loudness_lufs(Audio(tone(-20, n_channels=3), RATE))


def test_true_peak_between_samples() -> None:
    """A sine of a quarter of the rate, sampled 45° from its peaks, reads 3 dB less than it swings."""
    wave = np.sin(2 * np.pi * RATE / 4 * np.arange(RATE) / RATE + np.pi / 4)[:, np.newaxis] * 0.5
    wave *= np.minimum(1, np.minimum(np.arange(RATE), np.arange(RATE)[::-1]) / 2000)[:, np.newaxis]
    assert decibels(np.abs(wave).max()) == pytest.approx(-9.03, abs=0.02)
    assert decibels(true_peak(Audio(wave, RATE))) == pytest.approx(-6.02, abs=0.05)


def test_stimuli_get_the_loudness_of_the_reference() -> None:
    signals = {"reference": tone(-30), "loud": tone(-10), "quiet": tone(-50)}
    found = levelled(signals, "reference", RATE, Levels(reference_lufs=-23.0))
    for name, level in found.items():
        audio = Audio(signals[name] * 10 ** (level.gain_db / 20), RATE)
        assert loudness_lufs(audio) == pytest.approx(-23.0, abs=0.01)
    assert found["quiet"].gain_db - found["loud"].gain_db == pytest.approx(40, abs=0.01)


def test_one_gain_for_all_keeps_the_loudest_peak_below_the_limit() -> None:
    """A click in one stimulus lowers all of them alike."""
    clicky = tone(-30)
    clicky[RATE] = 0.9
    signals = {"reference": tone(-30), "clicky": clicky}
    plain = levelled({"reference": tone(-30)}, "reference", RATE, Levels())
    found = levelled(signals, "reference", RATE, Levels(peak_dbtp=-3.0))
    peaks = {
        name: decibels(true_peak(Audio(signals[name] * 10 ** (level.gain_db / 20), RATE)))
        for name, level in found.items()
    }
    assert peaks["clicky"] == pytest.approx(-3.0, abs=0.01)
    assert peaks["clicky"] < -3.0
    assert found["reference"].gain_db < plain["reference"].gain_db - 1
    loud = [loudness_lufs(Audio(signals[n] * 10 ** (v.gain_db / 20), RATE)) for n, v in found.items()]
    assert loud[0] == pytest.approx(loud[1], abs=0.01)


def test_silence_keeps_its_level_and_no_alignment_gives_one_gain() -> None:
    signals = {"reference": tone(-30), "silent": np.zeros((2 * RATE, 2)), "loud": tone(-20)}
    found = levelled(signals, "reference", RATE, Levels())
    assert (found["silent"].loudness_lufs, found["silent"].gain_db) == (None, 0.0)
    same = levelled(signals, "reference", RATE, Levels(align=False))
    assert same["loud"].gain_db == same["reference"].gain_db == pytest.approx(7.0, abs=0.05)
    with pytest.raises(AudioError, match="silent there"):
        levelled({"reference": signals["silent"]}, "reference", RATE, Levels())


@pytest.mark.parametrize("bits", [16, 24])
def test_dither_is_triangular_and_independent_of_the_signal(bits: int) -> None:
    steps = 2.0 ** (bits - 1)
    level = 0.3 / steps  # a third of a step, which plain rounding would lose
    found = dithered(np.full((200000, 1), level), bits, seed=1) * steps
    assert found.mean() == pytest.approx(0.3, abs=0.01)
    # Rounding and triangular noise: variances of 1/12 and 2/12 of a step.
    assert found.var() == pytest.approx(0.25, abs=0.01)
    assert np.array_equal(found, np.round(found))


def test_full_scale_stays_in_range() -> None:
    found = dithered(np.array([[1.0], [-1.0]] * 1000), 16, seed=1)
    assert found.max() <= 32767 / 32768
    assert found.min() >= -1.0


@pytest.mark.parametrize("bits", [16, 24])
def test_files_hold_samples_and_nothing_else(tmp_path: Path, bits: int) -> None:
    audio = Audio(tone(-20, seconds=0.5), RATE)
    sums = set()
    for seed in (1, 2):
        path = tmp_path / f"{seed}.wav"
        sha256, peak_dbtp = write_stimulus(path, audio, bits, seed)
        assert peak_dbtp == pytest.approx(-20.0, abs=0.05)
        sums.add(sha256)
        raw = path.read_bytes()
        assert len(raw) == 44 + len(audio.samples) * 2 * bits // 8
        assert (raw[:4], raw[8:16], raw[16:20], raw[36:40]) == (b"RIFF", b"WAVEfmt ", b"\x10\0\0\0", b"data")
        assert np.allclose(soundfile.read(path)[0], audio.samples, atol=2.0 ** (2 - bits))
    assert len(sums) == 2, "the hidden reference would be the open one byte for byte"


def test_fades_and_edges() -> None:
    found = faded(np.ones((1000, 2)), 100)
    assert np.allclose(found[:100] + found[99::-1], 1.0)
    assert np.array_equal(found, found[::-1])
    assert np.array_equal(found[100:900], np.ones((800, 2)))
    assert np.array_equal(faded(np.ones((10, 1)), 0), np.ones((10, 1)))
    sound = ArraySound(np.arange(1.0, 6.0)[:, np.newaxis], 8000)
    assert stretch(sound, 3, 4).ravel().tolist() == [4, 5, 0, 0]
    assert stretch(sound, 9, 2).ravel().tolist() == [0, 0]
