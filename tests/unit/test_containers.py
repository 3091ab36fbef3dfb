"""Every container gives the samples of its decoder, whatever is read twice, or is refused by name."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from svbench.audio import (
    AUDIO_SUFFIXES,
    EXTENSIONS,
    Audio,
    audio_info,
    ffmpeg,
    files,
    read_audio,
    write_audio,
)
from svbench.audio.containers import CONTAINERS, REFUSED
from svbench.audio.files import FileSound
from svbench.audio.sounds import whole
from svbench.datasets import demo
from svbench.errors import AudioError

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg to write containers with")
PIECES = {
    "16.wav": ["-c:a", "pcm_s16le"],
    "24.wav": ["-c:a", "pcm_s24le"],
    "float.wav": ["-c:a", "pcm_f32le"],
    "double.wav": ["-c:a", "pcm_f64le"],
    "large.wav": ["-rf64", "always"],
    "a.w64": [],
    "a.aiff": [],
    "a.au": [],
    "a.flac": [],
    "pcm.caf": ["-c:a", "pcm_s16le"],
}
LOSSLESS = {
    "alac.m4a": ["-c:a", "alac"],
    "alac.caf": ["-c:a", "alac"],
    "flac.ogg": ["-c:a", "flac"],
    "flac.mka": ["-c:a", "flac"],
    "a.wv": [],
    "a.tta": [],
}
LOSSY = {
    "a.ogg": ["-c:a", "libvorbis", "-q:a", "6"],
    "a.opus": ["-c:a", "libopus", "-b:a", "128k"],
    "a.mp3": ["-b:a", "192k"],
    "vbr.mp3": ["-q:a", "2"],
    "cbr-without-xing.mp3": ["-b:a", "320k", "-write_xing", "0"],
    "vbr-without-xing.mp3": ["-q:a", "2", "-write_xing", "0"],
    "a.mp2": [],
    "a.m4a": ["-c:a", "aac", "-b:a", "192k"],
    "fragments.m4a": ["-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"],
    "a.aac": ["-c:a", "aac"],
    "a.wma": ["-c:a", "wmav2"],
    "a.webm": ["-c:a", "libopus"],
    "a.ac3": [],
}
RATE = 44100
IMPULSES = (5000, 30011)


def music(n_samples: int = 40_000) -> np.ndarray:
    """Real music at half its level, with two clicks at known places."""
    path = Path(demo.__file__).parent / "demo_audio/lithium/drums.flac"
    samples = soundfile.read(path, start=80_000, frames=n_samples, always_2d=True)[0] / 2
    samples[list(IMPULSES)] += 0.6
    return np.round(samples * 2**15) / 2**15


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return all containers of one recording, written by ffmpeg."""
    folder = tmp_path_factory.mktemp("containers")
    write_audio(folder / "in.wav", Audio(music(), RATE), subtype="PCM_16")
    for name, options in {**PIECES, **LOSSLESS, **LOSSY}.items():
        encode(folder / "in.wav", folder / name, *options)
    for suffix in ("flac", "mp3", "ogg", "wav", "w64", "caf"):  # a pipe cannot be gone back in
        words = ["ffmpeg", "-v", "error", "-i", folder / "in.wav", "-f", suffix]
        codec = {"ogg": ["-c:a", "libvorbis"], "caf": ["-c:a", "pcm_s16be"]}.get(suffix, [])
        piped = subprocess.run([*words, *codec, "-"], capture_output=True, check=True).stdout
        (folder / f"pipe.{suffix}").write_bytes(piped)
    return folder


def encode(source: Path, path: Path, *options: str) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", source, *options, path], check=True)


def by_ffmpeg(path: Path, n_channels: int = 2, codec: str = "pcm_f32le") -> np.ndarray:
    """Decode by the program, which is asked for raw samples only; Opus by its reference decoder."""
    decoder = ["-c:a", "libopus"] if path.suffix == ".opus" else []
    words = [
        "ffmpeg",
        "-v",
        "error",
        *decoder,
        "-i",
        path,
        "-map",
        "0:a:0",
        "-f",
        codec[4:],
        "-c:a",
        codec,
        "-",
    ]
    raw = subprocess.run(words, capture_output=True, check=True).stdout
    return np.frombuffer(raw, {"f32le": "<f4", "s16le": "<i2"}[codec[4:]]).reshape(-1, n_channels)


