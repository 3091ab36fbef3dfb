"""What BSS Eval must not depend on."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from svbench.metrics.bss_eval import bss_eval_v4, correlations, engine

RATE_HZ = 8000
TAPS = 32
QUANTITIES = ("SDR", "ISR", "SIR", "SAR")

few = settings(max_examples=15, deadline=None)


@st.composite
def problems(draw):
    """References and estimates of 1 to 3 targets, 1 or 2 channels, some frames silent."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(1, 3)), draw(st.integers(500, 20000)), draw(st.integers(1, 2)))
    references = rng.standard_normal(shape)
    estimates = references + 0.3 * rng.standard_normal(shape) + 0.2 * np.roll(references, 2, axis=1)
    estimates += 0.1 * references[rng.permutation(shape[0])]
    if shape[1] > 16000 and draw(st.booleans()):
        references[0, 8000:16000] = 0
    return references, estimates


def score(references, estimates, **changes):
    arguments = {"rate_hz": RATE_HZ, "filter_length": TAPS} | changes
    return bss_eval_v4(references, estimates, **arguments).values


def assert_close(left, right, tolerance_db=1e-6):
    for name in QUANTITIES:
        # Ratios beyond 130 dB are quotients by rounding errors.
        a, b = (np.minimum(values[name], 130) for values in (left, right))
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance_db)


@few
@given(problems(), st.floats(-60, 60), st.booleans())
def test_common_gain_and_polarity(problem, gain_db, flip):
    references, estimates = problem
    gain = (-1 if flip else 1) * 10 ** (gain_db / 20)
    assert_close(score(references, estimates), score(gain * references, gain * estimates))


@few
@given(problems(), st.randoms(use_true_random=False))
def test_order_of_targets(problem, random):
    references, estimates = problem
    order = random.sample(range(len(references)), len(references))
    plain = score(references, estimates)
    moved = score(references[order], estimates[order])
    assert_close({name: value[order] for name, value in plain.items()}, moved)


@few
@given(problems())
def test_order_of_channels(problem):
    references, estimates = problem
    assert_close(score(references, estimates), score(references[:, :, ::-1], estimates[:, :, ::-1]))


@few
@given(problems(), st.integers(2, 5), st.sampled_from(["track", "frame"]), st.sampled_from([0.1, 0.25, 1.0]))
def test_threads_do_not_change_a_bit(problem, n_threads, filters, hop_s):
    references, estimates = problem
    alone = score(references, estimates, filters=filters, hop_s=hop_s)
    together = score(references, estimates, filters=filters, hop_s=hop_s, n_threads=n_threads)
    for name in QUANTITIES:
        assert np.array_equal(alone[name], together[name], equal_nan=True)


@few
@given(problems(), st.integers(1, 9), st.integers(1, 9))
def test_sizes_of_blocks_and_groups(problem, blocks, group):
    before = correlations._BLOCKS, engine._GROUP
    plain = score(*problem)
    try:
        correlations._BLOCKS, engine._GROUP = blocks, group
        assert_close(plain, score(*problem))
    finally:
        correlations._BLOCKS, engine._GROUP = before


@few
@given(problems())
def test_frames_are_frames_of_the_track(problem):
    """A hop of half a window contains the frames of a whole one (filters are the track's)."""
    plain, overlapping = score(*problem), score(*problem, hop_s=0.5)
    every_other = {name: value[:, ::2] for name, value in overlapping.items()}
    assert_close(plain, every_other)


@few
@given(problems())
def test_sdr_is_the_plain_ratio(problem):
    references, estimates = problem
    values = score(references, estimates, window_s=10)["SDR"][:, 0]
    error = ((references - estimates) ** 2).sum(axis=(1, 2))
    np.testing.assert_allclose(values, 10 * np.log10((references**2).sum(axis=(1, 2)) / error), atol=1e-9)
