"""BSS Eval on signals whose scores follow from how they were made; its parts; its refusals."""

from __future__ import annotations

import doctest
import importlib

import numpy as np
import pytest

from svbench.errors import AudioError
from svbench.metrics.bss_eval import (
    SignalBlocks,
    bss_eval_images,
    bss_eval_sources,
    bss_eval_v4,
    energies,
    engine,
)
from svbench.metrics.bss_eval.correlations import Correlator, tiles
from svbench.metrics.bss_eval.filters import NotPositiveDefinite, projection_filters, solve_block_toeplitz
from svbench.metrics.contract import frame_bounds
from svbench.metrics.signals import SignalPair

RATE_HZ = 8000
QUANTITIES = ("SDR", "ISR", "SIR", "SAR")


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def impulses(n_signals, frame=8000, n_frames=3, reach=16):
    """One impulse a signal and frame, so far apart that no filter of 16 taps joins two of them."""
    signals = np.zeros((n_signals, n_frames * frame, 1))
    for index in range(n_signals):
        signals[index, np.arange(n_frames) * frame + 100 + 4 * reach * index] = 1.0
    return signals


@pytest.mark.parametrize(
    "module", ["contract", *(f"bss_eval.{name}" for name in ("v4", "v3", "filters", "correlations"))]
)
def test_examples(module):
    result = doctest.testmod(
        importlib.import_module(f"svbench.metrics.{module}"), optionflags=doctest.ELLIPSIS
    )
    assert result.attempted > 0
    assert result.failed == 0


class TestKnownAnswers:
    """Two references and an artefact without common samples: every ratio is exact."""

    def scores(self, own=1.0, late=0.0, leak=0.0, artefact=0.0, evaluate=bss_eval_v4):
        first, second, third = impulses(3)
        estimates = np.stack([own * first + leak * second + artefact * third, second])
        estimates[0] += late * np.roll(first, 3, axis=0)
        return evaluate(
            np.stack([first, second]),
            estimates,
            rate_hz=RATE_HZ,
            filter_length=16,
            **({} if evaluate is bss_eval_v4 else {"permute": False}),
        )

    @pytest.mark.parametrize("db", [0.0, 6.0, 20.0, 60.0])
    def test_interference(self, db):
        values = self.scores(leak=10 ** (-db / 20)).values
        assert values["SDR"][0] == pytest.approx([db] * 3, abs=1e-9)
        assert values["SIR"][0] == pytest.approx([db] * 3, abs=1e-9)
        assert (values["ISR"][0] > 130).all()
        assert (values["SAR"][0] > 130).all()

    @pytest.mark.parametrize("db", [0.0, 6.0, 20.0, 60.0])
    def test_artefacts(self, db):
        values = self.scores(artefact=10 ** (-db / 20)).values
        assert values["SDR"][0] == pytest.approx([db] * 3, abs=1e-9)
        assert values["SAR"][0] == pytest.approx([db] * 3, abs=1e-9)
        assert (values["SIR"][0] > 130).all()

    @pytest.mark.parametrize("db", [0.0, 6.0, 20.0, 60.0])
    def test_filtering_is_spatial_error(self, db):
        values = self.scores(late=10 ** (-db / 20)).values
        assert values["SDR"][0] == pytest.approx([db] * 3, abs=1e-9)
        assert values["ISR"][0] == pytest.approx([db] * 3, abs=1e-9)
        assert (values["SIR"][0] > 130).all()

    def test_all_at_once(self):
        # True part 1, filtering error 1/4, leak 1/2, artefact 1/8 in amplitude.
        values = self.scores(late=1 / 4, leak=1 / 2, artefact=1 / 8).values
        filtered, everything = 1 + 1 / 16, 1 + 1 / 16 + 1 / 4
        expected = {
            "SDR": 1 / (1 / 16 + 1 / 4 + 1 / 64),
            "ISR": 16.0,
            "SIR": filtered * 4,
            "SAR": everything * 64,
        }
        for name, ratio in expected.items():
            assert values[name][0] == pytest.approx([10 * np.log10(ratio)] * 3, abs=1e-9), name

    def test_gain_is_forgiven_by_sources_only(self):
        images, _ = self.scores(own=2.0, leak=0.2, evaluate=bss_eval_images)
        sources, _ = self.scores(own=2.0, leak=0.2, evaluate=bss_eval_sources)
        assert images.values["SDR"][0] == pytest.approx([-10 * np.log10(1.04)], abs=1e-9)
        assert sources.values["SDR"][0] == pytest.approx([20.0], abs=1e-9)
        assert "ISR" not in sources.values

    def test_frames_are_scored_one_by_one(self):
        first, second = impulses(2)
        estimates = np.stack([first, second])
        estimates[0, 8000:16000] += 0.1 * second[8000:16000]
        values = bss_eval_v4(np.stack([first, second]), estimates, rate_hz=RATE_HZ, filter_length=16).values
        assert values["SDR"][0].tolist() == [np.inf, pytest.approx(20.0), np.inf]
        assert np.isposinf(values["SDR"][1]).all()


