"""SSA, SI-SDR per channel and the spatial split, on signals whose scores follow by construction."""

from __future__ import annotations

import numpy as np
import pytest

from svbench.errors import AudioError
from svbench.metrics.si_sdr import channel_si_sdr
from svbench.metrics.spatial import spatial_ratios
from svbench.metrics.ssa import ssa, ssa_track

RATE = 4000
RNG = np.random.default_rng(3)
S = RNG.standard_normal((2, 4 * RATE, 2))


def with_error(reference: np.ndarray, db: np.ndarray) -> np.ndarray:
    """Add to every second of every channel an orthogonal error of that SI-SDR; db is (n_seconds, 2)."""
    estimate = reference.copy()
    for second, channel in np.ndindex(db.shape):
        inside = slice(second * RATE, (second + 1) * RATE)
        s = reference[inside, channel]
        error = RNG.standard_normal(RATE)
        error -= s * (error @ s) / (s @ s)
        estimate[inside, channel] += (
            error * np.sqrt(s @ s / (error @ error)) * 10 ** (-db[second, channel] / 20)
        )
    return estimate


ALTERNATING = np.array([[10.0, 20], [20, 10], [12, 12], [30, 5]])


def test_asymmetry_per_frame_does_not_cancel_over_time() -> None:
    estimates = np.stack([with_error(S[0], ALTERNATING), S[1]])
    found = ssa(S, estimates, rate_hz=RATE)
    assert found.values["SSA"][0] == pytest.approx([10, 10, 0, 25], abs=1e-9)
    assert found.values["SSA"][1].tolist() == [0, 0, 0, 0]  # perfect in both channels
    assert not found.notes


def test_asymmetry_of_the_track_is_one_difference() -> None:
    constant = np.array([[10.0, 16]] * 4)
    estimates = np.stack([with_error(S[0], constant), 0.5 * S[1]])
    whole = ssa_track(S, estimates, rate_hz=RATE)
    assert whole.values["SSA_track"].shape == (2, 1)
    assert whole.values["SSA_track"][0, 0] == pytest.approx(6, abs=0.2)
    swapped = np.stack([with_error(S[0], np.array([[10.0, 20], [20, 10]] * 2)), S[1]])
    assert ssa_track(S, swapped, rate_hz=RATE).values["SSA_track"][0, 0] < 0.5
    assert ssa(S, swapped, rate_hz=RATE).values["SSA"][0] == pytest.approx(10)


def test_plain_sdr_as_the_measure_hears_the_gain_of_one_channel() -> None:
    estimates = S * np.array([0.9, 0.99])
    assert ssa(S, estimates, rate_hz=RATE, measure="sdr").values["SSA"] == pytest.approx(20)
    assert ssa(S, estimates, rate_hz=RATE).values["SSA"].tolist() == [[0] * 4] * 2


def test_frames_count_only_with_sound_in_both_reference_channels() -> None:
    references = S.copy()
    references[0, :RATE, 1] = 0
    references[0, RATE : 2 * RATE, 0] *= 1e-4
    estimates = references + 0.1 * RNG.standard_normal(S.shape)
    undefined = np.isnan(ssa(references, estimates, rate_hz=RATE).values["SSA"])
    assert undefined.tolist() == [[True, False, False, False], [False] * 4]
    louder = ssa(references, estimates, rate_hz=RATE, active_above_db=-60)
    assert np.isnan(louder.values["SSA"]).tolist() == [[True, True, False, False], [False] * 4]
    assert not louder.notes


def test_one_silent_channel_of_the_estimate_is_undefined_and_noted() -> None:
    estimates = S + 0.1 * RNG.standard_normal(S.shape)
    estimates[1, : 2 * RATE, 0] = 0
    found = ssa(S, estimates, rate_hz=RATE)
    assert np.isnan(found.values["SSA"]).tolist() == [[False] * 4, [True, True, False, False]]
    assert found.notes[0].startswith("SSA: 2 of 8 frames with sound in both reference channels are undefined")


