"""The wheel carries all it needs, and what the docs show runs."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import svbench
from svbench.results.store import find_runs

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def test_wheel_works_outside_the_checkout(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    pip = [sys.executable, "-m", "pip"]
    subprocess.run([*pip, "wheel", "--quiet", "--no-deps", "-w", str(wheels), str(ROOT)], check=True)
    (wheel,) = wheels.iterdir()
    names = zipfile.ZipFile(wheel).namelist()
    assert sum(n.endswith(".flac") for n in names) == 22
    assert not [n for n in names if n.startswith(("tests", "runs", "out"))]
    site = tmp_path / "site"
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)], check=True)
    environment = {**os.environ, "PYTHONPATH": str(site)}

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "svbench", *words],
            env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert str(site / "svbench/_specs/protocols/sisec18.toml") in run("list", "protocols", "--json")
    assert "WRONG" not in run("check")
    run("verify", "demo")
    assert "uSDR" in run("run", "mdx21", "--data", "demo", "--system", "mixture", "--track", "caesium")
    assert "report" in run("report", "runs")


def test_public_names_are_lazy_and_all_there() -> None:
    code = (
        "import sys, svbench; print(*sorted(m for m in sys.modules if m in ('numpy', 'msgspec', 'pandas')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
    for name in svbench.__all__:
        assert getattr(svbench, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = svbench.nothing


def test_example_runs(small_runs: Path) -> None:
    run = find_runs([small_runs])[0]
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples/score_arrays.py"), str(run)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "caesium, vocals: median SDR 3.47 dB, 11 frames" in done.stdout
    assert "4-stems" in done.stdout