class TestFrames:
    def test_tail_is_dropped_and_times_are_told(self):
        references = noise(2, 20000, 1)
        result = bss_eval_v4(references, references + 1, rate_hz=RATE_HZ, filter_length=8)
        assert result.values["SDR"].shape == (2, 2)
        assert result.time_s.tolist() == [0.0, 1.0]
        assert result.duration_s.tolist() == [1.0, 1.0]

    @pytest.mark.parametrize(
        ("n_samples", "window_s", "hop_s", "expected"),
        [
            (100, 1, 1, [(k, k + 10) for k in range(0, 100, 10)]),
            (109, 1, 10, [(0, 10)]),
            (110, 1, 10, [(0, 10), (100, 110)]),
            (10, 1, 1, [(0, 10)]),
            (3, np.inf, np.inf, [(0, 3)]),
            (50, 1, np.inf, [(0, 10)]),
        ],
    )
    def test_rule(self, n_samples, window_s, hop_s, expected):
        assert frame_bounds(n_samples, 10, window_s, hop_s).tolist() == [list(pair) for pair in expected]

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            ((0, 10, 1, 1), "without samples"),
            ((5, 10, 0.01, 1), "the window of 0.01 s is shorter"),
            ((5, 10, 1, 0), "the hop of 0 s is shorter"),
            ((5, 10, np.nan, 1), "the window of nan s"),
            ((5, 0, 1, 1), "sample rate must be positive"),
        ],
    )
    def test_refusals(self, arguments, problem):
        with pytest.raises(AudioError, match=problem):
            frame_bounds(*arguments)


