"""What is said where there can be no sandbox, and what one is given to read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import svbench
from svbench.errors import SpecError, SystemFailure
from svbench.systems.worker import sandbox

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
    found = sandbox.readable_of_interpreter(str(tmp_path / "v/bin/python"))
    assert found[0] == tmp_path / "v"
    assert Path(sys.base_prefix).resolve() in [p.resolve() for p in found]


def test_what_lies_below_another_is_given_once(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    found = sandbox._outermost([tmp_path / "a/b", tmp_path / "a", tmp_path / "none", Path("/usr/bin")])
    assert found == [tmp_path / "a"]
