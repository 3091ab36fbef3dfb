from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from svbench.audio import read_audio
from svbench.audio.sounds import ArraySound
from svbench.errors import DataError, SvbenchError
from svbench.listening.building.material import low_passed
from svbench.listening.building.stimuli import loudness_lufs
from svbench.listening.design import assign
from svbench.listening.listening_test import ListeningTest, Stimulus, load_test, stimulus_path

Import = Callable[..., ListeningTest]
Write = Callable[..., Path]
Page = Callable[..., str]
STEP = 2.0**-23  # of 24 bits


def heard(folder: Path, stimulus: Stimulus) -> np.ndarray:
    return read_audio(stimulus_path(folder, stimulus)).samples


def test_sounds_come_as_they_are(imported: Import, page: Page, folder: Path, root: Path) -> None:
    test = imported(page("first") + page("second", stimuli="{A: sounds/b.wav}"))
    assert msgspec.json.encode(test) == msgspec.json.encode(load_test(folder))
    assert [(t.track, t.kind, [s.condition for s in t.stimuli]) for t in test.trials] == [
        ("first", "test", ["reference", "A", "B"]), ("second", "test", ["reference", "A"]),
    ]  # fmt: skip
    assert [(c.id, c.role) for c in test.conditions] == [
        ("reference", "reference"), ("A", "system"), ("B", "system"),
    ]  # fmt: skip
    for trial, files in zip(test.trials, (["ref", "ref", "a", "b"], ["ref", "ref", "b"]), strict=True):
        for stimulus, file in zip(trial.files(), files, strict=True):
            original = read_audio(root / "sounds" / f"{file}.wav").samples
            assert np.abs(heard(folder, stimulus) - original).max() <= 2 * STEP
            assert stimulus.gain_db == 0
    assert test.protocol.method == "mushra"
    assert not test.protocol.listeners.volume
    assert test.protocol.sessions.replicates == 0
    assert len(assign(test, 0, {}, {}).screens) == 2
    # What lies in the folder tells nothing: names, sizes, times, and no two files are alike.
    files = sorted((folder / "stimuli").iterdir())
    assert len(files) == 7
    assert len({(f.stat().st_size, f.stat().st_mtime_ns, len(f.name)) for f in files}) == 1
    assert len({f.read_bytes() for f in files}) == 7


def test_anchors_are_made_where_the_page_says_so(
    imported: Import, page: Page, folder: Path, root: Path
) -> None:
    test = imported(page("first", "createAnchor35: true\ncreateAnchor70: true") + page("second"))
    assert [[s.condition for s in t.stimuli] for t in test.trials] == [
        ["reference", "anchor35", "anchor70", "A", "B"], ["reference", "A", "B"],
    ]  # fmt: skip
    assert [test.condition(name).role for name in ("anchor35", "anchor70")] == ["low_anchor", "mid_anchor"]
    measured = test.condition("anchor35").details["16000"]
    assert measured["lag_samples"] == 0
    assert measured["attenuation_db"]["4000"] >= 25
    assert test.protocol.anchors == ("lowpass-3500", "lowpass-7000")
    reference = read_audio(root / "sounds" / "ref.wav").samples
    for stimulus, cutoff_hz in zip(test.trials[0].stimuli[1:3], (3500, 7000), strict=True):
        wanted = low_passed(ArraySound(reference, 16000), 0, len(reference), cutoff_hz)
        assert np.abs(heard(folder, stimulus) - wanted).max() <= 2 * STEP


def test_anchors_that_are_given_are_known_by_name(imported: Import, page: Page) -> None:
    test = imported(page(stimuli="{anchor35: sounds/a.wav, mixture: sounds/b.wav, no: sounds/a.wav}"))
    assert [(c.id, c.role) for c in test.conditions] == [
        ("reference", "reference"), ("anchor35", "low_anchor"), ("mixture", "anchor"), ("no", "system"),
    ]  # fmt: skip


