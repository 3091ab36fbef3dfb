"""A whole run in the sandbox: the same numbers, a line on what it costs, nothing reused from outside."""

from __future__ import annotations

import json
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


def test_the_folder_of_the_data_is_refused(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    system = small_folder.parent / "s.toml"
    system.write_text('schema = 1\nid = "s"\ntitle = "t"\nadapter = "mixture"\ntraining_data = []\n')
    words = ["run", "mdx21", "--data", f"folder={small_folder}", "--system", str(system)]
    assert main([*words, "--out", str(tmp_path), "--isolate", "sandbox"]) == 2
    assert "which a system in a sandbox must not see; put the system into a folder" in capsys.readouterr().err
