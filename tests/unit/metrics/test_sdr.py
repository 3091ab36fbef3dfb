"""uSDR by construction, and its edges."""

from __future__ import annotations

import numpy as np
import pytest

from svbench.errors import AudioError
from svbench.metrics.sdr import usdr

RNG = np.random.default_rng(5)
S = RNG.standard_normal((2, 4000, 2))


def value(references: np.ndarray, estimates: np.ndarray, delta: float = 0.0) -> np.ndarray:
    return usdr(references, estimates, rate_hz=8000, delta=delta).values["uSDR"][:, 0]


@pytest.mark.parametrize("db", [-20.0, 0.0, 12.5, 60.0])
def test_known_error_energy(db: float) -> None:
    error = RNG.standard_normal(S.shape)
    for j in range(2):
        error[j] *= np.sqrt(np.sum(S[j] ** 2) / np.sum(error[j] ** 2)) * 10 ** (-db / 20)
    assert value(S, S + error) == pytest.approx([db, db], abs=1e-9)


def test_edges_follow_the_formula() -> None:
    zero = np.zeros_like(S)
    assert np.all(value(S, S) == np.inf)
    assert np.all(value(zero, S) == -np.inf)
    assert np.all(np.isnan(value(zero, zero)))
    assert value(zero, zero, 1e-7) == pytest.approx([0, 0])
    assert value(S, zero, 1e-7) == pytest.approx([0, 0])
    energy = np.sum(S**2, axis=(1, 2))
    assert value(S, S, 1e-7) == pytest.approx(10 * np.log10((energy + 1e-7) / 1e-7))


def test_targets_do_not_see_each_other() -> None:
    estimates = 0.5 * S
    assert np.array_equal(value(S, estimates), value(S[::-1], estimates[::-1])[::-1])
    assert value(S[:1], estimates[:1])[0] == value(S, estimates)[0]


@pytest.mark.parametrize(
    ("references", "estimates", "sentence"),
    [
        (S, S[:, :-1], r"differ in .*: \(2, 4000, 2\) and \(2, 3999, 2\)"),
        (S[0], S[0], "must have three axes"),
        (S.astype(int), S.astype(int), "the references hold int64 samples; audio is float64"),
        (S[:, :0], S[:, :0], "nothing to score"),
        (S, np.where(S[1, 5, 0] == S, np.nan, S), "the estimate of target 1 has a NaN or an infinity"),
        (np.where(S[0, 0, 0] == S, np.inf, S), S, "the reference of target 0 has a NaN or an infinity"),
        (1e200 * S, S, "the reference of target 0 is too loud to be squared"),
    ],
)
def test_bad_arrays(references: np.ndarray, estimates: np.ndarray, sentence: str) -> None:
    with pytest.raises(AudioError, match=sentence):
        usdr(references, estimates, rate_hz=8000)


def test_16_bit_samples_score_as_the_floats_they_stand_for() -> None:
    stored = np.round(S * 3000).astype(np.int16)
    damaged = (stored * 0.7).astype(np.int16)
    expected = value(stored / 2.0**15, damaged / 2.0**15)
    np.testing.assert_array_equal(value(stored, damaged), expected)
    np.testing.assert_array_equal(value(stored, damaged / 2.0**15), expected)


def test_constant_in_the_logarithm() -> None:
    def kuielab(references: np.ndarray, estimates: np.ndarray) -> np.ndarray:
        return usdr(references, estimates, rate_hz=8000, log_delta=1e-10).values["uSDR"][:, 0]

    zero = np.zeros_like(S)
    assert kuielab(zero, S) == pytest.approx([-100, -100])
    assert np.isnan(kuielab(zero, zero)).all()
    assert np.all(kuielab(S, S) == np.inf)
    assert kuielab(S, 0.9 * S) == pytest.approx([20, 20], abs=1e-9)
