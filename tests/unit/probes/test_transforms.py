"""Systems whose behaviour is known show that each transform does, and undoes, what it says."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from svbench.audio import Audio, read_audio
from svbench.errors import SvbenchError
from svbench.probes import transforms
from svbench.probes.api import Variant
from svbench.probes.robustness import robustness_variants
from svbench.probes.stretch import Pitch, Tempo, cutting_plan, joined
from svbench.probes.transforms import Delay, Limit, LowPass, PrimeLength, Rate

RATE_HZ = 44100
SEED = 7
HAS_FFMPEG = shutil.which("ffmpeg") is not None
BATTERY = {v.id: v for v in robustness_variants() if not v.missing}
EXACT_DB = 200.0
NOT_EXACT_BACK = ("rate-48k", "rate-22k", "limiter", "lowpass-16k", "lowpass-11k", "pitch", "tempo")
System = Callable[[np.ndarray], np.ndarray]


def tones(n_samples: int = 2 * RATE_HZ) -> tuple[Audio, dict[str, Audio]]:
    draw, t = np.random.default_rng(3), np.arange(n_samples) / RATE_HZ
    tone = 0.2 * np.sin(2 * np.pi * 330 * t)[:, np.newaxis] * np.array([1.0, 0.6])
    parts = {"vocals": tone, "drums": 0.05 * draw.standard_normal((n_samples, 2))}
    return Audio(tone + parts["drums"], RATE_HZ), {n: Audio(x, RATE_HZ) for n, x in parts.items()}


def ratio_db(wanted: np.ndarray, found: np.ndarray) -> float:
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(np.sum(wanted**2) / np.sum((wanted - found) ** 2)))


def equivariance(name: str, system: System) -> float:
    """SDR between what a system makes of a changed mixture and what should have become of its estimate."""
    variant, (mixture, _) = BATTERY[name], tones()
    before = {"e": Audio(system(mixture.samples), RATE_HZ)}
    after = {"e": Audio(system(variant.apply(mixture, {}, SEED)[0].samples), RATE_HZ)}
    if variant.undo:
        after = dict(variant.undo(after))
    else:
        before = dict(variant.apply(mixture, before, SEED)[1])
    return ratio_db(before["e"].samples, after["e"].samples)


def half(x: np.ndarray) -> np.ndarray:
    return 0.5 * x


def fir(x: np.ndarray) -> np.ndarray:
    """A causal filter of three taps."""
    padded = np.pad(x, ((2, 0), (0, 0)))
    return 0.5 * padded[2:] + 0.3 * padded[1:-1] - 0.1 * padded[:-2]


def alternating(x: np.ndarray) -> np.ndarray:
    """Turn the sign of every other sample: a system that hears where a track begins."""
    return x * np.where(np.arange(len(x)) % 2, -1.0, 1.0)[:, np.newaxis]


def uneven(x: np.ndarray) -> np.ndarray:
    return x * np.array([1.0, 0.5])


def levelled(x: np.ndarray) -> np.ndarray:
    return x / np.sqrt(np.mean(x**2))


def in_blocks(x: np.ndarray) -> np.ndarray:
    """Whole blocks of 100 samples; what is left over is silent."""
    return np.where(np.arange(len(x)) < len(x) // 100 * 100, 1.0, 0.0)[:, np.newaxis] * x


def test_the_battery_is_whole() -> None:
    ids = [v.id for v in robustness_variants()]
    assert ids[0] == "original"
    assert len(ids) == 26
    assert {v.expects for v in robustness_variants()[1:]} == {"invariant", "equivariant", "degraded"}
    assert [v.id for v in robustness_variants(["swap", "dc"])] == ["original", "swap", "dc"]
    with pytest.raises(SvbenchError, match="unknown transform 'swapp': did you mean 'swap'"):
        robustness_variants(["swapp"])
    with pytest.raises(SvbenchError, match="transforms: expected a list of names, found 'swap'"):
        robustness_variants("swap")


@pytest.mark.parametrize("name", sorted(BATTERY))
def test_every_transform_is_pure_and_keeps_its_word(name: str) -> None:
    variant, (mixture, references) = BATTERY[name], tones()
    for audio in (mixture, *references.values()):
        audio.samples.flags.writeable = False
    changed, after = variant.apply(mixture, references, SEED)
    again = variant.apply(mixture, references, SEED)[0]
    assert np.array_equal(changed.samples, again.samples)
    expected = variant.length(mixture.n_samples, RATE_HZ) if variant.length else mixture.n_samples
    assert {changed.n_samples, *(a.n_samples for a in after.values())} == {expected}
    if name != "original":
        assert changed.n_samples != mixture.n_samples or np.any(changed.samples != mixture.samples)
    if variant.keeps_references:
        assert all(after[t] is references[t] for t in references)
    else:
        np.testing.assert_allclose(sum(a.samples for a in after.values()), changed.samples, rtol=0, atol=1e-9)
    if variant.undo:
        back = variant.undo({"x": changed})["x"].samples
        assert ratio_db(mixture.samples, back) > EXACT_DB
        assert not variant.keeps_references


@pytest.mark.parametrize("name", sorted(n for n, v in BATTERY.items() if not v.keeps_references))
def test_a_gain_follows_whatever_is_done_to_all_signals(name: str) -> None:
    assert equivariance(name, half) > EXACT_DB


@pytest.mark.parametrize("name", sorted(n for n, v in BATTERY.items() if v.expects == "equivariant"))
def test_a_filter_follows_all_but_what_moves_in_time_or_level(name: str) -> None:
    found = equivariance(name, fir)
    if name.startswith(NOT_EXACT_BACK):
        assert 20 < found < EXACT_DB  # ends, and a gain or pitch that changes within three samples
    else:
        assert found > EXACT_DB


def test_level_dependence_is_found() -> None:
    # f(g x) = f(x); brought back it is f(x) / g.
    for name, db in (("gain-12", -12), ("gain-6", -6), ("gain+6", 6), ("gain+12", 12)):
        expected = -20 * np.log10(abs(1 - 10 ** (-db / 20)))
        assert equivariance(name, levelled) == pytest.approx(expected, abs=1e-9)
    # A rectifier gives the same for both polarities: all of the estimate is turned.
    assert equivariance("polarity", np.abs) == pytest.approx(-20 * np.log10(2), abs=1e-9)


def test_uneven_channels_are_found() -> None:
    left, right = np.sum(tones()[0].samples ** 2, axis=0)
    expected = 10 * np.log10((left + right / 4) / (left / 4 + right / 4))
    assert equivariance("swap", uneven) == pytest.approx(expected, abs=1e-9)
    samples = tones()[0].samples
    mean = samples.mean(axis=1)
    wanted = np.repeat(uneven(samples).mean(axis=1, keepdims=True), 2, axis=1)
    assert equivariance("mono", uneven) == pytest.approx(
        ratio_db(wanted, uneven(np.stack([mean, mean], axis=1))), abs=1e-9
    )


def test_dependence_on_the_first_sample_is_found() -> None:
    assert equivariance("shift", alternating) == pytest.approx(-20 * np.log10(2), abs=1e-9)
    assert equivariance("silence", alternating) > EXACT_DB  # a second at 44.1 kHz is an even number
    odd = Delay(seconds=1.0, samples=1)
    assert odd.length(0, RATE_HZ) == 44101


def test_dependence_on_the_length_is_found() -> None:
    samples = tones()[0].samples
    n = PrimeLength().length(len(samples), RATE_HZ)
    assert n == 88177
    tail = np.sum(samples[88100:n] ** 2)
    expected = 10 * np.log10(np.sum(samples[:n] ** 2) / tail)
    assert equivariance("odd-length", in_blocks) == pytest.approx(expected, abs=1e-9)
    assert [PrimeLength().length(k, 1) for k in (1, 2, 4, 9, 97, 100)] == [1, 2, 3, 7, 97, 97]


def test_what_is_added_to_the_mixture_alone() -> None:
    mixture, _ = tones()
    offset = BATTERY["dc"].apply(mixture, {}, SEED)[0].samples - mixture.samples
    assert offset == pytest.approx(np.full_like(offset, 0.05), abs=1e-15)
    power = np.mean(mixture.samples**2)
    assert equivariance("dc", half) == pytest.approx(10 * np.log10(power / 0.05**2), abs=1e-9)
    # A system without gain at 0 Hz does not care, but for the first sample.
    assert equivariance("dc", lambda x: x - x.mean(axis=0)) > EXACT_DB
    noise = BATTERY["noise"].apply(mixture, {}, SEED)[0].samples - mixture.samples
    assert equivariance("noise", half) == pytest.approx(40.0, abs=0.05)
    assert abs(np.corrcoef(noise.T)[0, 1]) < 0.02
    other = BATTERY["noise"].apply(mixture, {}, SEED + 1)[0].samples - mixture.samples
    assert abs(np.corrcoef(noise[:, 0], other[:, 0])[0, 1]) < 0.02


def test_clipping_and_limiter() -> None:
    t = np.arange(RATE_HZ) / RATE_HZ
    loud = np.where((t > 0.4) & (t < 0.6), 0.8, 0.2) * np.sin(2 * np.pi * 100 * t)
    mixture = Audio(np.stack([loud, 0.5 * loud], axis=1), RATE_HZ)
    ceiling = np.abs(loud).max() * 10 ** (-6 / 20)
    clipped = BATTERY["clipping"].apply(mixture, {}, SEED)[0].samples
    assert np.array_equal(clipped, np.clip(mixture.samples, -ceiling, ceiling))
    limited, after = Limit(-6.0)(mixture, {"vocals": mixture}, SEED)
    assert np.abs(limited.samples).max() <= ceiling * (1 + 1e-12)
    assert np.array_equal(after["vocals"].samples, limited.samples)
    quiet = (t < 0.39) | (t > 0.61)
    np.testing.assert_allclose(limited.samples[quiet], mixture.samples[quiet], rtol=0, atol=1e-12)
    # One gain for both channels.
    np.testing.assert_allclose(limited.samples[:, 1], 0.5 * limited.samples[:, 0], rtol=0, atol=1e-12)
    silence = Audio(np.zeros((100, 1)), RATE_HZ)
    assert Limit(-6.0)(silence, {}, SEED)[0] is silence


@pytest.mark.parametrize(
    ("change", "kept_hz", "lost_hz"),
    [(LowPass(11000), 10400, 11600), (LowPass(16000), 15400, 16600), (Rate(22050), 9500, 12000)],
)
def test_bands(change: Callable[..., tuple[Audio, dict[str, Audio]]], kept_hz: float, lost_hz: float) -> None:
    t = np.arange(2 * RATE_HZ) / RATE_HZ
    inner = slice(RATE_HZ // 2, -RATE_HZ // 2)
    kept, lost = (Audio(np.sin(2 * np.pi * hz * t)[:, np.newaxis], RATE_HZ) for hz in (kept_hz, lost_hz))
    assert ratio_db(kept.samples[inner], change(kept, {}, SEED)[0].samples[inner]) > 70
    assert np.abs(change(lost, {}, SEED)[0].samples[inner]).max() < 1e-4
    assert change(lost, {}, SEED)[0].n_samples == len(t)


def test_a_band_that_is_not_there_is_left_alone() -> None:
    slow = Audio(np.ones((100, 1)), 22050)
    assert LowPass(11000)(slow, {}, SEED)[0] is slow
    assert np.array_equal(Rate(22050)(slow, {}, SEED)[0].samples, slow.samples)


@pytest.mark.parametrize(
    ("change", "seconds", "hz"),
    [
        (Tempo(1.05), 2 / 1.05, 330.0),
        (Tempo(0.95), 2 / 0.95, 330.0),
        (Pitch(1), 2.0, 330 * 2 ** (1 / 12)),
        (Pitch(-1), 2.0, 330 / 2 ** (1 / 12)),
    ],
)
def test_tempo_and_pitch(change: Tempo | Pitch, seconds: float, hz: float) -> None:
    vocals = tones()[1]["vocals"]
    changed = change(vocals, {}, SEED)[0]
    assert changed.n_samples == round(seconds * RATE_HZ)
    power = np.abs(np.fft.rfft(changed.samples[:, 0] * np.hanning(changed.n_samples))) ** 2
    bins = np.fft.rfftfreq(changed.n_samples, 1 / RATE_HZ)
    assert bins[np.argmax(power)] == pytest.approx(hz, abs=1.0)
    # A steady tone stays one: what lies elsewhere is 40 dB below.
    assert power[np.abs(bins - hz) > 10].sum() < 1e-4 * power.sum()


@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_clicks_stay_in_their_relative_place(factor: float) -> None:
    clicks = np.zeros((3 * RATE_HZ, 1))
    places = np.arange(1, 6) * RATE_HZ // 2
    clicks[places] = 1.0
    changed = Tempo(factor)(Audio(clicks, RATE_HZ), {}, SEED)[0].samples[:, 0]
    for place in places:
        around = slice(round(place / factor) - 2000, round(place / factor) + 2000)
        assert changed[around].max() > 0.2
    assert np.sum(changed**2) < 2 * len(places)


def test_the_cutting_plan_is_the_same_on_every_machine() -> None:
    # Whole numbers, so no rounding decides; the golden places were made once.
    guide = Audio((np.arange(12000) ** 2 // 50 % 2001 - 1000).reshape(-1, 1) / 1000, 8000)
    assert cutting_plan(guide, 1.0) == [186 * k for k in range(66)]
    assert np.allclose(joined(guide, cutting_plan(guide, 1.0))[:12000], guide.samples, atol=1e-12)
    golden = [7729, 7915, 8113, 8311, 8509, 8695, 8909, 9095, 9281, 9483]
    assert cutting_plan(guide, 1.05)[40:50] == golden


@pytest.mark.parametrize("name", ["mp3-128", "aac-128", "opus-96"])
@pytest.mark.parametrize("rate_hz", [44100, 16000])
def test_coding_stays_in_place(name: str, rate_hz: int) -> None:
    if name not in BATTERY:
        pytest.skip("no ffmpeg with this encoder")
    mixture = Audio(tones()[0].samples, rate_hz)
    coded = BATTERY[name].apply(mixture, {}, SEED)[0].samples
    assert coded.shape == mixture.samples.shape
    assert ratio_db(mixture.samples, coded) > 8
    n = 2 * len(coded)
    spectra = [np.fft.rfft(x[:, 0], n) for x in (mixture.samples, coded)]
    assert np.argmax(np.fft.irfft(np.conj(spectra[0]) * spectra[1])) == 0


def test_a_missing_codec_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transforms, "_encoders", lambda: frozenset({"aac"}))
    monkeypatch.setattr(transforms, "_ffmpeg_version", lambda: "9")
    found = {v.id: v for v in robustness_variants()}
    assert found["mp3-128"].missing == "not made: it needs ffmpeg with the encoder libmp3lame"
    assert found["opus-96"].missing
    assert found["aac-128"].missing == ""
    assert found["aac-128"].version == "1, aac of ffmpeg 9"


@pytest.mark.skipif(not HAS_FFMPEG, reason="no ffmpeg")
def test_what_ffmpeg_says_is_handed_on() -> None:
    many = Audio(np.zeros((100, 9)), RATE_HZ)
    if "mp3-128" not in BATTERY:
        pytest.skip("no libmp3lame")
    with pytest.raises(SvbenchError, match=r"ffmpeg cannot code the mixture \(.+\)"):
        BATTERY["mp3-128"].apply(many, {}, SEED)


def test_variants_can_be_sent_to_another_process() -> None:
    import pickle

    for variant in BATTERY.values():
        copy: Variant = pickle.loads(pickle.dumps(variant))
        assert copy.apply == variant.apply
        assert (copy.undo is None) == (variant.undo is None)


@pytest.mark.parametrize("name", sorted(BATTERY))
def test_real_music(name: str, music: Path) -> None:
    folder = music / "potassium"
    parts = {
        p.stem: read_audio(p, start=8 * RATE_HZ, stop=12 * RATE_HZ) for p in sorted(folder.glob("*.flac"))
    }
    mixture = Audio(sum(a.samples for a in parts.values()), RATE_HZ)  # type: ignore[arg-type]
    changed, after = BATTERY[name].apply(mixture, parts, SEED)
    if not BATTERY[name].keeps_references:
        np.testing.assert_allclose(sum(a.samples for a in after.values()), changed.samples, rtol=0, atol=1e-9)
    # No transform is louder than what it says: 12 dB of gain, or a little more by overlapping and filtering.
    rise = 10 * np.log10(np.mean(changed.samples**2) / np.mean(mixture.samples**2))
    assert -12.01 < rise < 12.01
    if not name.startswith("gain"):
        assert abs(rise) < 3.0
