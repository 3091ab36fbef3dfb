"""What is said where there can be no sandbox, and what one is given to read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import svbench
from svbench.audio import Audio
from svbench.errors import SpecError, SystemFailure
from svbench.specs.system import LocatedSystem, isolated, load_system
from svbench.systems.worker import sandbox
from svbench.systems.worker.exchange import Exchange

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    sandbox.check_sandbox.cache_clear()
    yield
    sandbox.check_sandbox.cache_clear()


def test_without_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    with pytest.raises(SystemFailure, match=r"needs Bubblewrap: pip install 'svbench-audio\[sandbox\]'"):
        sandbox.check_sandbox()


def test_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox.sys, "platform", "darwin")
    with pytest.raises(SystemFailure, match="needs Linux, this is darwin; use a container"):
        sandbox.check_sandbox()


def test_where_the_kernel_does_not_permit_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(sandbox, "find_bubblewrap", lambda: str(program))
    with pytest.raises(
        SystemFailure, match=r"setting up uid map: Permission denied\); the kernel must permit"
    ):
        sandbox.check_sandbox()


def test_without_the_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyseccomp", None)
    sandbox._program.cache_clear()
    with pytest.raises(SystemFailure, match="needs pyseccomp and the library libseccomp"):
        sandbox._program()


def test_a_function_cannot_be_isolated() -> None:
    with pytest.raises(SpecError, match="is a function in this process, which no sandbox can hold"):
        svbench.evaluate(lambda mixture: {"vocals": mixture}, "demo", "mdx21", isolation="sandbox")


def test_the_interpreter_of_an_environment_needs_two_folders(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "v")], check=True)
    found = sandbox.interpreter_folders(str(tmp_path / "v/bin/python"))
    assert found[0] == tmp_path / "v"
    assert Path(sys.base_prefix).resolve() in [p.resolve() for p in found]


def test_an_environment_cannot_name_another_folder_as_its_python(tmp_path: Path) -> None:
    (tmp_path / "data/bin").mkdir(parents=True)
    (tmp_path / "v/bin").mkdir(parents=True)
    (tmp_path / "v/bin/python").symlink_to("/bin/sh")
    (tmp_path / "v/pyvenv.cfg").write_text(f"home = {tmp_path}/data/bin\n")
    found = sandbox.interpreter_folders(str(tmp_path / "v/bin/python"))
    assert tmp_path / "v" in found
    assert not [f for f in found if f.is_relative_to(tmp_path / "data")]
    assert set(found) <= {tmp_path / "v", Path("/usr")}  # where /bin/sh is


def located(folder: Path, extra: str, hidden: list[Path]) -> LocatedSystem:
    (folder / "system").mkdir()
    (folder / "system/s.toml").write_text(
        f'schema = 1\nid = "s"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n{extra}'
    )
    return isolated(load_system(folder / "system/s.toml"), hidden)


def test_a_reference_cannot_be_named_as_weights(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/vocals.wav").write_bytes(b"reference")
    weights = f'weights = [{{ path = "../data/vocals.wav", sha256 = "{"0" * 64}" }}]\n'
    system = located(tmp_path, weights, [tmp_path / "data"])
    with pytest.raises(
        SystemFailure, match=r"needs .*vocals\.wav, which would show it .*data in its sandbox"
    ):
        sandbox._readable(system, sys.executable, ())


def test_data_beside_an_interpreter_are_refused(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "v")], check=True)
    (tmp_path / "v/data").mkdir()
    system = located(tmp_path, "", [tmp_path / "v/data"])
    with pytest.raises(SystemFailure, match=r"needs .*/v, which would show it .*data in its sandbox"):
        sandbox._readable(system, str(tmp_path / "v/bin/python"), ())


def test_what_lies_below_another_is_given_once(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    found = sandbox._outermost([tmp_path / "a/b", tmp_path / "a", tmp_path / "none", Path("/usr/bin")])
    assert found == [tmp_path / "a"]


@pytest.mark.parametrize("trick", ["folder", "file"])
def test_a_mixture_is_never_written_through_a_link(trick: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    exchange = Exchange(tmp_path / "exchange")
    if trick == "folder":
        (tmp_path / "exchange").rename(tmp_path / "elsewhere")
        (tmp_path / "exchange").symlink_to(outside)
        exchange.put("mixture", Audio(np.zeros((8, 1)), 8000))
        assert (tmp_path / "elsewhere/mixture.npy").is_file()
    else:
        (tmp_path / "exchange/mixture.npy").symlink_to(outside / "mixture.npy")
        with pytest.raises(SystemFailure, match="deleted or changed its scratch folder"):
            exchange.put("mixture", Audio(np.zeros((8, 1)), 8000))
    assert list(outside.iterdir()) == []
    exchange.close()