def test_loudness_is_aligned_when_asked_for(
    imported: Import, page: Page, folder: Path, root: Path, put: Write
) -> None:
    put("b", 2, peak=0.02)
    test = imported(page(), align=True)
    for stimulus in test.trials[0].files():
        assert loudness_lufs(read_audio(stimulus_path(folder, stimulus))) == pytest.approx(-23, abs=0.02)
    gains = {s.condition: s.gain_db for s in test.trials[0].stimuli}
    assert gains["B"] - gains["A"] == pytest.approx(20 * np.log10(0.25 / 0.02), abs=0.3)


def test_what_would_clip_is_lowered_with_all_of_its_trial(
    imported: Import, page: Page, folder: Path, root: Path, put: Write
) -> None:
    put("a", 1, peak=2.0, subtype="FLOAT")
    loudest = float(np.abs(read_audio(root / "sounds" / "a.wav").samples).max())
    test = imported(page("first") + page("second", stimuli="{B: sounds/b.wav}"))
    gains = [{s.gain_db for s in t.files()} for t in test.trials]
    assert gains == [{round(-20 * np.log10(loudest), 4)}, {0.0}]
    a = next(s for s in test.trials[0].stimuli if s.condition == "A")
    assert np.abs(heard(folder, a)).max() == pytest.approx(1, abs=1e-5)
    assert any("first: all of it is lowered by 6.0" in note for note in test.provenance["notes"])


def test_paired_comparisons_are_each_with_the_reference(imported: Import, folder: Path) -> None:
    pages = (
        "    - type: paired_comparison\n      id: pairs\n      reference: sounds/ref.wav\n"
        "      stimuli: {A: sounds/a.wav, anchor35: sounds/b.wav}\n"
    )
    test = imported(pages)
    assert test.protocol.method == "abx"
    assert [[s.condition for s in t.stimuli] for t in test.trials] == [
        ["reference", "A"], ["reference", "anchor35"],
    ]  # fmt: skip
    assert [[s.condition for s in t.again] for t in test.trials] == [
        ["reference", "A"], ["reference", "anchor35"],
    ]  # fmt: skip
    assert [t.reference for t in test.trials] == [None, None]
    assert len(assign(test, 0, {}, {}).screens) == 2  # never one stimulus with the other


def test_training_is_known_by_its_name(imported: Import, page: Page) -> None:
    test = imported(page("training_1") + page("first"))
    assert [t.kind for t in test.trials] == ["training", "test"]
    assert (test.protocol.excerpts.training, test.protocol.excerpts.n) == (1, 1)


def test_a_seed_repeats_an_import(imported: Import, page: Page, folder: Path) -> None:
    first = imported(page(), seed="long enough")
    again = imported(page(), seed="long enough", force=True)
    assert first.trials == again.trials
    other = imported(page(), seed="another", force=True)
    assert {s.id for t in first.trials for s in t.files()}.isdisjoint(
        s.id for t in other.trials for s in t.files()
    )


def test_the_record_is_one_that_can_be_read(imported: Import, page: Page, folder: Path) -> None:
    """Records are not checked when they are made, but whenever they are read."""
    test = imported(page(more="content: How <i>good</i>?"), "language: fr\n")
    assert msgspec.convert(msgspec.to_builtins(test.protocol), type(test.protocol)) == test.protocol
    assert test.protocol.question == {"fr": "How good?"}
    assert test.protocol.id == "webmushra-my-test"
    assert test.sources[0]["test"] == "my_test"


def test_files_are_looked_for_from_the_root(
    written: Write, imported: Import, page: Page, root: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        SvbenchError, match=r"pages\[0\].reference: sounds/ref.wav: not there in .*say with --root"
    ):
        imported(page(), root=tmp_path)
    assert imported(page(), root=root)
    (root / "sounds" / "b.wav").unlink()
    with pytest.raises(
        SvbenchError, match=r"pages\[0\].stimuli.B: sounds/b.wav: not there in .* or a folder above"
    ):
        imported(page(), force=True)


