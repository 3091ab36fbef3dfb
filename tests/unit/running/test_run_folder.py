"""Estimates and the result that names them change together, or the track is done again."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from svbench.audio import samples_digest
from svbench.cli.main import main
from svbench.results.store import find_runs, load_run
from svbench.running.run_folder import KeptLogs, is_changing, keep_estimates, keep_result


@pytest.fixture
def words(small_folder: Path, tmp_path: Path) -> list[str]:
    """A command that keeps estimates."""
    words = ["run", "mdx21", "--data", f"folder={small_folder}", "--system", "mixture", "--keep-estimates"]
    words += ["--out", str(tmp_path), "--workers", "1"]
    assert main(words) == 0
    return words


def test_a_kill_between_estimates_and_result_makes_the_track_be_done_again(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run,) = map(load_run, find_runs([tmp_path]))
    track = run.results[0]
    path = run.path / track.estimates["vocals"]
    before = path.stat().st_size
    # As a kill leaves it: the new estimates are there, the result is the old one.
    from svbench.audio import Audio, read_audio

    half = Audio(0.5 * read_audio(path).samples, 16000)
    keep_estimates(run.path, track.track, {"vocals": half}, {"vocals": samples_digest(half)}, {})
    assert is_changing(run.path, track.track)
    capsys.readouterr()
    assert main(words) == 0
    assert capsys.readouterr().err.count("(kept)") == 2
    assert not is_changing(run.path, track.track)
    assert path.stat().st_size == before
    assert (read_audio(path).samples == 2 * half.samples).all()


def test_logs_are_kept_once_and_go_with_the_failure(words: list[str], tmp_path: Path) -> None:
    (run,) = map(load_run, find_runs([tmp_path]))
    log = tmp_path / "log.txt"
    log.write_text("Traceback")
    logs = KeptLogs(run.path)
    assert [logs.keep(log, t) for t in ("track 0", "track 1")] == [logs.keep(log, "track 2")] * 2
    assert logs.keep(None, "track 0") == logs.keep(tmp_path / "none", "track 0") == ""
    kept = run.path / logs.keep(log, "track 0")
    assert kept.read_text() == "Traceback"
    failed = msgspec.structs.replace(run.results[0], status="failed", log=logs.keep(log, "track 0"))
    keep_result(run.path, failed)
    assert kept.exists()
    keep_result(run.path, run.results[0])
    assert not kept.exists()
