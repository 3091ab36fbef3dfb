"""Scale-invariant metrics on orthogonal parts of known energy, and their edges."""

from __future__ import annotations

import numpy as np
import pytest

from svbench.errors import AudioError
from svbench.metrics.si_sdr import QUANTITIES, si_sdr

NAMES = [q.name for q in QUANTITIES]
# Orthonormal signals of two channels: three targets, and noise outside their span.
ORTHONORMAL = np.linalg.qr(np.random.default_rng(2).standard_normal((8000, 6)))[0].T.reshape(6, 4000, 2)
S, NOISE = ORTHONORMAL[:3], ORTHONORMAL[3:]


def scores(references: np.ndarray, estimates: np.ndarray, **parameters: object) -> dict[str, np.ndarray]:
    found = si_sdr(references, estimates, rate_hz=8000, **parameters).values  # type: ignore[arg-type]
    return {name: found[name][:, 0] for name in NAMES}


@pytest.mark.parametrize("gain", [1.0, 0.3, -2.0])
def test_orthogonal_parts_give_the_ratios_they_were_mixed_with(gain: float) -> None:
    interference = 0.1 * S[[1, 2, 0]] + 0.05 * S[[2, 0, 1]]
    found = scores(S, gain * (S + interference + 0.02 * NOISE))
    db = {"SI-SIR": -10 * np.log10(0.0125), "SI-SAR": -10 * np.log10(0.0004)}
    db["SI-SDR"] = -10 * np.log10(0.0129)
    db["SD-SDR"] = 10 * np.log10(gain**2 / ((1 - gain) ** 2 + gain**2 * 0.0129))
    for name, expected in db.items():
        assert found[name] == pytest.approx(np.full(3, expected), abs=1e-9), name


def test_the_residual_is_the_sum_of_its_parts() -> None:
    # References that overlap: interference lies in their span, artefacts stand upright on it.
    references = S + 0.5 * S[[1, 2, 0]]
    found = scores(references, references + 0.2 * S[[2, 0, 1]] + 0.1 * NOISE + 0.05 * S)
    unwanted = {name: 10 ** (-found[name] / 10) for name in NAMES}
    assert unwanted["SI-SDR"] == pytest.approx(unwanted["SI-SIR"] + unwanted["SI-SAR"], rel=1e-12)


def test_edges_follow_the_formula() -> None:
    perfect = scores(S, S)
    assert all(np.all(perfect[name] == np.inf) for name in NAMES)
    silent = scores(S, np.zeros_like(S))
    assert np.all(silent["SD-SDR"] == -np.inf)
    assert all(np.isnan(silent[name]).all() for name in NAMES if name != "SD-SDR")
    absent = scores(S * [[[0.0]], [[1.0]], [[1.0]]], S)
    assert all(np.isnan(absent[name][0]) for name in NAMES)
    assert all(np.isfinite(absent["SD-SDR"][1:]) | (absent["SD-SDR"][1:] == np.inf))


def test_orthogonal_estimate() -> None:
    first, second = np.zeros((2, 1, 4, 1))
    first[0, :2], second[0, 2:] = 1, 1
    found = scores(first, second)
    assert (found["SI-SDR"][0], found["SD-SDR"][0]) == (-np.inf, -np.inf)
    assert np.isnan(found["SI-SIR"][0])


def test_a_single_target_has_no_interference() -> None:
    found = scores(S[:1], S[:1] + 0.1 * NOISE[:1])
    assert found["SI-SIR"][0] == np.inf
    assert found["SI-SAR"][0] == pytest.approx(20)
    assert found["SI-SDR"][0] == found["SI-SAR"][0]


def test_identical_and_silent_references_explain_nothing_twice() -> None:
    references = S[[0, 1, 1]]
    twice = scores(references, S + 0.1 * S[[1, 2, 0]] + 0.01 * NOISE)
    once = scores(S[:2], S[:2] + 0.1 * S[[1, 2]] + 0.01 * NOISE[:2])
    beside_silence = scores(S * [[[1.0]], [[1.0]], [[0.0]]], S + 0.1 * S[[1, 2, 0]] + 0.01 * NOISE)
    for name in NAMES:
        # Beyond 200 dB rounding is compared with rounding.
        expected = pytest.approx(np.minimum(once[name], 200), abs=1e-9)
        assert np.minimum(twice[name][:2], 200) == expected
        assert np.minimum(beside_silence[name][:2], 200) == expected


