"""Install lines name what can be installed, and a foreign package of the same name is named."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import svbench
from svbench import installation
from svbench.installation import foreign_packages, foreign_warning, install_line

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def foreign(folder: Path, *, with_files: bool = False) -> Path:
    """Lay out what pip leaves of a package called svbench that is not ours."""
    info = folder / "svbench-0.8.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: svbench\nVersion: 0.8.2\n")
    if with_files:
        (folder / "svbench/__init__.py").write_text("")
        (folder / "svbench/cli.py").write_text("def main(): print('genomics')\n")
    return folder


def test_name_and_version_stand_in_one_place() -> None:
    assert PROJECT["name"] == svbench.__distribution__ == installation.DISTRIBUTION


def test_install_line_of_a_checkout_and_of_a_release(monkeypatch: pytest.MonkeyPatch) -> None:
    assert install_line("listen") == "pip install '.[listen]' in the checkout of svbench"
    monkeypatch.setattr(installation, "_is_from_checkout", lambda: False)
    assert install_line("listen") == "pip install 'svbench-audio[listen]'"


def test_every_page_and_message_names_an_extra_that_exists() -> None:
    """No page or module tells anybody to install the other project's package."""
    pages = [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("examples/*.py"),
    ]
    extras = set(PROJECT["optional-dependencies"])
    for path in [*pages, *ROOT.glob("svbench/**/*.py")]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?<!un)install '?svbench(?!-)", text), path
        named = re.findall(r"install[^\n]*'(?:\.|svbench-audio)\[([a-z, -]+)\]'", text)
        assert {e.strip() for names in named for e in names.split(",")} <= extras, path


def test_foreign_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert foreign_warning() == ""
    monkeypatch.setattr(sys, "path", [*sys.path, str(foreign(tmp_path))])
    assert [(f.version, f.folder) for f in foreign_packages()] == [("0.8.2", str(tmp_path))]
    assert "svbench 0.8.2, a genomics tool" in foreign_warning()
    assert "pip uninstall svbench" in foreign_warning()


def test_earlier_versions_of_our_own_are_not_foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = foreign(tmp_path) / "svbench-0.8.2.dist-info/METADATA"
    info.write_text("Name: svbench\nSummary: Compare music source separation systems: named protocols\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert foreign_packages() == []


@pytest.mark.parametrize("overwritten", [False, True])
def test_command_line_says_so(tmp_path: Path, overwritten: bool) -> None:
    """Beside the package it is a warning; where it replaced our files, nothing may run."""
    (tmp_path / "svbench").mkdir()
    for part in Path(svbench.__file__).parent.iterdir():
        if part.name != "__pycache__":
            (tmp_path / "svbench" / part.name).symlink_to(part)
    if overwritten:
        (tmp_path / "svbench/__init__.py").unlink()
    foreign(tmp_path, with_files=overwritten)
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from svbench.cli.main import main; sys.exit(main(['--version']))"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "also holds svbench 0.8.2, a genomics tool of other authors" in done.stderr
    if overwritten:
        assert (done.returncode, done.stdout) == (2, "")
        assert "has replaced files of svbench-audio" in done.stderr
    else:
        assert (done.returncode, done.stdout) == (0, f"svbench {svbench.__version__}\n")
