"""Folders become tracks, or one sentence says why not."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from svbench.audio import Audio, read_audio, write_audio
from svbench.datasets.api import open_dataset
from svbench.datasets.demo import DEMO_ID, best_start_s, cut_demo, demo_root
from svbench.datasets.synthetic import synthetic_track, write_folder
from svbench.datasets.verify import verify
from svbench.errors import AudioError, DataError, SpecError, UnknownNameError
from svbench.specs.manifest import load_manifest

FOLDER = load_manifest("folder")
DEMO = load_manifest(DEMO_ID)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_folder(
        tmp_path, {"a": synthetic_track(1, duration_s=0.5), "é 'b'": synthetic_track(2, duration_s=0.4)}
    )
    return tmp_path


def test_mixture_and_targets_are_sums_of_stems(root: Path) -> None:
    track = open_dataset(FOLDER, root).tracks[0]
    stems = {s: track.read_stem(s).samples for s in track.stems}
    assert np.array_equal(track.mixture().samples, sum(stems.values()))
    accompaniment = track.reference("accompaniment")
    assert accompaniment is not None
    assert np.array_equal(accompaniment.samples, stems["drums"] + stems["bass"] + stems["other"])
    with pytest.raises(UnknownNameError, match="unknown target 'vocal': did you mean 'vocals'"):
        track.reference("vocal")


def test_a_mixture_file_is_the_mixture_and_no_stem(root: Path) -> None:
    write_audio(root / "a/mixture.wav", Audio(np.full((22050, 2), 0.125), 44100))
    track = open_dataset(FOLDER, root).tracks[0]
    assert "mixture" not in track.stems
    assert np.all(track.mixture().samples == 0.125)


def test_absent_and_silent_stems_give_no_reference(root: Path) -> None:
    (root / "a/bass.wav").unlink()
    write_audio(root / "a/drums.wav", Audio(np.zeros((22050, 2)), 44100), subtype="PCM_16")
    track = open_dataset(FOLDER, root).tracks[0]
    assert track.reference("bass") is None
    assert track.reference("drums") is None
    assert set(track.references(("vocals", "drums", "bass", "accompaniment"))) == {"vocals", "accompaniment"}


def test_a_subset_of_a_data_set_without_any(root: Path) -> None:
    for found in (f for f in root.rglob("*") if f.is_dir() and f.parent != root):
        shutil.move(found, root / found.name)
    with pytest.raises(UnknownNameError, match="unknown subset 'test': known: none"):
        open_dataset(FOLDER, root, subset="test")


def test_subsets_and_choices(root: Path) -> None:
    (root / "test").mkdir()
    shutil.move(root / "a", root / "test/a")
    shutil.move(root / "é 'b'", root / "train/é 'b'")
    data = open_dataset(FOLDER, root)
    assert [(t.subset, t.name) for t in data.tracks] == [("test", "a"), ("train", "é 'b'")]
    assert [t.name for t in open_dataset(FOLDER, root, subset="train").tracks] == ["é 'b'"]
    assert [t.name for t in open_dataset(FOLDER, root, tracks=["a"]).tracks] == ["a"]
    with pytest.raises(UnknownNameError, match="unknown subset 'tset': did you mean 'test'"):
        open_dataset(FOLDER, root, subset="tset")
    with pytest.raises(UnknownNameError, match="unknown track 'b'"):
        open_dataset(FOLDER, root, tracks=["b"])


def test_digest_follows_content(root: Path) -> None:
    before = open_dataset(FOLDER, root).tracks[0].digest()
    assert open_dataset(FOLDER, root).tracks[0].digest() == before
    samples = read_audio(root / "a/bass.wav").samples.copy()
    samples[0, 0] += 2**-15
    write_audio(root / "a/bass.wav", Audio(samples, 44100), subtype="PCM_16")
    assert open_dataset(FOLDER, root).tracks[0].digest() != before


def damage(root: Path, how: str) -> None:
    path = root / "a/bass.wav"
    samples = read_audio(path).samples
    if how == "length":
        write_audio(path, Audio(samples[:-1], 44100), subtype="PCM_16")
    elif how == "rate":
        write_audio(path, Audio(samples, 48000), subtype="PCM_16")
    elif how == "mono":
        write_audio(path, Audio(samples[:, :1].copy(), 44100), subtype="PCM_16")
    elif how == "text":
        path.write_text("no audio")
    elif how == "zero":
        path.write_bytes(b"")
    elif how == "header only":
        soundfile.write(path, np.zeros((0, 2)), 44100)
    elif how == "two":
        soundfile.write(root / "a/bass.flac", samples, 44100)
    elif how == "link":
        path.unlink()
        outside = root.parent / f"{root.name}-outside.wav"
        write_audio(outside, Audio(samples, 44100))
        path.symlink_to(outside)
    elif how == "no stems":
        for stem in ("vocals", "drums", "bass", "other"):
            (root / f"a/{stem}.wav").rename(root / f"a/{stem}_final.wav")


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("length", r"vocals\.wav has 22050 samples, .*bass\.wav has 22049"),
        ("rate", r"vocals\.wav has 44100 Hz, .*bass\.wav has 48000"),
        ("mono", r"vocals\.wav has 2 channels, .*bass\.wav has 1"),
        ("text", r"bass\.wav: cannot be read as audio"),
        ("zero", r"bass\.wav: cannot be read as audio"),
        ("header only", r"bass\.wav: its header says that it holds no samples, and the file has 44 bytes"),
        ("two", r"both bass\.flac and bass\.wav are read as bass; keep one of them"),
        ("link", r"bass\.wav: a link that leads out of"),
        ("no stems", "but none of the stems vocals, drums, bass, other"),
    ],
)
def test_damage_is_told(how: str, sentence: str, root: Path) -> None:
    damage(root, how)
    with pytest.raises((DataError, AudioError), match=sentence):
        open_dataset(FOLDER, root)


def test_wrong_places_are_told_apart(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(DataError, match="the folder is empty"):
        open_dataset(FOLDER, empty)
    with pytest.raises(DataError, match="give the folder above"):
        open_dataset(FOLDER, root / "a")
    with pytest.raises(DataError, match="no such folder"):
        open_dataset(FOLDER, root / "none")
    (empty / "Mixtures").mkdir()
    (empty / "Sources").mkdir()
    with pytest.raises(DataError, match="looks like DSD100"):
        open_dataset(FOLDER, empty)
    with pytest.raises(DataError, match="6 of 6 tracks of everything-is-free-demo are missing"):
        open_dataset(DEMO, root)


def test_truncated_audio_behind_a_good_header_is_noticed(root: Path) -> None:
    path = root / "a/bass.wav"
    samples = read_audio(path).samples
    soundfile.write(path.with_suffix(".flac"), samples, 44100, subtype="PCM_16")
    path.unlink()
    whole = path.with_suffix(".flac").read_bytes()
    path.with_suffix(".flac").write_bytes(whole[: len(whole) // 2])
    track = open_dataset(FOLDER, root).tracks[0]
    with pytest.raises(AudioError, match=r"bass\.flac"):
        track.reference("bass")


def test_shipped_demo_is_what_its_manifest_says() -> None:
    assert verify(DEMO, demo_root()) == []
    files = [p for p in demo_root().rglob("*") if p.is_file()]
    assert len(files) == len(DEMO.files) == 22
    assert sum(p.stat().st_size for p in files) <= 15_000_000
    data = open_dataset(DEMO, demo_root())
    assert len(data.tracks) == 6
    for track in data.tracks:
        assert 10 <= track.n_samples / track.rate_hz <= 12
        assert np.abs(track.mixture().samples).max() < 1
        assert ("bass" not in track.stems) == (track.name in ("rubidium", "caesium"))


def test_demo_is_cut_from_the_recordings_sample_by_sample(music: Path, tmp_path: Path) -> None:
    cut_demo(music, tmp_path)
    for path in demo_root().rglob("*.flac"):
        ours, _ = soundfile.read(path, dtype="int16")
        cut, _ = soundfile.read(tmp_path / path.relative_to(demo_root()), dtype="int16")
        assert np.array_equal(ours, cut), path
        whole, rate_hz = soundfile.read(music / path.relative_to(demo_root()), dtype="int16")
        starts = range(0, len(whole) - len(ours) + 1, rate_hz)
        assert any(np.array_equal(whole[s : s + len(ours)], ours) for s in starts), path


def test_best_start_prefers_seconds_in_which_all_stems_sound() -> None:
    loud, late = np.full((100, 1), 0.5), np.zeros((100, 1))
    late[60:90] = 0.5
    assert best_start_s([loud, late], 10, excerpt_s=3) == 6


def test_verify_finds_each_defect(tmp_path: Path) -> None:
    root = tmp_path / "demo"
    shutil.copytree(demo_root(), root)
    shutil.rmtree(root / "caesium")
    (root / "francium/bass.flac").unlink()
    content = bytearray((root / "lithium/bass.flac").read_bytes())
    content[-1] ^= 1
    (root / "lithium/bass.flac").write_bytes(bytes(content))
    samples, _ = soundfile.read(root / "sodium/other.flac", dtype="int16")
    soundfile.write(root / "sodium/other.flac", samples[:-5], 44100, subtype="PCM_16")
    shutil.copytree(root / "sodium", root / "extra")
    kinds = {(f.track, f.stem, f.kind) for f in verify(DEMO, root)}
    assert {
        ("caesium", "", "missing"),
        ("francium", "bass", "missing"),
        ("lithium", "bass", "wrong digest"),
        ("sodium", "other", "wrong size"),
        ("sodium", "other", "wrong n_samples"),
        ("extra", "", "extra"),
    } <= kinds
    assert not {track for track, _, _ in kinds} & {"potassium", "rubidium"}


def test_verify_compares_a_mixture_with_its_stems(root: Path) -> None:
    track = open_dataset(FOLDER, root).tracks[0]
    mixture = track.mixture().samples
    write_audio(root / "a/mixture.wav", Audio(mixture, 44100))
    assert verify(FOLDER, root) == []
    write_audio(root / "a/mixture.wav", Audio(mixture * 0.9, 44100))
    (finding,) = verify(FOLDER, root)
    assert finding.kind == "mixture"
    assert "0.111 relative RMS" in finding.message


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("tracks.csv", "track,subset\na,\n", "header: expected track,subset,n_samples"),
        (
            "tracks.csv",
            "track,subset,n_samples\na,,x\n",
            "line 2: n_samples: expected a whole number, found 'x'",
        ),
        ("tracks.csv", "track,subset,n_samples\na,,1\na,,1\n", "'a' stands twice"),
        ("tracks.csv", "track,subset,n_samples\na\n", "line 2: expected 3 cells"),
        ("files.csv", "track,stem,path,n_bytes,sha256\nzz,v,p,1,0\n", "track 'zz' is not in tracks.csv"),
    ],
)
def test_bad_manifest_tables(name: str, text: str, sentence: str, tmp_path: Path) -> None:
    for source in DEMO.path.parent.iterdir():
        shutil.copy(source, tmp_path)
    (tmp_path / name).write_text(text)
    with pytest.raises(SpecError, match=sentence):
        load_manifest(tmp_path)


def test_synthetic_stems_are_16_bit_and_lie_in_their_bands() -> None:
    stems = synthetic_track(3, duration_s=2.0, rate_hz=44100)
    bands = {"bass": (50, 115), "other": (300, 700), "vocals": (850, 1800), "drums": (2500, 22050)}
    for stem, (low, high) in bands.items():
        samples = stems[stem].samples
        assert np.array_equal(samples * 2**15, np.round(samples * 2**15)), "not 16 bit"
        assert np.abs(samples).max() <= 0.2003
        power = np.abs(np.fft.rfft(samples.sum(axis=1))) ** 2
        hz = np.fft.rfftfreq(len(samples), 1 / 44100)
        inside = power[(hz >= low) & (hz <= high)].sum() / power.sum()
        assert inside > 0.98, (stem, inside)


def test_synthetic_music_is_the_same_on_every_machine() -> None:
    stems = synthetic_track(3, duration_s=2.0)
    golden = {
        "vocals": [-5, 1, 1590, 5247, -5593, 4209, -7, 2, -2069, 4509],
        "drums": [-15, -6, 2, 5, 53, 72, 6, -1, 8, -20],
        "bass": [1365, 846, 174, 1088, -165, 755, 332, 130, -443, 576],
        "other": [995, 998, 974, 961, 961, 1002, 1055, 1106, 1098, 1031],
    }
    for stem, steps in golden.items():
        found = stems[stem].samples[100::9000, 0] * 2**15
        assert np.abs(found - steps).max() <= 1, stem
