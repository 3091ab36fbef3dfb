"""Folders that others may have changed: nothing outside a run folder is read, nothing of others is replaced.

A run may come from anyone, so a path in it is followed only if it stays inside the run folder (`inside`).

The folder of a report or a site is replaced only by a complete new one, and only if all of it was written by
svbench (`replaced`): a hidden list in the folder names every file that svbench wrote there.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from svbench.errors import DataError


def plain_bytes(path: Path) -> bytes:
    """Read a regular file; FIFOs and devices are refused, since opening one could block for ever.

    Raises
    ------
    OSError
        Also if it is not a regular file.
    """
    # O_NONBLOCK lets a FIFO without a writer be opened, so that it can be recognised.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(0, "it is no plain file")
        return file.read()


def inside(folder: Path, relative: str) -> Path:
    """Return the path of a file that a run names, which must lie in the run folder.

    Raises
    ------
    DataError
        The path leads out of the folder, by its name or through a symbolic link.
    """
    path = folder / relative
    try:
        # os.path.realpath, unlike Path.resolve, accepts broken and circular links.
        target = Path(os.path.realpath(path))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be looked up ({error})") from error
    if not target.is_relative_to(os.path.realpath(folder)):
        raise DataError(f"{path}: leads out of the run folder; nothing outside it is read for a run")
    return path


def refuse_links_out(folder: Path) -> None:
    """Refuse a run folder with a link that leads out of it, before anything is written there.

    Raises
    ------
    DataError
    """
    for level in ("*", "*/*"):  # the upper level first, since glob follows a link to a folder
        for path in folder.glob(level):
            if path.is_symlink():
                inside(folder, path.relative_to(folder).as_posix())


@contextmanager
def replaced(out: Path, mark: str, what: str) -> Iterator[Path]:
    """Provide a folder to write to, which becomes ``out`` once all of it is written.

    Parameters
    ----------
    out : Path
        New, empty, or an earlier folder of the same kind with nothing else in it. A link to a folder is
        followed.
    mark : str
        Name of the file that lists what was written.
    what : str
        What to call the folder in errors, such as ``"report"``.

    Raises
    ------
    DataError
        The folder is not an earlier one, or holds files that svbench did not write.
    """
    place = Path(os.path.realpath(out))
    _refuse_foreign(place, out, mark, what)
    place.parent.mkdir(parents=True, exist_ok=True)
    new = _beside(place, "new")
    new.mkdir()
    try:
        yield new
        listed = sorted(_content(new))
        (new / mark).write_text(json.dumps(listed, indent=0), encoding="utf-8")
        _refuse_foreign(place, out, mark, what)  # again, since writing may have taken minutes
        _swap(place, new)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def _swap(place: Path, new: Path) -> None:
    """Put the new folder in the place of the old one, which comes back if that fails."""
    if not place.exists():
        new.rename(place)
        return
    shutil.copymode(place, new)
    # A folder that is not empty cannot be replaced in one step, as a file can.
    old = _beside(place, "old")
    place.rename(old)
    try:
        new.rename(place)
    except BaseException:
        old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _refuse_foreign(place: Path, out: Path, mark: str, what: str) -> None:
    if not place.exists():
        return
    if not place.is_dir():
        raise DataError(f"{out}: is a file, expected a folder")
    # A mount point cannot be renamed, and a shell inside the folder would stay in the old, deleted one.
    for hindrance, cannot in (
        ("a disk is mounted there", place.is_mount()),
        ("you are in it", _is_in(place)),
    ):
        if cannot:
            raise DataError(
                f"{out}: cannot be replaced, since {hindrance}; give a new folder, in it or elsewhere"
            )
    names = {p.name for p in place.iterdir()}
    if names and mark not in names:
        raise DataError(f"{out}: holds other files; give an empty folder or one of an earlier {what}")
    if foreign := sorted(_content(place) - _listed(place / mark) - {mark}):
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise DataError(
            f"{out}: is an earlier {what}, but {foreign[0]}{more} was not written with it; "
            "move that elsewhere or give another folder"
        )


def _is_in(place: Path) -> bool:
    """Whether the current folder is this one or below it."""
    try:
        return Path.cwd().is_relative_to(place)
    except OSError:  # the current folder was deleted
        return False


def _listed(path: Path) -> set[str]:
    try:
        names = json.loads(plain_bytes(path))
    except (OSError, ValueError):
        return set()
    return {n for n in names if isinstance(n, str)} if isinstance(names, list) else set()


def _content(folder: Path) -> set[str]:
    """List the files, links and folders below a folder; links are not followed, folders end with a slash."""
    content = set()
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            is_folder = path.is_dir() and not path.is_symlink()
            content.add(path.relative_to(folder).as_posix() + ("/" if is_folder else ""))
    return content


def _beside(place: Path, what: str) -> Path:
    """Name a hidden folder that no other process uses, on the same file system."""
    return place.with_name(f".{place.name}-{what}-{os.urandom(4).hex()}")