class TestRefusals:
    def score(self, references, estimates, **changes):
        return bss_eval_v4(references, estimates, **{"rate_hz": RATE_HZ, "filter_length": 8} | changes)

    @pytest.mark.parametrize(
        ("references", "estimates", "problem"),
        [
            (noise(2, 900, 2), noise(2, 901, 2), r"differ in .*\(2, 900, 2\) and \(2, 901, 2\)"),
            (noise(2, 900, 2), noise(2, 900, 1), "differ in"),
            (noise(2, 900), noise(2, 900), r"three axes .* not shape \(2, 900\)"),
            (noise(2, 0, 2), noise(2, 0, 2), "nothing to score"),
            (noise(0, 9, 2), noise(0, 9, 2), "nothing to score"),
            (noise(1, 900, 2).astype(np.uint8), noise(1, 900, 2), "references hold uint8 samples"),
            (noise(1, 900, 2), noise(1, 900, 2).astype(complex), "estimates hold complex128 samples"),
            (1e200 * noise(1, 900, 2), noise(1, 900, 2), "reference of target 0 is too loud to be squared"),
        ],
    )
    def test_bad_signals(self, references, estimates, problem):
        with pytest.raises(AudioError, match=problem):
            self.score(references, estimates)

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("side", [0, 1])
    def test_not_finite(self, value, side):
        sides = [noise(3, 20000, 2), noise(3, 20000, 2, seed=1)]
        sides[side][1, 19000, 1] = value
        role = ("reference", "estimate")[side]
        with pytest.raises(AudioError, match=f"the {role} of target 1 has a NaN or an infinity"):
            self.score(*sides)

    @pytest.mark.parametrize("side", [0, 1])
    @pytest.mark.parametrize("kind", ["zeros", "anti-phase"])
    def test_silent_track(self, side, kind):
        sides = [noise(3, 9000, 2), noise(3, 9000, 2, seed=1)]
        sides[side][2] = 0 if kind == "zeros" else sides[side][2, :, :1] * [1, -1]
        role = ("reference", "estimate")[side]
        with pytest.raises(AudioError, match=f"the {role} of target 2 is silent on the whole track"):
            self.score(*sides)

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"filters": "song"}, "'track' or 'frame', not 'song'"),
            ({"filter_length": 0}, "at least 1, not 0 and 1"),
            ({"n_threads": 0}, "at least 1, not 8 and 0"),
            ({"rate_hz": np.nan}, "sample rate must be positive and finite"),
        ],
    )
    def test_bad_parameters(self, changes, problem):
        with pytest.raises(AudioError, match=problem):
            self.score(noise(1, 900, 1), noise(1, 900, 1, seed=1), **changes)


class Blocks:
    """Signals that refuse to be read in large pieces."""

    def __init__(self, array, rate_hz=RATE_HZ, most=20000):
        self.array, self.rate_hz, self.most = array, rate_hz, most
        self.n_signals, self.n_samples, self.n_channels = array.shape

    def read(self, start, stop):
        assert 0 <= start < stop <= self.n_samples
        assert stop - start <= self.most
        return self.array[:, start:stop]


class TestSources:
    references = noise(2, 70000, 2)
    estimates = noise(2, 70000, 2, seed=1) + 3 * references

    def test_blocks_score_as_arrays(self):
        assert isinstance(Blocks(self.references), SignalBlocks)
        whole = bss_eval_v4(self.references, self.estimates, rate_hz=RATE_HZ, filter_length=64)
        blocks = bss_eval_v4(
            Blocks(self.references), Blocks(self.estimates), rate_hz=RATE_HZ, filter_length=64
        )
        for name in QUANTITIES:
            assert np.array_equal(whole.values[name], blocks.values[name])

    @pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32])
    @pytest.mark.parametrize("n_channels", [1, 2])
    def test_formats(self, dtype, n_channels):
        scale = np.iinfo(dtype).max / 20 if np.issubdtype(dtype, np.integer) else 1 / 20
        coded = [
            (scale * side[:, :9000, :n_channels]).astype(dtype) for side in (self.references, self.estimates)
        ]
        full = float(np.iinfo(dtype).max) + 1 if np.issubdtype(dtype, np.integer) else 1.0
        ours = bss_eval_v4(*coded, rate_hz=RATE_HZ, filter_length=8)
        same = bss_eval_v4(*(side.astype(float) / full for side in coded), rate_hz=RATE_HZ, filter_length=8)
        for name in QUANTITIES:
            assert np.array_equal(ours.values[name], same.values[name])

    def test_layout_in_memory_does_not_matter(self):
        strided = np.asfortranarray(self.references)
        ours = bss_eval_v4(strided, self.estimates, rate_hz=RATE_HZ, filter_length=8)
        same = bss_eval_v4(self.references, self.estimates, rate_hz=RATE_HZ, filter_length=8)
        assert np.array_equal(ours.values["SIR"], same.values["SIR"])

    def test_another_rate_is_refused(self):
        with pytest.raises(AudioError, match="estimates are at 44100 Hz, the score is asked at 8000 Hz"):
            bss_eval_v4(self.references, Blocks(self.estimates, 44100), rate_hz=RATE_HZ)

    def test_frames_that_were_not_kept_score_the_same(self, monkeypatch):
        kept = bss_eval_v4(self.references, self.estimates, rate_hz=RATE_HZ, filter_length=32)
        monkeypatch.setattr(engine, "_KEPT_BYTES", 0)
        again = bss_eval_v4(self.references, self.estimates, rate_hz=RATE_HZ, filter_length=32)
        for name in QUANTITIES:
            assert np.array_equal(kept.values[name], again.values[name])


