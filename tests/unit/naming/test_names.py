"""What files, folders and tracks are called, and what that is read as."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svbench.errors import DataError
from svbench.naming.folders import IGNORED, EstimateFolder, audio_files, folders, target_files
from svbench.naming.names import ALIASES, canonical, slug, spellings, target_named
from svbench.specs.records import digest

STEMS = ("vocals", "drums", "bass", "other", "accompaniment", "mixture")
NFC, NFD = (unicodedata.normalize(form, "Björk – Jóga") for form in ("NFC", "NFD"))


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


@pytest.mark.parametrize(
    ("name", "track", "target"),
    [
        ("vocals", "", "vocals"),
        ("Vocals", "", "vocals"),
        ("singing voice", "", "vocals"),
        ("No-Vocals", "", "accompaniment"),
        ("no vocals", "", "accompaniment"),
        ("INSTRUMENTAL", "", "accompaniment"),
        ("instrum", "", "accompaniment"),
        ("mix", "", "mixture"),
        ("t1_(Vocals)_MDX", "t1", "vocals"),
        ("t1_(No Vocals)_htdemucs", "t1", "accompaniment"),
        ("1_t1_(Instrumental)", "t1", "accompaniment"),
        ("t1 (Drums)", "t1", "drums"),
        ("mixture_(Vocals)_UVR_MDXNET", "t1", "vocals"),
        ("a - b_instrumental", "a - b", "accompaniment"),
        ("a_b_vocals", "a b", "vocals"),
        (f"{NFD}_vocals", NFC, "vocals"),
        ("t2_(Vocals)_MDX", "t1", None),
        ("t1_vocals_dry", "t1", None),
        ("no_drums", "", None),
        ("backing vocals", "", None),
        ("lead_vocals", "", None),
    ],
)
def test_what_a_file_is_read_as(name: str, track: str, target: str | None) -> None:
    assert target_named(name, STEMS, track) == target


def test_names_of_a_manifest_win() -> None:
    assert target_named("instrumental", ["vocals", "instrumental"]) == "instrumental"
    assert target_named("karaoke", ["vocals", "instrumental"]) == "instrumental"
    assert target_named("inst", ["accompaniment", "inst"]) == "inst"
    assert canonical("Instrumental", ["vocals", "instrumental"]) == "instrumental"
    assert canonical("piano") == "piano"


def test_no_alias_stands_for_two_names() -> None:
    every = [alias for name, aliases in ALIASES.items() for alias in (name, *aliases)]
    assert len(every) == len(set(every))
    assert {canonical(alias) for alias in every} == set(ALIASES)


def test_the_table_in_the_documents_is_the_code() -> None:
    text = (Path(__file__).parents[3] / "docs/datasets.md").read_text(encoding="utf-8")
    section = text.split("## How names are understood")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE)
    assert {name: tuple(re.findall(r"`(\w+)`", cells)) for name, cells in rows} == ALIASES
    for name in IGNORED:
        assert name in section.casefold(), name


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_a_slug_ends_in_the_digest_of_records(name: str) -> None:
    found = slug(name)
    assert found == name or found.endswith(f"-{digest(name)[:6]}")


def test_spellings_of_a_track() -> None:
    assert {NFC, NFD} < set(spellings(NFC)) == set(spellings(NFD))
    assert "track_1-440630" in spellings("track 1")


def test_what_no_person_put_there_is_not_seen(tmp_path: Path) -> None:
    hidden = ["__MACOSX/t1/._vocals.wav", ".@__thumb/t1/vocals.wav", "@eaDir/t1/vocals.wav"]
    hidden += [".ipynb_checkpoints/vocals-checkpoint.wav", "t1/._vocals.wav", "t1/Thumbs.db"]
    touch(tmp_path, *hidden, "t1/vocals.wav", "#recycle/t1/vocals.wav")
    assert [f.name for f in folders(tmp_path)] == ["t1"]
    assert [f.name for f in audio_files(tmp_path / "t1")] == ["vocals.wav"]


def test_two_files_that_are_read_as_one_target(tmp_path: Path) -> None:
    touch(tmp_path, "t1/instrumental.wav", "t1/no_vocals.wav")
    with pytest.raises(DataError, match=r"t1: both instrumental.wav and no_vocals.wav are read as accomp"):
        target_files(tmp_path / "t1", STEMS)


@pytest.mark.parametrize(
    "files",
    [
        ("song/vocals.wav", "song/no_vocals.wav"),
        ("htdemucs/song/vocals.wav", "htdemucs/song/no_vocals.wav"),
        ("song_vocals.wav", "song_instrumental.wav"),
        ("song_(Vocals)_MDX.wav", "song_(Instrumental)_MDX.wav"),
        ("song/song_(Vocals)_MDX.wav", "song/song_(Instrumental)_MDX.wav"),
        ("song/mixture_(Vocals)_MDX.wav", "song/mixture_(Instrumental)_MDX.wav"),
        ("song/Vocals.WAV", "song/Accompaniment.flac"),
    ],
)
def test_layouts_of_estimates(tmp_path: Path, files: tuple[str, str]) -> None:
    found = EstimateFolder(touch(tmp_path, *files, "my demo/vocals.wav"), STEMS)
    assert found.offered() == ("vocals", "accompaniment")
    own = found.of("song")
    assert own is not None
    assert {t: p.relative_to(tmp_path).as_posix() for t, p in own.items()} == dict(
        zip(("vocals", "accompaniment"), files, strict=True)
    )
    assert found.of("another") is None
    assert found.strangers(["song"]) == ["my demo"]


def test_one_track_in_two_unicode_forms_and_as_kept(tmp_path: Path) -> None:
    found = EstimateFolder(touch(tmp_path, f"{NFD}/vocals.wav", f"{slug('a b')}/vocals.wav"), STEMS)
    assert found.of(NFC) == {"vocals": tmp_path / NFD / "vocals.wav"}
    assert found.of("a b") == {"vocals": tmp_path / slug("a b") / "vocals.wav"}
    assert found.strangers([NFC, "a b"]) == []
    touch(tmp_path, "a b/vocals.wav")
    with pytest.raises(DataError, match="is named after the same track 'a b'; keep one of them"):
        EstimateFolder(tmp_path, STEMS).of("a b")
