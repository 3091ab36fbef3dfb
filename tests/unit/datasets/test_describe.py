"""A manifest made of a folder describes that folder, and finds it changed."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from svbench.audio import Audio, write_audio
from svbench.cli.main import main
from svbench.datasets.api import open_dataset
from svbench.datasets.describe import describe
from svbench.datasets.synthetic import synthetic_track, write_folder
from svbench.datasets.verify import verify
from svbench.errors import AudioError, DataError, SpecError
from svbench.specs.manifest import load_manifest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    names = ("train/a", "test/é 'b' \"c\"")
    folder = tmp_path / "my music"
    write_folder(folder, {n: synthetic_track(i, duration_s=0.5) for i, n in enumerate(names)})
    (folder / "train/a/bass.wav").rename(folder / "train/a/lead guitar.wav")
    return folder


def test_a_made_manifest_describes_the_folder(root: Path, tmp_path: Path) -> None:
    made = describe(root, tmp_path / "mine")
    manifest = load_manifest(tmp_path / "mine")
    assert manifest.head.stems == ("vocals", "drums", "bass", "other", "lead guitar")
    assert manifest.head.targets["accompaniment"] == ("drums", "bass", "other", "lead guitar")
    assert (manifest.head.rate_hz, manifest.head.n_channels, manifest.head.discover) == (44100, 2, False)
    assert [(t.track, t.subset, t.n_samples) for t in manifest.tracks] == [
        ("é 'b' \"c\"", "test", 22050),
        ("a", "train", 22050),
    ]
    assert made.duration_s == 1.0
    row = manifest.files[0]
    path = root / row.path
    assert (row.n_bytes, row.sha256) == (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
    assert made.n_bytes == sum(p.stat().st_size for p in root.rglob("*.wav"))
    assert verify(manifest, root) == []
    assert len(open_dataset(manifest, root).tracks) == 2


def test_a_manifest_like_another(root: Path, tmp_path: Path) -> None:
    shutil.rmtree(root / "train")
    made = describe(root, tmp_path / "mine", like="musdb18-hq")
    assert made.manifest.head.targets == load_manifest("musdb18-hq").head.targets
    assert verify(made.manifest, root) == []


def test_tracks_of_several_rates_leave_the_rate_open(root: Path, tmp_path: Path) -> None:
    write_folder(root, {"slow": synthetic_track(3, duration_s=0.5, rate_hz=16000)})
    head = describe(root, tmp_path / "mine").manifest.head
    assert (head.rate_hz, head.discover) == (None, True)


def test_what_cannot_be_described_is_told(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        describe(root / "none", tmp_path / "mine")
    with pytest.raises(SpecError, match="the folder's name becomes the id"):
        describe(root, tmp_path / "my id")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no folder in it holds audio files"):
        describe(tmp_path / "empty", tmp_path / "mine")
    (root / "train/a/drums.wav").write_bytes(b"")
    with pytest.raises(AudioError, match=r"drums\.wav: cannot be read as audio"):
        describe(root, tmp_path / "mine")
    write_audio(root / "train/a/drums.wav", Audio(np.zeros((9, 2)), 44100))
    with pytest.raises(DataError, match=r"drums\.wav: n_samples is 9, .* has 22050; fix the track first"):
        describe(root, tmp_path / "mine")
    shutil.rmtree(root / "train")
    shutil.copytree(root / "test", root / "train")
    with pytest.raises(DataError, match="two tracks are called"):
        describe(root, tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_command(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["manifest", "make", str(root), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["id"], made["n_tracks"], made["n_files"], made["duration_s"]) == ("my-music", 2, 8, 1.0)
    assert main(["verify", f"my-music={root}"]) == 0
    assert main(["manifest", "make", str(root)]) == 2
    assert "already exists" in capsys.readouterr().err
    (root / "train/a/drums.wav").unlink()
    assert main(["verify", f"my-music={root}"]) == 1


def test_command_says_how_to_use_what_it_made(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for words, name in (([], "my-music"), (["--out", "mine"], "mine/manifest.toml")):
        assert main(["manifest", "make", str(root), *words]) == 0
        told = capsys.readouterr().out
        assert f"--data {name}={root} " in told
        assert main(["verify", f"{name}={root}"]) == 0
