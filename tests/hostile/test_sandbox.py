"""Real attacks on the real sandbox: each gains something without it and nothing inside it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from svbench.audio import Audio
from svbench.errors import SpecError, SystemFailure
from svbench.specs.system import LocatedSystem, isolated, load_system
from svbench.systems.worker import sandbox
from svbench.systems.worker.host import WorkerHost

MARK = "svbench-hostile-4711"
MIXTURE = Audio(np.random.default_rng(0).uniform(-0.5, 0.5, (4000, 2)), 8000)
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
ATTACKS = [
    "read_references", "walk_for_references", "read_environment", "read_command_lines", "read_memory",
    "read_descriptors", "trace_parent", "trace_oneself", "signal_parent", "connect_tcp", "route_to_metadata",
    "connect_abstract", "connect_unix", "write_outside", "write_programs", "become_root", "make_namespace",
    "make_device", "make_pipe", "use_keys", "open_vsock", "bomb_processes",
]  # fmt: skip
ONLY_ROOT_GAINS = {"write_programs", "become_root", "make_device"}
# Machines differ in what they permit without a sandbox.
DEPENDS_ON_MACHINE = {"route_to_metadata", "make_namespace", "use_keys", "open_vsock"}


def why_not() -> str:
    """Say why there can be no sandbox here; empty where there can."""
    try:
        sandbox.check_sandbox()
    except SystemFailure as error:
        return str(error)
    return ""


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="needs Linux"),
    pytest.mark.skipif(bool(sys.platform == "linux" and why_not()), reason=why_not() or "works"),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What there is to steal: a data set, scores, services, and this process."""
    root = tmp_path_factory.mktemp("world")
    secret = root / "data/track/vocals.wav"
    secret.parent.mkdir(parents=True)
    secret.write_text(f"{MARK} the reference")
    (root / "runs").mkdir()
    os.environ["SVBENCH_HOSTILE_TEST"] = MARK
    with contextlib.ExitStack() as stack:
        tcp, abstract, unix = (
            stack.enter_context(socket.socket(f)) for f in (socket.AF_INET, socket.AF_UNIX, socket.AF_UNIX)
        )
        tcp.bind(("127.0.0.1", 0))
        abstract.bind(f"\0{MARK}-{os.getpid()}")
        unix.bind(str(root / "s"))
        for server in (tcp, abstract, unix):
            server.listen()
            threading.Thread(target=_serve, args=(server,), daemon=True).start()
        yield {
            "secret": str(secret), "root": str(root), "mark": MARK, "parent": os.getpid(),
            "port": tcp.getsockname()[1], "abstract": f"{MARK}-{os.getpid()}", "unix": str(root / "s"),
            "outside": str(root / "runs"),
        }  # fmt: skip
    del os.environ["SVBENCH_HOSTILE_TEST"]


