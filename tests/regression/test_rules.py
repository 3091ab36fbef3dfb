"""Whole rules, from signals to the printed number, against museval and numpy by hand."""

from __future__ import annotations

import importlib.util
import re
import types
import warnings
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from svbench.audio.sounds import ArraySound
from svbench.datasets.synthetic import synthetic_track
from svbench.results.aggregate import Summary
from svbench.scoring.track import Signals
from svbench.specs.library import entries
from svbench.specs.protocol import load_protocol

ROOT = Path(__file__).resolve().parents[2]
STEMS = ("vocals", "drums", "bass", "other")
PAIR = ("accompaniment", "vocals")
Arrays = np.ndarray
Track = tuple[Arrays, Arrays, Arrays]  # references, estimates, mixture


@pytest.fixture(scope="module")
def example() -> types.ModuleType:
    """The script that makes docs/rules.md."""
    spec = importlib.util.spec_from_file_location("rules", ROOT / "examples/rules.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_tracks(
    targets: tuple[str, ...], durations_s: list[float], rate_hz: int, n_channels: int
) -> list[Track]:
    """Tracks with a leak, noise, and silences of a stem and of an estimate.

    No stretch is perfect: there museval measures the rounding errors of its filters, about 300 dB.
    """
    tracks = []
    for seed, duration_s in enumerate(durations_s):
        stems = synthetic_track(seed, duration_s=duration_s, rate_hz=rate_hz, n_channels=n_channels)
        signals = {t: a.samples for t, a in stems.items()}
        signals["drums"][rate_hz : int(2.2 * rate_hz)] = 0
        signals["accompaniment"] = signals["drums"] + signals["bass"] + signals["other"]
        references = np.stack([signals[t] for t in targets])
        noise = 1e-3 * np.random.default_rng(seed).standard_normal(references.shape)
        estimates = 0.9 * references + 0.02 * (seed + 1) * np.roll(references, 1, axis=0) + noise
        estimates[-1, 2 * rate_hz : 4 * rate_hz] = 0
        tracks.append((references, estimates, references.sum(axis=0)))
    return tracks


def printed(
    example: types.ModuleType, rule: str, tracks: list[Track], targets: tuple[str, ...], rate_hz: int
) -> dict[tuple[str, str], Summary]:
    """Summaries by target and quantity, of the target sets that the targets fill."""
    given = {
        str(i): Signals(
            {t: ArraySound(references[j], rate_hz) for j, t in enumerate(targets)},
            {t: ArraySound(estimates[j], rate_hz) for j, t in enumerate(targets)},
            ArraySound(mixture, rate_hz),
        )
        for i, (references, estimates, mixture) in enumerate(tracks)
    }
    protocol = load_protocol(rule)
    sets = tuple(s for s in protocol.target_sets if set(s.targets) <= set(targets))
    found: list[Summary] = example.summaries(msgspec.structs.replace(protocol, target_sets=sets), given)
    return {(s.target, s.metric): s for s in found}


def of_museval(museval: types.ModuleType, references: Arrays, estimates: Arrays, **options) -> Arrays:
    """SDR, ISR, SIR, SAR of one track, shape (4, n_targets, n_frames)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # museval divides by zero on perfect frames
        return np.array(museval.bss_eval(references, estimates, **options)[:4])


def as_stored(scores: Arrays) -> Arrays:
    """What museval's TrackStore makes of them: infinite becomes undefined, five decimals."""
    return np.round(np.where(np.isinf(scores), np.nan, scores), 5)


@pytest.mark.parametrize(
    ("rule", "targets", "rate_hz", "n_channels", "frames", "window_s"),
    [
        ("sisec18-22k", PAIR, 22050, 2, np.nanmedian, 2),
        ("xumx-asteroid", STEMS, 16000, 1, np.nanmean, 1),
    ],
)
def test_bss_eval_rules(
    museval, example, rule: str, targets: tuple[str, ...], rate_hz: int, n_channels: int,
    frames: Callable[..., Arrays], window_s: int,
) -> None:  # fmt: skip
    tracks = make_tracks(targets, [6.3, 4.1, 5.0], rate_hz, n_channels)
    size = window_s * rate_hz
    scores = [as_stored(of_museval(museval, r, e, window=size, hop=size)) for r, e, _ in tracks]
    expected = np.median([frames(s, axis=2) for s in scores], axis=0)
    ours = printed(example, rule, tracks, targets, rate_hz)
    for q, quantity in enumerate(("SDR", "ISR", "SIR", "SAR")):
        for j, target in enumerate(targets):
            assert ours[target, quantity].score == pytest.approx(expected[q, j], abs=2e-5)
    assert ours["vocals", "SDR"].n_dropped > 0


def test_demucs_rules(museval, example) -> None:
    rate_hz = 16000
    tracks = make_tracks(STEMS, [6.3, 4.1, 5.0], rate_hz, 2)
    # The filters cancel in the SDR; short ones spare museval's time.
    scores = [of_museval(museval, r, e, window=rate_hz, hop=rate_hz, filters_len=4)[0] for r, e, _ in tracks]
    medians = [np.nanmedian(s, axis=1) for s in scores]
    for rule, over_tracks in (("demucs-sdr", np.mean), ("demucs-sdr-med", np.median)):
        ours = printed(example, rule, tracks, STEMS, rate_hz)
        expected = over_tracks(medians, axis=0)
        for j, target in enumerate(STEMS):
            assert ours[target, "SDR"].score == pytest.approx(expected[j], abs=1e-8)
        assert ours["mean", "SDR"].score == pytest.approx(np.mean(expected), abs=1e-8)
        assert ours["vocals", "SDR"].n_dropped == 3 * (1 + 2)  # a silent stem, then a silent estimate


