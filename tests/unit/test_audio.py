"""The gate for samples refuses what is not audio and never changes what is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from svbench.audio import Audio, audio_info, read_audio, resample, write_audio
from svbench.audio.containers import refuse_truncated
from svbench.audio.files import FileSound
from svbench.errors import AudioError


@pytest.mark.parametrize(
    ("samples", "sentence"),
    [
        (np.zeros(10), "expected shape"),
        (np.zeros((10, 2), dtype=np.int16), "expected a float32 or float64 array, found int16"),
        (np.zeros((0, 2)), "empty"),
        (
            np.array([[0.0, 0.0], [0.0, np.nan]]),
            r"the first \(nan\) at sample 1 of channel 1, both counted from 0",
        ),
        (np.zeros((2, 44100)), "looks transposed"),
        ([[0.0]], "found list"),
    ],
)
def test_refuses_what_is_no_audio(samples: object, sentence: str) -> None:
    with pytest.raises(AudioError, match=sentence):
        Audio(samples, 44100)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float_wav_keeps_every_bit_beyond_full_scale(dtype: type, tmp_path: Path) -> None:
    samples = (np.random.default_rng(0).standard_normal((500, 2)) * 3).astype(dtype)
    write_audio(tmp_path / "a.wav", Audio(samples, 8000))
    back = read_audio(tmp_path / "a.wav", dtype=np.dtype(dtype).name)  # type: ignore[arg-type]
    assert np.array_equal(back.samples, samples)
    assert back.rate_hz == 8000


def test_pcm_that_would_clip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="would clip in PCM_16"):
        write_audio(tmp_path / "a.wav", Audio(np.full((9, 1), 1.5), 8000), subtype="PCM_16")
    assert not (tmp_path / "a.wav").exists()


def test_unreadable_files_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no audio")
    (tmp_path / "empty.wav").touch()
    for path, sentence in [
        (tmp_path / "none.wav", "no such file"),
        (tmp_path, "a folder, expected an audio file"),
        (tmp_path / "text.wav", "cannot be read as audio"),
        (tmp_path / "empty.wav", "cannot be read as audio"),
    ]:
        with pytest.raises(AudioError, match=sentence):
            read_audio(path)
        with pytest.raises(AudioError, match=sentence):
            audio_info(path)


def test_stored_nan_is_refused(tmp_path: Path) -> None:
    samples = np.array([0.0, 0.5, np.nan, -np.inf])
    soundfile.write(tmp_path / "n.wav", samples, 8000, subtype="FLOAT")
    sentence = r"n\.wav: NaN or infinite values, the first .*at sample 2"
    with pytest.raises(AudioError, match=sentence):
        read_audio(tmp_path / "n.wav")
    with pytest.raises(AudioError, match=sentence):
        FileSound(tmp_path / "n.wav").read(1, np.empty((3, 1)))


def test_resampling_there_and_back_is_nearly_exact() -> None:
    t = np.arange(44100) / 44100
    tone = Audio(np.sin(2 * np.pi * 440 * t)[:, np.newaxis], 44100)
    back = resample(resample(tone, 48000), 44100)
    middle = slice(4410, -4410)
    error = back.samples[: tone.n_samples][middle] - tone.samples[middle]
    assert 20 * np.log10(np.abs(error).max()) < -120
    assert resample(tone, 44100) is tone


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", {"subtype": "PCM_16"}),
        ("a.wav", {"subtype": "PCM_24", "format": "WAVEX"}),
        ("a.wav", {"subtype": "FLOAT"}),
        ("a.wav", {"subtype": "PCM_16", "format": "RF64"}),
        ("a.wav", {"subtype": "PCM_16", "endian": "BIG"}),
        ("a.aiff", {"subtype": "PCM_16"}),
        ("a.w64", {"subtype": "PCM_16"}),
        ("a.w64", {"subtype": "FLOAT"}),
        ("a.caf", {"subtype": "PCM_16"}),
        ("a.caf", {"subtype": "PCM_24"}),
        ("a.au", {"subtype": "PCM_16"}),
    ],
)
def test_a_file_that_ends_before_its_header_says(name: str, options: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / name
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (1000, 2))
    soundfile.write(path, samples, 8000, **options)
    assert audio_info(path).n_samples == 1000
    n_frame_bytes = {"PCM_16": 4, "PCM_24": 6, "FLOAT": 8}[options["subtype"]]
    path.write_bytes(path.read_bytes()[: -n_frame_bytes * 100 - 1])
    # Chunks behind the samples may hold some of the bytes that were cut off.
    sentence = rf"{name}: its header promises 1000 samples, the file holds (899|9\d\d); the file is truncated"
    with pytest.raises(AudioError, match=sentence):
        audio_info(path)
    with pytest.raises(AudioError, match=sentence):
        read_audio(path, stop=10)


def test_chunks_around_the_samples_and_padding_are_no_audio(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.full(1001, 0.25), 8000, subtype="PCM_U8")
    whole = path.read_bytes()
    extra = b"bext" + (7).to_bytes(4, "little") + b"seven b" + b"\0"
    path.write_bytes(whole[:12] + extra + whole[12:] + extra)
    assert audio_info(path).n_samples == 1001
    n_data = whole.index(b"data") + 8 + 1001
    path.write_bytes(whole[:n_data])  # without the padding byte of an odd size
    assert audio_info(path).n_samples == 1001
    path.write_bytes(whole[: n_data - 1])
    with pytest.raises(AudioError, match="promises 1001 samples, the file holds 1000"):
        audio_info(path)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0xFFFFFFFF - 36, 0x7FFFF000])
def test_a_size_written_into_a_pipe_is_no_promise(size: int, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.full(1000, 0.25), 8000, subtype="PCM_16")
    whole = path.read_bytes()
    at = whole.index(b"data") + 4
    path.write_bytes(whole[:4] + b"\xff" * 4 + whole[8:at] + size.to_bytes(4, "little") + whole[at + 4 :])
    refuse_truncated(path)
    if size:
        assert audio_info(path).n_samples == read_audio(path).n_samples == 1000
        return
    # libsndfile takes 0 at its word: an empty file. ffmpeg reads on to the end.
    for read in (audio_info, read_audio, FileSound):
        with pytest.raises(AudioError, match="says that it holds no samples, and the file has 2044 bytes"):
            read(path)


def test_a_compressed_wav_is_counted_in_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.full(4000, 0.25), 8000, subtype="IMA_ADPCM")
    assert audio_info(path).n_samples >= 4000
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(AudioError, match=r"promises \d+ bytes of audio, the file holds \d+"):
        audio_info(path)
