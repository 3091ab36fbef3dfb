"""Default limits are generous, can be changed and lifted, and move no digest."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from svbench.cli.main import SYSTEM_FAILED, main
from svbench.errors import SpecError
from svbench.results.store import find_runs, load_run
from svbench.specs.system import SystemSpec, load_system, unlimited
from svbench.systems.worker import limits

SPEC = load_system("mixture").spec


def test_limits_move_no_digest() -> None:
    # That of this file before there were limits.
    assert SPEC.digest == "996dc54b7010dcb847fa16a4e708430573c80176a73453d3f2c47206ee3690a7"
    assert SPEC.digest == msgspec.structs.replace(SPEC, default_limits=False, memory_limit_bytes=1).digest
    assert SPEC.digest != msgspec.structs.replace(SPEC, time_limit_s=1.0).digest  # as ever


@pytest.mark.parametrize(
    ("changes", "time_s", "disk", "log"),
    [
        ({}, 7200.0, 10**10, 10**7),
        ({"time_limit_s": 5.0, "disk_limit_bytes": 7, "log_limit_bytes": 9}, 5.0, 7, 9),
        ({"default_limits": False}, None, None, 0),
        ({"default_limits": False, "time_limit_s": 5.0, "log_limit_bytes": 9}, 5.0, None, 9),
    ],
)
def test_the_system_file_comes_first(
    changes: dict[str, object], time_s: float | None, disk: int | None, log: int
) -> None:
    spec: SystemSpec = msgspec.structs.replace(SPEC, **changes)
    assert limits.time_limit_s(spec, 240.0) == time_s
    assert limits.disk_limit_bytes(spec, 1000) == disk
    assert limits.log_limit_bytes(spec) == log


def test_short_tracks_have_ten_minutes_and_long_ones_room() -> None:
    assert limits.time_limit_s(SPEC, 3.0) == 600
    assert limits.disk_limit_bytes(SPEC, 10**10) == 4 * 10**10
    memory = limits.memory_limit_bytes(SPEC)
    assert memory is not None
    assert memory > 10**9


def test_the_limits_in_force_are_printed_recorded_and_lifted(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "mdx21", "--data", f"folder={small_folder}", "--system", "mixture", "--track", "track 0"]
    words += ["--workers", "1", "--out", str(tmp_path)]
    assert main(words) == 0
    told = capsys.readouterr().err
    assert told.startswith("limits: 600 s per track (or 30 × its duration, if longer), ")
    assert main([*words, "--limits", "none", "--redo", "all"]) == 0
    assert capsys.readouterr().err.startswith("limits: none\n")
    (folder,) = find_runs([tmp_path])  # the same run: limits are no part of its name
    first, second = load_run(folder).record.provenance
    assert first.arguments["limits"] == told.splitlines()[0]
    assert second.arguments["limits"] == "limits: none"


def test_a_default_limit_says_how_to_lift_it(
    small_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(limits, "TIME_S", 1.0)
    monkeypatch.setattr(limits, "TIME_FACTOR", 0.1)
    (tmp_path / "m.py").write_text("import time\ndef load():\n    time.sleep(60)\n")
    (tmp_path / "s.toml").write_text(
        'schema = 1\nid = "s"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n'
        'parameters = { factory = "m.py:load", targets = ["vocals"] }\n'
    )
    words = ["run", "mdx21", "--data", f"folder={small_folder}", "--system", str(tmp_path / "s.toml")]
    assert main([*words, "--workers", "1", "--out", str(tmp_path / "runs")]) == SYSTEM_FAILED
    assert (
        "stopped: loading took longer than the limit of 1 s; a default limit: set time_limit_s in the system "
        "file, or lift all with --limits none"
    ) in capsys.readouterr().err
    assert unlimited(load_system(tmp_path / "s.toml")).spec.default_limits is False


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("2026-01-01", 'parameters.a.b: is a date or time, expected text: put it in quotes, "2026-01-01"'),
        ("[1, 07:32:00]", r"parameters.a.b\[1\]: is a date or time"),
        ("nan", "parameters.a.b: is nan, expected a finite number"),
        ("-inf", "parameters.a.b: is -inf, expected a finite number"),
        ("1" + "0" * 30, "parameters.a.b: is a whole number of more than 64 bits"),
    ],
)
def test_parameters_that_no_record_can_hold_are_refused(value: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    text = 'schema = 1\nid = "s"\ntitle = "t"\nadapter = "mixture"\ntraining_data = []\n'
    path.write_text(f"{text}parameters = {{ a = {{ b = {value} }} }}\n")
    with pytest.raises(SpecError, match=sentence):
        load_system(path)
    path.write_text(f"{text}parameters = {{ a = {{ b = {2**63} }} }}\n")
    spec = load_system(path).spec
    assert json.loads(msgspec.json.encode(spec))["parameters"] == spec.parameters
