"""Where clips go, to which target they belong, and what a user's folder may hold."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from svbench.audio import EXTENSIONS, Audio, write_audio
from svbench.audio.draw import Draw
from svbench.datasets.api import open_dataset
from svbench.datasets.synthetic import synthetic_track, write_folder
from svbench.errors import AudioError, DataError
from svbench.probes.api import Variant, variants
from svbench.probes.patterns.clips import load_clips, part_of
from svbench.probes.patterns.kit import CLASSES
from svbench.probes.patterns.sets import SETS, laid_out, pattern_variants, timeline
from svbench.probes.tracks import ProbedTrack, probed
from svbench.specs.manifest import load_manifest
from svbench.specs.protocol import load_protocol

RATE_HZ = 8000
SECONDS = 60
EVERY = 15  # seed of a track on which all five classes find a place


def tone(seconds: float, hz: float = 440.0, rate_hz: int = RATE_HZ, n_channels: int = 1) -> Audio:
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return Audio(np.repeat(0.3 * np.sin(2 * np.pi * hz * t)[:, np.newaxis], n_channels, axis=1), rate_hz)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine clips of 4.5 s for each class, at a rate and pitch of its own."""
    root = tmp_path_factory.mktemp("clips")
    for i, pattern in enumerate(CLASSES):
        (root / pattern).mkdir()
        for n in range(9):
            path = root / pattern / f"{n}.wav"
            write_audio(path, tone(4.5, 200.0 + 100 * i + 7 * n, rate_hz=11025), subtype="PCM_16")
    return root


@pytest.fixture(scope="module")
def sets(folder: Path) -> dict[str, Variant]:
    return {v.id: v for v in pattern_variants(clips=str(folder), part="all")}


@pytest.fixture(scope="module")
def track() -> tuple[Audio, dict[str, Audio]]:
    draw = np.random.default_rng(0)
    parts = {
        t: Audio(0.1 * draw.standard_normal((SECONDS * RATE_HZ, 2)), RATE_HZ) for t in ("vocals", "drums")
    }
    parts["other"] = Audio(0.1 * draw.standard_normal((SECONDS * RATE_HZ, 2)), RATE_HZ)
    mixture = Audio(sum(p.samples for p in parts.values()), RATE_HZ)
    return mixture, parts


def test_timeline_keeps_the_rules(folder: Path) -> None:
    clips = part_of(load_clips(str(folder)), "all", 42)
    like = Audio(np.zeros((SECONDS * RATE_HZ, 2)), RATE_HZ)
    seen, ends = set(), []
    for seed in range(40):
        placed = timeline(like, clips, Draw(42, seed), 0.45)
        ordered = sorted(placed, key=lambda p: p.start)
        assert all(a.stop <= b.start for a, b in pairwise(ordered))
        assert all(0 <= p.start < p.stop < like.n_samples for p in placed)
        filled = [p.stop - p.start for p in placed]
        # The last clip may go over the share; without it the share was not exceeded.
        assert sum(filled[:-1]) <= 0.45 * like.n_samples
        ends.append(sum(filled) > 0.45 * like.n_samples)
        seen |= {p.clip.pattern for p in placed}
        assert all(not p.backwards or p.clip.pattern == "up-filters" for p in placed)
    assert seen == set(CLASSES)
    assert 0 < sum(ends) < 40  # some end full, some where a clip finds no place


def test_half_of_the_up_filters_run_backwards(folder: Path) -> None:
    clips = part_of(load_clips(str(folder)), "all", 42)
    like = Audio(np.zeros((SECONDS * RATE_HZ, 2)), RATE_HZ)
    flips = [
        p.backwards
        for seed in range(120)
        for p in timeline(like, clips, Draw(1, seed), 0.45)
        if p.clip.pattern == "up-filters"
    ]
    assert len(flips) > 60
    assert 0.3 < np.mean(flips) < 0.7


def test_a_crowded_track_ends_at_the_first_clip_without_a_place(folder: Path) -> None:
    # 11 s: after one clip of 4.5 s in the middle no other fits, although the share is not filled.
    clips = part_of(load_clips(str(folder)), "all", 42)
    like = Audio(np.zeros((11 * RATE_HZ, 1)), RATE_HZ)
    counts = {len(timeline(like, clips, Draw(0, seed), 0.9)) for seed in range(30)}
    assert counts == {1, 2}


