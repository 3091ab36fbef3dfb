"""Scratch of the living is left alone, whoever they are; that of the dead is removed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from svbench.disk import PARTIAL
from svbench.results.scratch import remove_partial_files, scratch_folder

OWNER = """
import sys
from pathlib import Path
from svbench.results.scratch import scratch_folder
with scratch_folder(Path(sys.argv[1])) as folder:
    print(folder.name, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process with a scratch folder beside ours."""
    words = [sys.executable, "-c", OWNER, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, tmp_path / process.stdout.readline().strip()
        process.kill()


def from_another_boot(folder: Path, age_s: float) -> None:
    """Make the owner look like one on another machine, which touched its lock so long ago."""
    lock = folder / "lock"
    lock.write_text("another boot\n" + lock.read_text().partition("\n")[2])
    now = lock.stat().st_mtime
    os.utime(lock, (now - age_s, now - age_s))


def test_a_live_owner_keeps_its_folder_and_a_killed_one_does_not(
    owner: tuple[subprocess.Popen[str], Path], tmp_path: Path
) -> None:
    process, folder = owner
    for age_s in (0, 10**6):  # however long it was silent, and whatever machine it may be on
        with scratch_folder(tmp_path):
            assert folder.is_dir()
        from_another_boot(folder, age_s)
        with scratch_folder(tmp_path):
            assert folder.is_dir()
    process.kill()
    process.wait()
    with scratch_folder(tmp_path) as own:
        assert not folder.exists()
    assert not own.exists()


@pytest.mark.parametrize(("age_s", "stays"), [(0, True), (600, True), (1000, False)])
def test_an_owner_that_cannot_be_asked_counts_as_dead_after_a_quarter_of_an_hour(
    age_s: float, stays: bool, owner: tuple[subprocess.Popen[str], Path], tmp_path: Path
) -> None:
    process, folder = owner
    process.kill()
    process.wait()
    from_another_boot(folder, age_s)
    with scratch_folder(tmp_path):
        assert folder.exists() == stays


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
def test_signals_remove_it_at_once(number: signal.Signals, owner: tuple[subprocess.Popen[str], Path]) -> None:
    process, folder = owner
    process.send_signal(number)
    assert process.wait(timeout=30) == 128 + number
    assert not folder.exists()


def test_half_written_files_go_unless_another_is_at_work(
    owner: tuple[subprocess.Popen[str], Path], tmp_path: Path
) -> None:
    process, _ = owner
    places = [tmp_path, tmp_path / "tracks", tmp_path / "estimates/t1"]
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{PARTIAL}1-a.json").touch()
        (place / "a.json").touch()
    with scratch_folder(tmp_path) as own:
        remove_partial_files(tmp_path, own)
    assert all((p / f"{PARTIAL}1-a.json").exists() for p in places)
    process.kill()
    process.wait()
    with scratch_folder(tmp_path) as own:
        remove_partial_files(tmp_path, own)
    assert not any((p / f"{PARTIAL}1-a.json").exists() for p in places)
    assert all((p / "a.json").exists() for p in places)