def test_bsrnn_rule(museval, example) -> None:
    rate_hz = 44100  # museval's defaults are samples at this rate
    tracks = make_tracks(STEMS, [6.3, 5.2], rate_hz, 2)
    for _, estimates, _ in tracks:
        estimates[-1, int(1.5 * rate_hz) : int(3.5 * rate_hz)] = 0
    ours = printed(example, "bsrnn-amanteur", tracks, STEMS, rate_hz)
    for j, target in enumerate(STEMS):
        scores = [of_museval(museval, r[[j]], e[[j]], filters_len=4)[0] for r, e, _ in tracks]
        expected = np.mean([np.nanmedian(s) for s in scores])
        assert np.isfinite(expected)
        assert ours[target, "SDR"].score == pytest.approx(expected, abs=1e-8)
        assert ours[target, "SDR"].n_dropped == (2 if target == "other" else 0)  # its own silence alone


def test_dttnet_csdr_by_hand(example) -> None:
    rate_hz = 16000
    tracks = make_tracks(STEMS, [4.5, 3.0], rate_hz, 2)
    for _, _, mixture in tracks:
        mixture[:] = np.round(mixture * 2**15) / 2**15  # sums of 16-bit samples, without rounding noise
    ours = printed(example, "dttnet-csdr", tracks, STEMS, rate_hz)
    for j, target in enumerate(STEMS):
        pool = []
        for references, estimates, mixture in tracks:
            s, e = references[j], estimates[j]
            for start in range(0, len(s) - rate_hz + 1, rate_hz):
                chunk = slice(start, start + rate_hz)
                if not s[chunk].any() or not (mixture - s)[chunk].any():
                    continue
                error = np.sum((s - e)[chunk] ** 2)
                pool.append(10 * np.log10(np.sum(s[chunk] ** 2) / error) if error else np.inf)
        assert ours[target, "SDR"].score == pytest.approx(np.median(pool), abs=1e-9)
        assert ours[target, "SDR"].n_frames == len(pool)
        assert ours[target, "SDR"].label == "pooled median"
    assert ours["drums", "SDR"].n_dropped == 1 + 1  # the silent second of each track


RATIOS: dict[str, Callable[[float, float], float]] = {
    "mdx21": lambda s, d: 10 * np.log10((s + 1e-7) / (d + 1e-7)),
    "msst": lambda s, d: 10 * np.log10((s + 1e-8) / (d + 1e-8)),
    "kuielab": lambda s, d: 10 * np.log10(s / d + 1e-10),
    "dttnet-usdr": lambda s, d: 10 * np.log10(s / d) if s else np.nan,
}


@pytest.mark.parametrize("rule", RATIOS)
@pytest.mark.parametrize("bass", ["sounds", "is silent on one track"])
def test_whole_track_rules_by_hand(example, rule: str, bass: str) -> None:
    tracks = make_tracks(STEMS, [3.0, 2.5], 16000, 2)
    if bass == "is silent on one track":
        tracks[1][0][2] = 0
    ours = printed(example, rule, tracks, STEMS, 16000)
    expected = [
        np.mean([RATIOS[rule](np.sum(r[j] ** 2), np.sum((r[j] - e[j]) ** 2)) for r, e, _ in tracks])
        for j in range(4)
    ]
    for value, target in zip([*expected, np.mean(expected)], [*STEMS, "mean"], strict=True):
        summary = ours[target, "uSDR"]
        if np.isnan(value):
            assert summary.status == "undefined"
        else:
            assert summary.score == pytest.approx(value, abs=1e-9)
    assert (ours["bass", "uSDR"].status == "undefined") == (rule == "dttnet-usdr" and bass != "sounds")


def test_the_page_says_what_svbench_computes(example) -> None:
    written = (ROOT / "docs/rules.md").read_text(encoding="utf-8").splitlines()
    computed = "\n".join(example.page()).splitlines()
    number = re.compile(r"−?\d+\.\d\d\b")
    assert [number.sub("#", line) for line in written] == [number.sub("#", line) for line in computed]
    for line, again in zip(written, computed, strict=True):
        values, others = ([float(v.replace("−", "-")) for v in number.findall(x)] for x in (line, again))
        assert values == pytest.approx(others, abs=0.0101), line


def test_every_rule_is_on_the_page_and_in_the_readme() -> None:
    page, readme = ((ROOT / name).read_text(encoding="utf-8") for name in ("docs/rules.md", "README.md"))
    shipped = set(entries("protocol"))
    assert shipped <= set(re.findall(r"^\| `([\w-]+)`", readme, re.MULTILINE))
    in_print = {name for name in shipped if "`" + name + "`" in page}
    assert in_print >= {
        "sisec18", "sisec18-22k", "demucs-sdr", "demucs-sdr-med", "mdx21", "msst", "kuielab", "dttnet-csdr",
        "dttnet-usdr", "bsrnn-amanteur", "xumx-asteroid", "si-sdr", "si-sdr-per-channel",
    }  # fmt: skip