def _serve(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            connection.sendall(b"a secret")
            connection.close()


def thief(folder: Path, attack: str, world: dict[str, Any], extra: str = "") -> LocatedSystem:
    """A system that carries out one attack, in a folder of its own."""
    own = folder / "system"
    own.mkdir(exist_ok=True)
    shutil.copy(Path(__file__).with_name("thief.py"), own / "thief.py")
    known = "\n".join(f"{key} = {json.dumps(value)}" for key, value in world.items())
    (own / "s.toml").write_text(
        f'schema = 1\nid = "thief"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n{extra}\n[parameters]\n'
        f'factory = "thief.py:make"\ntargets = ["vocals"]\nattack = "{attack}"\n{known}\n'
    )
    return load_system(own / "s.toml")


def printed(located: LocatedSystem, scratch: Path) -> str:
    """Have a system separate, and return what it printed."""
    with WorkerHost(located, ("vocals",), scratch) as host:
        host.separate("a track", MIXTURE, limit_s=60)
        host.close()
        assert host.log is not None
        return host.log.read_text()


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_gains_nothing(attack: str, world: dict[str, Any], tmp_path: Path) -> None:
    open_to_all = thief(tmp_path, attack, world)
    gained = "GAINED" in printed(open_to_all, tmp_path)
    scores = Path(world["outside"], "scores.json")
    scores.unlink(missing_ok=True)
    text = printed(isolated(open_to_all, [Path(world["root"], "data")]), tmp_path)
    assert "GAINED" not in text
    assert "refused" in text or "nothing" in text
    assert not scores.exists()
    if not gained and attack in DEPENDS_ON_MACHINE:
        pytest.skip("this machine refuses it without a sandbox too, so it proves nothing here")
    assert gained or (attack in ONLY_ROOT_GAINS and not IS_ROOT), "it gains nothing without a sandbox either"


def test_a_system_does_not_work_between_requests(world: dict[str, Any], tmp_path: Path) -> None:
    counts = {}
    for name in ("none", "sandbox"):
        located = thief(tmp_path, "work_between", world)
        with WorkerHost(
            isolated(located, []) if name == "sandbox" else located, ("vocals",), tmp_path
        ) as host:
            host.separate("one", MIXTURE)
            time.sleep(1.0)
            host.separate("two", MIXTURE)
            host.close()
            assert host.log is not None
            ticks = [int(line.split()[1]) for line in host.log.read_text().splitlines() if "TICKS" in line]
        counts[name] = ticks[1] - ticks[0]
    assert counts["none"] > 40
    assert counts["sandbox"] < 20


def test_a_forged_time_is_not_believed(world: dict[str, Any], tmp_path: Path) -> None:
    located = thief(tmp_path, "forge_time", world)
    with WorkerHost(located, ("vocals",), tmp_path) as host:
        assert host.separate("a track", MIXTURE).wall_s == 1e-6  # what could be gained
    with WorkerHost(isolated(located, []), ("vocals",), tmp_path) as host:
        assert host.separate("a track", MIXTURE).wall_s > 0.5


def test_the_next_exchange_cannot_be_redirected(world: dict[str, Any], tmp_path: Path) -> None:
    located = isolated(thief(tmp_path, "redirect_exchange", world), [])
    before = sorted(Path(world["outside"]).iterdir())
    with WorkerHost(located, ("vocals",), tmp_path) as host:
        host.separate("one", MIXTURE)
        with pytest.raises(SystemFailure, match="scratch folder"):
            host.separate("two", MIXTURE)
    assert sorted(Path(world["outside"]).iterdir()) == before


def test_no_daemon_outlives_its_worker(world: dict[str, Any], tmp_path: Path) -> None:
    located = isolated(thief(tmp_path, "daemon", world), [])
    with WorkerHost(located, ("vocals",), tmp_path) as host:
        host.separate("one", MIXTURE)
        assert running(f"{MARK}-daemon")
    assert not running(f"{MARK}-daemon")


def running(mark: str) -> list[str]:
    """Processes whose command line holds a mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if mark.encode() in path.read_bytes() and path.parent.name != str(os.getpid()):
                found.append(path.parent.name)
    return found


def system_of(folder: Path, body: list[str], extra: str = "") -> LocatedSystem:
    """A system whose `separate` has the given lines, in a folder of its own."""
    own = folder / "system"
    own.mkdir()
    lines = ["def make():", "    def separate(mixture):", *(f"        {line}" for line in body)]
    (own / "code.py").write_text(
        "\n".join([*lines, "        return {'vocals': mixture}", "    return separate", ""])
    )
    (own / "s.toml").write_text(
        f'schema = 1\nid = "s"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n{extra}\n'
        '[parameters]\nfactory = "code.py:make"\ntargets = ["vocals"]\n'
    )
    return load_system(own / "s.toml")


def test_a_system_that_fills_the_disk_is_stopped(tmp_path: Path) -> None:
    body = ["import time", "file = open('big', 'wb')", "for _ in range(400):", "    file.write(bytes(1 << 20))",
        "time.sleep(30)"]  # fmt: skip
    located = isolated(system_of(tmp_path, body, "disk_limit_bytes = 100_000_000"), [])
    with (
        pytest.raises(SystemFailure, match=r"it wrote .* to its scratch folder, the limit is 0\.1 GB"),
        WorkerHost(located, ("vocals",), tmp_path) as host,
    ):
        host.separate("a track", MIXTURE)


@pytest.mark.parametrize("system", ["hpss", "repet"])
def test_numbers_are_bit_equal_with_and_without_it(system: str, tmp_path: Path) -> None:
    estimates = []
    for located in (load_system(system), isolated(load_system(system), [])):
        with WorkerHost(located, ("vocals", "accompaniment"), tmp_path) as host:
            estimates.append(host.separate("a track", MIXTURE).estimates)
    plain, inside = estimates
    assert plain.keys() == inside.keys()
    for target, audio in plain.items():
        assert np.array_equal(audio.samples, inside[target].samples)


def test_a_folder_that_holds_the_data_is_refused(tmp_path: Path, world: dict[str, Any]) -> None:
    located = thief(tmp_path, "read_references", world)
    with pytest.raises(
        SpecError, match="which a system in a sandbox must not see; put the system into a folder"
    ):
        isolated(located, [tmp_path / "system/data"])


def test_the_music_of_svbench_itself_is_hidden(tmp_path: Path) -> None:
    body = [
        "from svbench.datasets.demo import demo_root",
        "print('SEES', sorted(p.name for p in demo_root().iterdir()), flush=True)",
    ]
    located = system_of(tmp_path, body)
    assert "caesium" in printed(located, tmp_path)
    assert "SEES []" in printed(isolated(located, []), tmp_path)


def test_inside_it_is_nobody_and_alone(tmp_path: Path) -> None:
    exchange = tmp_path / "exchange"
    exchange.mkdir()
    one = sandbox.Sandbox(isolated(load_system("mixture"), []), sys.executable, exchange)
    code = (
        "import json, os; print(json.dumps([os.getuid(), os.listdir('/proc'), sorted(os.environ), "
        "open('/proc/self/status').read()]))"
    )
    try:
        done = subprocess.run(
            one.command([sys.executable, "-S", "-c", code]),
            env=one.environment({}), pass_fds=(one.handle,), capture_output=True, text=True, check=True,
        )  # fmt: skip
    finally:
        one.close()
    uid, processes, environment, status = json.loads(done.stdout)
    assert uid != 0
    assert len([p for p in processes if p.isdigit()]) <= 3
    assert set(environment) <= {*sandbox.ENVIRONMENT, "PWD", "LC_CTYPE"}
    assert "CapEff:\t0000000000000000" in status
    assert "CapBnd:\t0000000000000000" in status or not IS_ROOT
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status


@pytest.mark.skipif(not IS_ROOT, reason="this is an ordinary user already")
def test_all_of_this_as_an_ordinary_user(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    packages = os.pathsep.join(str(p) for p in [root, *(p for p in sys.path if "-packages" in p)])
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "PYTHONPATH": packages,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    # root's own Python may lie where nobody else can read it
    code = "import pytest, numpy, soundfile, pyseccomp, svbench"
    for python in (sys.executable, "/usr/bin/python3"):
        checks = [["test", "-r", os.path.realpath(python)], [python, "-c", code]]
        if not any(
            subprocess.run([*user, *c], env=environment, cwd="/", capture_output=True, check=False).returncode
            for c in checks
        ):
            break
    else:
        pytest.skip("no Python here can be read by an ordinary user")
    tmp_path.chmod(0o777)
    for folder in tmp_path.parents[:3]:
        folder.chmod(folder.stat().st_mode | 0o111)
    words = [
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--basetemp={tmp_path}/t",
        __file__,
    ]
    done = subprocess.run(
        [*user, python, *words], env=environment, cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "passed" in done.stdout
