"""BSS Eval against museval 0.4.1 and mir_eval, frame by frame, on signals that provoke."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from svbench import score_arrays
from svbench.metrics.bss_eval import bss_eval_images, bss_eval_sources, bss_eval_v4
from svbench.metrics.bss_eval.v3 import bss_eval_nsdr
from svbench.results.aggregate import over_tracks

QUANTITIES = ("SDR", "ISR", "SIR", "SAR")


def music(n_targets, n_samples, n_channels, seed=0):
    """Coloured, modulated noise with an echo between channels, at the level of music."""
    rng = np.random.default_rng(seed)
    white = rng.standard_normal((n_targets, n_samples, n_channels))
    colour = np.exp(-np.arange(64) / 8)
    padded = np.pad(white, ((0, 0), (63, 0), (0, 0)))
    coloured = np.lib.stride_tricks.sliding_window_view(padded, 64, axis=1) @ colour[::-1]
    envelope = 0.2 + np.abs(np.sin(np.arange(n_samples) / 3000 + rng.uniform(0, 3, (n_targets, 1))))
    return 0.05 * envelope[:, :, np.newaxis] * (coloured + 0.4 * coloured[:, :, ::-1])


def estimate_of(references, leak=0.1, noise=0.05, filtering=0.2):
    leaking = np.roll(references, 1, axis=0) if len(references) > 1 else 0
    artefacts = music(*references.shape, seed=99)
    return references + leak * leaking + noise * artefacts + filtering * np.roll(references, 3, axis=1)


def assert_agree(ours, theirs, tolerance_db=1e-5):
    """Equal to the tolerance, with the same undefined frames and infinities.

    Beyond 130 dB every implementation compares its own rounding errors: there only
    that both are beyond is asked. From 100 to 130 dB museval's own filters are accurate to 1e-3 dB.
    """
    theirs = np.asarray(theirs)
    assert ours.shape == theirs.shape
    assert np.array_equal(np.isnan(ours), np.isnan(theirs))
    beyond = theirs > 130
    assert np.array_equal(beyond, ours > 130)
    for sure, tolerance in ((theirs <= 100, tolerance_db), ((theirs > 100) & ~beyond, 1e-3)):
        assert np.array_equal(np.isneginf(ours[sure]), np.isneginf(theirs[sure]))
        finite = np.isfinite(theirs) & sure
        np.testing.assert_allclose(ours[finite], theirs[finite], rtol=0, atol=tolerance)


def compare_v4(
    museval, references, estimates, rate_hz=8000, window_s=1.0, hop_s=1.0, taps=512, filters="track"
):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # museval divides by zero on perfect frames
        theirs = museval.bss_eval(
            references,
            estimates,
            window=int(window_s * rate_hz),
            hop=int(hop_s * rate_hz),
            filters_len=taps,
            framewise_filters=filters == "frame",
            bsseval_sources_version=False,
        )
    ours = bss_eval_v4(
        references,
        estimates,
        rate_hz=rate_hz,
        window_s=window_s,
        hop_s=hop_s,
        filter_length=taps,
        filters=filters,
        n_threads=2,
    )
    for name, expected in zip(QUANTITIES, theirs, strict=False):
        assert_agree(ours.values[name], expected)
    return ours


@pytest.mark.parametrize("n_targets", range(1, 7))
@pytest.mark.parametrize("n_channels", [1, 2])
def test_targets_and_channels(museval, n_targets, n_channels):
    references = music(n_targets, 20000, n_channels)
    # Full length filters up to three targets; the square matrices of museval grow too slow.
    taps = 512 if n_targets < 4 else 128
    compare_v4(museval, references, estimate_of(references), taps=taps)


@pytest.mark.parametrize("rate_hz", [8000, 11025, 22050, 44100, 48000, 96000])
def test_rates(museval, rate_hz):
    references = music(2, int(2.2 * rate_hz), 1)
    result = compare_v4(museval, references, estimate_of(references), rate_hz)
    assert result.values["SDR"].shape == (2, 2)


@pytest.mark.parametrize(
    ("window_s", "hop_s"),
    [(1, 0.5), (0.5, 1), (2, 1.5), (0.05, 0.05), (0.05, 0.02), (0.1, 0.1), (3, 3), (9, 1)],
    ids=lambda seconds: f"{seconds}s",
)
def test_windows_and_hops(museval, window_s, hop_s):
    references = music(2, 24100, 1)
    compare_v4(museval, references, estimate_of(references), window_s=window_s, hop_s=hop_s)


@pytest.mark.parametrize("n_samples", [600, 2000, 7999, 8000, 8001, 15999, 16000])
def test_short_tracks(museval, n_samples):
    references = music(2, n_samples, 1)
    compare_v4(museval, references, estimate_of(references))


@pytest.mark.parametrize("n_samples", [40, 300, 511, 512])
def test_tracks_shorter_than_the_filters(museval, n_samples):
    # With fewer samples than taps the references explain everything but rounding errors.
    references = music(1, n_samples, 1)
    compare_v4(museval, references, references + 0.3 * music(1, n_samples, 1, seed=4), taps=512)


@pytest.mark.parametrize("filters", ["track", "frame"])
@pytest.mark.parametrize("hop_s", [1.0, 0.5])
def test_filters_per_frame(museval, filters, hop_s):
    references = music(2, 24500, 2)
    compare_v4(museval, references, estimate_of(references), hop_s=hop_s, taps=256, filters=filters)


@pytest.mark.parametrize("side", ["reference", "estimate"])
@pytest.mark.parametrize("kind", ["zeros", "anti-phase", "one channel"])
def test_silent_frames(museval, side, kind):
    references = music(2, 24000, 2)
    estimates = estimate_of(references)
    signal = (references if side == "reference" else estimates)[1, 8000:16000]
    if kind == "zeros":
        signal[:] = 0
    elif kind == "anti-phase":
        signal[:, 1] = -signal[:, 0]
    else:
        signal[:, 1] = 0
    result = compare_v4(museval, references, estimates, taps=256)
    undefined = np.isnan(result.values["SDR"])
    assert undefined.any() == (kind != "one channel")
    assert undefined[:, 1].all() == undefined.any()


def test_almost_silent_frame_is_defined(museval):
    references = music(2, 24000, 1)
    references[0, 8000:16000] = 0
    references[0, 9000] = 1e-9
    result = compare_v4(museval, references, estimate_of(references, filtering=0))
    assert np.isfinite(result.values["SDR"]).all()


@pytest.mark.parametrize("scale", [1.0, -0.5])
def test_channels_that_are_copies(museval, scale):
    references = music(2, 20000, 2)
    references[0, :, 1] = scale * references[0, :, 0]
    compare_v4(museval, references, estimate_of(references), taps=256)


def test_dual_mono_everywhere(museval):
    references = music(2, 20000, 1).repeat(2, axis=2)
    compare_v4(museval, references, estimate_of(references), taps=256)


def test_identical_targets(museval):
    references = music(2, 20000, 2)
    references[1] = references[0]
    compare_v4(museval, references, estimate_of(references), taps=128)


def test_one_channel_always_silent(museval):
    references = music(2, 20000, 2)
    references[0, :, 1] = 0
    compare_v4(museval, references, estimate_of(references), taps=256)


@pytest.mark.parametrize("leak", [1e-2, 1e-4, 1e-5, 1e-6])
def test_near_perfect_estimates(museval, leak):
    references = music(2, 24000, 2)
    result = compare_v4(museval, references, references + leak * references[::-1], taps=256)
    assert np.abs(result.values["SIR"] + 20 * np.log10(leak)).max() < 10


def test_perfect_estimates(museval):
    references = music(2, 24000, 2)
    result = compare_v4(museval, references, references.copy(), taps=256)
    assert np.isposinf(result.values["SDR"]).all()


def test_one_perfect_frame(museval):
    references = music(2, 24000, 2)
    estimates = estimate_of(references)
    estimates[0, 8000:16000] = references[0, 8000:16000]
    result = compare_v4(museval, references, estimates, taps=256)
    assert np.isposinf(result.values["SDR"][0]).tolist() == [False, True, False]


@pytest.mark.parametrize("offset", [(0, 0.1), (0.1, 0.1), (0.1, 0)])
def test_constant_offsets(museval, offset):
    references = music(2, 20000, 2)
    compare_v4(museval, references + offset[0], estimate_of(references) + offset[1], taps=256)


@pytest.mark.parametrize("gain", [1e-10, 1e-6, 1e6])
def test_levels(museval, gain):
    references = music(2, 20000, 2)
    compare_v4(museval, gain * references, gain * estimate_of(references), taps=256)


def test_16_bit_samples_are_full_scale_fractions(museval):
    references = music(2, 20000, 2)
    coded = [np.round(32768 * side).astype(np.int16) for side in (references, estimate_of(references))]
    floats = [side / 32768 for side in coded]
    ours = bss_eval_v4(*coded, rate_hz=8000, filter_length=128)
    same = compare_v4(museval, *floats, taps=128)
    for name in QUANTITIES:
        assert np.array_equal(ours.values[name], same.values[name])


# Version 3: one set of filters for what is scored, and a search for the best permutation.


@pytest.mark.parametrize("permute", [False, True])
@pytest.mark.parametrize("version", ["images", "sources"])
def test_version_3_of_museval(museval, version, permute):
    references = music(3, 6000, 1)
    estimates = estimate_of(references)[[2, 0, 1]]
    theirs = getattr(museval, f"bss_eval_{version}")(references, estimates, compute_permutation=permute)
    evaluate = bss_eval_images if version == "images" else bss_eval_sources
    ours, order = evaluate(references, estimates, rate_hz=8000, permute=permute)
    names = QUANTITIES if version == "images" else ("SDR", "SIR", "SAR")
    for name, expected in zip(names, theirs, strict=False):
        assert_agree(ours.values[name], expected)
    assert np.array_equal(order, theirs[-1])
    assert order[:, 0].tolist() == ([1, 2, 0] if permute else [0, 1, 2])


@pytest.mark.parametrize("version", ["images", "sources"])
def test_version_3_in_frames(museval, version):
    references = music(2, 9000, 2)
    estimates = estimate_of(references)
    estimates[:, 4000:] = estimates[::-1, 4000:]
    theirs = getattr(museval, f"bss_eval_{version}_framewise")(
        references, estimates, window=4000, hop=2000, compute_permutation=True
    )
    evaluate = bss_eval_images if version == "images" else bss_eval_sources
    ours, order = evaluate(references, estimates, rate_hz=8000, window_s=0.5, hop_s=0.25)
    names = QUANTITIES if version == "images" else ("SDR", "SIR", "SAR")
    for name, expected in zip(names, theirs, strict=False):
        assert_agree(ours.values[name], expected)
    assert np.array_equal(order, theirs[-1])


@pytest.mark.parametrize("permute", [False, True])
def test_sources_of_mir_eval(separation, permute):
    references = music(2, 6000, 1)
    estimates = estimate_of(references)[::-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # deprecated there, which is known
        *theirs, order = separation.bss_eval_sources(references[..., 0], estimates[..., 0], permute)
    ours, found = bss_eval_sources(references, estimates, rate_hz=8000, permute=permute)
    for name, expected in zip(("SDR", "SIR", "SAR"), theirs, strict=True):
        assert_agree(ours.values[name][:, 0], expected)
    assert np.array_equal(found[:, 0], order)


def test_images_of_mir_eval(separation):
    references = music(2, 5000, 2)
    estimates = estimate_of(references)[::-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        *theirs, order = separation.bss_eval_images(references, estimates, True)
    ours, found = bss_eval_images(references, estimates, rate_hz=8000)
    for name, expected in zip(QUANTITIES, theirs, strict=True):
        assert_agree(ours.values[name][:, 0], expected)
    assert np.array_equal(found[:, 0], order)


def test_nsdr_of_mir_eval(separation):
    references = music(2, 6000, 1)
    estimates = estimate_of(references)
    mixture = references.sum(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        sdr, sir, sar, _ = separation.bss_eval_sources(references[..., 0], estimates[..., 0], False)
        nothing, *_ = separation.bss_eval_sources(references[..., 0], np.stack([mixture[:, 0]] * 2), False)
    ours = bss_eval_nsdr(references, estimates, rate_hz=8000, mixture=mixture).values
    for name, expected in (("NSDR", sdr - nothing), ("SDR", sdr), ("SIR", sir), ("SAR", sar)):
        assert_agree(ours[name][:, 0], expected)
    stereo = [np.concatenate([1.2 * x, 0.8 * x], axis=-1) for x in (references, estimates, mixture)]
    again = bss_eval_nsdr(stereo[0], stereo[1], rate_hz=8000, mixture=stereo[2]).values
    assert_agree(again["NSDR"], ours["NSDR"])


def test_gnsdr_weighs_tracks_by_their_length(separation):
    tracks = [(music(2, n, 1, seed=n), n) for n in (4000, 9000)]
    weighted = np.zeros(2)
    for references, n in tracks:
        estimates, mixture = estimate_of(references), references.sum(axis=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            after, *_ = separation.bss_eval_sources(references[..., 0], estimates[..., 0], False)
            before, *_ = separation.bss_eval_sources(references[..., 0], np.stack([mixture[:, 0]] * 2), False)
        weighted += n * (after - before)
    expected = weighted / sum(n for _, n in tracks)
    rows = []
    for references, _ in tracks:
        estimates = estimate_of(references)
        named = [dict(zip(("vocals", "accompaniment"), x, strict=True)) for x in (references, estimates)]
        mixture = references.sum(axis=0)
        rows.append(score_arrays(*named, rate_hz=8000, protocol="mir1k-gnsdr", mixture=mixture))
    for j, target in enumerate(("vocals", "accompaniment")):
        values = [next(r.score for r in own if (r.target, r.metric) == (target, "GNSDR")) for own in rows]
        found = over_tracks("length-weighted mean", values, [n for _, n in tracks])
        assert found == pytest.approx(expected[j], abs=1e-5)
