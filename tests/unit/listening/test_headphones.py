"""The headphone checks hold what their papers ask for, measured on the sounds."""

from __future__ import annotations

import io
from itertools import permutations

import numpy as np
import pytest
import soundfile

from svbench.listening.headphones import (
    GAP_S,
    RATE_HZ,
    TONE_S,
    HeadphoneTrial,
    headphone_trials,
    huggins,
    passed,
    woods,
)


def intervals(trial: HeadphoneTrial) -> list[np.ndarray]:
    step = round((TONE_S + GAP_S) * RATE_HZ)
    n = round(TONE_S * RATE_HZ)
    return [trial.audio.samples[i * step : i * step + n] for i in range(3)]


def rms_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(samples**2) + 1e-30))


@pytest.mark.parametrize("seed", [0, 1, 99])
def test_woods_levels_and_antiphase(seed: int) -> None:
    trials = woods(seed)
    orders = []
    for trial in trials:
        left = [rms_db(i[:, 0]) for i in intervals(trial)]
        mono = [rms_db(i.sum(axis=1)) for i in intervals(trial)]
        loud = max(left)
        assert left[trial.answer] == pytest.approx(loud - 6.0, abs=1e-6)
        assert sorted(left)[1:] == pytest.approx([loud, loud], abs=1e-9)
        cancelled = int(np.argmin(mono))
        assert mono[cancelled] < -200
        assert cancelled != trial.answer
        # To loudspeakers the antiphase tone is the quietest: the wrong answer.
        assert mono[trial.answer] == pytest.approx(loud, abs=0.03)
        orders.append(tuple(np.argsort([trial.answer, cancelled, 3 - trial.answer - cancelled])))
    assert sorted(orders) == sorted(permutations(range(3)))


def test_woods_is_a_200_hz_tone_with_ramps() -> None:
    trial = woods(0)[0]
    tone = intervals(trial)[(trial.answer + 1) % 3][:, 0]
    spectrum = np.abs(np.fft.rfft(tone))
    assert np.fft.rfftfreq(len(tone), 1 / RATE_HZ)[spectrum.argmax()] == 200
    assert np.abs(tone[:100]).max() < 3e-4
    assert np.abs(tone[-100:]).max() < 3e-4
    assert np.abs(tone).max() == pytest.approx(0.15, rel=1e-3)


@pytest.mark.parametrize("seed", [0, 5])
def test_huggins_turns_one_band_of_the_right_channel(seed: int) -> None:
    trials = huggins(seed)
    assert sorted(t.answer for t in trials) == [0, 0, 1, 1, 2, 2]
    for trial in trials:
        for place, interval in enumerate(intervals(trial)):
            left, right = np.fft.rfft(interval, axis=0).T
            frequencies = np.fft.rfftfreq(len(interval), 1 / RATE_HZ)
            # Ramps smear bins by a few Hz; away from the edges of the band the phase is exact.
            inside = np.abs(frequencies - 600) < 0.06 * 600 - 6
            outside = (np.abs(frequencies - 600) > 0.06 * 600 + 200) & (frequencies > 10)
            turn = np.abs(np.angle(np.sum(left[inside] * right[inside].conj())))
            if place == trial.answer:
                assert turn == pytest.approx(np.pi, abs=0.05)
                coherence = np.abs(np.sum(left[outside] * right[outside].conj()))
                assert coherence / np.sum(np.abs(left[outside]) ** 2) == pytest.approx(1, abs=1e-3)
            else:
                assert np.array_equal(interval[:, 0], interval[:, 1])


def test_either_ear_alone_tells_nothing() -> None:
    for trial in huggins(3):
        for interval in intervals(trial):
            for channel in interval.T:
                power = np.abs(np.fft.rfft(channel)) ** 2
                frequencies = np.fft.rfftfreq(len(channel), 1 / RATE_HZ)
                band = power[np.abs(frequencies - 600) <= 36].mean()
                around = power[(frequencies > 300) & (frequencies < 900)].mean()
                assert 10 * np.log10(band / around) == pytest.approx(0, abs=2.5)


@pytest.mark.parametrize("method", ["woods", "huggins"])
def test_files_are_of_one_size_and_seeded(method: str) -> None:
    files = [t.wav() for t in headphone_trials(method, 7)]
    assert {len(f) for f in files} == {44 + 4 * 4 * RATE_HZ}
    samples, rate = soundfile.read(io.BytesIO(files[0]))
    assert (samples.shape, rate) == ((4 * RATE_HZ, 2), RATE_HZ)
    assert files == [t.wav() for t in headphone_trials(method, 7)]
    assert files != [t.wav() for t in headphone_trials(method, 8)]


def test_five_of_six_tones_and_all_noises_pass() -> None:
    trials = huggins(0)
    right = [t.answer for t in trials]
    wrong = [(a + 1) % 3 for a in right]
    assert passed("woods", trials, wrong[:1] + right[1:])
    assert not passed("woods", trials, wrong[:2] + right[2:])
    assert passed("huggins", trials, right)
    assert not passed("huggins", trials, wrong[:1] + right[1:])
