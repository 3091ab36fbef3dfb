"""Two processes on one run folder lose nothing of each other's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from svbench.results.store import find_runs, load_run

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="needs file locks")]
ENTRIES = 25
WRITER = """
import sys
from pathlib import Path
from svbench.datasets.api import open_dataset
from svbench.results.record import collect
from svbench.running.jobs import jobs_of
from svbench.running.run_folder import write_run_record
from svbench.specs.manifest import load_manifest
from svbench.specs.protocol import load_protocol
from svbench.specs.system import load_system

data, protocol, out, name, n = sys.argv[1:]
dataset = open_dataset(load_manifest("folder"), Path(data))
(job,) = jobs_of(load_system("mixture"), load_protocol(protocol), dataset, Path(out))
for number in range(int(n)):
    write_run_record(job, collect([name, str(number)], {}), is_new=True)
"""


def test_two_runs_at_once(campaign: ModuleType, short_tracks: Path, tmp_path: Path) -> None:
    command = campaign.Command(tmp_path, short_tracks)
    command.finish(tmp_path / "alone")
    both = [command.start(tmp_path / "shared") for _ in range(2)]
    for process in both:
        _, told = process.communicate(timeout=120)
        assert process.returncode == 0, told
    assert campaign.state(tmp_path / "shared") == campaign.state(tmp_path / "alone")
    (run,) = map(load_run, find_runs([tmp_path / "shared"]))
    assert len(run.record.provenance) == 2


def test_no_provenance_is_lost(campaign: ModuleType, short_tracks: Path, tmp_path: Path) -> None:
    campaign.Command(tmp_path, short_tracks)
    words = [sys.executable, "-c", WRITER, short_tracks, tmp_path / "short.toml", tmp_path / "runs"]
    writers = [subprocess.Popen([*map(str, words), name, str(ENTRIES)]) for name in ("one", "two")]
    assert [w.wait(timeout=120) for w in writers] == [0, 0]
    (run,) = map(load_run, find_runs([tmp_path / "runs"]))
    found = sorted(p.command for p in run.record.provenance)
    assert found == sorted((name, str(n)) for name in ("one", "two") for n in range(ENTRIES))
