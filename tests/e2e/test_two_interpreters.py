"""A system whose packages svbench's interpreter does not have: the commands of docs/systems.md, for real.

The second virtual environment is built from the package index once and kept in pytest's cache (some
700 MB); SVBENCH_TEST_VENV may name a ready one that has PyTorch, NumPy and soundfile.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECTION = (
    (ROOT / "docs/systems.md").read_text(encoding="utf-8").split("## Two interpreters\n")[1].split("\n## ")[0]
)
PIP = ["-m", "pip", "--disable-pip-version-check", "--retries", "0", "--timeout", "20"]
pytestmark = [pytest.mark.xdist_group("second-venv"), pytest.mark.slow]

# PyTorch cannot be imported here, installed or not; the child process knows nothing of it.
WITHOUT_TORCH = "import sys; sys.modules['torch'] = None\n"
CONFORM = (
    WITHOUT_TORCH
    + """
from pathlib import Path
from svbench.specs.system import load_system
from svbench.testing.systems import check_system
print(check_system(load_system(sys.argv[1]), Path(sys.argv[2])).version)
"""
)
RUN = WITHOUT_TORCH + "from svbench.cli.main import main; sys.exit(main(sys.argv[1:]))"


def call(python: str | Path, *words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    argv = [str(python), *map(str, words)]
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def index() -> None:
    words = ["install", "--dry-run", "--ignore-installed", "--no-deps", "--no-cache-dir", "soundfile"]
    if call(sys.executable, *PIP, *words).returncode:
        pytest.skip("no package index can be reached")


@pytest.fixture(scope="module")
def venv(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> Path:
    """The environment that the page makes in ``envs/net``."""
    given = os.environ.get("SVBENCH_TEST_VENV")
    assert pytestconfig.cache is not None
    folder = Path(given) if given else Path(pytestconfig.cache.mkdir("second-venv")) / "net"
    python = folder / "bin/python"
    ready = ["-c", "import torch, numpy, soundfile"]
    if python.exists() and not call(python, *ready).returncode:
        return folder
    assert not given, f"SVBENCH_TEST_VENV: {python} has no PyTorch, NumPy and soundfile"
    request.getfixturevalue("index")
    words = re.findall(r"^envs/net/bin/pip (install .*)$", SECTION, re.MULTILINE)[0].split()
    assert call(sys.executable, "-m", "venv", "--clear", folder).returncode == 0
    done = call(python, *PIP, *words, "--no-compile")
    if done.returncode:
        pytest.skip(f"pip cannot install it here: {done.stderr.strip().splitlines()[-1]}")
    return folder


@pytest.fixture
def system(venv: Path, tmp_path: Path) -> Path:
    """The page's system file and code, in a folder where the page's ``envs/net`` is."""
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs/net").symlink_to(venv, target_is_directory=True)
    (tmp_path / "net.py").write_text(re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)[0])
    path = tmp_path / "net.toml"
    path.write_text(re.findall(r"```toml\n(.*?)```", SECTION, re.DOTALL)[0])
    return path


def test_a_torch_system_conforms_though_svbench_has_no_torch(
    system: Path, venv: Path, tmp_path: Path
) -> None:
    done = call(sys.executable, "-c", CONFORM, system, tmp_path)
    assert done.returncode == 0, done.stderr
    versions = r"torch (\S+) at (\S+), numpy at (\S+)\n"
    matched = re.fullmatch(versions, done.stdout)
    assert matched, done.stdout
    # All of it is the second environment's own, nothing leaks in from this one.
    inside = [Path(place).resolve().is_relative_to(venv.resolve()) for place in matched.groups()[1:]]
    assert inside == [True, True], done.stdout
    assert venv.resolve() != Path(sys.prefix).resolve()


def test_it_runs_beside_a_system_of_this_interpreter(
    system: Path, small_folder: Path, tmp_path: Path
) -> None:
    words = ["run", "mdx21", "--data", f"folder={small_folder}", "--out", "runs"]
    done = call(sys.executable, "-c", RUN, *words, "--system", system, "--system", "mixture", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    table = call(sys.executable, "-c", RUN, "table", "runs", "--cost", "--json", cwd=tmp_path)
    scores = {row["system"]: row["score"] for row in json.loads(table.stdout)["rows"]}
    # A quarter of the mixture is another estimate than the mixture: the network did run.
    assert set(scores) == {"net", "mixture"}
    assert abs(scores["net"] - scores["mixture"]) > 0.5


@pytest.mark.usefixtures("index")
def test_svbench_itself_does_not_resolve_with_the_original_spleeter() -> None:
    done = call(sys.executable, *PIP, "install", "--dry-run", "--quiet", ROOT, "spleeter==2.4.2")
    assert done.returncode != 0
    assert "spleeter" in done.stderr


@pytest.mark.usefixtures("index")
def test_all_extras_resolve_together() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    together = f"{ROOT}[{','.join(sorted(project['optional-dependencies']))}]"
    done = call(sys.executable, *PIP, "install", "--dry-run", "--quiet", together)
    assert done.returncode == 0, done.stderr
