"""A whole run in the sandbox: the same numbers, a line on what it costs, nothing reused from outside."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from svbench.cli.main import main
from svbench.errors import SystemFailure
from svbench.results.store import find_runs, load_run
from svbench.systems.worker import sandbox

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")]


@pytest.fixture(autouse=True)
def _possible() -> None:
    try:
        sandbox.check_sandbox()
    except SystemFailure as error:
        pytest.skip(str(error))


def test_a_run_in_the_sandbox(small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "mdx21", "--data", f"folder={small_folder}", "--system", "hpss", "--workers", "1"]
    assert main([*words, "--out", str(tmp_path / "open")]) == 0
    assert main([*words, "--out", str(tmp_path / "inside"), "--isolate", "sandbox"]) == 0
    assert "isolation: sandbox by /" in capsys.readouterr().err
    inside = load_run(find_runs([tmp_path / "inside"])[0])
    assert "sandbox by" in inside.record.provenance[-1].arguments["isolation"]
    assert main(["diff", *(str(find_runs([tmp_path / n])[0]) for n in ("open", "inside"))]) == 0
    capsys.readouterr()
    # What was separated in the open does not count as separated in the sandbox, and the other way round.
    assert main([*words, "--out", str(tmp_path / "open"), "--isolate", "sandbox", "--json"]) == 0
    again = capsys.readouterr()
    assert "[3/3]" in again.err
    assert json.loads(again.out)[0]["failed"] == {}
    states = [r.made_from.files for r in load_run(find_runs([tmp_path / "open"])[0]).results]
    assert states == [{"--isolate": "sandbox"}] * 3
    # A run that was made in the sandbox is repeated in one.
    again_out = tmp_path / "again"
    assert main(["rerun", str(find_runs([tmp_path / "inside"])[0]), "--trust", "--out", str(again_out)]) == 0
    assert "isolation: sandbox by /" in capsys.readouterr().err
    assert main(["diff", *(str(find_runs([f])[0]) for f in (tmp_path / "inside", again_out))]) == 0


def test_ready_made_estimates_need_the_names_of_tracks(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "system").mkdir()
    (tmp_path / "system/s.toml").write_text(
        'schema = 1\nid = "s"\ntitle = "t"\nadapter = "folder"\ntraining_data = []\n'
        'parameters = { root = "estimates" }\n'
    )
    estimates = tmp_path / "system/estimates"
    shutil.copytree(small_folder, estimates)
    words = ["run", "mdx21", "--data", f"folder={small_folder}", "--system", str(tmp_path / "system/s.toml")]
    words += ["--isolate", "sandbox"]
    if os.geteuid() == 0:
        estimates.chmod(0o700)
        assert main([*words, "--out", str(tmp_path / "private")]) != 0
        told = capsys.readouterr().err
        assert "PermissionError" in told
        assert "the user of the sandbox cannot read it; permit all users to" in told
    estimates.chmod(0o755)
    assert main([*words, "--out", str(tmp_path / "runs")]) != 0
    assert "asks for the names of tracks, which a system in a sandbox is not told" in capsys.readouterr().err


def test_the_folder_of_the_data_is_refused(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    system = small_folder.parent / "s.toml"
    system.write_text('schema = 1\nid = "s"\ntitle = "t"\nadapter = "mixture"\ntraining_data = []\n')
    words = ["run", "mdx21", "--data", f"folder={small_folder}", "--system", str(system)]
    assert main([*words, "--out", str(tmp_path), "--isolate", "sandbox"]) == 2
    assert "which a system in a sandbox must not see; put the system into a folder" in capsys.readouterr().err
