"""Files are whole or not there, of ordinary permissions; folders go however they resist."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from svbench.disk import folder_bytes, remove_tree, replacing


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_files_follow_the_umask(umask: int, mode: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        with replacing(tmp_path / "a" / "b.txt") as partial:
            partial.write_text("x")
    finally:
        os.umask(before)
    assert (tmp_path / "a/b.txt").stat().st_mode & 0o777 == mode
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.txt"]


def test_an_error_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail() -> None:
        with replacing(path) as partial:
            partial.write_text("new")
            assert path.read_text() == "old"
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_what_resists_is_removed_and_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").touch()
    deep = tmp_path / "bad/a/b"
    deep.mkdir(parents=True)
    (deep / "file").touch()
    (deep / "link").symlink_to(tmp_path / "kept", target_is_directory=True)
    os.mkfifo(deep / "pipe")
    for path in (deep, deep.parent, tmp_path / "bad"):
        path.chmod(0)
    remove_tree(tmp_path / "bad")
    remove_tree(tmp_path / "never")
    assert [p.name for p in tmp_path.rglob("*")] == ["kept", "file"]


def test_a_link_in_place_of_a_folder_is_removed_itself(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "kept", target_is_directory=True)
    remove_tree(tmp_path / "link")
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]


def test_disk_in_use_counts_blocks_and_files(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(range(256)) * 4000)
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(10**9)
    for number in range(10):
        (tmp_path / f"empty-{number}").touch()
    (tmp_path / "link").symlink_to("/")
    assert 1_024_000 + 11 * 4096 <= folder_bytes(tmp_path) < 2_000_000
    assert folder_bytes(tmp_path / "none") == 0