def stretches_agree(path: Path) -> None:
    """Read backwards, twice and in odd pieces: always the samples of one pass."""
    everything = whole(FileSound(path)).samples
    sound = FileSound(path)
    assert len(everything) == sound.n_samples == audio_info(path).n_samples
    for start in (sound.n_samples - 777, 20_000, 20_000, 1, 12_345, 0):
        piece = np.empty((777, sound.n_channels))
        sound.read(start, piece)
        np.testing.assert_array_equal(piece, everything[start : start + 777])
        again = read_audio(path, start=start, stop=start + 777).samples
        np.testing.assert_array_equal(again, piece)


@pytest.mark.parametrize("name", [*PIECES, *LOSSLESS, "pipe.flac", "pipe.wav", "pipe.w64"])
@pytest.mark.parametrize("has_av", [True, False], ids=["av", "program"])
def test_lossless_containers_give_every_sample(
    name: str, has_av: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend(monkeypatch, has_av)
    np.testing.assert_array_equal(read_audio(folder / name).samples, music())
    assert audio_info(folder / name).in_pieces == (name in [*PIECES, "pipe.wav", "pipe.w64"])
    stored_in_16_bit = name not in ("24.wav", "float.wav", "double.wav")
    assert FileSound(folder / name).dtype == (np.int16 if stored_in_16_bit else np.float64)
    stretches_agree(folder / name)


def test_a_pipe_s_caf_is_refused_or_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """libsndfile does not open it; FFmpeg's program calls the end of its only packet corrupt."""
    backend(monkeypatch, True)
    np.testing.assert_array_equal(read_audio(folder / "pipe.caf").samples, music())
    backend(monkeypatch, False)
    with pytest.raises(AudioError, match=r"pipe\.caf: cannot be read as audio \(corrupt input packet"):
        audio_info(folder / "pipe.caf")


@pytest.mark.parametrize("name", [*LOSSY, "pipe.mp3", "pipe.ogg"])
@pytest.mark.parametrize("has_av", [True, False], ids=["av", "program"])
def test_lossy_containers_give_what_ffmpeg_gives(
    name: str, has_av: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend(monkeypatch, has_av)
    samples, expected = read_audio(folder / name).samples, by_ffmpeg(folder / name)
    if name.endswith(".ogg"):  # FFmpeg takes the end of a short file from its pages, by up to a block wrong
        assert len(samples) == len(music())
        assert abs(len(samples) - len(expected)) < 256
        samples, expected = samples[: len(expected)], expected[: len(samples)]
    if name == "a.m4a":  # FFmpeg leaves the silence at the end of the last block, which the header excludes
        assert len(samples) == len(music())
        assert 0 < len(expected) - len(samples) < 1024
        expected = expected[: len(samples)]
    assert samples.shape == expected.shape
    # FFmpeg rounds what libopus gives to 16 bit; decoders of Layer II differ by about as much.
    assert np.abs(samples - expected).max() < {"a.opus": 2e-5, "a.mp2": 1e-4}.get(name, 1e-6)
    stretches_agree(folder / name)


@pytest.mark.parametrize("name", ["a.ogg", "a.mp3", "vbr.mp3", "a.m4a", "a.opus", "a.webm"])
def test_what_encoders_put_in_front_is_cut_off(name: str, folder: Path) -> None:
    audio = read_audio(folder / name)
    found = np.diff(audio.samples.sum(axis=1), prepend=0.0)
    for impulse in IMPULSES:
        at = impulse * audio.rate_hz // RATE
        near = found[at - 500 : at + 500]
        assert abs(int(np.argmax(near)) - 500) <= 1
    n_expected = round(len(music()) * audio.rate_hz / RATE)
    assert 0 <= len(audio.samples) - n_expected < 2


def test_24_bit_is_exact_whoever_decodes_it(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(-(2**23), 2**23, (3000, 2)) / 2**23
    write_audio(tmp_path / "in.wav", Audio(samples, RATE), subtype="PCM_24")
    for name, options in {"a.m4a": ["-c:a", "alac"], "a.wv": [], "a.flac": []}.items():
        encode(
            tmp_path / "in.wav",
            tmp_path / name,
            *options,
            "-sample_fmt",
            "s32p" if name != "a.flac" else "s32",
        )
        np.testing.assert_array_equal(read_audio(tmp_path / name).samples, samples)


def test_a_tag_with_a_picture_in_front_of_mpeg_audio(folder: Path, tmp_path: Path) -> None:
    plain = (folder / "vbr-without-xing.mp3").read_bytes()
    n_tag = 10 + (plain[8] << 7) + plain[9]
    picture = b"ID3\x04\x00\x00" + bytes([0, 10, 0, 0]) + bytes(10 << 14)
    (tmp_path / "a.mp3").write_bytes(picture + plain[n_tag:] + b"TAG" + bytes(125))
    expected = read_audio(folder / "vbr-without-xing.mp3").samples
    np.testing.assert_array_equal(read_audio(tmp_path / "a.mp3").samples, expected)


@pytest.mark.parametrize("has_av", [True, False], ids=["av", "program"])
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("a.ogg", "ends before its last page; the file is truncated"),
        ("a.opus", "ends before its last page; the file is truncated"),
        ("a.mp3", r"ends at sample \d+, its header promises 40000"),
        ("vbr-without-xing.mp3", r"cannot be decoded .*truncated"),
        ("pipe.flac", "truncated or damaged|cannot be read"),
        ("a.m4a", "cannot be read as audio"),
        ("a.aac", "truncated or damaged|cannot be read"),
        ("a.wma", "truncated or damaged|cannot be read"),
        ("a.webm", "truncated or damaged|cannot be read"),
        ("a.wv", "truncated or damaged|cannot be read"),
    ],
)
def test_half_a_compressed_file_is_refused(
    name: str, sentence: str, has_av: bool, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend(monkeypatch, has_av)
    content = (folder / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2 + 13])
    with pytest.raises(AudioError, match=rf"{name}: .*({sentence})"):
        read_audio(tmp_path / name)


def test_several_recordings_in_one_ogg_file_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.ogg").write_bytes(2 * (folder / "a.ogg").read_bytes())
    with pytest.raises(AudioError, match=r"a\.ogg: several recordings one after the other"):
        audio_info(tmp_path / "a.ogg")


def test_what_a_file_holds_counts_not_its_name(folder: Path, tmp_path: Path) -> None:
    for name, wrong in [("a.m4a", "b.mp3"), ("a.ogg", "b.wav"), ("16.wav", "b.flac"), ("a.mp3", "b.m4a")]:
        shutil.copy(folder / name, tmp_path / wrong)
        np.testing.assert_array_equal(read_audio(tmp_path / wrong).samples, read_audio(folder / name).samples)


def test_a_changed_file_is_decoded_again(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    shutil.copy(folder / "vbr-without-xing.mp3", path)
    before = audio_info(path)
    encode(folder / "in.wav", path, "-q:a", "2", "-write_xing", "0", "-af", "atrim=end_sample=20000")
    assert audio_info(path).n_samples < 25_000 < before.n_samples


def test_a_file_is_decoded_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files._decoded.cache_clear()
    calls = []
    store = files.stored
    monkeypatch.setattr(files, "stored", lambda *args: calls.append(1) or store(*args))
    for _ in range(3):
        whole(FileSound(folder / "a.ogg"))
        read_audio(folder / "a.ogg", start=100, stop=200)
    assert len(calls) == 1


@pytest.mark.parametrize("suffix", REFUSED)
def test_other_audio_is_refused_by_name(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"drums{suffix.upper()}").write_bytes(b"1234")
    with pytest.raises(
        AudioError, match=rf"drums.*: \{suffix} files are not read; convert it to WAV or FLAC"
    ):
        audio_info(tmp_path / f"drums{suffix.upper()}")


@pytest.mark.parametrize("name", ["a.m4a", "a.wma", "alac.caf", "flac.ogg", "pipe.flac"])
def test_without_ffmpeg_a_sentence_says_what_to_install(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend(monkeypatch, False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(
        AudioError, match=rf"{name}: .* needs PyAV or ffmpeg, and neither is installed; install one"
    ):
        audio_info(folder / name)
    for known in ("a.ogg", "a.opus", "vbr-without-xing.mp3", "a.aiff", "a.w64"):
        assert audio_info(folder / known).n_samples >= 40_000


@pytest.mark.parametrize("has_av", [True, False], ids=["av", "program"])
def test_no_file_makes_ffmpeg_open_another(
    has_av: bool, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend(monkeypatch, has_av)
    path = tmp_path / "a.mp3"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{folder / 'a.mp3'}\n#EXT-X-ENDLIST\n")
    with pytest.raises(AudioError, match="cannot be read as audio"):
        audio_info(path)
    path.write_text(f"ffconcat version 1.0\nfile '{folder / 'a.mp3'}'\n")
    with pytest.raises(AudioError, match="cannot be read as audio"):
        audio_info(path)
    strange = tmp_path / "http: %d -i.m4a"
    shutil.copy(folder / "a.m4a", strange)
    assert audio_info(strange).n_samples == audio_info(folder / "a.m4a").n_samples


def test_a_full_disk_is_one_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files._decoded.cache_clear()
    disk = Path("/dev/full").open("w+b", 0)  # noqa: SIM115 - closed by whom it is given to
    monkeypatch.setattr("svbench.audio.ffmpeg.tempfile.TemporaryFile", lambda **_: disk)
    with pytest.raises(AudioError, match=r"a\.ogg: its decoded samples do not fit into .*set TMPDIR"):
        read_audio(folder / "a.ogg")


@pytest.mark.parametrize("has_av", [True, False], ids=["av", "program"])
def test_stem_mp4_is_the_16_bit_samples_of_ffmpeg(
    has_av: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `ffmpeg -f s16le` gives is what musdb hands to museval."""
    backend(monkeypatch, has_av)
    loud = music(60_000) * 4  # clipped, and AAC overshoots that
    write_audio(tmp_path / "in.wav", Audio(np.clip(loud, -1, 1), RATE), subtype="FLOAT")
    path = tmp_path / "a.stem.mp4"
    encode(tmp_path / "in.wav", path, "-c:a", "aac", "-b:a", "256k", "-cutoff", "16000")
    sound = FileSound(path, 0)
    found = np.empty((sound.n_samples, 2), np.int16)
    sound.read(0, found)
    assert sound.n_samples == audio_info(path, 0).n_samples == 59 * 1024
    stream = ffmpeg.streams(path)[0]
    exact = ffmpeg.decoded(path, 0, stream)
    assert np.abs(exact).max() > 1
    # To the nearest step, halves to even, clipped, not dithered: swresample's rule on the decoder's own floats.
    rounded = np.clip(np.rint(exact.astype(np.float64) * 2**15), -(2**15), 2**15 - 1)
    np.testing.assert_array_equal(found, rounded)
    expected = by_ffmpeg(path, codec="pcm_s16le")
    assert expected.shape == found.shape
    if (
        has_av
    ):  # another version of FFmpeg adds up floats in another order; a value on the border may tip over
        steps = np.abs(found.astype(int) - expected)
        assert steps.max() <= 1
        assert np.mean(steps) < 1e-3
    else:
        np.testing.assert_array_equal(found, expected)
    half = np.empty((1000, 2))
    sound.read(30_000, half)
    np.testing.assert_array_equal(half, found[30_000:31_000] / 2**15)


def test_the_table_of_containers_is_consistent() -> None:
    assert len(set(AUDIO_SUFFIXES)) == len(AUDIO_SUFFIXES)
    assert all(s.startswith(".") and s == s.lower() for s in AUDIO_SUFFIXES)
    assert set(EXTENSIONS) == {s for c in CONTAINERS for s in c.suffixes}


def backend(monkeypatch: pytest.MonkeyPatch, has_av: bool) -> None:
    """Choose who decodes what libsndfile does not, and forget what the other one found."""
    if has_av:
        pytest.importorskip("av")
    monkeypatch.setattr(ffmpeg, "has_av", lambda: has_av)
    for cached in (files._info, files._decoded):
        cached.cache_clear()