def test_sets_share_one_timeline(sets: dict[str, Variant], track: tuple[Audio, dict[str, Audio]]) -> None:
    mixture, references = track
    assert tuple(sets) == SETS
    added = {name: sets[name].apply(mixture, references, EVERY)[0].samples - mixture.samples for name in SETS}
    assert not added["original"].any()
    assert added["all"] == pytest.approx(sum(added[c] for c in CLASSES), abs=1e-12)
    sounding = [np.abs(added[c]).max(axis=1) > 1e-6 for c in CLASSES]
    assert all(s.any() for s in sounding)
    assert np.sum(sounding, axis=0).max() == 1  # never two classes at once
    assert np.abs(added["all"]).max() == pytest.approx(0.5, abs=1e-6)
    again = sets["all"].apply(mixture, references, EVERY)[0].samples
    assert np.array_equal(again - mixture.samples, added["all"])
    other = sets["all"].apply(mixture, references, EVERY + 1)[0].samples - mixture.samples
    assert not np.array_equal(other, added["all"])


@pytest.mark.parametrize(("chops", "sung"), [("target", True), ("interference", False)])
def test_vocal_chops_belong_to_the_vocals_or_not(
    chops: str, sung: bool, folder: Path, track: tuple[Audio, dict[str, Audio]]
) -> None:
    mixture, references = track
    made = {v.id: v for v in pattern_variants(clips=str(folder), part="all", chops=chops)}  # type: ignore[arg-type]
    for name in SETS:
        changed, after = made[name].apply(mixture, references, EVERY)
        # References still add up to the mixture, and drums are left alone.
        np.testing.assert_allclose(
            sum(after[t].samples for t in references), changed.samples, rtol=0, atol=1e-12
        )
        assert after["drums"] is references["drums"]
        has_chops = name in ("vocal-chops", "all")
        assert np.array_equal(after["vocals"].samples, references["vocals"].samples) == (
            not (sung and has_chops)
        )
    _, after = made["vocal-chops"].apply(mixture, references, EVERY)
    assert np.array_equal(after["other"].samples, references["other"].samples) == sung


def test_chops_give_a_target_to_a_track_without_vocals(sets: dict[str, Variant]) -> None:
    mixture = Audio(np.zeros((SECONDS * RATE_HZ, 1)), RATE_HZ)
    changed, after = sets["vocal-chops"].apply(mixture, {}, EVERY)
    assert np.array_equal(after["vocals"].samples, changed.samples)
    assert np.any(changed.samples)
    assert "vocals" not in sets["horns"].apply(mixture, {}, EVERY)[1]


def test_a_track_shorter_than_a_clip_is_refused(sets: dict[str, Variant]) -> None:
    short = Audio(np.zeros((2 * RATE_HZ, 1)), RATE_HZ)
    with pytest.raises(AudioError, match=r"the track lasts 2\.0 s, one of the .* clips 4\.5 s"):
        sets["all"].apply(short, {}, 0)


def test_files_are_joined_and_split_as_dttnet_does(tmp_path: Path) -> None:
    for pattern in CLASSES:
        (tmp_path / pattern).mkdir()
        for name, seconds in (("d", 9.0), ("a", 1.5), ("c", 3.0), ("b", 2.0)):
            audio = tone(seconds, n_channels=1 + (name == "c"))
            write_audio(tmp_path / pattern / f"{name}.wav", audio, subtype="PCM_16")
        write_audio(tmp_path / pattern / "e.wav", tone(9.5), subtype="PCM_16")
    horns = load_clips(str(tmp_path)).by_class["horns"]
    # a + b + c = 6.5 s make one clip; d and e, longer than 8 s, two each.
    lengths = [c.read(RATE_HZ, 2).n_samples / RATE_HZ for c in horns]
    assert lengths == [6.5, 4.5, 4.5, 4.75, 4.75]
    assert [f.stem for f in horns[0].files] == ["a", "b", "c"]
    joined = horns[0].read(RATE_HZ, 2).samples
    for a, b in ((0, 1.5), (1.5, 3.5), (3.5, 6.5)):  # every file has its peak at 0.5
        part = joined[round(a * RATE_HZ) : round(b * RATE_HZ)]
        assert np.abs(part).max() == pytest.approx(0.5, rel=1e-3)
    write_audio(tmp_path / "horns" / "z.wav", tone(20.0), subtype="PCM_16")
    write_audio(tmp_path / "horns" / "0.wav", tone(0.5), subtype="PCM_16")
    assert load_clips(str(tmp_path)).version != load_clips("kit").version


