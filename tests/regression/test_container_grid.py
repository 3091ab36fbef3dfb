"""Every container, as references and as estimates, by `run` and by `score`: the numbers of the decoded samples.

One short piece is stored in each container as a track of its own. What is expected comes from ffmpeg's decoded
samples, numpy's formulas and museval's code.
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile

from svbench.cli.main import main
from svbench.datasets import demo
from svbench.results.scores import TrackResult
from svbench.results.store import find_runs, load_run

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg to write containers with")
RATE = 48_000  # that of Opus; the music just plays faster
N_SAMPLES = 110_000
WRITTEN_BY_SOUNDFILE = {
    "16.wav": "PCM_16",
    "24.wav": "PCM_24",
    "32f.wav": "FLOAT",
    "64f.wav": "DOUBLE",
    "a.flac": "PCM_16",
    "a.aiff": "PCM_16",
    "a.w64": "PCM_16",
}
WRITTEN_BY_FFMPEG = {
    "a.ogg": ["-c:a", "libvorbis", "-q:a", "7"],
    "a.mp3": ["-b:a", "256k"],
    "a.m4a": ["-c:a", "aac", "-b:a", "256k"],
    "a.opus": ["-c:a", "libopus", "-b:a", "192k"],
}
CONTAINERS = (*WRITTEN_BY_SOUNDFILE, *WRITTEN_BY_FFMPEG)
TARGETS = ("vocals", "accompaniment")
# The metrics of mdx21, si-sdr and sisec18 with their parameters, so that everything is started once.
PROTOCOL = """
schema = 1
id = "grid"
title = "uSDR, SI-SDR and BSS Eval v4"
version = "1"
description = "Of the protocols mdx21, si-sdr and sisec18."
citation = "none"
headline = "uSDR"
absent_target = "score_others"
[[target_sets]]
id = "vocals-accompaniment"
targets = ["vocals", "accompaniment"]
[[metrics]]
id = "sdr"
parameters = { delta = 1e-7 }
reduce = { frames = "mean", tracks = "mean", targets = "mean", infinite = "undefined" }
[[metrics]]
id = "si-sdr"
parameters = { channels = "joint" }
reduce = { frames = "mean", tracks = "mean", targets = "mean", infinite = "undefined" }
[[metrics]]
id = "bss-eval-v4"
parameters = { window_s = 1.0, hop_s = 1.0, filter_length = 512 }
reduce = { frames = "median", tracks = "median", targets = "mean", infinite = "undefined" }
"""


@functools.cache
def signals(role: str) -> np.ndarray:
    """Make references, or estimates of them, of shape (2, n_samples, 1) and finer than 16 bit.

    Mono keeps BSS Eval cheap, here and in museval; that channels stay apart is tested with the containers.
    """
    folder = Path(demo.__file__).parent / "demo_audio/potassium"
    names = ("vocals", "drums", "other")
    vocals, drums, other = (
        soundfile.read(folder / f"{n}.flac", start=5 * 44100, frames=N_SAMPLES, always_2d=True)[0][:, :1]
        for n in names
    )
    noise = np.random.default_rng(0).uniform(-1, 1, (2, N_SAMPLES, 1))
    references = 0.9 * np.stack([vocals, drums + other]) + 1e-4 * noise
    if role == "references":
        return references
    return 0.9 * references + 0.1 * references[::-1] + 0.003 * noise[::-1]


def store(samples: np.ndarray, path: Path, container: str) -> None:
    """Write one signal in one container."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if container in WRITTEN_BY_SOUNDFILE:
        soundfile.write(path, samples, RATE, subtype=WRITTEN_BY_SOUNDFILE[container])
        return
    source = path.with_suffix(".source.wav")
    soundfile.write(source, samples, RATE, subtype="DOUBLE")
    words = ["ffmpeg", "-v", "error", "-i", source, *WRITTEN_BY_FFMPEG[container], path]
    subprocess.run(words, check=True)
    source.unlink()


