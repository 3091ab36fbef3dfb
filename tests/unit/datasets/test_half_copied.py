"""What a copy that stopped half-way leaves behind is named, counted, and not in the way of what is chosen."""

from __future__ import annotations

import json
import os
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile

from svbench.audio import EXTENSIONS, Audio, read_audio
from svbench.cli.main import main
from svbench.datasets.api import open_dataset
from svbench.datasets.describe import describe
from svbench.datasets.synthetic import synthetic_track, write_folder
from svbench.datasets.verify import verify
from svbench.errors import AudioError, DataError, SpecError, UnknownNameError
from svbench.results.store import find_runs, load_run
from svbench.specs.manifest import Manifest, load_manifest

FOLDER = load_manifest("folder")
HQ = load_manifest("musdb18-hq")
SIGNALS = synthetic_track(1, duration_s=0.25)
MIXTURE = Audio(np.sum([a.samples for a in SIGNALS.values()], axis=0), 44100)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    write_folder(folder, {"a": SIGNALS, "b": SIGNALS})
    return folder


def told(manifest: Manifest, root: Path) -> set[tuple[str, str, str]]:
    return {(f.track, f.kind, f.severity) for f in verify(manifest, root)}


def left_out(manifest: Manifest, root: Path, **chosen: object) -> list[str]:
    return [f"{f.track}: {f.message}" for f in open_dataset(manifest, root, **chosen).skipped]


def moisesdb(root: Path, name: str) -> None:
    write_folder(root / name, {s: {"1": SIGNALS[s]} for s in ("vocals", "drums")})
    stems = [{"stemName": s, "tracks": [{"id": "1", "extension": "wav"}]} for s in ("vocals", "drums")]
    (root / name / "data.json").write_text(json.dumps({"stems": stems}))


def test_moisesdb(tmp_path: Path) -> None:
    manifest, root = load_manifest("moisesdb"), tmp_path / "moisesdb_v0.1"
    for name in ("one", "two", "three"):
        moisesdb(root, name)
    (root / "two/data.json").unlink()
    shutil.rmtree(root / "three")
    (root / "three").mkdir()
    expected = {
        ("two", "no track", "error"),
        ("three", "no track", "error"),
        ("", "missing", "error"),
    }
    for place in (tmp_path, root):
        assert told(manifest, place) == expected
        assert left_out(manifest, place) == [
            "three: no data.json in the folder, it is empty",
            "two: no data.json in the folder, it has drums, vocals",
            ": 1 of 240 tracks found",
        ]
    assert left_out(manifest, root, tracks=["one"]) == []
    with pytest.raises(DataError, match=r"track 'two': no data\.json in the folder"):
        open_dataset(manifest, root, tracks=["two"])
    shutil.copy(root / "one/vocals/1.wav", root / "one/vocals/2.wav")
    assert "one: 2.wav belongs to no stem" in left_out(manifest, root)


def medleydb(root: Path, name: str) -> None:
    write_folder(root, {f"{name}/{name}_STEMS": {f"{name}_STEM_01": SIGNALS["vocals"]}})
    (root / name / f"{name}_METADATA.yaml").write_text(
        f"stems:\n  S01:\n    filename: {name}_STEM_01.wav\n    instrument: female singer\n"
    )


def test_medleydb(tmp_path: Path) -> None:
    manifest = load_manifest("medleydb")
    medleydb(tmp_path, "Artist_Song")
    shutil.copytree(tmp_path / "Artist_Song", tmp_path / "Other_Song")
    (tmp_path / "Empty_Song").mkdir()
    (tmp_path / "Metadata").mkdir()
    assert left_out(manifest, tmp_path) == [
        "Empty_Song: no Empty_Song_STEMS in the folder, it is empty",
        "Other_Song: no Other_Song_STEMS in the folder, it has Artist_Song_METADATA.yaml, Artist_Song_STEMS",
    ]
    assert told(manifest, tmp_path) == {(n, "no track", "error") for n in ("Empty_Song", "Other_Song")}
    shutil.rmtree(tmp_path / "Artist_Song")
    with pytest.raises(
        DataError, match="no track of layout 'medleydb' in it; Other_Song: no Other_Song_STEMS"
    ):
        open_dataset(manifest, tmp_path)


def test_empty_folders_among_tracks_and_in_subsets(root: Path) -> None:
    (root / "c").mkdir()
    shutil.copytree(root / "a", root / "test/d")
    (root / "test/e").mkdir()
    (root / "test/e/notes.txt").touch()
    assert told(FOLDER, root) == {("c", "no track", "error"), ("e", "no track", "error")}
    assert left_out(FOLDER, root) == [
        f"c: no audio file ({', '.join(EXTENSIONS)}) in the folder, it is empty",
        f"e: no audio file ({', '.join(EXTENSIONS)}) in the folder, it has notes.txt",
    ]
    assert [s[0] for s in left_out(FOLDER, root, subset="test")] == ["e"]


