"""Budgets from the command line: one failed row with the reason, a verdict, no scores, no orphan."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from svbench.cli.main import SYSTEM_FAILED, main
from svbench.results.store import find_runs, load_run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
PROTOCOL = (
    'schema = 1\nid = "tight"\ntitle = "t"\nversion = "1"\ndescription = "d"\ncitation = "c"\nheadline = "uSDR"\n'
    '[[target_sets]]\nid = "v"\ntargets = ["vocals"]\n'
    '[[metrics]]\nid = "sdr"\nparameters = {{ delta = 1e-7 }}\nreduce = {{ frames = "mean", tracks = "mean" }}\n'
    "[limits]\n{limits}\n"
)


def files(folder: Path, limits: str, body: str, load: str = "pass") -> tuple[str, str]:
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    (folder / "code.py").write_text(
        "import os, time\nimport numpy as np\ncalls = []\n\n\n"
        f"def separate(mixture):\n    calls.append(1)\n{indented}\n    return {{'vocals': mixture}}\n\n\n"
        f"def make():\n    {load}\n    return separate\n"
    )
    (folder / "s.toml").write_text(
        'schema = 1\nid = "s"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n'
        'parameters = { factory = "code.py:make", targets = ["vocals"] }\n'
    )
    (folder / "tight.toml").write_text(PROTOCOL.format(limits=limits))
    return str(folder / "tight.toml"), str(folder / "s.toml")


@pytest.mark.parametrize(
    ("limits", "body", "load", "reason", "limit"),
    [
        ("time_factor = 0.4", "time.sleep(60 * (len(calls) == 2))", "pass",
         "over the budget: separating took longer than 1 s", "time"),
        ("memory_bytes = 400_000_000", "block = np.ones(50_000_000 * (len(calls) == 2))", "pass",
         "over the budget: 0.", "memory"),
    ],
)  # fmt: skip
def test_one_track_over_a_limit(
    limits: str, body: str, load: str, reason: str, limit: str,
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    protocol, system = files(tmp_path, limits, body, load)
    words = ["run", protocol, "--data", f"folder={small_folder}", "--system", system, "--system", "mixture"]
    assert main([*words, "--out", str(tmp_path / "runs")]) == SYSTEM_FAILED
    printed = capsys.readouterr()
    assert "Runnable?" in printed.out
    assert "yes" in printed.out
    runs = {r.record.system.id: r for r in map(load_run, find_runs([tmp_path / "runs"]))}
    (failed,) = runs["s"].failed
    assert failed.track == "track 1"
    assert failed.reason.startswith(reason)
    assert runs["s"].over_budget.startswith(f"{limit}: ")
    assert failed.reason in printed.err
    assert main(["table", str(tmp_path / "runs"), "--json"]) == 0
    rows = {r["system"]: r for r in json.loads(capsys.readouterr().out)[0]["rows"]}
    assert rows["mixture"]["runnable"] == "yes"
    assert rows["mixture"]["scores"][0]["score"] is not None
    assert rows["s"]["runnable"] == f"no ({runs['s'].over_budget})"
    assert {c["score"] for c in rows["s"]["scores"]} == {None}
    mine = f"SVBENCH_WORKER={tmp_path}".encode()
    assert not [p for p in Path("/proc").glob("[0-9]*") if p.name != str(os.getpid()) and mine in _environ(p)]


def test_loading_has_a_budget_of_its_own(small_folder: Path, tmp_path: Path) -> None:
    protocol, system = files(tmp_path, "load_s = 1", "pass", "time.sleep(60)")
    words = ["run", protocol, "--data", f"folder={small_folder}", "--system", system, "--track", "track 0"]
    assert main([*words, "--out", str(tmp_path / "runs")]) == SYSTEM_FAILED
    (run,) = map(load_run, find_runs([tmp_path / "runs"]))
    assert run.failed[0].reason == "over the budget: loading took longer than 1 s"
    assert run.over_budget == "set-up time: loading took longer than 1 s"


def test_the_limit_of_the_system_file_is_no_budget(small_folder: Path, tmp_path: Path) -> None:
    protocol, system = files(tmp_path, "time_s = 60", "time.sleep(60)")
    text = Path(system).read_text().replace("parameters", "time_limit_s = 4\nparameters")
    Path(system).write_text(text)
    words = ["run", protocol, "--data", f"folder={small_folder}", "--system", system, "--track", "track 0"]
    assert main([*words, "--out", str(tmp_path / "runs")]) == SYSTEM_FAILED
    (run,) = map(load_run, find_runs([tmp_path / "runs"]))
    assert run.failed[0].reason == "stopped: separating took longer than the limit of 4 s"
    assert run.over_budget == ""


def _environ(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""
