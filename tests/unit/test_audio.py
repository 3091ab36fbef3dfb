"""The gate for samples refuses what is not audio and never changes what is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from svbench.audio import Audio, audio_info, read_audio, resample, write_audio
from svbench.errors import AudioError


@pytest.mark.parametrize(
    ("samples", "sentence"),
    [
        (np.zeros(10), "expected shape"),
        (np.zeros((10, 2), dtype=np.int16), "expected a float32 or float64 array, found int16"),
        (np.zeros((0, 2)), "empty"),
        (np.array([[0.0], [np.nan]]), "the first at sample 1"),
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
    soundfile.write(tmp_path / "n.wav", np.array([0.0, np.nan]), 8000, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"n\.wav: NaN or infinite values, the first at sample 1"):
        read_audio(tmp_path / "n.wav")


def test_resampling_there_and_back_is_nearly_exact() -> None:
    t = np.arange(44100) / 44100
    tone = Audio(np.sin(2 * np.pi * 440 * t)[:, np.newaxis], 44100)
    back = resample(resample(tone, 48000), 44100)
    middle = slice(4410, -4410)
    error = back.samples[: tone.n_samples][middle] - tone.samples[middle]
    assert 20 * np.log10(np.abs(error).max()) < -120
    assert resample(tone, 44100) is tone
