"""The numbered steps of CONTRIBUTING.md, followed to the letter."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import svbench
from svbench.cli.main import main
from svbench.results.store import find_runs, load_run
from svbench.specs.system import load_system
from svbench.testing.systems import check_system

TEXT = (Path(__file__).resolve().parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def steps(heading: str) -> dict[str, str]:
    """Files a section tells to write: name → content, from the code block after the name."""
    section = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"`([\w/.-]+\.(?:toml|py))`[^\n]*\n\n   ```\w+\n(.*?)   ```", section, re.DOTALL)
    return {name: re.sub(r"^   ", "", body, flags=re.MULTILINE) for name, body in blocks}


def commands(heading: str) -> list[list[str]]:
    section = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    return [c.split()[1:] for c in re.findall(r"`(svbench [^`]+)`", section)]


def write(files: dict[str, str], root: Path) -> None:
    for name, body in files.items():
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(body, encoding="utf-8")


@pytest.mark.parametrize(
    ("heading", "files", "n_runs"),
    [
        ("Add a system", ["systems/my-system.toml", "systems/my_system.py"], 2),
        ("Add a protocol", ["protocols/my-protocol.toml"], 1),
    ],
)
def test_steps_work(
    heading: str, files: list[str], n_runs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = steps(heading)
    assert list(found) == files
    write(found, tmp_path)
    monkeypatch.chdir(tmp_path)
    typed = commands(heading)
    assert [c[0] for c in typed] in (["check", "run"], ["check", "show", "run"])
    for words in typed:
        assert main(words) == 0, words
    runs = [load_run(p) for p in find_runs([tmp_path / "runs"])]
    assert len(runs) == n_runs
    assert not any(r.failed or r.missing for r in runs)
    if heading == "Add a system":
        check_system(load_system("my-system"), tmp_path)


def test_every_file_it_names_exists() -> None:
    root = Path(__file__).resolve().parents[2]
    own = {"systems/my-system.toml", "systems/my_system.py", "protocols/my-protocol.toml"}
    named = (
        set(
            re.findall(
                r"`((?:svbench|tests|docs|systems|protocols|reports|examples|data_manifests)/[\w./-]*)`", TEXT
            )
        )
        - own
    )
    assert len(named) > 15
    assert [name for name in sorted(named) if not (root / name).exists()] == []


def test_one_version() -> None:
    root = Path(__file__).resolve().parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = re.search(
        r"^version: (\S+)$", (root / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert citation is not None
    assert project["version"] == citation[1] == svbench.__version__