def test_what_is_left_over_is_told(folder: Path, tmp_path: Path) -> None:
    import shutil

    root = Path(shutil.copytree(folder, tmp_path / "clips"))
    for path in sorted((root / "horns").iterdir())[1:]:
        path.unlink()
    for name in ("1", "2"):
        write_audio(root / "horns" / f"x {name}.wav", tone(3.9 - int(name) / 10), subtype="PCM_16")
    # 3.7 + 3.8 s are joined; 4.5 s stands alone.
    assert load_clips(str(root)).notes == ()
    (root / "horns" / "0.wav").unlink()
    (root / "horns" / "x 1.wav").unlink()
    write_audio(root / "horns" / "y.wav", tone(4.2), subtype="PCM_16")
    write_audio(root / "horns" / "z.wav", tone(0.2), subtype="PCM_16")
    # 0.2 + 3.7 s are too little, with 4.2 s they are 8.1 s: two halves.
    assert len(load_clips(str(root)).by_class["horns"]) == 2
    (root / "horns" / "x 2.wav").unlink()
    (root / "horns" / "y.wav").unlink()
    with pytest.raises(DataError, match=r"horns: its files last 4 s or less in all, too little for a clip"):
        load_clips(str(root))


def test_wrong_folders_are_told(folder: Path, tmp_path: Path) -> None:
    import shutil

    with pytest.raises(DataError, match="no such folder of clips; expected one with horns"):
        load_clips(str(tmp_path / "none"))
    root = Path(shutil.copytree(folder, tmp_path / "clips"))
    (root / "siren").mkdir()
    with pytest.raises(DataError, match="no class of patterns; did you mean 'sirens'"):
        load_clips(str(root))
    (root / "siren").rmdir()
    shutil.rmtree(root / "horns")
    with pytest.raises(DataError, match="horns: no such folder; every class needs one"):
        load_clips(str(root))
    (root / "horns").mkdir()
    with pytest.raises(DataError, match="horns: no audio in it"):
        load_clips(str(root))
    write_audio(root / "horns" / "s.wav", Audio(np.zeros((5 * RATE_HZ, 1)), RATE_HZ), subtype="PCM_16")
    with pytest.raises(
        DataError, match=r"horns/s\.wav: silent throughout; a pattern must be audible; fix or"
    ):
        load_clips(str(root))
    write_audio(root / "horns" / "s.wav", tone(5), subtype="PCM_16")
    with pytest.raises(DataError, match=r"class horns has 1 clips, none .*'test'.*all"):
        part_of(load_clips(str(root)), "test", 42)


def test_every_file_that_is_no_clip_is_told_at_once(folder: Path, tmp_path: Path) -> None:
    import shutil

    root = Path(shutil.copytree(folder, tmp_path / "clips"))
    horns = root / "horns"
    (horns / "empty.wav").write_bytes(b"")
    (horns / "text.wav").write_text("no music")
    (horns / "cut.wav").write_bytes((horns / "0.wav").read_bytes()[:30])
    write_audio(horns / "three.wav", tone(5, n_channels=3), subtype="PCM_16")
    (horns / "away.wav").symlink_to(root / "nowhere.wav")
    with pytest.raises(DataError) as caught:
        load_clips(str(root))
    told = str(caught.value)
    assert "5 of 50 files cannot be used" in told
    for reason in (
        "horns/away.wav: no such file",
        "horns/cut.wav: cannot be read as audio",
        "horns/empty.wav: cannot be read as audio",
        "horns/text.wav: cannot be read as audio",
        "horns/three.wav: 3 channels, expected one or two",
    ):
        assert reason in told
    (root / "sirens" / "0.wav").write_bytes(b"")
    with pytest.raises(DataError, match=r"6 of 50 files .*; and 1 more; fix or remove them"):
        load_clips(str(root))


def test_what_is_no_clip_by_its_name_is_told(folder: Path, tmp_path: Path) -> None:
    import shutil

    root = Path(shutil.copytree(folder, tmp_path / "clips"))
    (root / "horns" / "x.mid").write_bytes(b"")
    (root / "horns" / "more").mkdir()
    shutil.copy(root / "horns" / "0.wav", root / "loose.wav")
    (root / "horns" / "ü ' \" 0.WAV").write_bytes((root / "horns" / "0.wav").read_bytes())
    found = load_clips(str(root))
    assert len(found.by_class["horns"]) == 10
    assert found.notes == (
        "loose.wav not used, since clips lie in the folders of classes",
        f"horns: more, x.mid not used, since clips are {', '.join(EXTENSIONS)} files",
    )


