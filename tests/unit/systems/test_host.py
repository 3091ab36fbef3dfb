"""Whatever a system does wrong becomes one sentence, and no process stays."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from svbench.audio import Audio
from svbench.errors import SystemFailure
from svbench.specs.system import LocatedSystem, load_system
from svbench.systems.worker.host import WorkerHost

MIXTURE = Audio(np.full((800, 2), 0.25), 8000)
PRELUDE = "import os, sys, time, signal, subprocess\nimport numpy as np\nfrom svbench.audio import Audio\n"


def system(folder: Path, body: str, extra: str = "") -> LocatedSystem:
    """A python system whose separate has the given body."""
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    (folder / "code.py").write_text(
        f"{PRELUDE}\ndef separate(mixture):\n{indented}\n\ndef make():\n    return separate\n"
    )
    (folder / "s.toml").write_text(
        'schema = 1\nid = "s"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n'
        f'parameters = {{ factory = "code.py:make", targets = ["vocals"] }}\n{extra}'
    )
    return load_system(folder / "s.toml")


def separate(located: LocatedSystem, scratch: Path, limit_s: float | None = None) -> Audio:
    with WorkerHost(located, ("vocals",), scratch) as host:
        return host.separate("a track", MIXTURE, limit_s=limit_s).estimates["vocals"]


def test_samples_pass_unchanged_both_ways(tmp_path: Path) -> None:
    located = system(tmp_path, "return {'vocals': Audio(mixture.samples * 4, mixture.rate_hz)}")
    estimate = separate(located, tmp_path)
    assert np.array_equal(estimate.samples, MIXTURE.samples * 4)
    assert estimate.rate_hz == 8000


def test_printing_does_not_disturb_the_talk(tmp_path: Path) -> None:
    body = (
        "print('hello' * 10000)\nsys.stdout.flush()\nos.write(1, b'x' * 100000)\nreturn {'vocals': mixture}"
    )
    assert np.array_equal(separate(system(tmp_path, body), tmp_path).samples, MIXTURE.samples)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("raise ValueError('no such chord')", "separating raised ValueError: no such chord"),
        ("print('last words', flush=True)\nos._exit(7)", r"exit code 7 without an answer .*last words"),
        ("os._exit(0)", "exit code 0 without an answer"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "killed by SIGSEGV"),
        ("return [mixture]", "returned list, expected a dict"),
        ("return {'vocals': mixture.samples}", "'vocals' is ndarray, expected svbench.audio.Audio"),
        ("return {'vocals': Audio(mixture.samples * np.nan, 8000)}", "NaN or infinite values"),
        ("if os.fork():\n    os._exit(3)\ntime.sleep(60)", "exit code 3 without an answer"),
        ("raise ValueError('name \\ud800')", r"separating raised ValueError: name \?"),
        ("return {'vocals': Audio(mixture.samples, 8000.5)}", r"has 8000\.5 Hz, expected a whole number"),
        (
            "return {'vocals': Audio(mixture.samples[:, 0], 8000)}",
            r"expected shape \(n_samples, n_channels\)",
        ),
    ],
)
def test_failure_is_told_in_words(body: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(SystemFailure, match=sentence):
        separate(system(tmp_path, body), tmp_path)


def test_a_fork_that_comes_back_twice_answers_once(tmp_path: Path) -> None:
    located = system(tmp_path, "os.fork()\nreturn {'vocals': mixture}")
    with WorkerHost(located, ("vocals",), tmp_path) as host:
        for level in (0.1, 0.2, 0.3):
            mixture = Audio(np.full((800, 2), level), 8000)
            found = host.separate("a track", mixture).estimates["vocals"]
            assert np.array_equal(found.samples, mixture.samples)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ('targets = ["vocals"], rate_hz = -1', "rate_hz must be a positive whole number of Hz, found -1"),
        ('targets = ["vocals"], rate_hz = "44100"', "rate_hz must be .*, found '44100'"),
        ('targets = ["vocals"], rate_hz = true', "rate_hz must be .*, found True"),
        ("targets = [1]", r"targets must be a list of names, found \(1,\)"),
    ],
)
def test_wrong_information_is_refused(parameters: str, sentence: str, tmp_path: Path) -> None:
    located = system(tmp_path, "return {'vocals': mixture}")
    path = tmp_path / "s.toml"
    path.write_text(path.read_text().replace('targets = ["vocals"]', parameters))
    with pytest.raises(SystemFailure, match=sentence):
        separate(load_system(path), tmp_path)
    assert located.spec.id == "s"


def test_next_track_gets_a_fresh_process_after_a_crash(tmp_path: Path) -> None:
    flag = tmp_path / "crashed"
    body = (
        f"if not os.path.exists({str(flag)!r}):\n"
        f"    open({str(flag)!r}, 'w').close()\n"
        "    os._exit(1)\n"
        "return {'vocals': mixture}"
    )
    with WorkerHost(system(tmp_path, body), ("vocals",), tmp_path) as host:
        with pytest.raises(SystemFailure, match="exit code 1"):
            host.separate("one", MIXTURE)
        assert host.separate("two", MIXTURE).estimates["vocals"].n_samples == 800


def test_time_limit_kills_the_whole_tree(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    body = (
        "here = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "nap = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        "away = subprocess.Popen(nap, start_new_session=True)\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{here.pid}} {{away.pid}}')\n"
        "time.sleep(60)"
    )
    started = time.monotonic()
    with pytest.raises(SystemFailure, match="took longer than the limit of 3 s"):
        separate(system(tmp_path, body), tmp_path, limit_s=3)
    assert time.monotonic() - started < 30
    for pid in pids.read_text().split():
        assert not alive(int(pid)), f"process {pid} outlived the limit"


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended but was not collected yet does not."""
    for _ in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        if state == "Z":
            return False
        time.sleep(0.1)
    return True