def test_the_run_counts_what_was_left_out(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "c").mkdir()
    write_folder(root, {"a": {"mixture": MIXTURE}})
    shutil.copy(root / "a/bass.wav", root / "a/basso.wav")
    words = ["run", "mdx21", "--data", f"folder={root}", "--system", "mixture", "--out", str(tmp_path / "r")]
    assert main(words) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Left out: 2 (c: no audio file" in printed
    assert "a: basso.wav belongs to no stem; did you mean 'bass'?" in printed


def test_a_file_that_is_not_quite_a_stem(root: Path) -> None:
    write_folder(root, {"a": {"mixture": MIXTURE}})
    shutil.copy(root / "a/bass.wav", root / "a/basso.wav")
    shutil.copy(root / "a/vocals.wav", root / "a/take 7.wav")
    (found, other) = verify(FOLDER, root)
    assert (found.kind, found.severity) == ("unused", "note")
    assert found.message == "basso.wav belongs to no stem; did you mean 'bass'?"
    assert other.message == "take 7.wav belongs to no stem"
    assert left_out(FOLDER, root) == [f"a: {f.message}" for f in (found, other)]
    assert left_out(FOLDER, root, tracks=["b"]) == []


def part_of_musdb(root: Path, names: list[str]) -> None:
    subsets = {t.track: t.subset for t in HQ.tracks}
    mixture = {"mixture": next(iter(SIGNALS.values()))}
    write_folder(root, {f"{subsets[n]}/{n}": {**SIGNALS, **mixture} for n in names})


def test_a_part_of_musdb18_is_enough_for_what_is_chosen(tmp_path: Path) -> None:
    validation = sorted(HQ.subset_tracks("validation"))
    part_of_musdb(tmp_path, validation)
    assert {t.name for t in open_dataset(HQ, tmp_path, subset="validation").tracks} == set(validation)
    (one,) = open_dataset(HQ, tmp_path, tracks=validation[:1]).tracks
    assert (one.name, one.subset) == (validation[0], "train")
    with pytest.raises(DataError, match="136 of 150 tracks of musdb18-hq are missing"):
        open_dataset(HQ, tmp_path)
    with pytest.raises(DataError, match="50 of 50 tracks of musdb18-hq/test are missing"):
        open_dataset(HQ, tmp_path, subset="test")
    with pytest.raises(UnknownNameError, match="unknown subset 'valid': did you mean 'validation'"):
        open_dataset(HQ, tmp_path, subset="valid")
    with pytest.raises(UnknownNameError, match="unknown track 'Nobody'"):
        open_dataset(HQ, tmp_path, subset="validation", tracks=["Nobody"])
    with pytest.raises(UnknownNameError, match="unknown track 'PR - Oh No'"):
        open_dataset(HQ, tmp_path, subset="validation", tracks=["PR - Oh No"])
    shutil.rmtree(tmp_path / "train" / validation[0])
    with pytest.raises(DataError, match="1 of 14 tracks of musdb18-hq/validation are missing"):
        open_dataset(HQ, tmp_path, subset="validation")


def test_what_is_broken_elsewhere_is_not_in_the_way(root: Path) -> None:
    shutil.copy(root / "b/bass.wav", root / "b/bass.flac")
    for subset in ("train", "test"):
        shutil.copytree(root / "a", root / subset / "twin")
    assert [t.name for t in open_dataset(FOLDER, root, tracks=["a"]).tracks] == ["a"]
    assert [t.subset for t in open_dataset(FOLDER, root, subset="test").tracks] == ["test"]
    with pytest.raises(DataError, match="two tracks are called 'twin'"):
        open_dataset(FOLDER, root, tracks=["twin"])
    with pytest.raises(DataError, match=r"both bass\.flac and bass\.wav"):
        open_dataset(FOLDER, root, tracks=["b"])


def cut_flacs(folder: Path) -> None:
    """Make every stem a FLAC file of which the second half is missing."""
    for path in sorted(folder.glob("*.wav")):
        noise = np.random.default_rng(0).uniform(-0.5, 0.5, (60000, 2))
        soundfile.write(path.with_suffix(".flac"), noise, 44100, subtype="PCM_16")
        path.unlink()
        whole = path.with_suffix(".flac").read_bytes()
        path.with_suffix(".flac").write_bytes(whole[: len(whole) // 2])


def test_every_truncated_file_is_told(root: Path, tmp_path: Path) -> None:
    cut_flacs(root / "a")
    found = verify(FOLDER, root)
    assert {(f.track, f.stem, f.kind) for f in found} == {("a", stem, "unreadable") for stem in SIGNALS}
    with pytest.raises(AudioError, match=r"\.flac"):
        describe(root, tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_truncated_wav_stops_run_and_manifest(root: Path, tmp_path: Path) -> None:
    path = root / "a/bass.wav"
    path.write_bytes(path.read_bytes()[:-4000])
    sentence = r"bass\.wav: its header promises 11025 samples, the file holds 10025"
    with pytest.raises(AudioError, match=sentence):
        open_dataset(FOLDER, root)
    with pytest.raises(AudioError, match=sentence):
        describe(root, tmp_path / "mine")
    (found,) = verify(FOLDER, root)
    assert (found.stem, found.kind) == ("bass", "unreadable")


def test_samples_that_are_no_numbers_are_not_described(root: Path, tmp_path: Path) -> None:
    samples = read_audio(root / "a/bass.wav").samples.copy()
    samples[3] = np.nan
    soundfile.write(root / "a/bass.wav", samples, 44100, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"a/bass\.wav: NaN or infinite values, the first .* at sample"):
        describe(root, tmp_path / "mine")


@pytest.mark.parametrize("options", [{}, {"like": "musdb18"}])
def test_shipped_ids_are_taken(options: dict[str, str], root: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="'musdb18' is the id of a data set shipped with svbench"):
        describe(root, tmp_path / "musdb18", **options)


def test_another_layout_is_named_though_folders_hold_audio(root: Path, tmp_path: Path) -> None:
    medleydb(tmp_path / "medley", "Artist_Song")
    shutil.copy(root / "a/bass.wav", tmp_path / "medley/Artist_Song/Artist_Song_MIX.wav")
    (tmp_path / "ikala/Wavfile").mkdir(parents=True)
    shutil.copy(root / "a/bass.wav", tmp_path / "ikala/Wavfile/10161_verse.wav")
    for name, looks in (("medley", "MedleyDB"), ("ikala", "iKala or MIR-1K")):
        with pytest.raises(DataError, match=f"it looks like {looks}"):
            verify(FOLDER, tmp_path / name)
        with pytest.raises(DataError, match=f"it looks like {looks}"):
            open_dataset(FOLDER, tmp_path / name)
    with pytest.raises(DataError, match=r"it looks like a plain folder of tracks .* use the manifest folder"):
        describe(root, tmp_path / "mine", like="dsd100")


def test_a_name_that_is_not_utf8(root: Path, tmp_path: Path) -> None:
    try:
        (root / "b").rename(root / os.fsdecode(b"caf\xe9"))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert not verify(FOLDER, root)
    assert [t.name for t in open_dataset(FOLDER, root).tracks] == ["a", r"caf\xe9"]
    assert read_audio(root / os.fsdecode(b"caf\xe9") / "bass.wav").samples.any()
    with pytest.raises(DataError, match=r"caf\\xe9/vocals\.wav: not UTF-8, so no manifest can hold the name"):
        describe(root, tmp_path / "mine")


def test_a_run_in_folders_that_are_not_utf8(root: Path, tmp_path: Path) -> None:
    out = tmp_path / os.fsdecode(b"runs\xe9")
    try:
        out.mkdir()
        (root / "b").rename(root / os.fsdecode(b"caf\xe9"))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    words = ["--data", f"folder={root}", "--system", "mixture", "--out", str(out), "--workers", "1"]
    assert main(["run", "mdx21", *words]) == 0
    (run,) = (load_run(p) for p in find_runs([out]))
    assert [(r.track, r.status) for r in run.results] == [("a", "ok"), (r"caf\xe9", "ok")]
    assert any(r"runs\xe9" in word for word in run.record.provenance[0].arguments.values())
    assert main(["score", str(root), str(root), "--protocol", "mdx21", "--workers", "1"]) == 0


def test_names_that_differ_in_unicode_form_only(root: Path) -> None:
    (root / "a").rename(root / unicodedata.normalize("NFC", "Björk"))
    (root / "b").rename(root / unicodedata.normalize("NFD", "Björk"))
    if len(list(root.iterdir())) < 2:
        pytest.skip("this file system holds one form only")
    (found,) = verify(FOLDER, root)
    assert (found.kind, found.severity) == ("same name", "error")
    assert found.message == "two tracks whose names differ only in Unicode form; rename one"
    with pytest.raises(DataError, match="two tracks are called 'Björk'"):
        open_dataset(FOLDER, root)
