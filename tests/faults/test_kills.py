"""Whole runs with a kill at a random moment: nothing outlives svbench, and the final state is that of no kill.

``SVBENCH_FAULT_ROUNDS`` sets the number of kills, ``SVBENCH_FAULT_SEED`` the first seed.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")]
ROUNDS, SEED = int(os.environ.get("SVBENCH_FAULT_ROUNDS", 6)), int(os.environ.get("SVBENCH_FAULT_SEED", 0))
# By what its command line holds.
VICTIMS = {"worker": "worker/main.py", "supervisor": "supervisor.py", "scorer": "spawn_main"}


def victim(command: Any, name: str) -> int | None:
    """Return the process id of a worker, a supervisor (whose line names the worker's file too) or a scorer."""
    for pid, line in command.processes().items():
        if VICTIMS[name] in line and (name != "worker" or VICTIMS["supervisor"] not in line):
            return pid
    return None


def kill(command: Any, process: Any, rng: random.Random, whole_s: float) -> str:
    """Wait for a random moment of the run and kill one of its processes; return what was done."""
    delay_s = rng.uniform(0, whole_s)
    name = rng.choice(["main", "main", "main", *VICTIMS])
    number = rng.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGHUP]) if name == "main" else signal.SIGKILL
    time.sleep(delay_s)
    while process.poll() is None:
        pid = process.pid if name == "main" else victim(command, name)
        if pid:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
            break
    return f"{number.name} to the {name} after {delay_s:.2f} s"


def test_kills_change_nothing(
    campaign: ModuleType, short_tracks: Path, tmp_path: Path, record_property: Any
) -> None:
    command = campaign.Command(tmp_path, short_tracks)
    started = time.monotonic()
    command.finish(tmp_path / "undisturbed")
    whole_s = time.monotonic() - started
    command.wait_for_none()
    expected = campaign.state(tmp_path / "undisturbed")
    assert len(expected) == 1 + 3 + 6
    longest_s = 0.0
    for seed in range(SEED, SEED + ROUNDS):
        rng, out = random.Random(seed), tmp_path / f"out-{seed}"
        more = []
        if rng.random() < 0.5:  # over finished results, which must not be mixed with new ones
            shutil.copytree(tmp_path / "undisturbed", out)
            more = ["--redo", "all"]
        process = command.start(out, *more)
        told = kill(command, process, rng, whole_s)
        _, printed = process.communicate(timeout=120)
        longest_s = max(longest_s, command.wait_for_none())
        assert "Traceback" not in printed, (seed, told, printed)
        command.finish(out)
        assert campaign.state(out) == expected, (seed, told)
        shutil.rmtree(out)
    command.wait_for_none()
    record_property("longest_s", longest_s)
    print(f"{ROUNDS} kills; the last process ended at most {longest_s:.2f} s after svbench")


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "SIGHUP", "closed terminal"])
def test_a_program_ends_with_svbench(
    how: str, campaign: ModuleType, short_tracks: Path, tmp_path: Path
) -> None:
    command = campaign.Command(tmp_path, short_tracks)
    (tmp_path / "s.toml").write_text(
        'schema = 1\nid = "s"\ntitle = "t"\nadapter = "command"\ntraining_data = []\n'
        f'parameters = {{ argv = ["sh", "-c", "{command.sleep}; true", "{{mixture}}"], '
        'targets = ["vocals", "accompaniment"] }\n'
    )
    ours, theirs = os.openpty()
    process = command.start(tmp_path / "out", terminal=theirs if how == "closed terminal" else None)
    os.close(theirs)
    deadline = time.monotonic() + 60
    while command.sleep not in command.processes().values():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    number = signal.SIGHUP if how == "closed terminal" else signal.Signals[how]
    if how != "closed terminal":
        process.send_signal(number)
    os.close(ours)
    _, printed = process.communicate(timeout=60)
    command.wait_for_none()
    assert "Traceback" not in printed
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
    (folder,) = (tmp_path / "out").iterdir()
    left = [p for p in folder.iterdir() if p.name.startswith(".scratch-")]
    assert bool(left) == (number == signal.SIGKILL), "scratch goes at once where that is possible"