def test_channels_are_scored_by_themselves() -> None:
    found = channel_si_sdr(
        S, np.stack([with_error(S[0], ALTERNATING), -0.2 * S[1]]), rate_hz=RATE, window_s=1, hop_s=1
    ).values
    assert found["SI-SDR_left"][0] == pytest.approx(ALTERNATING[:, 0])
    assert found["SI-SDR_right"][0] == pytest.approx(ALTERNATING[:, 1])
    assert np.all(found["SI-SDR_left"][1] == np.inf)
    assert channel_si_sdr(S, S, rate_hz=RATE).duration_s.tolist() == [4.0]


@pytest.mark.parametrize("function", [ssa, ssa_track, channel_si_sdr])
def test_left_and_right_want_two_channels(function: object) -> None:
    with pytest.raises(AudioError, match="there are 1 channels, not 2"):
        function(S[..., :1], S[..., :1], rate_hz=RATE)  # type: ignore[operator]


def test_unknown_measure_is_refused() -> None:
    with pytest.raises(AudioError, match="measure must be 'si-sdr' or 'sdr', not 'SNR'"):
        ssa(S, S, rate_hz=RATE, measure="SNR")  # type: ignore[arg-type]


def ratios(
    estimates: np.ndarray, references: np.ndarray = S, **parameters: float
) -> tuple[np.ndarray, np.ndarray]:
    found = spatial_ratios(references, estimates, rate_hz=RATE, **parameters).values
    return found["SSR"], found["SRR"]


def test_gains_between_channels_are_spatial_only() -> None:
    mixing = np.array([[0.8, 0.3], [-0.1, 1.1]])
    spatial, residual = ratios(S @ mixing, window_s=np.inf, hop_s=np.inf)
    assert np.all(residual == np.inf)
    for target in range(2):
        error = S[target] @ mixing - S[target]
        assert spatial[target, 0] == pytest.approx(10 * np.log10(np.sum(S[target] ** 2) / np.sum(error**2)))


@pytest.mark.parametrize(("left", "right"), [(3, 3), (-40, 7), (0, -200)])
def test_delays_of_channels_are_spatial_only(left: int, right: int) -> None:
    estimates = np.stack([np.roll(S[..., 0], left, axis=1), np.roll(S[..., 1], right, axis=1)], axis=2)
    spatial, residual = ratios(estimates, window_s=1, hop_s=1, max_delay_s=0.1)
    # What the roll carried around the ends is in the first or last frame.
    assert np.all(residual[:, 1:-1] == np.inf)
    assert spatial[:, 1:-1] == pytest.approx(-3 if left and right else 0, abs=0.6)


def test_delay_beyond_the_search_is_residual() -> None:
    estimates = np.roll(S, 500, axis=1)
    assert np.all(ratios(estimates, max_delay_s=0.1)[1] < 0)
    assert np.all(ratios(estimates, max_delay_s=0.2)[1][:, 1:-1] == np.inf)


def test_uncorrelated_noise_is_residual() -> None:
    estimates = S + 0.1 * RNG.standard_normal(S.shape)
    spatial, residual = ratios(estimates, max_delay_s=0.01)
    assert residual == pytest.approx(20, abs=0.3)
    assert np.all(spatial > 45)


def test_gain_is_a_spatial_error() -> None:
    spatial, residual = ratios(0.5 * S)
    assert spatial == pytest.approx(20 * np.log10(2))
    assert np.all(residual == np.inf)


def test_spatial_edges() -> None:
    dual_mono = S[..., [0, 0]]
    assert all(np.all(x == np.inf) for x in ratios(dual_mono, dual_mono))
    spatial, residual = ratios(np.zeros_like(S))
    assert np.all(spatial == 0)
    assert np.all(np.isnan(residual))
    assert all(np.all(np.isnan(x)) for x in ratios(S, np.zeros_like(S)))


def test_spatial_wants_channels_and_a_delay_within_the_track() -> None:
    with pytest.raises(AudioError, match="between channels, and there is one channel only"):
        spatial_ratios(S[..., :1], S[..., :1], rate_hz=RATE)
    with pytest.raises(AudioError, match="between 0 and the track's length, not 9 s"):
        ratios(S, max_delay_s=9)
