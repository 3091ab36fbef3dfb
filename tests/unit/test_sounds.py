"""Audio read piece by piece."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from svbench.audio import Audio, write_audio
from svbench.audio.sounds import ArraySound, FileSound, Stack, SumSound, is_silent, whole
from svbench.errors import AudioError

RATE = 8000
NOISE = np.random.default_rng(0).uniform(-0.4, 0.4, (5000, 2))


def written(folder: Path, name: str, samples: np.ndarray, subtype: str | None = "PCM_16") -> Path:
    path = folder / name
    write_audio(path, Audio(samples, RATE), subtype=subtype)
    return path


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_pieces_of_a_16_bit_file_are_its_integers(tmp_path: Path, name: str) -> None:
    sound = FileSound(written(tmp_path, name, NOISE))
    everything = np.round(whole(sound).samples * 2**15)
    for start, stop in [(0, 100), (100, 350), (3000, 5000), (50, 60)]:
        piece = Stack([sound, sound]).read(start, stop)
        assert piece.dtype == np.int16
        np.testing.assert_array_equal(piece[1], everything[start:stop])


def test_a_stack_of_two_formats_is_float(tmp_path: Path) -> None:
    stored = FileSound(written(tmp_path, "a.wav", NOISE))
    stack = Stack([stored, ArraySound(NOISE, RATE)])
    assert stack.read(0, 10).dtype == np.float64
    np.testing.assert_array_equal(stack.samples()[0], whole(stored).samples)


def test_float_files_keep_every_bit(tmp_path: Path) -> None:
    path = written(tmp_path, "a.wav", 3 * NOISE, subtype=None)
    np.testing.assert_array_equal(whole(FileSound(path)).samples, 3 * NOISE)


def test_a_sum_of_files_is_exact(tmp_path: Path) -> None:
    paths = [written(tmp_path, f"{i}.wav", NOISE[::-1] * i / 3) for i in (1, 2, 3)]
    expected = sum(whole(FileSound(p)).samples for p in paths)
    np.testing.assert_array_equal(whole(SumSound([FileSound(p) for p in paths])).samples, expected)


def test_files_that_differ_cannot_be_added(tmp_path: Path) -> None:
    long, short = written(tmp_path, "a.wav", NOISE), written(tmp_path, "b.wav", NOISE[:4999])
    with pytest.raises(AudioError, match=r"b\.wav: ends at sample 4999"):
        whole(SumSound([FileSound(long), FileSound(short)]))


def test_silence_is_every_sample_zero(tmp_path: Path) -> None:
    silence = np.zeros((200_000, 2))
    assert is_silent(FileSound(written(tmp_path, "a.wav", silence)))
    silence[-1, 1] = 2**-15
    assert not is_silent(FileSound(written(tmp_path, "b.wav", silence)))


def test_truncated_file(tmp_path: Path) -> None:
    path = written(tmp_path, "a.flac", np.tile(NOISE, (20, 1)))
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(AudioError, match=r"a\.flac"):
        whole(FileSound(path))
