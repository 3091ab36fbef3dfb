"""Files are whole or absent, and each mismatch has its sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from svbench.errors import DataError
from svbench.results.scores import TrackResult
from svbench.results.store import find_runs, load_run, read_record, slug, track_file, write_record

RESULT = TrackResult(
    schema=1, key="k", track="Ä/b: c", subset="", duration_s=1.0, n_samples=9, status="failed", reason="…"
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = track_file(tmp_path, RESULT.track)
    write_record(path, RESULT)
    assert read_record(path, TrackResult) == RESULT
    assert [p.name for p in path.parent.iterdir()] == [path.name], "a temporary file was left"


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    write_record(path, RESULT)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("svbench.disk.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_record(path, TrackResult(**{**json.loads(path.read_bytes()), "reason": "new"}))
    assert read_record(path, TrackResult) == RESULT
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "schema None, this svbench reads 1; no svbench file"),
        ('{"schema": 2}', "schema 2, .*written by a newer svbench; update"),
        ('{"schema": 1}', "damaged .*missing required field"),
    ],
)
def test_damaged_files(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(DataError, match=sentence):
        load_run(tmp_path)


def test_no_run_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is .* a run folder"):
        load_run(tmp_path)
    with pytest.raises(DataError, match="make a run with `svbench run`"):
        find_runs([tmp_path])


def test_slugs_never_collide() -> None:
    names = ["a b", "a_b", "a/b", "a:b", "ä", "ö", "", "..", "a" * 300, "a" * 299 + "b"]
    slugs = [slug(n) for n in names]
    assert len(set(slugs)) == len(names)
    assert all(0 < len(s.encode()) < 200 and "/" not in s and not s.startswith(".") for s in slugs[:-2])


def test_runs_are_found_below_a_folder(small_runs: Path, tmp_path: Path) -> None:
    runs = find_runs([small_runs])
    assert len(runs) == 6
    assert find_runs([small_runs, runs[0]]) == runs
    copy = tmp_path / "copy"
    shutil.copytree(runs[0], copy)
    next((copy / "tracks").iterdir()).unlink()
    assert len(load_run(copy).missing) == 1