def decode(path: Path) -> np.ndarray:
    """Return the samples that ffmpeg gives, of Opus by its reference decoder; blocks may end after the signal."""
    decoder = ["-c:a", "libopus"] if path.suffix == ".opus" else []
    words = ["ffmpeg", "-v", "error", *decoder, "-i", path, "-f", "f64le", "-c:a", "pcm_f64le", "-"]
    raw = subprocess.run(words, check=True, capture_output=True).stdout
    samples = np.frombuffer(raw).reshape(-1, 1)
    assert N_SAMPLES <= len(samples) < N_SAMPLES + 1024
    return samples[:N_SAMPLES]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one tree for each role, a track for each container, and plain files for the other role."""
    root = tmp_path_factory.mktemp("grid")
    for role in ("references", "estimates"):
        # Data sets of four stems have no accompaniment; it is the sum of those they have.
        names = ("vocals", "other") if role == "references" else TARGETS
        for container in CONTAINERS:
            for name, samples in zip(names, signals(role), strict=True):
                suffix = Path(container).suffix
                store(samples, root / f"{role}-stored" / container / f"{name}{suffix}", container)
                plain = root / f"{role}-plain" / container / f"{name}.wav"
                plain.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(plain, samples, RATE, subtype="DOUBLE")
    return root


def decoded(root: Path, role: str, container: str, stored: str) -> np.ndarray:
    """Return what is compared: decoded where this role is stored in the container, else as made."""
    if role != stored:
        return signals(role)
    names = ("vocals", "other") if role == "references" else TARGETS
    folder = root / f"{role}-stored" / container
    return np.stack([decode(folder / f"{n}{Path(container).suffix}") for n in names])


def scored(root: Path, verb: str, stored: str) -> dict[str, TrackResult]:
    """Run or score all containers at once."""
    references = root / f"references-{'stored' if stored == 'references' else 'plain'}"
    estimates = root / f"estimates-{'stored' if stored == 'estimates' else 'plain'}"
    out, protocol = root / f"runs-{verb}-{stored}", str(root / "grid.toml")
    Path(protocol).write_text(PROTOCOL)
    if verb == "score":
        words = ["score", str(references), str(estimates), "--protocol", protocol]
    else:
        system = root / "ready.toml"
        system.write_text(
            'schema = 1\nid = "ready"\ntitle = "Ready"\nadapter = "folder"\ntraining_data = []\n'
            f"parameters = {{ root = {json.dumps(str(estimates))} }}\n"
        )
        words = ["run", protocol, "--data", f"folder={references}", "--system", str(system)]
    assert main([*words, "--out", str(out), "--workers", "1"]) == 0
    (path,) = find_runs([out])
    return {r.track: r for r in load_run(path).results}


def values(result: TrackResult, metric: str) -> np.ndarray:
    """Return the frames of both targets, shape (2, n_frames)."""
    chosen = {
        s.target: s for s in result.series if s.metric == metric and s.target_set == "vocals-accompaniment"
    }
    assert result.status == "ok", result.reason
    return np.array([chosen[t].score for t in TARGETS], float)


def decibels(wanted: np.ndarray, error: np.ndarray, delta: float = 0.0) -> np.ndarray:
    power = [np.sum(x.reshape(len(x), -1) ** 2, axis=1) + delta for x in (wanted, error)]
    return 10 * np.log10(power[0] / power[1])


@pytest.mark.parametrize("verb", ["run", "score"])
@pytest.mark.parametrize("stored", ["references", "estimates"])
def test_every_container_gives_the_numbers_of_its_samples(
    verb: str, stored: str, files: Path, museval, capsys: pytest.CaptureFixture[str]
) -> None:
    results = scored(files, verb, stored)
    for container in CONTAINERS:
        s, e = (decoded(files, role, container, stored) for role in ("references", "estimates"))
        # FFmpeg rounds what the decoder of Opus gives to 16 bit, and others differ in the last bit of float32.
        tolerance_db = 1e-9 if container in WRITTEN_BY_SOUNDFILE else 1e-3

        def check(
            ours: np.ndarray, theirs: np.ndarray, tolerance_db: float = tolerance_db, what=container
        ) -> None:
            np.testing.assert_allclose(
                ours.reshape(theirs.shape), theirs, rtol=0, atol=tolerance_db, err_msg=what
            )

        check(values(results[container], "uSDR"), decibels(s, s - e, 1e-7))
        gain = np.einsum("tnc,tnc->t", s, e) / np.einsum("tnc,tnc->t", s, s)
        scaled = gain[:, np.newaxis, np.newaxis] * s
        check(values(results[container], "SI-SDR"), decibels(scaled, scaled - e))
        seconds = [slice(i, i + RATE) for i in range(0, N_SAMPLES - RATE + 1, RATE)]
        frames = np.stack([decibels(s[:, w], s[:, w] - e[:, w]) for w in seconds], axis=1)
        check(values(results[container], "SDR"), frames)
        # A lossy reference leaves a band empty, so that the other three are rounding noise, also in museval.
        if stored == "references" and container in WRITTEN_BY_FFMPEG:
            continue
        theirs = by_museval(museval, s, e)
        for metric, expected in zip(("SDR", "ISR", "SIR", "SAR"), theirs, strict=True):
            check(
                values(results[container], metric),
                expected,
                max(tolerance_db, 1e-5),
                f"{container} {metric}",
            )
    capsys.readouterr()


_MUSEVAL: dict[bytes, np.ndarray] = {}


def by_museval(museval, references: np.ndarray, estimates: np.ndarray) -> np.ndarray:
    """Return the four quantities per target and frame; the same samples are scored once."""
    key = hashlib.sha256(references.tobytes() + estimates.tobytes()).digest()
    if key not in _MUSEVAL:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _MUSEVAL[key] = np.array(
                museval.bss_eval(
                    references, estimates, compute_permutation=False, window=RATE, hop=RATE,
                    framewise_filters=False, bsseval_sources_version=False,
                )[:4]
            )  # fmt: skip
    return _MUSEVAL[key]
