"""Runs repeated from their record, and refused once what they were made from has changed."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import msgspec
import pytest

from svbench.cli.main import main
from svbench.results.store import find_runs, load_run, track_file, write_record

CODE = """
from svbench.audio import Audio

def separate(mixture):
    half = Audio(mixture.samples * {gain}, mixture.rate_hz)
    return {{"vocals": half, "accompaniment": half}}

def make():
    return separate
"""


@pytest.fixture
def made(small_folder: Path, tmp_path: Path) -> Path:
    """A run of a system with code and weights of its own, on a copy of the small folder."""
    data, system = tmp_path / "data", tmp_path / "system"
    shutil.copytree(small_folder, data)
    system.mkdir()
    (system / "mine.py").write_text(CODE.format(gain=0.5))
    (system / "mine.bin").write_bytes(b"weights")
    sha256 = hashlib.sha256(b"weights").hexdigest()
    (system / "mine.toml").write_text(
        'schema = 1\nid = "mine"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n'
        f'weights = [{{ path = "mine.bin", sha256 = "{sha256}" }}]\n'
        'parameters = { factory = "mine.py:make", targets = ["vocals", "accompaniment"] }\n'
    )
    words = ["run", "mdx21", "--data", f"folder={data}", "--system", str(system / "mine.toml")]
    assert main([*words, "--out", str(tmp_path / "runs"), "--workers", "1"]) == 0
    (found,) = find_runs([tmp_path / "runs"])
    return found


def rerun(made: Path, *words: object) -> int:
    out = made.parents[1] / "reruns"
    return main(["rerun", str(made), "--trust", "--out", str(out), "--workers", "1", *map(str, words)])


def test_a_repeated_run_is_equal_to_the_last_bit(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (made.parents[1] / "system/mine.toml").unlink()  # the record says all that the file said
    assert rerun(made, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["n_unequal"], found["notes"]) == ("bit-equal", 0, [])
    assert found["n_estimates"] == 6
    (again,) = find_runs([made.parents[1] / "reruns"])
    assert again.name == made.name
    assert load_run(again).record.system == load_run(made).record.system
    assert main(["diff", str(made), str(again)]) == 0
    assert capsys.readouterr().out.startswith("bit-equal: all 6 values and 6 estimates (by their recorded")


def test_nothing_of_a_record_is_run_unasked(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = made.parents[1]
    (home / "system/mine.py").write_text("raise SystemExit('imported without asking')")
    words = ["rerun", str(made), "--out", str(home / "reruns"), "--workers", "1"]
    capsys.readouterr()
    assert main(words) == 2
    told = capsys.readouterr().err
    assert '\n  adapter: "python"\n' in told  # a line of its own
    assert '"factory": "mine.py:make"' in told
    assert f'paths start in: "{home / "system"}"' in told
    assert "--trust" in told
    assert not (home / "reruns").exists()
    (home / "system/mine.py").write_text(CODE.format(gain=0.5))
    assert main([*words, "--system", str(home / "system/mine.toml")]) == 0  # one's own file needs no trust


def test_diff_ends_with_1_where_runs_differ(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(made, made.parents[1] / "copy")
    other = load_run(made.parents[1] / "copy")
    result = other.results[1]
    series = msgspec.structs.replace(result.series[0], score=[1.25])
    write_record(
        track_file(other.path, "track 1"),
        msgspec.structs.replace(result, series=(series, *result.series[1:])),
    )
    capsys.readouterr()
    assert main(["diff", str(made), str(other.path)]) == 1
    told = capsys.readouterr().out
    assert told.startswith(
        "different: first at track 'track 1', vocals-accompaniment, vocals, uSDR, frame 0 (0 s)"
    )
    assert "and 1.25" in told


def test_what_has_changed_is_refused_in_words(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = made.parents[1]

    def refused(sentence: str, code: int = 2, *words: object) -> None:
        capsys.readouterr()
        assert rerun(made, *words) == code
        assert sentence in capsys.readouterr().err
        assert not (home / "reruns").exists(), "nothing is written before everything is checked"

    refused("holds the run itself; give another folder", 2, "--out", made.parent)
    (home / "system/mine.py").write_text(CODE.format(gain=0.25))
    refused("has changed since: the files or folders mine.py:make or the version of a metric")
    (home / "system/mine.py").write_text(CODE.format(gain=0.5))
    (home / "system/mine.bin").write_bytes(b"others")
    refused("have sha256", 3)
    (home / "system/mine.bin").write_bytes(b"weights")
    shutil.copy(home / "data/track 0/drums.wav", home / "data/track 0/vocals.wav")
    refused("the recordings of track 'track 0' are not those of the run")
    (home / "data").rename(home / "moved")
    refused("are not there; say where with --data")
    (home / "system").rename(home / "elsewhere")
    refused("name the file of mine with --system")
    edited = (home / "elsewhere/mine.toml").read_text() + "threads = 2\n"
    (home / "elsewhere/edited.toml").write_text(edited)
    refused("is no longer the system of", 2, "--system", home / "elsewhere/edited.toml")


def test_an_edited_record_is_refused(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (made / "run.json").read_text()
    (made / "run.json").write_text(text.replace('"threads": 1', '"threads": 2'))
    assert rerun(made) == 2
    assert "run.json: system_digest: is" in capsys.readouterr().err


def test_moved_data_and_systems_are_named(made: Path, small_folder: Path) -> None:
    home = made.parents[1]
    shutil.rmtree(home / "data")
    (home / "system").rename(home / "elsewhere")
    assert rerun(made, "--data", small_folder, "--system", home / "elsewhere/mine.toml") == 0


def test_scores_without_a_system_cannot_be_repeated(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "score",
        str(small_folder),
        str(small_folder),
        "--protocol",
        "mdx21",
        "--out",
        str(tmp_path / "runs"),
    ]
    assert main(words) == 0  # accompaniment of the track without bass is the sum of what is there
    (found,) = find_runs([tmp_path / "runs"])
    capsys.readouterr()
    assert main(["rerun", str(found), "--trust", "--out", str(tmp_path / "again")]) == 2
    assert "no system separated it; repeat its command" in capsys.readouterr().err


def test_variants_are_repeated_with_their_original(small_folder: Path, tmp_path: Path) -> None:
    from svbench.running.rerun import rerun_jobs

    protocol = tmp_path / "few.toml"
    protocol.write_text(
        'schema = 1\nid = "few"\ntitle = "t"\nversion = "1"\ndescription = "d"\ncitation = "none"\n'
        'headline = "uSDR"\n[[target_sets]]\nid = "both"\ntargets = ["vocals", "accompaniment"]\n'
        '[[probes]]\nid = "robustness"\nparameters = { transforms = ["polarity"] }\n'
        '[[metrics]]\nid = "sdr"\nparameters = { delta = 1e-7 }\nreduce = { frames = "mean", tracks = "mean" }\n'
        '[[metrics]]\nid = "si-sdr"\nagainst = "original"\nreduce = { frames = "mean", tracks = "mean" }\n'
    )
    words = ["run", str(protocol), "--data", f"folder={small_folder}", "--system", "centre"]
    assert main([*words, "--track", "track 0", "--out", str(tmp_path / "runs")]) == 0
    runs = [load_run(p) for p in find_runs([tmp_path / "runs"])]
    variant = next(r for r in runs if r.record.data.variant != "original")
    jobs = rerun_jobs(variant, tmp_path / "again")
    assert [j.dataset.variant for j in jobs] == ["original", variant.record.data.variant]
    assert main(["rerun", str(variant.path), "--trust", "--out", str(tmp_path / "again")]) == 0