def test_stereo_clips_fit_mono_tracks_and_any_rate(folder: Path, tmp_path: Path) -> None:
    import shutil

    root = Path(shutil.copytree(folder, tmp_path / "clips"))
    shutil.rmtree(root / "horns")
    (root / "horns").mkdir()
    left = tone(5, rate_hz=22050)
    write_audio(root / "horns" / "a.flac", Audio(left.samples * [1.0, 0.5], 22050), subtype="PCM_16")
    clip = load_clips(str(root)).by_class["horns"][0]
    mono, stereo = clip.read(RATE_HZ, 1).samples, clip.read(RATE_HZ, 2).samples
    assert (mono.shape, stereo.shape) == ((5 * RATE_HZ, 1), (5 * RATE_HZ, 2))
    assert np.abs(mono).max() == np.abs(stereo).max() == pytest.approx(0.5)
    assert stereo[:, 1] == pytest.approx(stereo[:, 0] / 2, abs=1e-4)


def test_parts_share_no_clip() -> None:
    kit = load_clips("kit")
    parts = [{c.number for c in part_of(kit, p, 42)["sirens"]} for p in ("train", "valid", "test")]
    assert [len(p) for p in parts] == [15, 3, 9]
    assert set.union(*parts) == set(range(27))
    assert {c.number for c in part_of(kit, "test", 43)["sirens"]} != parts[2]


def test_probed_data_sets(folder: Path, tmp_path: Path) -> None:
    stems = synthetic_track(0, duration_s=12, rate_hz=16000)
    write_folder(tmp_path, {"one": stems, "two": stems})
    dataset = open_dataset(load_manifest("folder"), tmp_path)
    assert probed(dataset, load_protocol("mdx21")) == [dataset]
    found = {d.variant: d for d in probed(dataset, load_protocol("generalisation"))}
    assert tuple(found) == SETS == found["all"].variants
    assert found["original"].tracks == dataset.tracks
    one, two = found["all"].tracks
    assert isinstance(one, ProbedTrack)
    # Same music, other name: another timeline. Same name in a smaller data set: the same one.
    assert not np.array_equal(one.mixture().samples, two.mixture().samples)
    alone = probed(
        open_dataset(load_manifest("folder"), tmp_path, tracks=["two"]), load_protocol("generalisation")
    )
    assert np.array_equal(alone[-1].tracks[0].mixture().samples, two.mixture().samples)
    digests = {t.digest() for d in found.values() for t in d.tracks}
    assert len(digests) == 13  # twice the same recording as it is, else all different
    # References add up: vocals and everything else.
    parts = one.references(["vocals", "accompaniment"])
    np.testing.assert_allclose(
        sum(p.samples for p in parts.values()), one.mixture().samples, rtol=0, atol=1e-9
    )
    assert one.original.digest() == dataset.tracks[0].digest()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"target" }', '"vocals" }', "chops: expected 'target' or 'interference', found 'vocals'"),
        ('part = "test"', 'part = "tests"', "part: expected one of train, valid, test, all, found 'tests'"),
        ("share = 0.45", "share = 1.5", "share: expected a number between 0 and 1, found 1.5"),
        ("seed = 42", "seed = -1", "seed: expected a whole number from 0, found -1"),
        ("seed = 42", "sead = 42", r"probes\[0\]\.parameters\.sead: unknown parameter; patterns takes clips"),
        ('id = "patterns"', 'id = "pattern"', "unknown probe 'pattern': did you mean 'patterns'"),
    ],
)
def test_wrong_parameters(old: str, new: str, sentence: str, tmp_path: Path) -> None:
    from svbench.errors import SvbenchError
    from svbench.specs.library import shipped

    text = (Path(shipped()) / "protocols/generalisation.toml").read_text()
    assert old in text
    path = tmp_path / "generalisation.toml"
    path.write_text(text.replace(old, new))
    with pytest.raises(SvbenchError, match=sentence):
        variants(load_protocol(path))


def test_laid_out_is_the_clip_in_its_place(folder: Path) -> None:
    clips = part_of(load_clips(str(folder)), "all", 42)
    like = Audio(np.zeros((30 * RATE_HZ, 2)), RATE_HZ)
    first = timeline(like, clips, Draw(3), 0.2)[0]
    total = laid_out(like, [first])
    expected = first.clip.read(RATE_HZ, 2).samples
    assert np.array_equal(total[first.start : first.stop], expected[::-1] if first.backwards else expected)
    assert not total[: first.start].any()
    assert not total[first.stop :].any()
