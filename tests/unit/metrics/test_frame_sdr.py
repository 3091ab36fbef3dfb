"""SDR in frames by construction, as BSS Eval v4's SDR, and beside a complement."""

from __future__ import annotations

import numpy as np
import pytest

from svbench.errors import AudioError
from svbench.metrics.bss_eval.v4 import score_target_set
from svbench.metrics.sdr import complement_sdr, frame_sdr, usdr

RATE = 2000
RNG = np.random.default_rng(11)
NOISE = RNG.standard_normal((3, 5 * RATE + 700, 2))
S, N = NOISE[:2], NOISE[[2, 2]]


def sdr(references: np.ndarray, estimates: np.ndarray, **parameters: object) -> np.ndarray:
    return frame_sdr(references, estimates, rate_hz=RATE, **parameters).values["SDR"]  # type: ignore[arg-type]


def frame(k: int) -> slice:
    return slice(k * RATE, (k + 1) * RATE)


def test_each_frame_has_the_error_it_was_given() -> None:
    wanted = np.array([-10.0, 0.0, 6.0, 40.0, 90.0])
    estimates = S.copy()
    for k, db in enumerate(wanted):
        s, n = S[:, frame(k)], N[:, frame(k)]
        gain = np.sqrt(np.sum(s**2, axis=(1, 2)) / np.sum(n**2, axis=(1, 2))) * 10 ** (-db / 20)
        estimates[:, frame(k)] += gain[:, np.newaxis, np.newaxis] * n
    result = frame_sdr(S, estimates, rate_hz=RATE)
    assert result.values["SDR"] == pytest.approx(np.stack([wanted, wanted]), abs=1e-9)
    assert result.time_s.tolist() == [0, 1, 2, 3, 4]  # the last 0.35 s are in no frame
    assert set(result.duration_s) == {1.0}


def test_one_long_frame_is_the_whole_track_ratio() -> None:
    long = sdr(S, 0.7 * S + 0.1 * N, window_s=np.inf, hop_s=np.inf)
    assert np.array_equal(long, usdr(S, 0.7 * S + 0.1 * N, rate_hz=RATE).values["uSDR"])


def test_edges_follow_the_formula() -> None:
    references, estimates = S.copy(), S + 0.1 * N
    references[0, frame(0)] = 0
    references[0, frame(1)] = estimates[0, frame(1)] = 0
    estimates[0, frame(2)] = 0
    estimates[0, frame(3)] = references[0, frame(3)]
    first, second = sdr(references, estimates)
    assert np.array_equal(first[:4], [-np.inf, np.nan, 0.0, np.inf], equal_nan=True)
    assert np.isfinite(second).all()


@pytest.mark.parametrize("hop_s", [1.0, 0.5])
def test_equals_bss_eval_v4_with_the_same_undefined_frames(hop_s: float) -> None:
    references, estimates = S.copy(), 0.8 * S + 0.2 * N
    references[1, frame(1)] = 0
    estimates[0, frame(2), 1] = -estimates[0, frame(2), 0]  # silent to BSS Eval: it sums channels
    estimates[1, frame(3)] = references[1, frame(3)]
    frames = {"window_s": 1.0, "hop_s": hop_s}
    theirs = score_target_set(references, estimates, rate_hz=RATE, filter_length=32, **frames).values["SDR"]
    ours = sdr(references, estimates, silence="bss-eval", **frames)
    assert np.array_equal(np.isnan(ours), np.isnan(theirs))
    assert np.isnan(ours).any()
    assert np.array_equal(np.isposinf(ours), np.isposinf(theirs))
    finite = np.isfinite(theirs)
    assert ours[finite] == pytest.approx(theirs[finite], abs=1e-9)


def test_an_estimate_silent_throughout_leaves_no_frame() -> None:
    estimates = S * np.array([1.0, 0.0])[:, np.newaxis, np.newaxis]
    theirs = score_target_set(S, estimates, rate_hz=RATE, window_s=1.0, hop_s=1.0).values["SDR"]
    ours = sdr(S, estimates, silence="bss-eval")
    assert ours.shape == theirs.shape
    assert np.isnan(ours).all()
    assert np.isnan(theirs).all()


def test_silence_is_looked_for_in_the_whole_frame() -> None:
    references = np.zeros_like(S[:1])
    references[0, RATE - 1] = 1e-9  # the last sample of the first frame
    assert np.isfinite(sdr(references, N[:1], silence="bss-eval")[0]).tolist() == [True] + 4 * [False]


def test_unknown_silence_rule() -> None:
    with pytest.raises(AudioError, match="silence must be 'formula' or 'bss-eval', not 'drop'"):
        sdr(S, S, silence="drop")


def both_ways(references: np.ndarray, estimates: np.ndarray, mixture: np.ndarray) -> np.ndarray:
    """The rule as it is told: two sources, two ratios, and NaN in one is NaN in both."""
    rows = []
    for s, e in zip(references, estimates, strict=True):
        pair = [(s, e), (mixture - s, mixture - e)]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.array(
                [
                    [np.sum(a[frame(k)] ** 2) / np.sum((a[frame(k)] - b[frame(k)]) ** 2) for k in range(5)]
                    for a, b in pair
                ]
            )
        ratios[ratios == 0] = np.nan
        ratios[:, np.isnan(ratios).any(axis=0)] = np.nan
        rows.append(10 * np.log10(ratios[0]))
    return np.array(rows)


def test_complement_follows_the_rule_as_it_is_told() -> None:
    # Multiples of 2**-8: sums and differences are exact, so that silence is silence.
    references, noise = np.round(S * 64) / 256, np.round(N * 16) / 256
    references[0, frame(0)] = 0
    references[:, frame(1)] = [[[1.0, -1.0]], [[0.5, 0.5]]]  # anti-phase is not silent here
    mixture = references.sum(axis=0)
    mixture[frame(2)] = references[0, frame(2)]  # nothing but the first target
    estimates = references + noise
    estimates[0, frame(3)] = 0
    estimates[0, frame(4)] = references[0, frame(4)]
    found = complement_sdr(references, estimates, rate_hz=RATE, mixture=mixture).values["SDR"]
    expected = both_ways(references, estimates, mixture)
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    assert np.isnan(found[0]).tolist() == [True, False, True, False, False]
    assert found[0, 3:].tolist() == [0.0, np.inf]
    finite = np.isfinite(expected)
    assert found[finite] == pytest.approx(expected[finite], abs=1e-9)


def test_complement_wants_a_mixture_of_the_same_length() -> None:
    with pytest.raises(AudioError, match=r"the mixture has shape \(9, 2\), the references \(10700, 2\) each"):
        complement_sdr(S, S, rate_hz=RATE, mixture=S[0, :9])
