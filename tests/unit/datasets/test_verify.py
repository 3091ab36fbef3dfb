"""One kind of damage at a time, and exactly that is found."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from svbench.audio import Audio, read_audio, write_audio
from svbench.cli.main import main
from svbench.datasets.describe import describe
from svbench.datasets.synthetic import synthetic_track, write_folder
from svbench.datasets.verify import verify
from svbench.errors import DataError, SpecError
from svbench.specs.manifest import Erratum, Manifest, load_manifest

TRACKS = ("train/a", "test/é 'b' \"c\"")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    for number, name in enumerate(TRACKS):
        stems = synthetic_track(number, duration_s=0.5)
        mixture = Audio(sum(a.samples for a in stems.values()), 44100)
        write_folder(folder, {name: {**stems, "mixture": mixture}})
    return folder


@pytest.fixture
def manifest(root: Path, tmp_path: Path) -> Manifest:
    """Lengths are declared, sizes and digests are not: those tell of any damage at all."""
    made = describe(root, tmp_path / "mine").manifest
    return Manifest(made.head, made.tracks, (), made.path)


def rewrite(path: Path, change: Callable[[np.ndarray], np.ndarray], rate_hz: int = 44100) -> None:
    write_audio(path, Audio(change(read_audio(path).samples), rate_hz), subtype="PCM_16")


def cut_file(root: Path) -> None:
    path = root / "train/a/bass.wav"
    path.write_bytes(path.read_bytes()[:1000])


def cut_flac(root: Path) -> None:
    path = root / "train/a/bass.wav"
    samples = read_audio(path).samples
    path.unlink()
    soundfile.write(path.with_suffix(".flac"), samples, 44100, subtype="PCM_16")
    whole = path.with_suffix(".flac").read_bytes()
    path.with_suffix(".flac").write_bytes(whole[: len(whole) // 2])


def twins(root: Path) -> None:
    shutil.copytree(root / "train/a", root / "test/a")


def link(root: Path) -> None:
    shutil.move(root / "train/a/bass.wav", root.parent / "bass.wav")
    (root / "train/a/bass.wav").symlink_to(root.parent / "bass.wav")


def rename_stems(root: Path) -> None:
    for path in (root / "train/a").glob("*.wav"):
        path.rename(path.with_stem(f"{path.stem}_final"))


DAMAGE: dict[str, tuple[Callable[[Path], object], set[tuple[str, str, str, str]]]] = {
    "nothing": (lambda root: None, set()),
    "no track": (lambda root: shutil.rmtree(root / "train/a"), {("a", "", "missing", "error")}),
    "one more": (
        lambda root: shutil.copytree(root / "train/a", root / "train/new"),
        {("new", "", "extra", "note")},
    ),
    "moved": (
        lambda root: shutil.move(root / "train/a", root / "test/a"),
        {("a", "", "wrong subset", "error")},
    ),
    "zero bytes": (
        lambda root: (root / "train/a/bass.wav").write_bytes(b""),
        {("a", "bass", "unreadable", "error")},
    ),
    "cut": (cut_file, {("a", "bass", "unreadable", "error")}),
    "cut behind a good header": (cut_flac, {("a", "bass", "unreadable", "error")}),
    "no samples": (
        lambda root: soundfile.write(root / "train/a/bass.wav", np.zeros((0, 2)), 44100, subtype="PCM_16"),
        {("a", "bass", "unreadable", "error")},
    ),
    "rate": (
        lambda root: rewrite(root / "train/a/bass.wav", lambda x: x, 48000),
        {("a", "bass", "wrong rate_hz", "error")},
    ),
    "mono": (
        lambda root: rewrite(root / "train/a/bass.wav", lambda x: x[:, :1].copy()),
        {("a", "bass", "wrong n_channels", "error")},
    ),
    "silent": (
        lambda root: rewrite(root / "train/a/bass.wav", lambda x: 0 * x),
        {("a", "bass", "silent", "note"), ("a", "mixture", "mixture", "error")},
    ),
    "mixture": (
        lambda root: rewrite(root / "train/a/mixture.wav", lambda x: 0.9 * x),
        {("a", "mixture", "mixture", "error")},
    ),
    "two of one name": (twins, {("a", "", "same name", "error"), ("a", "", "wrong subset", "error")}),
    "link": (link, {("a", "", "unusable", "error")}),
    "other names": (rename_stems, {("a", "", "unusable", "error")}),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_each_kind_of_damage(damage: str, root: Path, manifest: Manifest) -> None:
    do, expected = DAMAGE[damage]
    do(root)
    assert {(f.track, f.stem, f.kind, f.severity) for f in verify(manifest, root)} == expected


def test_not_a_number_is_no_silence(root: Path, manifest: Manifest) -> None:
    samples = read_audio(root / "train/a/bass.wav").samples.copy()
    samples[7] = np.nan
    soundfile.write(root / "train/a/bass.wav", samples, 44100, subtype="FLOAT")
    (found,) = verify(manifest, root)
    assert (found.stem, found.kind) == ("bass", "unreadable")
    assert found.message.endswith(
        "bass.wav: NaN or infinite values, the first (nan) at sample 7 of channel 0, both counted from 0"
    )


def test_without_declared_lengths_stems_are_compared_with_one_another(root: Path) -> None:
    rewrite(root / "train/a/bass.wav", lambda x: x[:-1].copy())
    (found,) = verify(load_manifest("folder"), root)
    assert (found.stem, found.kind) == ("bass", "unequal length")
    assert "n_samples is 22049" in found.message
    assert "vocals.wav has 22050" in found.message


def test_relative_rms_is_told_and_an_erratum_explains_it(root: Path, manifest: Manifest) -> None:
    rewrite(root / "train/a/mixture.wav", lambda x: np.round(x * 2**14) / 2**15)
    (found,) = verify(manifest, root)
    assert "by 1 relative RMS, expected at most 0.001" in found.message
    known = Manifest(
        manifest.head, manifest.tracks, (), manifest.path, (Erratum("a", "mixture", "half as loud"),)
    )
    (found,) = verify(known, root)
    assert found.severity == "note"
    assert found.message.endswith("known defect: half as loud")


def test_the_wrong_folder_is_no_list_of_missing_tracks(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(DataError, match="the folder is empty"):
        verify(manifest, tmp_path / "other")


def test_command_tells_all_in_json_and_exits_with_1(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    described = describe(root, tmp_path / "mine").manifest
    assert main(["verify", f"{described.path}={root}"]) == 0
    assert "[2/2] a" in capsys.readouterr().err
    rewrite(root / "train/a/bass.wav", lambda x: 0.5 * x)
    (root / "test/é 'b' \"c\"/drums.wav").unlink()
    assert main(["verify", f"{described.path}={root}", "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert {(r["track"], r["stem"], r["kind"]) for r in rows} == {
        ("é 'b' \"c\"", "drums", "missing"),
        ("a", "bass", "wrong digest"),
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("track,stem\n", "header: expected track,stem,defect"),
        ("track,stem,defect\nnone,bass,x\n", "track 'none' is not in tracks.csv"),
        ("track,stem,defect\na,bas,x\n", "stem 'bas': did you mean 'bass'"),
    ],
)
def test_bad_errata(text: str, sentence: str, root: Path, tmp_path: Path) -> None:
    describe(root, tmp_path / "mine")
    (tmp_path / "mine/errata.csv").write_text(text)
    with pytest.raises(SpecError, match=sentence):
        load_manifest(tmp_path / "mine")
