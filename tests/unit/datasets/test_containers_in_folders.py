"""A stem in another container is read, or refused by name: never passed over, as the mixture would change."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from svbench.audio import Audio, read_audio, write_audio
from svbench.audio.containers import CONTAINERS
from svbench.cli.main import main
from svbench.datasets.api import open_dataset
from svbench.datasets.synthetic import synthetic_track
from svbench.datasets.verify import verify
from svbench.errors import AudioError
from svbench.specs.manifest import load_manifest

FOLDER = load_manifest("folder")
STEMS = synthetic_track(7, duration_s=0.5)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for stem, audio in STEMS.items():
        (tmp_path / "data/a").mkdir(parents=True, exist_ok=True)
        write_audio(tmp_path / f"data/a/{stem}.wav", audio, subtype="PCM_16")
    return tmp_path / "data"


@pytest.mark.parametrize("suffix", [".aiff", ".AIF", ".w64", ".caf", ".flac", ".ogg", ".opus"])
def test_one_stem_in_another_container(suffix: str, root: Path) -> None:
    other, wav = root / f"a/drums{suffix}", root / "a/drums.wav"
    options = {
        ".opus": {"format": "OGG", "subtype": "OPUS"},
        ".ogg": {"subtype": "VORBIS"},
        ".AIF": {"format": "AIFF", "subtype": "PCM_16"},
    }
    samples = read_audio(wav).samples
    if suffix == ".opus":  # a rate that Opus has
        for path in (root / "a").iterdir():
            write_audio(path, Audio(read_audio(path).samples, 48000), subtype="PCM_16")
    soundfile.write(other, samples, read_audio(wav).rate_hz, **options.get(suffix, {"subtype": "PCM_16"}))
    wav.unlink()
    (track,) = open_dataset(FOLDER, root).tracks
    assert set(track.stems) == set(STEMS)
    np.testing.assert_array_equal(track.read_stem("drums").samples, read_audio(other).samples)
    total = sum(track.read_stem(s).samples for s in sorted(STEMS))
    np.testing.assert_allclose(track.mixture().samples, total, rtol=0, atol=1e-12)
    assert verify(FOLDER, root) == []


def test_a_stem_that_is_not_read_is_refused_by_name(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "a/drums.wav").rename(root / "a/drums.dsf")
    sentence = r"drums\.dsf: \.dsf files are not read; convert it to WAV or FLAC"
    with pytest.raises(AudioError, match=sentence):
        open_dataset(FOLDER, root)
    (found,) = verify(FOLDER, root)
    assert (found.stem, found.kind, found.severity) == ("drums", "unreadable", "error")
    main(["run", "mdx21", "--data", f"folder={root}", "--system", "mixture", "--out", str(tmp_path / "runs")])
    assert re.search(sentence, capsys.readouterr().err)
    whole = tmp_path / "whole"
    (whole / "a").mkdir(parents=True)
    for stem, audio in STEMS.items():
        write_audio(whole / f"a/{stem}.wav", audio, subtype="PCM_16")
    assert main(["score", str(whole), str(root), "--protocol", "mdx21", "--workers", "1"]) != 0
    told = capsys.readouterr()
    assert re.search(sentence, told.out + told.err)


def test_the_page_lists_every_container() -> None:
    page = (Path(__file__).parents[3] / "docs/datasets.md").read_text(encoding="utf-8")
    section = page.split("## What is read")[1].split("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line[:1] == "|"
    ]
    listed = {row[0]: tuple(row[1].split()) for row in rows[2:] if row[0]}
    assert listed == {c.title: c.suffixes for c in CONTAINERS}
    for container in CONTAINERS:
        decoders = [row[3] for row in rows if row[0] == container.title]
        assert (decoders == ["FFmpeg"]) == container.needs_ffmpeg
