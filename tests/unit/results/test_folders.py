"""A folder is replaced as a whole, and only if svbench wrote all of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from svbench.errors import DataError
from svbench.results.folders import replaced

MARK = ".svbench-report"


def write(out: Path, text: str = "new") -> None:
    with replaced(out, MARK, "report") as new:
        (new / "pages").mkdir()
        (new / "pages/index.html").write_text(text)


def test_a_new_an_empty_and_an_earlier_folder(tmp_path: Path) -> None:
    out = tmp_path / "deep/out"
    write(out, "first")
    write(out, "second")
    assert (out / "pages/index.html").read_text() == "second"
    (tmp_path / "empty").mkdir()
    write(tmp_path / "empty")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep", "empty"]
    assert [p.name for p in out.parent.iterdir()] == ["out"]


def test_a_link_to_a_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "link"
    link.symlink_to("disk")
    for text in ("first", "second"):
        write(link, text)
        assert link.is_symlink()
        assert (tmp_path / "disk/pages/index.html").read_text() == text


@pytest.mark.parametrize("name", ["notes.txt", "pages/notes.txt", "empty/", "link"])
def test_what_svbench_did_not_write_is_never_deleted(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    write(out, "earlier")
    if name == "link":
        (out / name).symlink_to(tmp_path)
    elif name.endswith("/"):
        (out / name).mkdir()
    else:
        (out / name).write_text("mine")
    with pytest.raises(DataError, match=f"is an earlier report, but {name} was not written with it; move"):
        write(out)
    assert (out / "pages/index.html").read_text() == "earlier"
    assert (out / name).exists()
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_foreign_folder_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(DataError, match="holds other files"), replaced(tmp_path, MARK, "report"):
        pytest.fail("it gave a folder")
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(DataError, match="is a file, expected a folder"):
        write(tmp_path / "thesis.tex")


@pytest.mark.parametrize("text", ["", "[", "{}", '["../../x", 3, null]', "\xff"])
def test_a_broken_or_hostile_list_makes_everything_foreign(tmp_path: Path, text: str) -> None:
    out = tmp_path / "out"
    write(out)
    (out / MARK).write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match="was not written with it"):
        write(out)
    assert (out / "pages/index.html").exists()


def test_a_failure_leaves_the_earlier_one_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    write(out, "earlier")
    with pytest.raises(KeyboardInterrupt), replaced(out, MARK, "report"):
        raise KeyboardInterrupt
    with pytest.raises(DataError, match="was not written with it"), replaced(out, MARK, "report"):
        (out / "mine").touch()  # while the new one is being written
    (out / "mine").unlink()
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if "-new-" in self.name:
            raise OSError(16, "Device or resource busy")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="busy"):
        write(out)
    assert (out / "pages/index.html").read_text() == "earlier"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_where_one_stands_and_where_a_disk_is_mounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out/deeper").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "out/deeper")
    for out, reason in (
        (Path(".."), "you are in it"),
        (Path(), "you are in it"),
        (Path("/"), "a disk is mounted"),
    ):
        with pytest.raises(DataError, match=f"cannot be replaced, since {reason}"):
            write(out)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["deeper"]


def test_a_list_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    os.mkfifo(tmp_path / "out" / MARK)
    (tmp_path / "out/mine").touch()
    with pytest.raises(DataError, match="mine was not written with it"):
        write(tmp_path / "out")
