"""Score files as a user moves them: there and back with real runs, and one sentence for each mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from svbench.results.store import find_runs, load_run

SVBENCH = [sys.executable, "-m", "svbench"]


def run(*words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*SVBENCH, *map(str, words)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == code, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def exported(small_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """museval's files of the three systems of a real run, a folder each."""
    out = tmp_path_factory.mktemp("campaign")
    for path in find_runs([small_runs]):
        record = load_run(path).record
        if record.protocol.id == "sisec18":
            done = run("export", "museval", path, "--out", out / record.system.id)
            assert done.stdout == f"museval: {out / record.system.id}\n"
            assert "vocals of 4-stems is left out" in done.stderr
    return out


def test_a_campaign_comes_back_as_it_went(exported: Path, small_runs: Path, tmp_path: Path) -> None:
    real = {
        r.record.system.id: r
        for r in map(load_run, find_runs([small_runs]))
        if r.record.protocol.id == "sisec18"
    }
    words = ["import", "museval", exported, "--out", tmp_path / "runs", "--oracle", "irm1"]
    words += ["--data-of", real["hpss"].path]
    told = json.loads(run(*words, "--json").stdout)
    assert [(r["system"], r["kind"]) for r in told] == [
        ("hpss", "system"),
        ("irm1", "oracle"),
        ("mixture", "system"),
    ]
    for back in map(load_run, find_runs([tmp_path / "runs"])):
        run_of = real[back.record.system.id]
        for a, b in zip(run_of.results, back.results, strict=True):
            rows = {(s.target_set, s.target, s.metric): s for s in b.series}
            for mine in a.series:
                theirs = rows[mine.target_set, mine.target, mine.metric]
                if (mine.target_set, mine.target) == ("4-stems", "vocals"):
                    assert theirs.status == ["unknown"]
                else:
                    assert mine.score == pytest.approx(theirs.score, abs=1e-5)


def test_imported_runs_stand_beside_real_ones(exported: Path, small_runs: Path, tmp_path: Path) -> None:
    real = next(p for p in find_runs([small_runs]) if p.name.startswith("mixture--sisec18"))
    words = ["import", "museval", exported / "hpss", "--system", "theirs", "--out", tmp_path / "runs"]
    told = run(*words, "--data-of", real).stdout
    assert "theirs (imported)" in told
    assert "note: imported from museval files (svbench " in told
    (mine,) = find_runs([tmp_path / "runs"])
    table = run("table", real, mine, "--metric", "SDR").stdout
    assert "| theirs (imported) |" in table
    assert "| mixture (baseline) |" in table
    run("report", small_runs, mine, "--out", tmp_path / "report")
    page = (tmp_path / "report/index.html").read_text(encoding="utf-8")
    assert 'theirs <span class="badge">imported</span>' in page
    assert json.loads(run("show", mine, "--json").stdout)["system"]["adapter"] == "imported"


def test_without_the_recordings_imported_runs_stand_apart(
    exported: Path, small_runs: Path, tmp_path: Path
) -> None:
    run("import", "museval", exported, "--out", tmp_path)
    real = next(p for p in find_runs([small_runs]) if p.name.startswith("mixture--sisec18"))
    assert "n = 3 tracks" in run("table", tmp_path).stdout
    assert "2 combinations of protocol and data" in run("table", tmp_path, real, code=2).stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["import", "museval", "/none"], "/none: no such folder"),
        (["import", "mueval", "."], "invalid choice: 'mueval'"),
        (["import", "museval", "{in}", "--protocol", "mdx21"], "protocol mdx21: scores sdr"),
        (["import", "museval", "{in}", "--subset", "train"], "no folder 'train' in it; there is test"),
        (["import", "museval", "{in}", "--data-of", "/none"], "is /none a run folder?"),
        (["export", "museval", "/none", "--out", "{tmp}/x"], "is /none a run folder?"),
        (["export", "museval", "{mdx21}", "--out", "{tmp}/x"], "protocol mdx21: scores sdr"),
        (["export", "museval", "{mdx21}"], "the following arguments are required: --out"),
    ],
)
def test_wrong_words_get_one_sentence(
    words: list[str], sentence: str, exported: Path, small_runs: Path, tmp_path: Path
) -> None:
    mdx21 = next(p for p in find_runs([small_runs]) if p.name.startswith("hpss--mdx21"))
    places = {"in": exported, "mdx21": mdx21, "tmp": tmp_path}
    done = run(*(w.format(**places) for w in words), code=2)
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
