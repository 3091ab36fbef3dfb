"""Each class has its trait, every clip is another, and all are the same on every machine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from svbench.audio import Audio
from svbench.audio.draw import Draw
from svbench.errors import UnknownNameError
from svbench.probes.patterns.kit import CLASSES, CLIPS, PEAK, SIRENS, kit_clip, sirens
from svbench.probes.patterns.tones import RATE_HZ, cycles, edges, resonance, saw, sine, swept
from svbench.systems.stft import stft

GOLDEN = Path(__file__).with_name("golden_clips.json")
FEW = 3


@pytest.fixture(scope="module")
def clips() -> dict[str, list[Audio]]:
    return {c: [kit_clip(c, n) for n in range(CLIPS)] for c in CLASSES}


def spectrum(clip: Audio) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Power, shape (n_frames, n_bins), in frames of 46 ms every 12 ms, and the bins in Hz."""
    power = np.abs(stft(clip.samples[:, :1], 2048, 512)[:, :, 0]) ** 2
    return power, np.fft.rfftfreq(2048, 1 / clip.rate_hz)


def centroid_hz(clip: Audio) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre of the spectrum in each frame that sounds, and the level of these frames."""
    power, hz = spectrum(clip)
    level = power.sum(axis=1)
    sounding = level > 1e-3 * level.max()
    return (power @ hz / np.maximum(level, 1e-12))[sounding], level[sounding]


def test_at_least_twenty_distinct_clips_a_class(clips: dict[str, list[Audio]]) -> None:
    assert CLIPS >= 20
    for pattern, found in clips.items():
        for i, clip in enumerate(found):
            assert 4 <= clip.duration_s <= 8, (pattern, i)
            assert np.abs(clip.samples).max() == PEAK
            assert (clip.rate_hz, clip.n_channels) == (RATE_HZ, 2)
            assert np.array_equal(clip.samples * 2**15, np.round(clip.samples * 2**15))
            # Not one recording at another gain, offset or pan: nobody's start is like anybody's.
            for other in found[:i]:
                a, b = (x.samples[: 4 * RATE_HZ : 7, 0] for x in (clip, other))
                assert abs(a @ b) < 0.5 * np.sqrt((a @ a) * (b @ b)), (pattern, i)


def test_no_clip_is_mostly_silent(clips: dict[str, list[Audio]]) -> None:
    for pattern, found in clips.items():
        for i, clip in enumerate(found):
            assert np.mean(np.abs(clip.samples).max(axis=1) > 0.003) > 0.35, (pattern, i)


def test_same_on_every_machine(clips: dict[str, list[Audio]]) -> None:
    # Written by an earlier run on another day; one 16-bit step is what rounding may do.
    golden = json.loads(GOLDEN.read_text())
    for pattern in CLASSES:
        for number in range(FEW):
            clip = clips[pattern][number]
            known = golden[pattern][number]
            assert clip.n_samples == known["n_samples"]
            found = np.round(clip.samples[::4999, 0] * 2**15)
            assert np.abs(found - known["steps"]).max() <= 1, (pattern, number)


def test_wah_sweeps_a_resonance_over_more_than_an_octave(clips: dict[str, list[Audio]]) -> None:
    for i, clip in enumerate(clips["wah-guitar"]):
        power, hz = spectrum(clip)
        band = (hz > 300) & (hz < 3000)
        sounding = power.sum(axis=1) > 1e-3 * power.sum(axis=1).max()
        centre = (power[:, band] @ hz[band] / power[:, band].sum(axis=1).clip(1e-12))[sounding]
        low, high = np.quantile(centre, [0.03, 0.97])
        assert high > 2 * low, i


def test_horns_are_brighter_the_louder_they_are(clips: dict[str, list[Audio]]) -> None:
    for i, clip in enumerate(clips["horns"]):
        power, hz = spectrum(clip)
        level_db = 10 * np.log10(power.sum(axis=1) + 1e-12)
        # In attacks: where the level rises by more than 3 dB within two frames.
        rising = np.flatnonzero((level_db[2:] - level_db[:-2] > 3) & (level_db[:-2] > level_db.max() - 30))
        centre = power @ hz / power.sum(axis=1).clip(1e-12)
        later = np.minimum(rising + 6, len(centre) - 1)
        assert np.median(centre[later] / centre[rising]) > 1.02, i


def peak_hz(clip: Audio) -> NDArray[np.float64]:
    power, hz = spectrum(clip)
    return hz[np.argmax(power, axis=1)]


def siren(kind: str) -> Audio:
    signal = sirens(6 * RATE_HZ, Draw(5), kind)
    return Audio(signal[:, np.newaxis], RATE_HZ)


def turns(frequency: NDArray[np.float64]) -> int:
    """How often a frequency crosses the middle of its range."""
    middle = np.sqrt(np.quantile(frequency, 0.05) * np.quantile(frequency, 0.95))
    return int(np.count_nonzero(np.diff(frequency > middle)))


def test_sirens_of_each_kind_move_as_they_should() -> None:
    found = {kind: peak_hz(siren(kind))[8:-8] for kind in SIRENS}
    # Two rotors take turns at being the stronger; what counts is where both go.
    windows = np.lib.stride_tricks.sliding_window_view(found["air raid"], 41)
    found["air raid"] = np.median(windows, axis=1)
    for kind, few, many in (("wail", 1, 7), ("yelp", 25, 60), ("hi-lo", 6, 16), ("air raid", 0, 3)):
        assert few <= turns(found[kind]) <= many, kind
    # Two notes a fourth apart, hardly anything between.
    low, high = np.quantile(found["hi-lo"], [0.1, 0.9])
    assert high / low == pytest.approx(4 / 3, rel=0.06)
    between = (found["hi-lo"] > low * 1.08) & (found["hi-lo"] < high / 1.08)
    assert between.mean() < 0.15
    assert np.quantile(found["wail"], 0.95) > 1.8 * np.quantile(found["wail"], 0.05)


def test_up_filters_open_upwards(clips: dict[str, list[Audio]]) -> None:
    for i, clip in enumerate(clips["up-filters"]):
        power, hz = spectrum(clip)
        # The frequency below which 95 % of the energy lies.
        below = np.cumsum(power, axis=1) / power.sum(axis=1, keepdims=True).clip(1e-12)
        edge = hz[np.argmax(below > 0.95, axis=1)]
        thirds = [np.median(t) for t in np.array_split(edge[8:-8], 3)]
        assert thirds[0] < thirds[1] <= thirds[2], i
        assert thirds[2] > 2 * thirds[0], i


def test_vocal_chops_are_gated_and_harmonic(clips: dict[str, list[Audio]]) -> None:
    for i, clip in enumerate(clips["vocal-chops"]):
        power, _ = spectrum(clip)
        level = power.sum(axis=1)
        gated = np.diff((level > 1e-3 * level.max()).astype(int))
        assert np.count_nonzero(gated == -1) >= 4, i
        # Sung, not hissed: in frames that sound, most energy lies in few bins.
        loud = power[level > 0.1 * level.max()]
        strongest = np.sort(loud, axis=1)[:, -40:].sum(axis=1) / loud.sum(axis=1)
        assert np.median(strongest) > 0.9, i


def test_building_blocks() -> None:
    t = np.arange(RATE_HZ) / RATE_HZ
    frequency = np.full(RATE_HZ, 441.0)
    # Harmonics of a saw fall as 1/k.
    amplitude = np.abs(np.fft.rfft(saw(frequency))) * 2 / RATE_HZ
    assert amplitude[[441, 882, 1323]] == pytest.approx(2 / np.pi / np.array([1, 2, 3]), rel=0.01)
    assert np.abs(sine(cycles(frequency)) - np.sin(2 * np.pi * 441 * t)).max() < 1e-9
    # Away from its centre by a factor of two the band-pass with Q = 4 leaves 1/√(1 + 36).
    out = swept(np.sin(2 * np.pi * 1722.65625 * t), resonance(4.0), np.full(RATE_HZ, 2 * 1722.65625))
    assert np.std(out[5000:-5000]) * np.sqrt(2) == pytest.approx(1 / np.sqrt(37), rel=0.1)
    assert edges(1000, 0.001, 0.001)[500] == 1


def test_draw_is_uniform_and_fixed() -> None:
    draw = Draw(1)
    counts = np.bincount([draw.below(5) for _ in range(5000)])
    assert counts.min() > 900
    assert counts.max() < 1100
    assert sorted(Draw(2).shuffled(range(9))) == list(range(9))
    assert Draw(2).shuffled(range(9)) != list(range(9))
    noise = Draw(3).noise(100_000)
    assert abs(noise.mean()) < 0.01
    assert noise.std() == pytest.approx(1 / np.sqrt(3), rel=0.01)


def test_unknown_clips_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown pattern class 'horn': did you mean 'horns'"):
        kit_clip("horn", 0)
    with pytest.raises(UnknownNameError, match="unknown clip '27'"):
        kit_clip("horns", 27)


def test_pictures_are_drawn_of_every_class(tmp_path: Path) -> None:
    import importlib.util

    root = Path(__file__).resolve().parents[3]
    spec = importlib.util.spec_from_file_location("pictures", root / "examples/pattern_pictures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert [a.get_title() for a in module.picture("horns", (5,)).axes[:2]] == [
        "horns 5",
        "horns 5, its start",
    ]
    shown = sorted((root / "docs/patterns").iterdir())
    assert [p.stem for p in shown] == list(CLASSES)
    page = (root / "docs/generalisation.md").read_text(encoding="utf-8")
    assert all(f"(patterns/{p.name})" in page for p in shown)
    assert sum(p.stat().st_size for p in shown) < 1.5e6
