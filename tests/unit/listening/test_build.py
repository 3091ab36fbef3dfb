"""Listening tests built from runs of three systems on three synthetic tracks at 16 kHz."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from svbench.audio import Audio, audio_info, read_audio, write_audio
from svbench.cli.main import main
from svbench.errors import DataError
from svbench.listening.building.stimuli import loudness_lufs
from svbench.listening.listening_test import ListeningTest, load_test, new_test, stimulus_path
from svbench.specs.records import convert
from svbench.specs.system import SystemSpec

PROTOCOL = """
schema = 1
id = "small"
title = "Small"
version = "1"
description = ""
citation = "none"
method = "{method}"
targets = ["vocals"]
anchors = [{anchors}]
{more}
[excerpts]
n = 3
length_s = 1.0
{excerpts}
"""
FOUR = '"lowpass-3500", "lowpass-7000", "mixture", "distorted"'


@pytest.fixture
def protocol(tmp_path: Path) -> Path:
    return write_protocol(tmp_path)


def write_protocol(
    folder: Path, method: str = "mushra", anchors: str = FOUR, more: str = "", excerpts: str = ""
) -> Path:
    path = folder / "small.toml"
    path.write_text(PROTOCOL.format(method=method, anchors=anchors, more=more, excerpts=excerpts))
    return path


@pytest.fixture(scope="module")
def mdx21(small_runs: Path) -> list[str]:
    return [str(p) for p in sorted(small_runs.glob("*--mdx21--*"))]


def build(runs: list[str], protocol: Path, out: Path, *more: str) -> int:
    return main(["listen", "build", *runs, "--protocol", str(protocol), "--out", str(out), *more])


@pytest.fixture(scope="module")
def built(mdx21: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("listening")
    assert (
        build(
            mdx21,
            write_protocol(folder),
            folder / "test",
            "--seed",
            "a long secret, 1234567890123456789012345",
        )
        == 0
    )
    return folder / "test"


@pytest.fixture(scope="module")
def test(built: Path) -> ListeningTest:
    return load_test(built)


def sound(folder: Path, test: ListeningTest, trial: int, condition: str) -> np.ndarray:
    (stimulus,) = [s for s in test.trials[trial].stimuli if s.condition == condition]
    return read_audio(stimulus_path(folder, stimulus)).samples


def test_conditions_and_trials(test: ListeningTest) -> None:
    assert [(c.id, c.role) for c in test.conditions] == [
        ("reference", "reference"), ("anchor35", "low_anchor"), ("anchor70", "mid_anchor"),
        ("mixture", "anchor"), ("distorted", "anchor"), ("hpss", "system"), ("irm1", "system"),
    ]  # fmt: skip
    assert [t.kind for t in test.trials] == ["training", "test", "test", "test"]
    assert len({t.track for t in test.trials[1:]}) == 3
    taken = [(t.track, t.start_s) for t in test.trials]
    assert all(a[0] != b[0] or abs(a[1] - b[1]) >= 1 for i, a in enumerate(taken) for b in taken[:i])
    assert [s["system"] for s in test.sources] == ["hpss", "irm1"]
    assert {s["digest"] for s in test.sources} == {test.condition(n).run for n in ("hpss", "irm1")}
    assert "mixture is left out: the protocol has the mixture as an anchor" in test.provenance["notes"]
    assert "mean uSDR of hpss, irm1" in test.provenance["rule"]
    assert test.provenance["packages"]["pyloudnorm"]
    assert test.provenance["seed"] == "a long secret, 1234567890123456789012345"


def test_masks_are_stored_and_kept(test: ListeningTest) -> None:
    low, mid = test.condition("anchor35").details["16000"], test.condition("anchor70").details["16000"]
    assert low["ripple_db"] <= 0.1
    assert low["attenuation_db"]["4000"] >= 25
    assert low["attenuation_db"]["4500"] >= 50
    assert (mid["attenuation_db"]["8000"] >= 25, mid["attenuation_db"]["9000"]) == (True, None)
    assert low["lag_samples"] == mid["lag_samples"] == 0
    assert test.condition("distorted").details["16000"]["zeroed_share"] == 0.2
    assert test.condition("hpss").details == {}


def test_files_tell_nothing(built: Path, test: ListeningTest) -> None:
    paths = sorted((built / "stimuli").iterdir())
    assert sorted(p.stem for p in paths) == sorted(s.id for t in test.trials for s in t.files())
    assert len({p.stat().st_size for p in paths}) == 1
    assert len({p.stat().st_mtime_ns for p in paths}) == 1
    assert len({p.read_bytes() for p in paths}) == len(paths), "no two are the same, references neither"
    for path in paths:
        assert len(path.read_bytes()) == 44 + 16000 * 2 * 2
        info = audio_info(path)
        assert (info.n_samples, info.n_channels, info.rate_hz, info.subtype) == (16000, 2, 16000, "PCM_16")


def test_loudness_and_peaks(built: Path, test: ListeningTest) -> None:
    for trial in test.trials:
        files = [read_audio(stimulus_path(built, s)) for s in trial.files()]
        loud = [loudness_lufs(f) for f in files]
        assert max(loud) - min(loud) < 0.05, (trial.track, loud)
        assert all(s.peak_dbtp <= -1.0 for s in trial.files())
        assert all(s.loudness_lufs is not None for s in trial.files())


def test_stimuli_are_what_they_claim(built: Path, test: ListeningTest, small_folder: Path) -> None:
    """The same stretch of the same track, no sample earlier or later."""
    for number, trial in enumerate(test.trials):
        start = round(trial.start_s * 16000)
        stem = read_audio(small_folder / trial.track / "vocals.wav").samples[start : start + 16000]
        mixture = sum(
            read_audio(p).samples[start : start + 16000] for p in (small_folder / trial.track).glob("*.wav")
        )
        middle = slice(400, -400)  # without fades
        for condition, expected in (("reference", stem), ("mixture", mixture)):
            (stimulus,) = [s for s in trial.stimuli if s.condition == condition]
            found = sound(built, test, number, condition)
            gain = 10 ** (stimulus.gain_db / 20)
            assert np.abs(found[middle] - gain * expected[middle]).max() < 3 / 2**15
            assert np.abs(found[0]).max() < 3 / 2**15
        for condition in ("anchor35", "distorted", "irm1"):
            found = sound(built, test, number, condition)[:, 0]
            lags = np.correlate(found, stem[:, 0], "same")
            assert np.argmax(np.abs(lags)) - len(found) // 2 == 0


def test_a_seeded_build_is_repeated_byte_by_byte(
    built: Path, test: ListeningTest, mdx21: list[str], protocol: Path, tmp_path: Path
) -> None:
    assert (
        build(mdx21, protocol, tmp_path / "again", "--seed", "a long secret, 1234567890123456789012345") == 0
    )
    again = load_test(tmp_path / "again")
    assert (again.digest, again.id, again.trials) == (test.digest, test.id, test.trials)
    for trial in test.trials:
        for stimulus in trial.files():
            assert (
                stimulus_path(tmp_path / "again", stimulus).read_bytes()
                == stimulus_path(built, stimulus).read_bytes()
            )
    assert build(mdx21, protocol, tmp_path / "secret") == 0
    secret = load_test(tmp_path / "secret")
    assert not {s.id for t in secret.trials for s in t.files()} & {
        s.id for t in test.trials for s in t.files()
    }
    assert [(t.track, t.start_s) for t in secret.trials] == [(t.track, t.start_s) for t in test.trials]
    assert secret.provenance["seed"] is None


def test_show_and_json(built: Path, test: ListeningTest, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(built)]) == 0
    told = capsys.readouterr().out
    for word in ("dB from 4000 Hz", "nothing left from 9000 Hz", "track 1", "anchor35", "note: mixture"):
        assert word in told
    assert main(["show", str(built), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["kind"], content["digest"]) == ("listening test", test.digest)


def test_named_excerpts(mdx21: list[str], protocol: Path, tmp_path: Path) -> None:
    words = ["--excerpt", "track 0@0.3", "--excerpt", "track 2@1.5"]
    assert build(mdx21, protocol, tmp_path / "t", *words) == 0
    found = load_test(tmp_path / "t")
    assert [(t.track, t.start_s, t.chosen_by) for t in found.trials[1:]] == [
        ("track 0", 0.3, "named by the user"), ("track 2", 1.5, "named by the user"),
    ]  # fmt: skip
    assert "named by the user" in found.provenance["rule"]


@pytest.mark.parametrize(
    ("method", "stimuli", "opened"),
    [
        ("ab", ["hpss", "irm1", "mixture"], True),
        ("abx", ["reference", "hpss", "irm1", "mixture"], False),
        ("acr", ["reference", "hpss", "irm1", "mixture"], False),
        ("dcr", ["reference", "hpss", "irm1", "mixture"], True),
    ],
)
def test_other_methods(
    mdx21: list[str], tmp_path: Path, method: str, stimuli: list[str], opened: bool
) -> None:
    assert build(mdx21, write_protocol(tmp_path, method, anchors=""), tmp_path / "t") == 0
    for trial in load_test(tmp_path / "t").trials:
        assert [s.condition for s in trial.stimuli] == stimuli
        assert (trial.reference is not None) == opened
        assert [s.condition for s in trial.again] == (stimuli if method == "abx" else [])
        assert len({s.sha256 for s in trial.files()}) == len(trial.files())


def test_runs_of_two_protocols(small_runs: Path, protocol: Path, tmp_path: Path) -> None:
    assert build([str(small_runs)], protocol, tmp_path / "t") == 0
    found = load_test(tmp_path / "t")
    assert {s["protocol"] for s in found.sources} == {"mdx21"}
    assert any(
        n.startswith("estimates and scores are those of mdx21, of ") for n in found.provenance["notes"]
    )


def test_a_trial_made_softer_is_told(mdx21: list[str], tmp_path: Path) -> None:
    protocol = write_protocol(tmp_path, more="[levels]\npeak_dbtp = -24.0\nbits = 24")
    assert build(mdx21, protocol, tmp_path / "t", "--excerpt", "track 0@0.5") == 0
    found = load_test(tmp_path / "t")
    for trial in found.trials:
        assert max(s.peak_dbtp for s in trial.files()) == pytest.approx(-24.0, abs=0.05)
        assert max(s.peak_dbtp for s in trial.files()) <= -24.0
        loud = [s.loudness_lufs + s.gain_db for s in trial.files()]
        assert max(loud) - min(loud) < 0.01
    assert any("dB softer, so that no peak crosses -24 dBTP" in n for n in found.provenance["notes"])
    assert {p.stat().st_size for p in (tmp_path / "t" / "stimuli").iterdir()} == {44 + 16000 * 2 * 3}


def test_silent_estimates_are_told(small_folder: Path, protocol: Path, tmp_path: Path) -> None:
    words = [
        "run",
        "mdx21",
        "--data",
        f"folder={small_folder}",
        "--out",
        str(tmp_path / "runs"),
        "--keep-estimates",
    ]
    assert main([*words, "--system", "silence", "--system", "hpss"]) == 0
    assert build([str(tmp_path / "runs")], protocol, tmp_path / "t") == 0
    found = load_test(tmp_path / "t")
    for trial in found.trials:
        (silent,) = [s for s in trial.stimuli if s.condition == "silence"]
        assert silent.loudness_lufs is None
        assert silent.peak_dbtp < -80
    assert any("silence is silent (below −70 LUFS throughout)" in n for n in found.provenance["notes"])


def test_a_system_without_any_score_is_named(
    small_folder: Path, protocol: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "sisec18", "--data", f"folder={small_folder}", "--out", str(tmp_path / "runs")]
    assert main([*words, "--keep-estimates", "--system", "silence", "hpss"]) == 0
    assert build([str(tmp_path / "runs")], protocol, tmp_path / "t") == 2
    assert "silence has no SDR of vocals on any track" in capsys.readouterr().err


def renamed(folder: Path, name: str) -> None:
    """Make a run of another system of it, whose results do not say what they were made from."""
    record = json.loads((folder / "run.json").read_text())
    record["system"]["id"] = name
    record["system_digest"] = convert(record["system"], SystemSpec, folder).digest
    (folder / "run.json").write_text(json.dumps(record))
    for path in (folder / "tracks").iterdir():
        result = json.loads(path.read_text())
        del result["made_from"]
        path.write_text(json.dumps(result))


class TestRefused:
    """In words, and before anything is written."""

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = tmp_path, capsys

    def refused(self, words: str, runs: list[str], protocol: Path, *more: str) -> None:
        out = self.folder / "out" / "test"
        assert build(runs, protocol, out, *more) == 2
        told = self.capsys.readouterr().err
        assert words in told, told
        assert not out.exists()
        assert not list(self.folder.glob("out/.*")), "nor is a piece of it left"

    def copied(self, runs: list[str]) -> list[str]:
        for run in runs:
            shutil.copytree(run, self.folder / "runs" / Path(run).name)
        return [str(p) for p in sorted((self.folder / "runs").iterdir())]

    def test_runs_without_estimates(self, small_folder: Path, protocol: Path) -> None:
        words = ["run", "mdx21", "--data", f"folder={small_folder}", "--out", str(self.folder / "runs")]
        assert main([*words, "--system", "hpss"]) == 0
        self.refused("no estimates of hpss were kept; run again with `svbench run … --keep-estimates`",
                     [str(self.folder / "runs")], protocol)  # fmt: skip

    def test_more_than_twelve_conditions(self, mdx21: list[str], protocol: Path) -> None:
        runs = self.copied([r for r in mdx21 if "/hpss" in r])
        for i in range(8):
            folder = self.folder / "runs" / f"copy{i}"
            shutil.copytree(runs[0], folder)
            renamed(folder, f"copy{i}")
        self.refused("14 conditions in a trial, 9 of them systems; BS.1534-3 allows 12",
                     [str(self.folder / "runs")], protocol)  # fmt: skip

    def test_a_system_twice_and_one_named_like_an_anchor(self, mdx21: list[str], protocol: Path) -> None:
        runs = self.copied([r for r in mdx21 if "/hpss" in r])
        shutil.copytree(runs[0], self.folder / "runs" / "more")
        self.refused("both are hpss; name only one of them", [str(self.folder / "runs")], protocol)
        renamed(self.folder / "runs" / "more", "reference")
        self.refused("system 'reference' has the name of an anchor", [str(self.folder / "runs")], protocol)

    def test_estimates_of_another_length_or_gone(self, mdx21: list[str], protocol: Path) -> None:
        runs = self.copied([r for r in mdx21 if "/hpss" in r])
        path = next(Path(runs[0]).glob("estimates/track_0*/vocals.wav"))
        audio = read_audio(path)
        write_audio(path, Audio(audio.samples[:-10], audio.rate_hz))
        self.refused("39990 samples, 2 channels, 16000 Hz; the track has 40000 samples",
                     runs, protocol, "--excerpt", "track 0@0.5")  # fmt: skip
        path.unlink()
        self.refused("the estimate is gone; run again", runs, protocol, "--excerpt", "track 0@0.5")
        # By the rule such a track is set aside; here too little is left then.
        for other in Path(runs[0]).glob("estimates/track_[12]*/vocals.wav"):
            other.unlink()
        self.refused("track 'track 0' is set aside", runs, protocol)

    def test_a_failed_track(self, mdx21: list[str], protocol: Path) -> None:
        runs = self.copied([r for r in mdx21 if "/hpss" in r])
        path = next(Path(runs[0]).glob("tracks/track_1*.json"))
        result = json.loads(path.read_text())
        result.update(status="failed", reason="out of memory", estimates={})
        for series in result["series"]:
            series.update(score=[None], status=["failed"])
        path.write_text(json.dumps(result))
        self.refused(
            "hpss has nothing of track 'track 1': out of memory", runs, protocol, "--excerpt", "track 1@0"
        )

    @pytest.mark.parametrize(
        ("excerpt", "words"),
        [
            ("track 9@0", "unknown track 'track 9'"),
            ("track 0@1.6", "1 s from there end at 2.6 s, the track at 2.5 s"),
            ("track 0", "expected TRACK@START"),
        ],
    )
    def test_excerpts_that_are_not_there(
        self, mdx21: list[str], protocol: Path, excerpt: str, words: str
    ) -> None:
        self.refused(words, mdx21, protocol, "--excerpt", excerpt)

    def test_the_same_excerpt_twice(self, mdx21: list[str], protocol: Path) -> None:
        words = ["--excerpt", "track 0@0.5", "--excerpt", "track 0@0.50"]
        self.refused("--excerpt track 0@0.5 is given twice", mdx21, protocol, *words)

    def test_too_long_ones_and_silence(self, mdx21: list[str], small_folder: Path) -> None:
        longer = write_protocol(self.folder)
        longer.write_text(longer.read_text().replace("length_s = 1.0", "length_s = 5.0"))
        self.refused(
            "4 excerpts of 5 s are wanted (3 of the test, 1 of the training), there are 0", mdx21, longer
        )
        quiet = self.folder / "data" / "quiet"
        shutil.copytree(small_folder / "track 0", quiet)
        vocals = read_audio(quiet / "vocals.wav")
        half = vocals.samples.copy()
        half[:24000] = 0
        write_audio(quiet / "vocals.wav", Audio(half, 16000), subtype="PCM_16")
        words = [
            "run",
            "mdx21",
            "--data",
            f"folder={self.folder / 'data'}",
            "--out",
            str(self.folder / "runs"),
        ]
        assert main([*words, "--system", "hpss", "--keep-estimates"]) == 0
        self.capsys.readouterr()
        self.refused("vocals is silent there (below −70 LUFS throughout)", [str(self.folder / "runs")],
                     write_protocol(self.folder, excerpts="training = 0"), "--excerpt", "quiet@0.2")  # fmt: skip

    def test_targets_and_protocols_that_do_not_fit(self, mdx21: list[str], protocol: Path) -> None:
        protocol.write_text(protocol.read_text().replace('["vocals"]', '["choir"]'))
        self.refused("mdx21 has no target 'choir', only vocals", mdx21, protocol)
        write_protocol(self.folder, excerpts='choose = "list"')
        self.refused("the protocol leaves the excerpts to you", mdx21, protocol)
        write_protocol(self.folder, more="anchor = 3")
        self.refused("unknown key; did you mean 'anchors'?", mdx21, protocol)
        write_protocol(self.folder, method="ab", anchors="")
        self.refused("wants two conditions to compare, the runs give hpss", [mdx21[0]], protocol)

    def test_recordings_that_moved_or_changed(
        self, mdx21: list[str], protocol: Path, small_folder: Path
    ) -> None:
        self.refused(
            "say with --data where the recordings", mdx21, protocol, "--data", str(self.folder / "gone")
        )
        moved = self.folder / "moved"
        shutil.copytree(small_folder, moved)
        assert build(mdx21, protocol, self.folder / "elsewhere", "--data", str(moved)) == 0
        vocals = moved / "track 0" / "vocals.wav"
        vocals.write_bytes(vocals.read_bytes()[:-2] + b"\x07\x00")
        self.refused("track 'track 0': its recordings have changed since the run", mdx21, protocol,
                     "--data", str(moved), "--excerpt", "track 0@0.5")  # fmt: skip

    def test_runs_that_cannot_be_compared(self, small_runs: Path, protocol: Path) -> None:
        one = str(next(small_runs.glob("hpss--mdx21--*")))
        other = str(next(small_runs.glob("irm1--sisec18--*")))
        self.refused("no protocol and choice of tracks has runs of all systems", [one, other], protocol)
        self.refused("no run.json in it", [str(self.folder)], protocol)

    def test_existing_folders(self, mdx21: list[str], protocol: Path) -> None:
        out = self.folder / "t"
        assert build(mdx21, protocol, out) == 0
        first = load_test(out)
        assert build(mdx21, protocol, out) == 2
        assert "holds a test; give another folder, or replace it with --force" in self.capsys.readouterr().err
        assert load_test(out) == first
        assert build(mdx21, protocol, out, "--force") == 0
        assert load_test(out).id != first.id
        with pytest.raises(DataError, match="holds ratings"), new_test(out, force=True):
            (out / "ratings.sqlite").touch()  # a server was started while the new one was built
        assert not list(self.folder.glob(".t-*"))
        (out / "ratings.sqlite").unlink()
        (out / "ratings.sqlite").touch()
        assert build(mdx21, protocol, out, "--force") == 2
        assert "holds ratings (ratings.sqlite)" in self.capsys.readouterr().err
        (self.folder / "notes").mkdir()
        (self.folder / "notes" / "a.txt").touch()
        assert build(mdx21, protocol, self.folder / "notes", "--force") == 2
        assert "holds other files" in self.capsys.readouterr().err