@pytest.mark.parametrize("name", ["../secret.wav", "/secret.wav", "https://example.org/a.wav"])
def test_files_lie_within_the_root(imported: Import, page: Page, name: str) -> None:
    with pytest.raises(SvbenchError, match=r"stimuli.A: is '.*', expected a path within webMUSHRA's folder"):
        imported(page(stimuli=f"{{A: '{name}'}}"))


@pytest.mark.parametrize(
    ("sound", "told"),
    [
        (
            {"n": 7999},
            r"pages\[0\].stimuli.A: a.wav has 7999 samples, 1 channels, 16000 Hz; its reference has 8000",
        ),
        ({"channels": 2}, "a.wav has 8000 samples, 2 channels"),
        ({"rate_hz": 8000}, "a.wav has 8000 samples, 1 channels, 8000 Hz"),
    ],
)
def test_all_of_a_trial_are_alike(
    imported: Import, page: Page, put: Write, root: Path, folder: Path, sound: dict[str, int], told: str
) -> None:
    put("a", **sound)
    with pytest.raises(SvbenchError, match=told):
        imported(page())
    assert not folder.exists()


@pytest.mark.parametrize(
    ("sound", "more", "told"),
    [
        ({"peak": 0.0}, "", r"pages\[0\] \(first\): the reference is silent"),
        ({"n": 3000}, "", r"pages\[0\] \(first\): 0.1875 s have no loudness; BS.1770 wants at least 0.4 s"),
        ({"channels": 3}, "", "take mono and stereo, not 3 channels"),
        ({"n": 16000 * 31}, "", r"pages\[0\].reference: ref.wav has 31.0 s, expected at most 30 s"),
        ({"rate_hz": 8000}, "createAnchor70: true", "a low-pass anchor of 7000 Hz wants recordings of at least 16000 Hz"),
    ],
)  # fmt: skip
def test_sounds_that_make_no_trial(
    imported: Import,
    page: Page,
    put: Write,
    root: Path,
    folder: Path,
    sound: dict[str, int],
    more: str,
    told: str,
) -> None:
    put("ref", **sound)
    put("a", **sound)
    with pytest.raises(SvbenchError, match=told):
        imported(page(more=more, stimuli="{A: sounds/a.wav}"))
    assert not folder.exists()


def test_a_silent_stimulus_is_told(imported: Import, page: Page, put: Write, root: Path) -> None:
    put("a", peak=0.0)
    assert "first: A is silent (below −70 LUFS throughout)" in imported(page()).provenance["notes"]


def test_twelve_conditions_and_no_more(imported: Import, page: Page) -> None:
    eleven = "{" + ", ".join(f"C{i}: sounds/a.wav" for i in range(11)) + "}"
    with pytest.raises(
        SvbenchError,
        match=r"pages\[0\].stimuli: make 13 conditions with the hidden reference and created anchors .1.",
    ):
        imported(page(more="createAnchor35: true", stimuli=eleven))
    assert len(imported(page(stimuli=eleven)).trials[0].stimuli) == 12


def test_training_alone_is_no_test(imported: Import, page: Page) -> None:
    with pytest.raises(SvbenchError, match="pages: nothing is left to rate: all ids begin with 'train'"):
        imported(page("training_1") + page("training_2"))


def test_no_sound_is_no_test(imported: Import, page: Page, root: Path) -> None:
    (root / "sounds" / "a.wav").write_text("no sound")
    with pytest.raises(SvbenchError, match=r"a.wav"):
        imported(page())


def test_a_test_is_not_replaced_unasked(imported: Import, page: Page, folder: Path) -> None:
    imported(page())
    with pytest.raises(DataError, match="holds a test; give another folder, or replace it with --force"):
        imported(page())
    (folder / "ratings.sqlite").touch()
    with pytest.raises(DataError, match="holds ratings"):
        imported(page(), force=True)
