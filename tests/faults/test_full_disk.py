"""A disk that fills up stops a run in one sentence, and the same command goes on once there is room."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="needs tmpfs")]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system in memory of 4 kB, to be remounted with another size."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4k", "svbench-test", folder], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


# Room for the record only, for the first mixture, for a track or two, for all but the last bytes of scratch.
@pytest.mark.parametrize("kilobytes", [12, 100, 400, 700])
def test_a_full_disk_costs_nothing_but_time(
    kilobytes: int, disk: Path, campaign: ModuleType, short_tracks: Path, tmp_path: Path
) -> None:
    command = campaign.Command(tmp_path, short_tracks)
    command.finish(tmp_path / "roomy")
    resize(disk, kilobytes)
    process = command.start(disk / "runs")
    _, told = process.communicate(timeout=120)
    assert process.returncode == 2, told
    assert "Traceback" not in told
    assert "No space left on device" in told or "no space left" in told
    command.wait_for_none()
    resize(disk, 100_000)
    command.finish(disk / "runs")
    assert campaign.state(disk / "runs") == campaign.state(tmp_path / "roomy")


def resize(disk: Path, kilobytes: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", disk], check=True)
