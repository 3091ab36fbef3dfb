"""A system over its budget is stopped with all it started; one within it is left alone."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from svbench.audio import Audio
from svbench.errors import OutOfTime, OverBudget, SystemFailure
from svbench.specs.protocol import Limits
from svbench.specs.system import LocatedSystem, load_system
from svbench.systems.worker.host import Separation, WorkerHost
from svbench.systems.worker.processes import ProcessTree

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
MIXTURE = Audio(np.full((800, 2), 0.25), 8000)
PRELUDE = "import os, sys, time, subprocess\nimport numpy as np\nfrom svbench.audio import Audio\n"
HOLD = "import time; block = b'x' * {n_bytes}; time.sleep({s})"
MB = 1_000_000


def system(folder: Path, body: str, more: str = "") -> LocatedSystem:
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    (folder / "code.py").write_text(
        f"{PRELUDE}\ndef separate(mixture):\n{indented}\n    return {{'vocals': mixture}}\n\n"
        "def make():\n    return separate\n"
    )
    (folder / "s.toml").write_text(
        'schema = 1\nid = "s"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n'
        f'parameters = {{ factory = "code.py:make", targets = ["vocals"] }}\n{more}'
    )
    return load_system(folder / "s.toml")


def separate(
    located: LocatedSystem, scratch: Path, limits: Limits | None = None, limit_s: float | None = None
) -> Separation:
    with WorkerHost(located, ("vocals",), scratch, limits) as host:
        return host.separate("a track", MIXTURE, limit_s=limit_s)


def assert_ended(pid: int) -> None:
    for _ in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.1)
    pytest.fail(f"process {pid} lives on")


def test_a_memory_eater_is_stopped_in_the_act(tmp_path: Path) -> None:
    body = "blocks = []\nwhile True:\n    blocks.append(np.ones(2_500_000))\n    time.sleep(0.02)"
    with pytest.raises(OverBudget, match=r"^over the budget: 0\.[3-9]\d* GB of 0\.3 GB$") as caught:
        separate(system(tmp_path, body), tmp_path, Limits(memory_bytes=300 * MB))
    assert caught.value.limit == "memory"


def test_a_short_excess_that_no_look_saw_counts_as_well(tmp_path: Path) -> None:
    body = "block = np.ones(50_000_000)\ndel block"
    with pytest.raises(OverBudget, match=r"0\.[3-9]\d* GB of 0\.3 GB"):
        separate(system(tmp_path, body), tmp_path, Limits(memory_bytes=300 * MB))


def test_memory_of_a_child_counts_and_no_process_stays(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    hold = HOLD.format(n_bytes=400 * MB, s=60)
    body = (
        f"child = subprocess.Popen([sys.executable, '-c', {hold!r}], start_new_session=True, env={{}})\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(60)"
    )
    started = time.monotonic()
    with pytest.raises(OverBudget, match=r"GB of 0\.3 GB"):
        separate(system(tmp_path, body), tmp_path, Limits(memory_bytes=300 * MB))
    assert time.monotonic() - started < 30
    for pid in pids.read_text().split():
        assert_ended(int(pid))


def test_pages_that_forked_processes_share_count_once(tmp_path: Path) -> None:
    body = (
        "block = np.ones(25_000_000)\n"
        "children = []\n"
        "for _ in range(3):\n"
        "    pid = os.fork()\n"
        "    if not pid:\n"
        "        time.sleep(0.6)\n"
        "        os._exit(0)\n"
        "    children.append(pid)\n"
        "for pid in children:\n"
        "    os.waitpid(pid, 0)"
    )
    done = separate(system(tmp_path, body), tmp_path, Limits(memory_bytes=500 * MB))
    assert done.peak_rss_bytes < 500 * MB


def test_peak_holds_a_child_that_lives_on(tmp_path: Path) -> None:
    hold = HOLD.format(n_bytes=200 * MB, s=60)
    started = f"subprocess.Popen([sys.executable, '-c', {hold!r}])\ntime.sleep(1.5)"
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    plain = separate(system(tmp_path / "without", "pass"), tmp_path).peak_rss_bytes
    more = separate(system(tmp_path / "with", started), tmp_path).peak_rss_bytes - plain
    # The child's own interpreter comes on top of its block.
    assert 200 * MB <= more <= 225 * MB


def test_a_fork_bomb_ends(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    body = (
        "for _ in range(4):\n"
        "    os.fork()\n"
        f"open({str(marks)!r} + f'/{{os.getpid()}}', 'w').close()\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "time.sleep(60)"
    )
    with pytest.raises(OutOfTime, match="separating took longer than the limit of 2 s"):
        separate(system(tmp_path, body), tmp_path, limit_s=2)
    found = [int(p.name) for p in marks.iterdir()]
    assert len(found) == 16
    for pid in found:
        assert_ended(pid)


def test_cores_are_those_of_the_budget_for_threads_and_children_too(tmp_path: Path) -> None:
    script = "import os; print(len(os.sched_getaffinity(0)))"
    body = (
        "found = [len(os.sched_getaffinity(0))]\n"
        f"found.append(int(subprocess.check_output([sys.executable, '-c', {script!r}])))\n"
        "raise ValueError(f'{found} {os.environ[\"OMP_NUM_THREADS\"]}')"
    )
    with pytest.raises(SystemFailure, match=r"\[1, 1\] 1$"):
        separate(system(tmp_path, body, "threads = 8\n"), tmp_path, Limits(n_cores=1))
    every = len(os.sched_getaffinity(0))
    with pytest.raises(SystemFailure, match=rf"\[{every}, {every}\] 8$"):
        separate(system(tmp_path, body, "threads = 8\n"), tmp_path)


def test_graphics_cards_are_hidden_if_the_budget_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    located = system(tmp_path, "raise ValueError('<' + os.environ['CUDA_VISIBLE_DEVICES'] + '>')")
    with pytest.raises(SystemFailure, match="<>"):
        separate(located, tmp_path, Limits(cpu_only=True))
    with pytest.raises(SystemFailure, match="<0>"):
        separate(located, tmp_path)


def test_a_tree_of_one_weighs_what_the_process_says() -> None:
    tree = ProcessTree(os.getpid(), "SVBENCH_WORKER=none")
    assert tree.members()[0] == os.getpid()
    lines = [
        line  # earlier tests of this process may have left children, such as a browser's driver
        for member in tree.members()
        for line in Path(f"/proc/{member}/status").read_text().splitlines()
    ]
    said = sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))
    assert tree.rss_bytes() == pytest.approx(said, rel=0.05)
    assert 0 < tree.unique_bytes() <= tree.rss_bytes() * 1.05
