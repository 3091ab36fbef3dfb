"""The house has floors, and imports go down only."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import svbench

FLOORS = [
    {"errors", "disk", "installation"},
    {"printing"},
    {"tables"},
    {"audio", "specs", "metrics"},
    {"naming"},
    {"datasets", "systems", "results"},
    {"probes", "statistics"},
    {"scoring", "report", "listening"},
    {"running", "testing"},
    {"cost", "crosscheck", "agreement"},
    {"api"},
    {"cli"},
    {"__main__"},
]
LEVEL = {name: number for number, floor in enumerate(FLOORS) for name in floor}
PACKAGE = Path(svbench.__file__).parent
FILES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


def module_of(path: Path) -> str:
    parts = ["svbench", *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(p): p for p in FILES}


def files_imported(path: Path) -> set[str]:
    """Modules of svbench that a file imports, in functions and for type checkers too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{a.name}" for a in node.names} & MODULES.keys()
            found |= inner or {node.module}
    return found & MODULES.keys() - {module_of(path)}


def imports(path: Path) -> set[str]:
    return {module.split(".")[1] for module in files_imported(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for other in imports(path) - {own}:
        assert LEVEL[other] < LEVEL[own], f"{path.name} ({own}) imports {other}"


def test_no_circles_of_files() -> None:
    """A file can be understood without those that use it."""
    try:
        TopologicalSorter({module: files_imported(path) for module, path in MODULES.items()}).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_front_door_imports_nothing_at_start() -> None:
    code = "import sys, svbench; print(sorted(m for m in sys.modules if m.startswith(('svbench.', 'numpy'))))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_only_the_command_line_imports_the_runner() -> None:
    for path in FILES:
        if path.relative_to(PACKAGE).parts[0] not in ("api", "cli", "cost", "crosscheck", "running"):
            assert "running" not in imports(path), path


def test_no_verb_imports_another() -> None:
    for path in (PACKAGE / "cli/verbs").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("svbench.cli.verbs"), path


def test_metrics_know_no_files() -> None:
    for path in (PACKAGE / "metrics").rglob("*.py"):
        assert imports(path) <= {"errors", "installation", "metrics"}, path
        text = path.read_text(encoding="utf-8")
        assert "import soundfile" not in text, path
        assert "pathlib" not in text, path


def test_report_reads_runs_only() -> None:
    for path in (PACKAGE / "report").rglob("*.py"):
        assert not imports(path) & {"metrics", "systems", "running"}, path


def test_listening_reads_runs_only() -> None:
    for path in (PACKAGE / "listening").rglob("*.py"):
        assert not imports(path) & {"metrics", "systems", "report", "running"}, path
