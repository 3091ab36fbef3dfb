"""One separation for several protocols, in one command and by kept estimates in a later one."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import svbench.running.run_folder
from svbench.audio import read_audio, write_audio
from svbench.cli.main import main
from svbench.datasets.api import open_dataset
from svbench.results.scores import TrackResult
from svbench.results.store import Run, find_runs, load_run
from svbench.running.jobs import jobs_of, share
from svbench.running.rerun import rerun_jobs
from svbench.specs.manifest import load_manifest
from svbench.specs.protocol import load_protocol
from svbench.specs.system import load_system

ROOT = Path(__file__).resolve().parents[2]
LENIENT = """schema = 1
id = "lenient"
title = "t"
version = "1"
description = "t"
citation = "t"
headline = "uSDR"
target_sets = [{ id = "vocals-accompaniment", targets = ["vocals", "accompaniment"] }]
metrics = [{ id = "sdr", reduce = { frames = "mean", tracks = "mean" } }]
alignment = { length = "pad_or_cut", max_samples = 10 }
"""


class Bench:
    """A folder with a system that counts how often it separates, and the runs it gets."""

    def __init__(self, folder: Path, music: Path) -> None:
        self.folder, self.music, self.count = folder, music, folder / "count"
        self.out = folder / "runs"
        self.write("{'vocals': half(mixture), 'accompaniment': half(mixture)}")

    def write(self, gives: str) -> None:
        (self.folder / "net.py").write_text(
            "from svbench.audio import Audio\n\n\n"
            "def half(x):\n    return Audio((x.samples * 0.5)[SLICE], x.rate_hz)\n\n\n".replace(
                "[SLICE]", "[:-3]" if "short" in gives else ""
            )
            + "def separate(mixture):\n"
            f"    with open({str(self.count)!r}, 'a') as file:\n        file.write('x')\n"
            f"    return {gives.replace('short', 'half')}\n\n\ndef make():\n    return separate\n"
        )
        (self.folder / "net.toml").write_text(
            'schema = 1\nid = "net"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n'
            'parameters = { factory = "net.py:make", targets = ["vocals", "accompaniment"] }\n'
        )

    def run(self, *words: object, code: int = 0, out: Path | None = None) -> int:
        """Run, and return how many tracks were separated."""
        self.count.write_text("")
        data = ["--data", f"folder={self.music}", "--system", str(self.folder / "net.toml")]
        assert main(["run", *map(str, words), *data, "--out", str(out or self.out), "--workers", "1"]) == code
        return len(self.count.read_text())

    def runs(self, out: Path | None = None) -> dict[str, Run]:
        return {r.record.protocol.id: r for r in map(load_run, find_runs([out or self.out]))}


@pytest.fixture
def bench(tmp_path: Path, small_folder: Path) -> Bench:
    return Bench(tmp_path, small_folder)


def scored(result: TrackResult) -> tuple[object, ...]:
    return result.key, result.series, result.notes, result.estimate_digests, result.target_sets


def test_one_command_separates_once_and_scores_as_alone(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.run("sisec18", "mdx21", "svc-stereo") == 3
    progress = capsys.readouterr().err
    assert "[9/9]" in progress
    assert "mdx21 · net · track 0" in progress
    together = bench.runs()
    assert sorted(together) == ["mdx21", "sisec18", "svc-stereo"]
    for protocol, run in together.items():
        alone = bench.folder / "alone"
        assert bench.run(protocol, out=alone) == 3
        assert [scored(r) for r in bench.runs(alone)[protocol].results] == [scored(r) for r in run.results]
    # Nothing is left to do, and one more protocol has to separate, since no estimates were kept.
    assert bench.run("sisec18", "mdx21", "svc-stereo") == 0
    assert bench.run("sisec18", "msst") == 3
    assert not (together["mdx21"].path / "estimates").exists()


def test_a_later_protocol_scores_kept_estimates(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.run("sisec18", "--keep-estimates") == 3
    capsys.readouterr()
    assert bench.run("mdx21", "si-sdr", "--keep-estimates") == 0
    first, *later = (bench.runs()[p] for p in ("sisec18", "mdx21", "si-sdr"))
    assert f"mdx21 · net · track 0 (estimates of {first.path.name})" in capsys.readouterr().err
    alone = bench.folder / "alone"
    bench.run("mdx21", "si-sdr", out=alone)
    for run in later:
        for before, result, own in zip(
            first.results, run.results, bench.runs(alone)[run.record.protocol.id].results, strict=True
        ):
            assert result.notes[0] == f"not separated again: estimates and resources of run {first.path.name}"
            assert result.separation is not None
            assert (result.separation.origin, result.resources) == (first.path.name, before.resources)
            assert (result.series, result.estimate_digests) == (own.series, own.estimate_digests)
            for target, place in result.estimates.items():
                assert (run.path / place).samefile(first.path / before.estimates[target])
    assert bench.run("mdx21", "--redo", "all") == 3


def test_redoing_leaves_the_linked_files_of_other_runs(bench: Bench) -> None:
    bench.run("sisec18", "mdx21", "--keep-estimates")
    runs = bench.runs()
    place = runs["mdx21"].results[0].estimates["vocals"]
    before = (runs["sisec18"].path / place).read_bytes()
    (bench.folder / "net.py").write_text((bench.folder / "net.py").read_text().replace("0.5", "0.25"))
    assert bench.run("mdx21", "--keep-estimates", "--redo", "all") == 3
    assert (runs["sisec18"].path / place).read_bytes() == before
    assert (runs["mdx21"].path / place).read_bytes() != before
    assert not list(bench.out.rglob(".*.wav"))


@pytest.mark.parametrize("change", ["sample", "truncate", "remove"])
def test_changed_estimates_are_never_used(bench: Bench, change: str) -> None:
    bench.run("sisec18", "--keep-estimates")
    (first,) = bench.runs().values()
    path = first.path / first.results[1].estimates["vocals"]
    if change == "sample":
        audio = read_audio(path)
        audio.samples[7, 0] += 1e-9
        write_audio(path, audio)
    elif change == "truncate":
        path.write_bytes(path.read_bytes()[:-100])
    else:
        path.unlink()
    assert bench.run("mdx21") == 1
    result = bench.runs()["mdx21"].results[1]
    assert result.separation is not None
    assert result.separation.origin == ""
    if change != "remove":
        assert result.notes[0].startswith(f"kept estimates of run {first.path.name} are not used: {path}")


def test_what_the_system_depends_on_counts(bench: Bench, tmp_path: Path) -> None:
    bench.run("sisec18", "--keep-estimates")
    code = bench.folder / "net.py"
    before = code.read_text()
    code.write_text(before + "# edited\n")
    assert bench.run("mdx21") == 3
    code.write_text(before)
    # The same music elsewhere is the same; other music of the same name is not.
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(bench.music, elsewhere)
    bench.music = elsewhere
    assert bench.run("msst") == 0
    bass = elsewhere / "track 0/bass.wav"
    write_audio(bass, read_audio(elsewhere / "track 1/bass.wav"))
    assert bench.run("si-sdr") == 1


def test_limits_decide_how_a_system_is_run(bench: Bench, tmp_path: Path) -> None:
    text = (ROOT / "protocols/mdx21-round1.toml").read_text()
    same = tmp_path / "same-limits.toml"
    same.write_text(text.replace('"mdx21-round1"', '"same-limits"').replace("1e-7", "1e-8"))
    assert bench.run("mdx21", "--keep-estimates") == 3
    assert bench.run("mdx21-round1", same, "mdx21-round2", "--keep-estimates") == 6
    assert {p: r.results[0].separation.origin for p, r in bench.runs().items() if r.results[0].separation} == {
        "mdx21": "", "mdx21-round1": "", "same-limits": "", "mdx21-round2": "",
    }  # fmt: skip
    # What was measured within a budget is no verdict for another run, and no plain estimate either.
    shutil.rmtree(bench.runs()["same-limits"].path)
    assert bench.run(same) == 3
    shutil.rmtree(bench.runs()["mdx21"].path)
    assert bench.run("msst") == 3


def test_alignment_is_each_protocols_own(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    lenient = bench.folder / "lenient.toml"
    lenient.write_text(LENIENT)
    bench.write("{'vocals': short(mixture), 'accompaniment': short(mixture)}")
    assert bench.run(lenient, "mdx21", "--keep-estimates", code=3) == 3
    runs = bench.runs()
    assert not runs["lenient"].failed
    assert "vocals: estimate padded by 3 samples" in runs["lenient"].results[0].notes
    assert [r.reason for r in runs["mdx21"].failed] == [
        "estimate of vocals has 39997 samples, expected 40000 (refused)"
    ] * 3
    # Padded by a rule, they are no estimates for a protocol without it, though they fit now.
    assert bench.run("msst", code=3) == 3
    other = bench.folder / "other.toml"
    other.write_text(LENIENT.replace('"lenient"', '"other"'))
    assert bench.run(other) == 0
    assert "vocals: estimate padded by 3 samples" in bench.runs()["other"].results[0].notes


def test_protocols_that_score_other_targets_fail_alone(bench: Bench) -> None:
    assert bench.run("demucs-sdr", "mdx21", code=3) == 3
    runs = bench.runs()
    assert {r.reason for r in runs["demucs-sdr"].failed} == {
        "gives vocals, accompaniment; demucs-sdr scores other targets"
    }
    assert not runs["mdx21"].failed
    assert bench.run("demucs-sdr", "kuielab", code=3) == 0


def test_without_hard_links_files_are_copied(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: object, target: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(svbench.running.run_folder.os, "link", refuse)
    bench.run("sisec18", "mdx21", "--keep-estimates")
    one, two = (bench.runs()[p] for p in ("sisec18", "mdx21"))
    for target, place in one.results[0].estimates.items():
        assert not (one.path / place).samefile(two.path / place), target
        assert np.array_equal(read_audio(one.path / place).samples, read_audio(two.path / place).samples)
        assert (one.path / place).stat().st_nlink == 1


def test_who_shares(small_folder: Path, tmp_path: Path) -> None:
    dataset = open_dataset(load_manifest("folder"), small_folder)

    def groups(system: str, *protocols: str) -> list[list[str]]:
        located = load_system(system)
        jobs = [j for p in protocols for j in jobs_of(located, load_protocol(p), dataset, tmp_path)]
        return [[f"{j.protocol.id} {j.dataset.variant}".strip() for j in group] for group in share(jobs)]

    assert groups("irm1", "sisec18", "demucs-sdr", "mdx21") == [["sisec18", "demucs-sdr", "mdx21"]]
    # What gives just what it is asked for is asked by each protocol for its own targets.
    assert groups("mixture", "sisec18", "demucs-sdr", "mdx21") == [["sisec18", "mdx21"], ["demucs-sdr"]]
    # The original of a probe is plain music; its variants are data sets of their own.
    with_probe = groups("irm1", "robustness", "mdx21")
    assert with_probe[0] == ["robustness original", "mdx21"]
    assert all(len(group) == 1 for group in with_probe[1:])
    assert len(with_probe) >= 23
    # A protocol that is named twice is one.
    assert groups("irm1", "mdx21", "mdx21") == [["mdx21"]]


def test_a_rerun_separates_anew(bench: Bench, tmp_path: Path) -> None:
    bench.run("mdx21", "--keep-estimates")
    (run,) = bench.runs().values()
    assert [job.may_reuse for job in rerun_jobs(run, tmp_path / "again")] == [False]
    bench.count.write_text("")
    assert main(["rerun", str(run.path), "--trust", "--out", str(tmp_path / "again"), "--workers", "1"]) == 0
    assert len(bench.count.read_text()) == 3