def test_cost_is_measured_around_separate_alone(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(
        f"{PRELUDE}\ndef separate(mixture):\n    time.sleep(0.3)\n    block = np.ones(40_000_000)\n"
        "    return {'vocals': mixture}\n\ndef make():\n    time.sleep(0.5)\n    return separate\n"
    )
    (tmp_path / "s.toml").write_text(
        'schema = 1\nid = "s"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n'
        'parameters = { factory = "code.py:make", targets = ["vocals"] }\n'
    )
    with WorkerHost(load_system(tmp_path / "s.toml"), ("vocals",), tmp_path) as host:
        done = host.separate("t", MIXTURE)
    assert done.load_s >= 0.5
    assert done.wall_s >= 0.3
    assert done.peak_rss_bytes >= 320_000_000


def test_missing_and_changed_weights_are_refused(tmp_path: Path) -> None:
    weights = 'weights = [{ path = "w.bin", sha256 = "' + "0" * 64 + '" }]\n'
    located = system(tmp_path, "return {'vocals': mixture}", weights)
    with pytest.raises(SystemFailure, match="are missing; put the file with sha256 000"):
        separate(located, tmp_path)
    (tmp_path / "w.bin").write_bytes(b"other")
    with pytest.raises(SystemFailure, match="the system file says 000"):
        separate(located, tmp_path)


def test_missing_and_changed_weights_are_told_where_to_get(tmp_path: Path) -> None:
    weights = f'weights = [{{ path = "w.bin", sha256 = "{"0" * 64}", source = "https://example.org/w" }}]\n'
    located = system(tmp_path, "return {'vocals': mixture}", weights)
    with pytest.raises(SystemFailure, match=r"sha256 0{64} from https://example\.org/w there"):
        separate(located, tmp_path)
    (tmp_path / "w.bin").write_bytes(b"other")
    with pytest.raises(SystemFailure, match=r"the system file says 0{64} from https://example\.org/w"):
        separate(located, tmp_path)
    elsewhere = system(
        tmp_path, "return {'vocals': mixture}", weights.replace("example.org", "mirror.example")
    )
    assert elsewhere.spec.digest == located.spec.digest


def test_interpreter_that_is_not_there(tmp_path: Path) -> None:
    located = system(tmp_path, "return {}", 'python = "./none/bin/python"\n')
    with pytest.raises(SystemFailure, match="cannot be started"):
        separate(located, tmp_path)


def test_references_are_for_oracles_only(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(
        'schema = 1\nid = "s"\ntitle = "t"\nadapter = "mwf"\nkind = "system"\ntraining_data = []\n'
    )
    with pytest.raises(SystemFailure, match='must say kind = "oracle"'):
        separate(load_system(tmp_path / "s.toml"), tmp_path)


@pytest.fixture(scope="session")
def other_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second interpreter with numpy and soundfile only."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin/python"
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "numpy", "soundfile"], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("numpy and soundfile cannot be installed here")
    return python


def test_another_interpreter_needs_numpy_and_soundfile_only(other_python: Path, tmp_path: Path) -> None:
    body = (
        "import importlib.util as u\n"
        "assert u.find_spec('scipy') is None and u.find_spec('msgspec') is None\n"
        f"assert sys.prefix == {str(other_python.parents[1])!r}, sys.prefix\n"
        "return {'vocals': mixture}"
    )
    located = system(tmp_path, body, f'python = "{other_python}"\n')
    assert np.array_equal(separate(located, tmp_path).samples, MIXTURE.samples)


def test_streams_under_another_interpreter(other_python: Path, tmp_path: Path) -> None:
    code = Path(__file__).resolve().parents[2] / "streaming_systems/systems.py"
    (tmp_path / "s.toml").write_text(
        'schema = 1\nid = "s"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n'
        f'python = "{other_python}"\nparameters = {{ factory = "{code}:Streaming", gain = 0.5 }}\n'
    )
    with WorkerHost(load_system(tmp_path / "s.toml"), ("vocals",), tmp_path) as host:
        done = host.stream(MIXTURE)
        assert np.array_equal(done.estimates["vocals"].samples, 0.5 * MIXTURE.samples)
        assert len(done.push_s) == len(done.held_samples) == 4  # 800 samples in hops of 256
        assert host.stream(MIXTURE, n_samples=2000).estimates == {}