class TestParts:
    def test_correlations_are_sums_of_products(self):
        references, estimates = noise(2, 3000, 2), noise(2, 3000, 2, seed=1)
        pair = SignalPair(references, estimates, RATE_HZ)
        found = Correlator(pair, [(0, 0), (0, 1)], 40).stretch(100, 2900)
        x, y = references[1, 100:2900, 0], estimates[0, 100:2900, 1]
        for lag in (0, 1, 39):
            assert found.references[lag, 2, 1] == pytest.approx(
                x[: 2800 - lag] @ references[0, 100 + lag : 2900, 1]
            )
            assert found.estimates[lag, 2, 1] == pytest.approx(x[: 2800 - lag] @ y[lag:])
        error = references[0, 100:2900] - estimates[1, 100:2900]
        assert found.difference_energy[1] == pytest.approx((error**2).sum())

    def test_stretches_and_crossings_make_the_track(self):
        pair = SignalPair(noise(1, 5000, 2), noise(1, 5000, 2, seed=1), RATE_HZ)
        correlator = Correlator(pair, [(0, 0)], 100)
        whole = correlator.stretch(0, 5000)
        cut = list(tiles(5000, 1200))
        total = correlator.crossings([stop for _, stop in cut[:-1]])
        for stretch in cut:
            total.add(correlator.stretch(*stretch))
        for name in ("references", "estimates", "difference_energy", "estimate_energy"):
            np.testing.assert_allclose(getattr(total, name), getattr(whole, name), rtol=1e-12, atol=1e-9)

    def test_schur_solves(self):
        x = noise(500, 3)
        padded = np.pad(x, ((0, 20), (0, 0)))
        lags = np.stack([x.T @ padded[k : k + 500] for k in range(20)])
        matrix = np.block([[lags[i - j] if i >= j else lags[j - i].T for j in range(20)] for i in range(20)])
        right = noise(20, 3, 2, seed=1)
        solution, pivot = solve_block_toeplitz(lags[np.newaxis], right[np.newaxis])
        np.testing.assert_allclose(solution.reshape(60, 2), np.linalg.solve(matrix, right.reshape(60, 2)))
        assert 1 / np.linalg.cond(matrix) < pivot[0] <= 1

    def test_schur_refuses_what_is_not_positive(self):
        with pytest.raises(NotPositiveDefinite):
            solve_block_toeplitz(np.array([[[[1.0]], [[2.0]]]]), np.ones((1, 2, 1, 1)))

    def test_forms_and_filtering_give_the_same_energies(self):
        references = noise(2, 9000, 2)
        pair = SignalPair(references, references + 0.5 * noise(2, 9000, 2, seed=1), RATE_HZ)
        frame = Correlator(pair, [(0, 0), (1, 0)], 50).stretch(1000, 9000)
        forms = energies.quadratic_forms(projection_filters(frame, 2), [(0, 0), (1, 0)])
        by_forms, doubt = energies.frame_energies(forms, frame)
        assert not doubt.any()
        for index in (0, 1):
            filtered = energies.filtered_energies(forms, pair, 1000, 9000, index)
            np.testing.assert_allclose(by_forms[:, index], filtered, rtol=1e-9)

    def test_cancelled_forms_are_filtered(self, monkeypatch):
        references = noise(2, 9000, 1)
        leaking = references + 1e-7 * references[::-1]
        calls = []
        filtered = engine.filtered_energies
        monkeypatch.setattr(engine, "filtered_energies", lambda *all_: calls.append(1) or filtered(*all_))
        values = bss_eval_v4(references, leaking, rate_hz=RATE_HZ, filter_length=64).values
        assert calls
        assert values["SDR"] == pytest.approx(np.full((2, 1), 140), abs=0.5)


