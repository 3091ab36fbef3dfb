"""svbench crosscheck: agreement with the original tools, and every way in which there is none."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from svbench.audio import read_audio, write_audio
from svbench.cli.main import main
from svbench.crosscheck.crosscheck import Row, _compare
from svbench.crosscheck.reference_tools import mir_eval_nsdr, museval_seconds
from svbench.errors import AudioError
from svbench.metrics.bss_eval import bss_eval_sources
from svbench.results.scores import Series
from svbench.results.store import find_runs, load_run, track_file

STEMS = ("vocals", "drums", "bass", "other")


def own_run(runs: Path, tmp_path: Path, system: str, protocol: str) -> Path:
    """Copy one run, so that a test may damage it."""
    for path in find_runs([runs]):
        record = load_run(path).record
        if (record.system.id, record.protocol.id) == (system, protocol):
            return Path(shutil.copytree(path, tmp_path / path.name))
    raise AssertionError((system, protocol))


def edit(run: Path, track: str, change: Callable[[dict[str, Any]], None]) -> None:
    path = track_file(run, track)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("system", ["irm1", "mixture"])
def test_bss_eval_agrees_with_museval(
    system: str, small_runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = own_run(small_runs, tmp_path, system, "sisec18")
    assert main(["crosscheck", str(run), "--track", "track 0", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["agrees"]
    assert found["tools"] == {"museval": "0.4.1"}
    rows = {(r["target_set"], r["quantity"], r["target"]): r for r in found["rows"]}
    assert len(rows) == 4 * (4 + 2)  # SDR, ISR, SIR, SAR of four stems, and of vocals and accompaniment
    for row in rows.values():
        assert (row["n_frames"] + row["n_neither"] + row["n_beyond"], row["n_differing"]) == (2, 0)
        assert row["n_frames"] == 0 or row["largest"] <= 1e-5
    assert max(row["n_frames"] for row in rows.values()) > 0


@pytest.mark.parametrize(
    "protocol", ["mdx21", "si-sdr", "si-sdr-per-channel", "sdri", "dttnet-csdr", "kuielab"]
)
def test_ratios_agree_with_plain_numpy(
    protocol: str, small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "--data",
        f"folder={small_folder}",
        "--system",
        "irm1",
        "--out",
        str(tmp_path),
        "--keep-estimates",
    ]
    assert main(["run", protocol, *words, "--workers", "1"]) == 0
    capsys.readouterr()
    (run,) = find_runs([tmp_path])
    assert main(["crosscheck", str(run), "--tolerance", "1e-9"]) == 0
    printed = capsys.readouterr().out
    assert f"svbench beside numpy {np.__version__}" in printed
    assert "all agree within 1e-09" in printed
    assert "not checked" not in printed


def test_perfect_estimates_leave_nothing_to_compare(
    small_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["crosscheck", str(small_folder), str(small_folder), "--protocol", "si-sdr"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "0 values compared: both tools find all of them undefined or above 100 dB"


def test_a_changed_score_is_found(
    small_runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = own_run(small_runs, tmp_path, "irm1", "mdx21")

    def change(content: dict[str, Any]) -> None:
        (row,) = (s for s in content["series"] if (s["target_set"], s["target"]) == ("4-stems", "drums"))
        row["score"][0] += 1e-4

    edit(run, "track 1", change)
    assert main(["crosscheck", str(run)]) == 1
    printed = capsys.readouterr().out
    (line,) = (line for line in printed.splitlines() if "DIFFERS" in line)
    assert line.split() == ["uSDR", "4-stems", "drums", "3", "0.0001", "dB", "track", "1,", "frame", "0", "(0", "s)",
                            "0", "DIFFERS"]  # fmt: skip
    assert "they do NOT agree within 1e-05" in printed
    assert main(["crosscheck", str(run), "--tolerance", "1e-3"]) == 0
    assert main(["crosscheck", str(run), "--track", "track 0", "track 2"]) == 0


def test_a_number_for_an_undefined_frame_is_found(
    small_runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = own_run(small_runs, tmp_path, "irm1", "mdx21")

    def change(content: dict[str, Any]) -> None:
        (row,) = (s for s in content["series"] if (s["target_set"], s["target"]) == ("4-stems", "drums"))
        row["score"], row["status"] = [None], ["undefined"]

    edit(run, "track 1", change)
    assert main(["crosscheck", str(run)]) == 1
    printed = capsys.readouterr().out
    assert (
        "uSDR of drums (4-stems): 1 frames have a number on one side only, first track 1, frame 0: "
        "svbench has undefined, numpy " in printed
    )


def test_changed_estimates_and_recordings_are_no_evidence(
    small_runs: Path, small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = own_run(small_runs, tmp_path, "irm1", "mdx21")
    path = run / load_run(run).results[0].estimates["vocals"]
    audio = read_audio(path)
    audio.samples[0] += 0.1
    write_audio(path, audio)
    assert main(["crosscheck", str(run)]) == 1
    assert (
        f"note: track track 0 is not compared: {path} is no longer what was scored" in capsys.readouterr().out
    )
    moved = tmp_path / "moved"
    shutil.copytree(small_folder, moved)
    words = ["crosscheck", str(run), "--track", "track 1", "--data", f"folder={moved}"]
    assert main(words) == 0
    write_audio(moved / "track 1/bass.wav", read_audio(moved / "track 0/bass.wav"))
    assert main(words) == 2
    assert f"{moved}: track 'track 1': its recordings have changed since the run" in capsys.readouterr().err


def test_what_is_missing_is_said(
    small_runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = own_run(small_runs, tmp_path, "irm1", "mdx21")

    def refusal(*words: object) -> str:
        assert main(["crosscheck", *map(str, words)]) == 2
        return capsys.readouterr().err

    assert "no such file; is" in refusal(tmp_path)
    assert "unknown track 'x'" in refusal(run, "--track", "x")
    assert "data: expected MANIFEST=PATH" in refusal(run, "--data", "x")
    assert "use it with two folders" in refusal(run, "--protocol", "mdx21")
    content = json.loads((run / "run.json").read_text())
    content["data"]["root"] = str(tmp_path / "gone")
    (run / "run.json").write_text(json.dumps(content))
    assert (
        f"{tmp_path / 'gone'}: the recordings of {run} are not there; give their folder with --data"
        in refusal(run)
    )
    shutil.rmtree(run / "estimates")
    assert "its estimates were not kept; run the same command again with --keep-estimates" in refusal(run)


def test_two_folders(small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    for track in ("track 0", "track 1"):
        for stem in STEMS:
            audio = read_audio(small_folder / track / f"{stem}.wav")
            path = tmp_path / "mine" / track / f"{stem}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            noise = 0.01 * rng.standard_normal(audio.samples.shape)
            write_audio(path, type(audio)(audio.samples + noise, audio.rate_hz))
    words = ["crosscheck", str(small_folder), str(tmp_path / "mine")]
    assert main([*words, "--protocol", "demucs-sdr", "--track", "track 0"]) == 0
    printed = capsys.readouterr().out
    assert "mine · demucs-sdr" in printed
    assert "1 track · svbench beside museval 0.4.1" in printed
    assert "8 values compared" in printed  # four stems, two frames
    assert main([*words, "--data", "folder=x"]) == 2
    assert "data: cannot be given with two folders" in capsys.readouterr().err


def test_silent_estimates_are_refused_by_museval_and_undefined_here(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "--data",
        f"folder={small_folder}",
        "--system",
        "silence",
        "--track",
        "track 0",
        "--keep-estimates",
    ]
    assert main(["run", "sisec18", *words, "--out", str(tmp_path), "--workers", "1"]) == 0
    capsys.readouterr()
    assert main(["crosscheck", str(tmp_path / next(tmp_path.iterdir()).name)]) == 0
    printed = capsys.readouterr().out
    assert (
        "note: track track 0, 4-stems: refused by museval, which counts as undefined: All the estimated"
        in printed
    )
    assert "0 values compared" in printed


def test_what_no_tool_gives_is_listed(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (Path(__file__).resolve().parents[2] / "protocols/mdx21.toml").read_text()
    mixed = tmp_path / "mixed.toml"
    mixed.write_text(
        text.replace('id = "mdx21"', 'id = "mixed"')
        + '\n[[metrics]]\nid = "leakage"\nparameters = { window_s = 1.0, hop_s = 1.0 }\n'
        'reduce = { frames = "mean", tracks = "mean" }\n'
    )
    data = ["--data", f"folder={small_folder}", "--system", "irm1", "--track", "track 0", "--keep-estimates"]
    out = tmp_path / "runs"
    assert main(["run", str(mixed), "leakage", *data, "--out", str(out), "--workers", "1"]) == 0
    capsys.readouterr()
    runs = {load_run(p).record.protocol.id: p for p in find_runs([out])}
    assert main(["crosscheck", str(runs["mixed"])]) == 0
    assert "not checked, since no original tool gives them: PES, leakage" in capsys.readouterr().out
    assert main(["crosscheck", str(runs["leakage"])]) == 2
    assert (
        "museval, mir_eval and plain numpy give none of the quantities of leakage" in capsys.readouterr().err
    )


def series(scores: list[float | None], status: list[Any]) -> Series:
    times = [float(i) for i in range(len(scores))]
    return Series(
        target_set="s", target="t", metric="SIR", time_s=times, duration_s=[1.0] * len(times), score=scores, status=status
    )  # fmt: skip


def test_frames_are_compared_where_both_have_numbers() -> None:
    row = Row("SIR", "s", "t", "dB", "museval")
    ours = series(
        [1.0, 2.0, None, None, 150.0, None, None, 3.0],
        ["ok", "ok", "undefined", "perfect", "ok", "unstable", "unstable", "ok"],
    )
    theirs = series(
        [1.0, 2.5, None, 290.0, 160.0, -40.0, None, None],
        ["ok", "ok", "undefined", "ok", "ok", "ok", "undefined", "undefined"],
    )
    _compare(row, "a", ours, theirs)
    assert (row.n_frames, row.largest, row.track, row.frame, row.time_s) == (2, 0.5, "a", 1, 1.0)
    assert (row.n_neither, row.n_beyond, row.withheld) == (1, 2, {"unstable": 2})
    assert (row.n_differing, row.differing) == (1, "a, frame 7: svbench has 3.0, museval undefined")
    assert not row.agrees(1.0)
    _compare(row, "b", ours, series([1.0], ["ok"]))
    assert row.n_differing == 2


def test_nsdr_of_mir_eval() -> None:
    rng = np.random.default_rng(0)
    references = rng.standard_normal((2, 6000, 2))
    mixture = references.sum(axis=0)
    estimates = references + 0.2 * references[::-1] + 0.1 * rng.standard_normal(references.shape)
    theirs = mir_eval_nsdr(references, estimates, 8000, mixture=mixture)
    mono = [x.mean(axis=2, keepdims=True) for x in (references, estimates, np.stack([mixture] * 2))]
    ours, before = (
        bss_eval_sources(mono[0], x, rate_hz=8000, permute=False)[0].values for x in (mono[1], mono[2])
    )
    expected = {**ours, "NSDR": ours["SDR"] - before["SDR"]}
    assert set(theirs) == set(expected)
    for name, values in theirs.items():
        np.testing.assert_allclose(expected[name], values, rtol=0, atol=1e-8)
    with pytest.raises(AudioError, match="the filters of mir_eval have 512 taps, the protocol asks for 256"):
        mir_eval_nsdr(references, estimates, 8000, mixture=mixture, filter_length=256)


def test_the_time_of_museval_is_known_beforehand() -> None:
    # Measured: 199 s for four stereo stems of 240 s, 66 s for two.
    assert museval_seconds(240, 44100, 8, {}) == pytest.approx(199, rel=0.05)
    assert museval_seconds(240, 44100, 4, {}) == pytest.approx(66, rel=0.05)


def test_no_other_command_loads_the_reference_tools(small_folder: Path, tmp_path: Path) -> None:
    data = ["--data", f"folder={small_folder}", "--track", "track 0", "--system", "mixture", "--workers", "1"]
    commands = [
        ["run", "sisec18", "mdx21", *data, "--out", str(tmp_path / "runs")],
        ["table", str(tmp_path / "runs"), "--protocol", "sisec18"],
        ["report", str(tmp_path / "runs"), "--out", str(tmp_path / "report")],
        ["crosscheck", "--help"],
    ]
    code = (
        "import sys\nfrom svbench.cli.main import main\n"
        f"for words in {commands!r}:\n    assert main(words) == 0, words\n"
        "print([m for m in sys.modules if m.startswith(('museval', 'mir_eval', 'musdb', 'stempeg'))])\n"
    )
    script = tmp_path / "all.py"
    script.write_text(f"if __name__ == '__main__':\n    {code.replace(chr(10), chr(10) + '    ')}\n")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    # The module of museval, not its package, which wants ffmpeg.
    code = (
        "import sys\nfrom svbench.crosscheck.reference_tools import reference_module\n"
        "print(reference_module('museval', 'metrics').bss_eval.__name__, 'museval' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["bss_eval", "False"]