def test_channels_by_themselves() -> None:
    estimates = S + 0.1 * NOISE
    each = scores(S, estimates, channels="each")
    left, right = (scores(S[..., c : c + 1], estimates[..., c : c + 1]) for c in (0, 1))
    for name in NAMES:
        assert each[name] == pytest.approx((left[name] + right[name]) / 2, abs=1e-12)
    # A wrong balance is a change of gain per channel, and heard only jointly.
    unbalanced = estimates * [1.0, 0.5]
    assert scores(S, unbalanced, channels="each")["SI-SDR"] == pytest.approx(each["SI-SDR"], abs=1e-9)
    assert np.all(scores(S, unbalanced)["SI-SDR"] < scores(S, estimates)["SI-SDR"] - 1)
    mono = S * [1.0, 0.0]
    assert np.isnan(scores(mono, estimates, channels="each")["SI-SDR"]).all()


def test_constant_as_in_the_sisec_2021_code() -> None:
    delta, s, e = 1e-7, 1e-3 * S, 1e-3 * (S + 0.1 * NOISE)
    alpha = np.sum(e * s, axis=(1, 2)) / (delta + np.sum(s * s, axis=(1, 2)))
    scaled = alpha[:, np.newaxis, np.newaxis] * s
    ratio = (np.sum(scaled**2, axis=(1, 2)) + delta) / (np.sum((scaled - e) ** 2, axis=(1, 2)) + delta)
    assert scores(s, e, delta=delta)["SI-SDR"] == pytest.approx(10 * np.log10(ratio), abs=1e-9)
    assert scores(s, np.zeros_like(s), delta=delta)["SI-SDR"] == pytest.approx([0, 0, 0])


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = scores(S, S + 0.1 * S[[1, 2, 0]] + 0.1 * NOISE)
    monkeypatch.setattr("svbench.metrics.si_sdr._BLOCK", 100)
    pieces = scores(S, S + 0.1 * S[[1, 2, 0]] + 0.1 * NOISE)
    for name in NAMES:
        assert pieces[name] == pytest.approx(whole[name], abs=1e-10)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"channels": "left"}, "channels must be 'joint' or 'each', not 'left'"),
        ({"delta": -1.0}, r"delta must not be negative, and it is -1\.0"),
    ],
)
def test_wrong_parameters(parameters: dict[str, object], sentence: str) -> None:
    with pytest.raises(AudioError, match=sentence):
        scores(S, S, **parameters)


@pytest.mark.parametrize("gain", [1.0, 0.25, 1e-9])
@pytest.mark.parametrize("level_db", [-70.0, -120.0])
def test_tiny_errors_and_tiny_gains_keep_their_digits(gain: float, level_db: float) -> None:
    error = 10 ** (level_db / 20)
    found = scores(S, gain * (S + error * (NOISE + 0.5 * S[[1, 2, 0]])))
    assert found["SI-SAR"] == pytest.approx(np.full(3, -level_db), abs=1e-4)
    assert found["SI-SDR"] == pytest.approx(np.full(3, -level_db - 10 * np.log10(1.25)), abs=1e-4)


def test_16_bit_samples_score_as_the_floats_they_stand_for() -> None:
    stored = np.round(S * 1e6).astype(np.int16)
    damaged = np.round(0.7 * stored + NOISE * 1e5).astype(np.int16)
    expected = scores(stored / 2.0**15, damaged / 2.0**15)
    mixed = scores(stored, damaged / 2.0**15)
    found = scores(stored, damaged)
    for name in NAMES:
        assert found[name] == pytest.approx(expected[name], abs=1e-9)
        assert mixed[name] == pytest.approx(expected[name], abs=1e-9)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200])
def test_samples_that_cannot_be_summed(bad: float) -> None:
    estimates = S.copy()
    estimates[1, 3999, 0] = bad
    with pytest.raises(AudioError, match="the estimate of target 1"):
        scores(S, estimates)
