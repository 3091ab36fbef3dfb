"""Files of museval beside runs on one board."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from svbench.cli.main import main
from svbench.results.store import find_runs


@pytest.fixture
def files(small_runs: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A run of tracks that museval would take, and its scores as museval's files."""
    run = next(p for p in find_runs([small_runs]) if p.name.startswith("hpss--sisec18"))
    shutil.copytree(run, tmp_path / "lab" / run.name)
    words = ["export", "museval", str(run), "--out", str(tmp_path / "files/hpss")]
    assert main(words) == 0
    return tmp_path / "lab", tmp_path / "files"


def test_imported_files_confirm_a_run_or_stand_apart(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lab, scores = files
    (run,) = find_runs([lab])
    known, unknown = tmp_path / "known", tmp_path / "unknown"
    assert main(["import", "museval", str(scores), "--data-of", str(run), "--out", str(known)]) == 0
    assert main(["import", "museval", str(scores), "--out", str(unknown)]) == 0
    assert main(["board", f"lab={lab}", f"files={known}", "--out", str(tmp_path / "site")]) == 0
    text = (tmp_path / "site/index.html").read_text(encoding="utf-8")
    assert "hpss: lab, confirmed by files" in text
    assert len(list((tmp_path / "site/systems").iterdir())) == 1
    assert main(["board", f"lab={lab}", f"files={unknown}", "--out", str(tmp_path / "site")]) == 0
    text = (tmp_path / "site/index.html").read_text(encoding="utf-8")
    assert "confirmed" not in text
    assert len(re.findall(r'<section id="board-', text)) == 2
    assert "imported" in text