class TestUnstable:
    def test_nothing_to_say_about_ordinary_signals(self):
        references = noise(2, 20000, 2)
        found = bss_eval_v4(references, references + 0.1, rate_hz=RATE_HZ, filter_length=64)
        assert (found.notes, found.unstable) == ((), {})

    def test_band_limited_floats(self):
        spectra = np.fft.rfft(noise(2, 40000, 1), axis=1)
        spectra[:, 14000:] = 0
        references = np.fft.irfft(spectra, axis=1)
        estimates = references + 0.1 * references[::-1] + 1e-3 * noise(2, 40000, 1, seed=1)
        found = bss_eval_v4(references, estimates, rate_hz=RATE_HZ)
        assert sorted(found.unstable) == ["ISR", "SAR", "SIR"]
        assert all(
            marks.all() and marks.shape == found.values["SDR"].shape for marks in found.unstable.values()
        )
        assert "16 bits" in found.why_unstable
        quantised = np.round(3000 * references) / 32768
        sound = bss_eval_v4(quantised, estimates, rate_hz=RATE_HZ)
        assert sound.unstable == {}
        # What the marked numbers are worth.
        assert np.abs(np.median(found.values["SIR"] - sound.values["SIR"], axis=1)).min() > 5

    def test_scaling_does_not_decide(self):
        spectra = np.fft.rfft(noise(2, 40000, 1), axis=1)
        spectra[:, 14000:] = 0
        references = np.fft.irfft(spectra, axis=1)
        estimates = references + 0.1 * references[::-1] + 1e-3 * noise(2, 40000, 1, seed=1)
        for gain in (1e-3, 1.0, 30.0):
            assert bss_eval_v4(gain * references, gain * estimates, rate_hz=RATE_HZ).unstable

    def test_estimates_in_the_span_and_identical_ones_are_sound(self):
        references = noise(2, 40000, 1)
        inside = references + 0.1 * references[::-1]
        for estimates in (inside, references.copy()):
            assert bss_eval_v4(references, estimates, rate_hz=RATE_HZ, filter_length=64).unstable == {}

    def test_copied_and_scaled_channels_span_what_one_spans(self):
        references = noise(2, 20000, 1).repeat(2, axis=2)
        estimates = references + 0.1 * noise(2, 20000, 2, seed=1)
        exact = bss_eval_v4(references, estimates, rate_hz=RATE_HZ, filter_length=64)
        assert exact.unstable == {}
        scaled = bss_eval_v4(references * [1, 3], estimates, rate_hz=RATE_HZ, filter_length=64)
        assert scaled.unstable == {}
        # Filters undo the scale, so what the references span is the same.
        assert scaled.values["SAR"] == pytest.approx(exact.values["SAR"], abs=1e-4)

    def test_one_sample_makes_a_copy_a_channel_of_its_own(self):
        references = noise(2, 20000, 1).repeat(2, axis=2)
        references[0, 12345, 1] += 0.5
        pair = SignalPair(references, references, RATE_HZ)
        correlator = Correlator(pair, [(0, 0), (1, 1)], 16)
        whole = correlator.stretch(0, 12000)
        assert whole.equal.sum() == 4 + 4
        whole.add(correlator.stretch(12000, 20000))
        assert np.argwhere(np.triu(whole.equal, 1)).tolist() == [[2, 3]]
