"""A real third-party package, built, installed beside svbench and run by name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PACKAGE = Path(__file__).resolve().parents[1] / "plugin_package"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package installed in it."""
    target = tmp_path_factory.mktemp("site")
    build = tmp_path_factory.mktemp("source") / "package"
    subprocess.run(["cp", "-r", str(PACKAGE), str(build)], check=True)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(build)],
        check=True,
    )
    return target


def svbench(site: Path, cwd: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "svbench", *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(site)}, cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_adapter_and_metric_of_a_package_run(installed: Path, small_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "halves.toml").write_text(
        'schema = 1\nid = "halves"\ntitle = "t"\nadapter = "halves"\ntraining_data = []\n'
    )
    (tmp_path / "protocols").mkdir()
    (tmp_path / "protocols/peak.toml").write_text(
        'schema = 1\nid = "peak"\ntitle = "t"\nversion = "1"\ndescription = "d"\ncitation = "c"\n'
        'headline = "PeakError"\n[[target_sets]]\nid = "all"\ntargets = ["vocals", "drums"]\n'
        '[[metrics]]\nid = "peak-error"\nreduce = { frames = "mean", tracks = "mean" }\n'
    )
    listed = json.loads(svbench(installed, tmp_path, "list", "adapters", "--json").stdout)
    row = next(r for r in listed if r["id"] == "halves")
    assert row["distribution"] == "svbench-halves"
    assert row["title"].startswith("A third-party package")
    assert svbench(installed, tmp_path, "check", "halves.toml", "protocols/peak.toml").returncode == 0
    words = [
        "run",
        "peak",
        "--data",
        f"folder={small_folder}",
        "--system",
        "halves.toml",
        "--system",
        "mixture",
    ]
    done = svbench(installed, tmp_path, *words, "--json")
    assert done.returncode == 0, done.stderr
    runs = {r["system"]: r for r in json.loads(done.stdout)}
    mean = {s: runs[s]["summaries"][-1]["score"] for s in runs}
    assert mean["halves"] < mean["mixture"], "half the mixture errs less than the whole one"
    table = svbench(installed, tmp_path, "table", "runs", "--format", "markdown").stdout.splitlines()
    assert table[2].startswith("| halves"), "lower is better for this metric, so halves leads"


def test_without_the_package_its_name_is_unknown(tmp_path: Path, small_folder: Path) -> None:
    (tmp_path / "halves.toml").write_text(
        'schema = 1\nid = "halves"\ntitle = "t"\nadapter = "halves"\ntraining_data = []\n'
    )
    done = svbench(tmp_path, tmp_path, "check", "halves.toml")
    assert done.returncode == 1
    assert "unknown adapter 'halves'" in done.stdout
