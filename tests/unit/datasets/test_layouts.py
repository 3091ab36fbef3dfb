"""Every layout on a small tree made in exactly its shape, damaged trees included."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
import soundfile

from svbench.audio import Audio, AudioError, audio_info, ffmpeg, write_audio
from svbench.audio.sounds import FileSound, whole
from svbench.datasets.api import open_dataset
from svbench.datasets.describe import describe
from svbench.datasets.layouts.medleydb import stem_instruments
from svbench.datasets.synthetic import synthetic_track
from svbench.datasets.verify import verify
from svbench.errors import DataError
from svbench.specs.manifest import load_manifest

SIGNALS = synthetic_track(5, duration_s=0.5)
STEMS = tuple(SIGNALS)
SUM = sum(SIGNALS[s].samples for s in sorted(STEMS))
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg to write stem.mp4 with")


def put(path: Path, samples: np.ndarray, rate_hz: int = 44100) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_audio(path, Audio(samples, rate_hz), subtype="PCM_16")


def write_stem_mp4(path: Path, signals: list[np.ndarray]) -> None:
    """Write five AAC streams as MUSDB18 has them: mixture, drums, bass, other, vocals."""
    path.parent.mkdir(parents=True, exist_ok=True)
    words = ["ffmpeg", "-v", "error", "-y"]
    for i, samples in enumerate(signals):
        put(path.parent / f"tmp{i}.wav", samples)
        words += ["-i", str(path.parent / f"tmp{i}.wav")]
    for i in range(len(signals)):
        words += ["-map", f"{i}:a"]
    subprocess.run([*words, "-c:a", "aac", "-b:a", "256k", str(path)], check=True)
    for i in range(len(signals)):
        (path.parent / f"tmp{i}.wav").unlink()


def musdb18(root: Path) -> None:
    parts = [SUM, *(SIGNALS[s].samples for s in ("drums", "bass", "other"))]
    write_stem_mp4(root / "test/Zeno - Signs.stem.mp4", [*parts, SIGNALS["vocals"].samples])
    # The last stream is shorter by 100 samples, as happens in the real data set.
    write_stem_mp4(root / "train/Flags - 54.stem.mp4", [*parts, SIGNALS["vocals"].samples[:-100]])


def musdb18_hq(root: Path) -> None:
    for name in ("test/Zeno - Signs", "train/Flags - 54"):
        put(root / name / "mixture.wav", SUM)
        for stem in STEMS:
            put(root / name / f"{stem}.wav", SIGNALS[stem].samples)


def dsd100(root: Path) -> None:
    for name in ("Dev/051 - AM Contra - Heart Peripheral", "Test/049 - Young Griffo - Facade"):
        put(root / "Mixtures" / name / "mixture.wav", SUM)
        for stem in STEMS:
            put(root / "Sources" / name / f"{stem}.wav", SIGNALS[stem].samples)


def moisesdb(root: Path) -> None:
    folder = root / "moisesdb_v0.1/0a-uuid"
    stems = {"vocals": ["v1", "v2"], "drums": ["d"], "bass": ["b"], "guitar": ["g"], "piano": ["p"]}
    for stem, ids in stems.items():
        for i, name in enumerate(ids):
            samples = SIGNALS[stem if stem in SIGNALS else "other"].samples / 4
            # Files of one song end at different times, and some are mono.
            samples = np.round(samples * 2**15) / 2**15
            put(folder / stem / f"{name}.wav", samples[:-7, :1] if name == "p" else samples[: 20000 + i])
    content = {
        "song": "S",
        "artist": "A",
        "stems": [
            {"stemName": s, "tracks": [{"id": n, "extension": "wav", "trackType": "x"} for n in ids]}
            for s, ids in stems.items()
        ],
    }
    (folder / "data.json").write_text(json.dumps(content))


METADATA = """album: none
stems:
  S01:
    component: melody
    filename: A_B_STEM_01.wav
    instrument: female singer
    raw:
      R01:
        filename: A_B_RAW_01_01.wav
        instrument: male singer
  S02:
    component: ''
    filename: A_B_STEM_02.wav
    instrument: drum set
    raw:
      R01:
        filename: A_B_RAW_02_01.wav
        instrument: kick drum
  S03:
    component: bass
    filename: A_B_STEM_03.wav
    instrument: electric bass
  S04:
    component: ''
    filename: A_B_STEM_04.wav
    instrument:
    - piano
    - accordion
