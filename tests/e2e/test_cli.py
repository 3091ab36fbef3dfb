"""The command line as a user types it: real processes, real files, exit codes and sentences."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from svbench.cli.main import VERBS, main
from svbench.results.scores import TrackResult
from svbench.results.store import find_runs, load_run, track_file

SVBENCH = [sys.executable, "-m", "svbench"]


def run(*words: object, cwd: Path | None = None, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*SVBENCH, *map(str, words)], capture_output=True, text=True, check=False, cwd=cwd, timeout=300
    )
    assert done.returncode == code, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    return done


def scores(path: Path) -> list[TrackResult]:
    return list(load_run(path).results)


def write_system(folder: Path, name: str, body: str, more: str = "") -> Path:
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    (folder / f"{name}.py").write_text(
        "import os, time\nimport numpy as np\nfrom svbench.audio import Audio\n\n\n"
        f"def separate(mixture):\n{indented}\n\n\ndef make():\n    return separate\n"
    )
    path = folder / f"{name}.toml"
    path.write_text(
        f'schema = 1\nid = "{name}"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n{more}'
        f'parameters = {{ factory = "{name}.py:make", targets = ["vocals", "accompaniment"] }}\n'
    )
    return path


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_has_help(verb: str) -> None:
    assert run(verb, "--help").stdout.startswith(f"usage: svbench {verb}")


def test_help_and_version_and_unknown_commands() -> None:
    for verb in VERBS:
        assert f"  {verb} " in run("--help").stdout
    assert run("--version").stdout.startswith("svbench 0.")
    assert "did you mean 'report'" in run("reprot", code=2).stderr
    assert "see `svbench run --help`" in run("run", code=2).stderr


def test_help_and_list_import_nothing_heavy() -> None:
    heavy = {"numpy", "scipy", "pandas", "matplotlib", "torch", "msgspec", "jinja2", "rich", "soundfile", "click",
             "dataclasses", "importlib.metadata", "typing_extensions"}  # fmt: skip
    for words in (["--help"], ["list"], ["list", "metrics", "--json"]):
        code = f"import sys; from svbench.cli.main import main; main({words!r}); print(*sys.modules, file=sys.stderr)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert not heavy & set(done.stderr.split()), words


def test_list_and_show_in_json() -> None:
    listing = json.loads(run("list", "--json").stdout)
    kinds = {
        "systems",
        "protocols",
        "listening",
        "datasets",
        "reports",
        "metrics",
        "adapters",
        "layouts",
        "probes",
    }
    assert set(listing) == kinds
    for what, rows in listing.items():
        assert json.loads(run("list", what, "--json").stdout) == rows
        for row in rows[:2]:
            kind = what.removesuffix("s")
            shown = json.loads(run("show", row["id"], "--kind", kind, "--json").stdout)
            assert shown["id"] == row["id"]
            assert row["id"] in run("show", row["id"], "--kind", kind).stdout
    assert run("show", "robustness").stdout.startswith("protocol robustness")


def test_run_report_table_on_a_plain_folder(small_runs: Path, tmp_path: Path) -> None:
    runs = [load_run(p) for p in find_runs([small_runs])]
    assert {(r.record.system.id, r.record.protocol.id) for r in runs} == {
        (s, p) for s in ("mixture", "hpss", "irm1") for p in ("sisec18", "mdx21")
    }
    for r in runs:
        assert not r.failed
        assert not r.missing
        assert r.results[2].absent_targets == ("bass",)
        for result in r.results:
            for path in result.estimates.values():
                assert (r.path / path).is_file()
    page = run("report", small_runs, "--out", tmp_path / "report").stdout.strip()
    assert page == f"report: {tmp_path / 'report/index.html'}"
    assert "irm1" in (tmp_path / "report/index.html").read_text(encoding="utf-8")
    table = run("table", small_runs, "--protocol", "sisec18", "--metric", "SDR").stdout
    assert "| irm1 (oracle) |" in table
    assert "n = 3 tracks" in table
    assert "2 combinations of protocol" in run("table", small_runs, code=2).stderr
    long = run("table", small_runs, "--frames").stdout.splitlines()
    assert long[0].startswith(
        "system,protocol,dataset,track,target_set,target,metric,frame,time,duration,score"
    )
    assert len(long) > 100
    shown = json.loads(run("show", runs[0].path, "--json").stdout)
    assert shown["tracks"]["track 0"] == "ok"
    assert all(s["low"] <= s["score"] <= s["high"] for s in shown["scores"] if s["low"] is not None)
    assert any(s["low"] is not None for s in shown["scores"])
    assert "In square brackets: 95 % intervals over tracks" in run("show", runs[0].path).stdout


def test_oracle_beats_baseline_beats_mixture(small_runs: Path) -> None:
    done = run("table", small_runs, "--protocol", "mdx21", "--json")
    table = next(t for t in json.loads(done.stdout) if t["target_set"] == "4-stems")
    means = {r["system"]: r["scores"][-1]["score"] for r in table["rows"]}
    assert means["irm1"] > means["hpss"] > means["mixture"]


def test_results_are_bit_equal_for_any_number_of_workers(small_folder: Path, tmp_path: Path) -> None:
    words = ["run", "sisec18", "--data", f"folder={small_folder}", "--system", "hpss", "--out"]
    run(*words, tmp_path / "one", "--workers", 1)
    run(*words, tmp_path / "three", "--workers", 3)
    (one,), (three,) = find_runs([tmp_path / "one"]), find_runs([tmp_path / "three"])
    assert one.name == three.name
    for a, b in zip(scores(one), scores(three), strict=True):
        assert (a.track, a.series, a.estimate_digests) == (b.track, b.series, b.estimate_digests)


def test_resume_does_only_what_is_needed(small_folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(small_folder, data)
    words = ["run", "mdx21", "--data", f"folder={data}", "--system", "mixture", "--out", tmp_path / "runs"]
    assert "(kept)" not in run(*words).stderr
    (folder,) = find_runs([tmp_path / "runs"])
    times = {p.name: p.stat().st_mtime_ns for p in (folder / "tracks").iterdir()}
    assert run(*words).stderr.count("(kept)") == 3
    assert times == {p.name: p.stat().st_mtime_ns for p in (folder / "tracks").iterdir()}
    track_file(folder, "track 1").unlink()
    shutil.copy(data / "track 0/bass.wav", data / "track 0/other.wav")  # the audio changed
    again = run(*words).stderr
    assert again.count("(kept)") == 1
    assert "track 2 (kept)" in again
    assert run(*words, "--redo", "all").stderr.count("(kept)") == 0
    assert len(load_run(folder).record.provenance) == 3


def test_changed_estimates_are_scored_again(small_runs: Path, small_folder: Path, tmp_path: Path) -> None:
    source = next(p for p in find_runs([small_runs]) if p.name.startswith("irm1--mdx21"))
    estimates = tmp_path / "estimates"
    for result in scores(source):
        folder = estimates / result.track
        folder.mkdir(parents=True)
        for target, path in result.estimates.items():
            shutil.copy(source / path, folder / f"{target}.wav")
    (tmp_path / "mine.toml").write_text(
        'schema = 1\nid = "mine"\ntitle = "t"\nadapter = "folder"\ntraining_data = ["unknown"]\n'
        'parameters = { root = "estimates" }\n'
    )
    words = ["run", "mdx21", "--data", f"folder={small_folder}", "--system", tmp_path / "mine.toml"]
    words += ["--out", tmp_path / "runs"]
    run(*words)
    (folder,) = find_runs([tmp_path / "runs"])
    for mine, theirs in zip(scores(folder), scores(source), strict=True):
        assert mine.series == theirs.series, "estimates from disk score exactly as they did in memory"
    shutil.copy(estimates / "track 0/drums.wav", estimates / "track 0/vocals.wav")
    assert run(*words).stderr.count("(kept)") == 2
    (estimates / "track 1/vocals.wav").unlink()
    done = run(*words, code=3)
    assert "track 1" in done.stderr


def test_failures_are_rows_and_the_rest_goes_on(small_folder: Path, tmp_path: Path) -> None:
    broken = {
        "crash": ("os._exit(9)", "exit code 9 without an answer"),
        "nan": ("return {t: Audio(mixture.samples * np.nan, mixture.rate_hz) for t in ('vocals', 'accompaniment')}",
                "NaN or infinite values, the first (nan) at sample 0 of channel 0"),
        "lacking": ("return {'vocals': mixture}", "no estimate of accompaniment; found vocals"),
        "short": ("a = Audio(mixture.samples[:-9], mixture.rate_hz)\nreturn {'vocals': a, 'accompaniment': a}",
                  "has 39991 samples, expected 40000"),
        "rate": ("a = Audio(mixture.samples, 8000)\nreturn {'vocals': a, 'accompaniment': a}", "has 8000 Hz"),
        "mono": ("a = Audio(mixture.samples[:, :1], mixture.rate_hz)\nreturn {'vocals': a, 'accompaniment': a}",
                 "has 1 channels, the mixture 2"),
        "slow": ("time.sleep(60)", "took longer than the limit of 1.5 s"),
    }  # fmt: skip
    words: list[object] = ["run", "sisec18", "--data", f"folder={small_folder}", "--out", tmp_path / "runs"]
    for name, (body, _) in broken.items():
        limit = "time_limit_s = 1.5\n" if name == "slow" else ""
        words += ["--system", write_system(tmp_path, name, body, limit)]
    words += ["--system", "mixture", "--track", "track 0", "--track", "track 2"]
    done = run(*words, code=3)
    runs = {r.record.system.id: r for r in map(load_run, find_runs([tmp_path / "runs"]))}
    for name, (_, sentence) in broken.items():
        assert len(runs[name].failed) == 2
        for result in runs[name].failed:
            assert sentence in result.reason
            assert {s for row in result.series for s in row.status} == {"failed"}
            # It has failed in what it said it gives, not in what it never gave.
            assert {row.target_set for row in result.series} == {"vocals-accompaniment"}
        assert f"{name} · track 0 FAILED" in done.stderr
    assert all("estimate of 'vocals': NaN" in result.reason for result in runs["nan"].failed)
    assert not runs["mixture"].failed
    page = run("report", tmp_path / "runs", "--out", tmp_path / "report").stdout
    text = (tmp_path / "report/index.html").read_text(encoding="utf-8")
    assert page
    for _, sentence in broken.values():
        assert sentence in text


def test_interrupt_keeps_what_is_done_and_resume_goes_on(small_folder: Path, tmp_path: Path) -> None:
    started = tmp_path / "started"
    body = (
        f"slow = os.path.exists({str(started)!r})\n"
        f"open({str(started)!r}, 'w').close()\n"
        f"if slow and not os.path.exists({str(tmp_path / 'go')!r}):\n"
        "    time.sleep(120)\n"
        "return {'vocals': mixture, 'accompaniment': mixture}"
    )
    system = write_system(tmp_path, "slow", body)
    words = [
        "run",
        "mdx21",
        "--data",
        f"folder={small_folder}",
        "--system",
        system,
        "--out",
        tmp_path / "runs",
    ]
    process = subprocess.Popen(
        [*SVBENCH, *map(str, words), "--workers", "1"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Shells let what they start in the background ignore Ctrl-C, and its children with it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(3)
    os.kill(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "the same command continues from there" in told
    assert "Traceback" not in told
    (folder,) = (tmp_path / "runs").iterdir()
    assert not list(folder.glob(".scratch-*")), "scratch was left behind"
    (tmp_path / "go").touch()
    run(*words)
    assert not load_run(folder).missing
    assert not load_run(folder).failed


def test_kill_leaves_no_process_and_no_scratch_behind(small_folder: Path, tmp_path: Path) -> None:
    started = tmp_path / "started"
    body = (
        f"if not os.path.exists({str(started)!r}):\n"
        f"    open({str(started)!r}, 'w').close()\n"
        "    time.sleep(120)\n"
        "return {'vocals': mixture, 'accompaniment': mixture}"
    )
    system = write_system(tmp_path, "slow", body)
    words = [
        "run",
        "mdx21",
        "--data",
        f"folder={small_folder}",
        "--system",
        system,
        "--out",
        tmp_path / "runs",
    ]
    mark = {"SVBENCH_TEST": str(tmp_path)}
    process = subprocess.Popen(
        [*SVBENCH, *map(str, words)], stderr=subprocess.DEVNULL, env={**os.environ, **mark}
    )
    deadline = time.monotonic() + 60
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 30
    while (left := carrying(mark)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left
    (folder,) = (tmp_path / "runs").iterdir()
    assert list(folder.glob(".scratch-*"))
    assert main([*map(str, words)]) == 0
    assert not list(folder.glob(".scratch-*"))
    assert not load_run(folder).missing


def carrying(mark: dict[str, str]) -> list[str]:
    """Command lines of the processes that have a variable in their environment."""
    ((name, value),) = mark.items()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{name}={value}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it ended meanwhile
    return found


def test_scoring_keeps_finished_tracks_when_the_disk_is_full(
    small_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import svbench.running.run_folder as kept

    write, calls = kept.write_record, []

    def full(path: Path, record: object) -> None:
        if path.parent.name == "tracks":
            calls.append(path)
        if len(calls) > 1:  # the first track fits
            raise OSError(28, "No space left on device")
        write(path, record)  # type: ignore[arg-type]

    words = [
        "run",
        "mdx21",
        "--data",
        f"folder={small_folder}",
        "--system",
        "mixture",
        "--out",
        str(tmp_path),
    ]
    with monkeypatch.context() as patch:
        patch.setattr(kept, "write_record", full)
        assert main(words) == 2
    told = capsys.readouterr().err
    assert "No space left on device" in told
    assert "what was scored is kept" in told
    (folder,) = find_runs([tmp_path])
    assert len(load_run(folder).missing) == 2
    assert main(words) == 0
    assert not load_run(folder).missing
    assert capsys.readouterr().err.count("(kept)") == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["run", "sisec81", "--data", "demo", "--system", "mixture"],
            "unknown protocol 'sisec81': did you mean",
        ),
        (["run", "mdx21", "--data", "demo", "--system", "mixtrue"], "unknown system 'mixtrue': did you mean"),
        (["run", "mdx21", "--data", "demoo", "--system", "mixture"], "expected MANIFEST=PATH"),
        (["run", "mdx21", "--data", "foldr=.", "--system", "mixture"], "unknown dataset 'foldr'"),
        (["run", "mdx21", "--data", "folder=/none", "--system", "mixture"], "/none: no such folder"),
        (["run", "mdx21", "--data", "demo", "--system", "none.toml"], "none.toml: no such file"),
        (
            ["run", "mdx21", "--data", "demo", "--system", "mixture", "--track", "cesium"],
            "did you mean 'caesium'",
        ),
        (
            ["run", "mdx21", "--data", "demo", "--system", "mixture", "--workers", "0"],
            "at least 1, found '0'",
        ),
        (["report", "/none"], "no run.json"),
        (["table", "/none"], "no run.json"),
        (["show", "nothing"], "unknown name 'nothing'"),
        (["check", "/none.toml"], "no such file"),
        (["list", "sistems"], "invalid choice"),
    ],
)
def test_wrong_words_get_one_sentence(words: list[str], sentence: str, tmp_path: Path) -> None:
    done = run(*words, cwd=tmp_path, code=2)
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir()), "a refused command left files behind"


def test_check_and_verify_find_things(tmp_path: Path, small_folder: Path) -> None:
    run("check")
    (tmp_path / "bad.toml").write_text('schema = 1\nid = "bad"\nadapter = 5\n')
    found = json.loads(run("check", tmp_path / "bad.toml", "--json", code=1).stdout)
    assert not found[0]["ok"]
    assert "bad.toml" in found[0]["problem"]
    assert run("verify", f"folder={small_folder}").stdout.endswith("0 errors, 0 notes\n")
    data = tmp_path / "data"
    shutil.copytree(small_folder, data)
    (data / "track 1/bass.wav").write_bytes((data / "track 0/bass.wav").read_bytes()[:-4000])
    rows = json.loads(run("verify", f"folder={data}", "--json", code=1).stdout)
    assert [(r["track"], r["stem"], r["kind"]) for r in rows] == [("track 1", "bass", "unreadable")]
    assert "its header promises 40000 samples, the file holds 39000" in rows[0]["message"]


def test_report_never_overwrites_other_files(small_runs: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    assert "holds other files" in run("report", small_runs, "--out", tmp_path, code=2).stderr
    assert (tmp_path / "thesis.tex").read_text() == "precious"


def test_full_recordings_of_real_music(music: Path, tmp_path: Path) -> None:
    """The job on a user's own folder; sense before decimals: mixture < baselines < oracles."""
    systems = ["mixture", "repet", "ibm1", "irm2", "mwf"]
    words: list[object] = [
        "run",
        "sisec18",
        "--data",
        f"folder={music}",
        "--out",
        tmp_path / "runs",
        "--json",
    ]
    for system in systems:
        words += ["--system", system]
    found = {r["system"]: r for r in json.loads(run(*words).stdout)}

    def summary(system: str, target: str) -> dict[str, float]:
        return next(
            s
            for s in found[system]["summaries"]
            if (s["target_set"], s["target"], s["metric"]) == ("vocals-accompaniment", target, "SDR")
        )

    mean = {s: summary(s, "mean")["score"] for s in systems}
    assert mean["mixture"] < mean["repet"] < mean["ibm1"] < min(mean["irm2"], mean["mwf"])
    stems = {
        s["target"]: s
        for s in found["irm2"]["summaries"]
        if s["target_set"] == "4-stems" and s["metric"] == "SDR"
    }
    assert {t: s["n_tracks"] for t, s in stems.items()} == {
        "vocals": 6,
        "drums": 6,
        "bass": 4,
        "other": 6,
        "mean": 4,
    }
    # With bass, 24 + 13 + 11 + 3 of 100 frames have all four targets sounding.
    assert stems["bass"]["n_frames"] == 24 + 13 + 11 + 3
