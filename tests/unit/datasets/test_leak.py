"""Copies are found though cut, made softer and coded; other music is not."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from svbench.audio import Audio
from svbench.cli.main import main
from svbench.datasets.demo import demo_root
from svbench.datasets.leak import compare_folders, fingerprint
from svbench.errors import DataError

TRACKS = ("francium", "lithium", "potassium", "rubidium")
RATE_HZ = 44100
START_S, STOP_S = 1.2345, 10.3
CODINGS = {
    "gain.wav": [],
    "low.mp3": ["-b:a", "64k"],
    "low.m4a": ["-c:a", "aac", "-b:a", "64k"],
    "low.ogg": ["-c:a", "libvorbis", "-q:a", "1"],
}


def music(track: str) -> np.ndarray:
    return sum(soundfile.read(p)[0] for p in sorted((demo_root() / track).glob("*.flac")))


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("originals")
    for track in TRACKS:
        soundfile.write(folder / f"{track}.wav", music(track), RATE_HZ)
    return folder


@pytest.mark.parametrize("coding", CODINGS)
def test_copies_are_found_and_nothing_else(coding: str, originals: Path, tmp_path: Path) -> None:
    if CODINGS[coding] and shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg to code with")
    name, ending = coding.split(".")
    for number, track in enumerate(TRACKS):
        cut = music(track)[round(START_S * RATE_HZ) : round(STOP_S * RATE_HZ)]
        path = tmp_path / f"{number}-{name}.wav"  # the name tells nothing
        soundfile.write(path, 0.1 * cut, RATE_HZ)
        if CODINGS[coding]:
            words = ["ffmpeg", "-v", "error", "-i", str(path), *CODINGS[coding]]
            subprocess.run([*words, str(path.with_suffix(f".{ending}"))], check=True)
            path.unlink()
    found = compare_folders(originals, tmp_path)
    pairs = {(m.a, m.b) for m in found.matches}
    assert pairs == {(f"{t}.wav", f"{i}-{coding}") for i, t in enumerate(TRACKS)}
    for match in found.matches:
        # Within a frame or two, and the delay that a codec adds at the start.
        assert match.a_s - match.b_s == pytest.approx(START_S, abs=0.12)
        assert match.share > 0.1
        assert 5 < match.duration_s <= STOP_S - START_S


def test_other_rate_mono_and_polarity(originals: Path, tmp_path: Path) -> None:
    import soxr

    for track in TRACKS[:2]:
        mono = -soxr.resample(music(track).mean(axis=1), RATE_HZ, 22050)
        soundfile.write(tmp_path / f"{track}-copy.flac", mono, 22050)
    assert {(m.a, m.b) for m in compare_folders(originals, tmp_path).matches} == {
        (f"{t}.wav", f"{t}-copy.flac") for t in TRACKS[:2]
    }


def test_noise_silence_and_short_files_share_nothing(originals: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "noise.wav", 0.1 * rng.standard_normal((RATE_HZ * 8, 2)), RATE_HZ)
    soundfile.write(tmp_path / "silence.wav", np.zeros((RATE_HZ, 2)), RATE_HZ)
    soundfile.write(tmp_path / "short.wav", np.ones((10, 2)) / 2, RATE_HZ)
    assert compare_folders(originals, tmp_path).matches == ()
    assert len(fingerprint(Audio(np.zeros((RATE_HZ, 1)), RATE_HZ)).hashes) == 0


def test_command(originals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    a.mkdir()
    b.mkdir()
    shutil.copy(originals / "lithium.wav", a)
    shutil.copy(originals / "rubidium.wav", b)
    assert main(["leak", str(a), str(b)]) == 0
    assert "0 pairs with common music among 1 and 1 files" in capsys.readouterr().out
    shutil.copy(originals / "lithium.wav", b / "renamed.wav")
    (b / "broken.flac").write_text("no audio")
    assert main(["leak", str(a), str(b), "--json"]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert [(m["a"], m["b"], m["share"]) for m in printed["matches"]] == [("lithium.wav", "renamed.wav", 1.0)]
    assert "broken.flac: cannot be read as audio" in printed["not_compared"][0]
    with pytest.raises(DataError, match="no audio file in it"):
        compare_folders(a, _empty(tmp_path))
    with pytest.raises(DataError, match="are the same folder"):
        compare_folders(a, b / ".." / "a")


def _empty(tmp_path: Path) -> Path:
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"