title: B
"""


def medleydb(root: Path) -> None:
    folder = root / "Audio/A_B"
    put(folder / "A_B_MIX.wav", SUM * 0.5)
    for i, stem in enumerate(("vocals", "drums", "bass", "other"), 1):
        put(folder / f"A_B_STEMS/A_B_STEM_{i:02}.wav", SIGNALS[stem].samples)
    put(folder / "A_B_RAW/A_B_RAW_01_01.wav", SIGNALS["vocals"].samples)
    (folder / "A_B_METADATA.yaml").write_text(METADATA)


def channels(root: Path) -> None:
    left, right = SIGNALS["other"].samples[:, 0], SIGNALS["vocals"].samples[:, 0]
    for name in ("10161_chorus", "é 'x'"):
        put(root / f"Wavfile/{name}.wav", np.stack([left, right], axis=1))


def test_musdb18_lists_are_complete_and_equal() -> None:
    musdb, hq = load_manifest("musdb18"), load_manifest("musdb18-hq")
    assert [(t.track, t.subset) for t in musdb.tracks] == [(t.track, t.subset) for t in hq.tracks]
    assert (len(musdb.subset_tracks("train")), len(musdb.subset_tracks("test"))) == (100, 50)
    assert musdb.errata == hq.errata
    assert len({e.track for e in musdb.errata}) == 8
    validation = musdb.subset_tracks("validation")
    assert len(validation) == 14
    assert validation < musdb.subset_tracks("train")
    package = distribution("musdb")
    listed = Path(package.locate_file("musdb/configs/mus.yaml")).read_text(encoding="utf-8")
    assert validation == {line[3:-1] for line in listed.splitlines() if line.startswith("- '")}


@needs_ffmpeg
def test_musdb18_streams(tmp_path: Path) -> None:
    musdb18(tmp_path)
    manifest = load_manifest("musdb18")
    # Only the manifest's list is cut down; layout and rules are those of the whole data set.
    data = open_dataset(few(manifest, 2), tmp_path)
    assert [(t.subset, t.name) for t in data.tracks] == [("train", "Flags - 54"), ("test", "Zeno - Signs")]
    # Whole blocks of AAC, as ffmpeg gives them to musdb: 22 of 1024 samples hold 22050, and 21950 too.
    assert [t.n_samples for t in data.tracks] == [22528, 22528]
    track = data.tracks[1]
    for stem in STEMS:
        assert track.reference_sound(stem).dtype == np.int16
        decoded = track.read_stem(stem).samples[:22050]
        likeness = {
            o: abs(np.vdot(decoded, a.samples)) / np.linalg.norm(a.samples) for o, a in SIGNALS.items()
        }
        assert max(likeness, key=lambda o: likeness[o]) == stem  # no stream stands for another
        if stem != "drums":  # AAC puts noise of its own in the place of noise
            error = decoded - SIGNALS[stem].samples
            assert 20 * np.log10(np.std(error) / np.std(decoded)) < -12, stem
    mixture, added = track.mixture().samples, sum(track.read_stem(s).samples for s in sorted(STEMS))
    assert 0 < np.std(mixture - added) / np.std(mixture) < 0.2
    sound = track.reference_sound("accompaniment")
    reference = track.reference("accompaniment")
    assert sound is not None
    assert reference is not None
    assert np.allclose(whole(sound).samples, reference.samples, atol=1e-12)
    assert track.digest() != data.tracks[0].digest()


def few(manifest, n_tracks):
    """The same manifest with the tracks of the small trees only."""
    names = ("Flags - 54", "Zeno - Signs")[:n_tracks]
    rows = tuple(t for t in manifest.tracks if t.track in names)
    return type(manifest)(manifest.head, rows, (), manifest.path)


@needs_ffmpeg
@pytest.mark.parametrize("backend", ["av", "ffmpeg"])
def test_either_decoder_gives_the_samples(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ffmpeg, "has_av", lambda: backend == "av")
    musdb18(tmp_path)
    path = tmp_path / "test/Zeno - Signs.stem.mp4"
    infos = [audio_info(path, stream) for stream in range(5)]
    assert [(i.n_samples, i.n_channels, i.rate_hz) for i in infos] == [(22528, 2, 44100)] * 5
    vocals = whole(FileSound(path, 4)).samples[:22050]
    assert np.std(vocals - SIGNALS["vocals"].samples) < 0.25 * np.std(vocals)
    with pytest.raises(AudioError, match="has 5 audio streams, expected at least 6"):
        FileSound(path, 5)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(AudioError, match="cannot be read as audio"):
        audio_info(path, 0)


@needs_ffmpeg
def test_every_truncated_stream_is_told_and_nothing_made_of_it(tmp_path: Path) -> None:
    musdb18(tmp_path / "data")
    whole_file = tmp_path / "data/test/Zeno - Signs.stem.mp4"
    fast = tmp_path / "fast.mp4"  # with the header in front, so that it outlives the cut
    words = ["ffmpeg", "-v", "error", "-i", str(whole_file), "-map", "0", "-c", "copy"]
    subprocess.run([*words, "-movflags", "+faststart", str(fast)], check=True)
    whole_file.write_bytes(fast.read_bytes()[: fast.stat().st_size // 2])
    manifest = few(load_manifest("musdb18"), 2)
    found = {(f.track, f.stem, f.kind) for f in verify(manifest, tmp_path / "data")}
    assert {("Zeno - Signs", stem, "unreadable") for stem in (*STEMS, "mixture")} <= found
    with pytest.raises(AudioError, match=r"Zeno - Signs\.stem\.mp4: .*(header promises|decoded|cannot)"):
        describe(tmp_path / "data", tmp_path / "mine", like="musdb18")


def test_without_a_decoder_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg, "has_av", lambda: False)
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "test").mkdir()
    (tmp_path / "test/Zeno - Signs.stem.mp4").write_bytes(b"0")
    with pytest.raises(AudioError, match=r"needs PyAV or ffmpeg.*pip install '\.\[stems\]'"):
        audio_info(tmp_path / "test/Zeno - Signs.stem.mp4", 0)


def test_musdb18_hq(tmp_path: Path) -> None:
    musdb18_hq(tmp_path)
    manifest = few(load_manifest("musdb18-hq"), 2)
    data = open_dataset(manifest, tmp_path)
    assert [(t.subset, t.name) for t in data.tracks] == [("train", "Flags - 54"), ("test", "Zeno - Signs")]
    assert np.array_equal(data.tracks[0].mixture().samples, SUM)
    assert verify(manifest, tmp_path) == []
    kinds = {(f.kind, f.severity) for f in verify(load_manifest("musdb18-hq"), tmp_path)}
    assert kinds == {("missing", "error")}


def test_a_stem_that_was_not_copied_is_no_absent_target(tmp_path: Path) -> None:
    musdb18_hq(tmp_path)
    (tmp_path / "test/Zeno - Signs/bass.wav").unlink()
    manifest = few(load_manifest("musdb18-hq"), 2)
    with pytest.raises(DataError, match=r"'Zeno - Signs': bass missing, .* copied in part"):
        open_dataset(manifest, tmp_path)
    assert [(f.stem, f.kind) for f in verify(manifest, tmp_path)] == [("bass", "missing")]


def test_named_subset(tmp_path: Path) -> None:
    musdb18_hq(tmp_path)
    name = "Triviul - Angelsaint"
    shutil.copytree(tmp_path / "train/Flags - 54", tmp_path / f"train/{name}")
    manifest = load_manifest("musdb18-hq")
    rows = tuple(t for t in manifest.tracks if t.track in ("Flags - 54", name))
    manifest = type(manifest)(manifest.head, rows, (), manifest.path)
    data = open_dataset(manifest, tmp_path, subset="validation")
    assert [t.name for t in data.tracks] == [name]
    assert len(open_dataset(manifest, tmp_path, subset="train").tracks) == 2


def test_dsd100(tmp_path: Path) -> None:
    dsd100(tmp_path)
    manifest = load_manifest("dsd100")
    data = open_dataset(manifest, tmp_path)
    assert [(t.subset, t.name[:3]) for t in data.tracks] == [("Dev", "051"), ("Test", "049")]
    assert np.array_equal(data.tracks[0].mixture().samples, SUM)
    (count,) = verify(manifest, tmp_path)
    assert count.message == "2 of 100 tracks found"
    shutil.rmtree(tmp_path / "Mixtures/Test")
    with pytest.raises(DataError, match=r"mixture missing, .* the data set was copied in part"):
        open_dataset(manifest, tmp_path)
    found = {(f.track[:3], f.stem, f.kind) for f in verify(manifest, tmp_path)}
    assert ("049", "mixture", "missing") in found


@pytest.mark.parametrize("name", ["moisesdb", "moisesdb-5", "moisesdb-6"])
def test_moisesdb_views(name: str, tmp_path: Path) -> None:
    moisesdb(tmp_path)
    track = open_dataset(load_manifest(name), tmp_path).tracks[0]
    assert (track.name, track.n_samples, track.n_channels) == ("0a-uuid", 22043, 2)
    vocals, mixture = track.read_stem("vocals").samples, track.mixture().samples
    one = np.round(SIGNALS["vocals"].samples / 4 * 2**15) / 2**15
    assert np.array_equal(vocals[:20000], 2 * one[:20000])
    assert not vocals[20001:].any()
    piano = track.read_stem("piano").samples
    assert np.array_equal(piano[:, 0], piano[:, 1])
    parts = [t for t in track.targets if t != "accompaniment"]
    references = track.references(parts)
    assert set(references) == {t for t in parts if t != "other"} | (
        {"other"} if name != "moisesdb-6" else set()
    )
    assert np.allclose(sum(a.samples for a in references.values()), mixture, atol=1e-12)
    assert len(parts) == {"moisesdb": 4, "moisesdb-5": 5, "moisesdb-6": 6}[name]


def test_moisesdb_half_copied(tmp_path: Path) -> None:
    moisesdb(tmp_path)
    (tmp_path / "moisesdb_v0.1/0a-uuid/vocals/v2.wav").unlink()
    with pytest.raises(DataError, match=r"v2\.wav: missing, though data\.json lists it \(1 of 6 files\)"):
        open_dataset(load_manifest("moisesdb"), tmp_path)
    (tmp_path / "moisesdb_v0.1/0a-uuid/data.json").write_text("[]")
    with pytest.raises(DataError, match="does not describe a MoisesDB track"):
        open_dataset(load_manifest("moisesdb"), tmp_path)


def test_medleydb(tmp_path: Path) -> None:
    medleydb(tmp_path)
    track = open_dataset(load_manifest("medleydb"), tmp_path / "Audio").tracks[0]
    for stem in STEMS:
        assert np.array_equal(track.read_stem(stem).samples, SIGNALS[stem].samples)
    assert np.array_equal(track.mixture().samples, SUM)
    assert stem_instruments(METADATA)["A_B_STEM_04.wav"] == "piano"
    (tmp_path / "Audio/A_B/A_B_METADATA.yaml").unlink()
    with pytest.raises(DataError, match=r"no A_B_METADATA\.yaml in it"):
        open_dataset(load_manifest("medleydb"), tmp_path)


@pytest.mark.parametrize(("name", "rate_hz"), [("ikala", 44100), ("mir-1k", 16000)])
def test_voice_right_accompaniment_left(name: str, rate_hz: int, tmp_path: Path) -> None:
    channels(tmp_path)
    for path in tmp_path.glob("Wavfile/*.wav"):
        samples, _ = soundfile.read(path)
        put(path, samples, rate_hz)
    data = open_dataset(load_manifest(name), tmp_path)
    assert [t.name for t in data.tracks] == ["10161_chorus", "é 'x'"]
    track = data.tracks[0]
    assert np.array_equal(track.read_stem("vocals").samples[:, 0], SIGNALS["vocals"].samples[:, 0])
    assert np.array_equal(track.read_stem("accompaniment").samples[:, 0], SIGNALS["other"].samples[:, 0])
    assert track.mixture().n_channels == 1
    put(tmp_path / "Wavfile/mono.wav", SUM[:, :1].copy(), rate_hz)
    with pytest.raises(AudioError, match=r"mono\.wav: has 1 channels, expected at least 2"):
        open_dataset(load_manifest(name), tmp_path)


@pytest.mark.parametrize(
    ("make", "asked", "sentence"),
    [
        (dsd100, "moisesdb", "it looks like DSD100"),
        (moisesdb, "musdb18", "it looks like MoisesDB"),
        (medleydb, "musdb18", "it looks like MedleyDB"),
        (channels, "moisesdb", "it looks like iKala or MIR-1K"),
        (musdb18_hq, "musdb18", "it looks like MUSDB18-HQ"),
        pytest.param(musdb18, "musdb18-hq", r"it looks like MUSDB18 \(", marks=needs_ffmpeg),
    ],
)
def test_wrong_layout_is_named(
    make: Callable[[Path], None], asked: str, sentence: str, tmp_path: Path
) -> None:
    make(tmp_path)
    with pytest.raises(DataError, match=sentence):
        open_dataset(load_manifest(asked), tmp_path)
    with pytest.raises(DataError, match=sentence):
        verify(load_manifest(asked), tmp_path)


def test_links_that_leave_the_data_set(tmp_path: Path) -> None:
    root = tmp_path / "inside"
    dsd100(root)
    path = root / "Sources/Dev/051 - AM Contra - Heart Peripheral/bass.wav"
    shutil.move(path, tmp_path / "bass.wav")
    path.symlink_to(tmp_path / "bass.wav")
    with pytest.raises(DataError, match="a link that leads out of"):
        open_dataset(load_manifest("dsd100"), root)
    unusable = [f for f in verify(load_manifest("dsd100"), root) if f.kind == "unusable"]
    assert len(unusable) == 1
