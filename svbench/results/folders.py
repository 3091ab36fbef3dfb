"""The folder of a report or a site: replaced only by a whole new one, and only if all of it is ours.

A hidden list in the folder names every file that svbench wrote there. Whatever is not on the list belongs
to somebody else, and a folder that holds such a thing is refused before anything is written.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from svbench.errors import DataError
from svbench.results.foreign import plain_bytes


@contextmanager
def replaced(out: Path, mark: str, what: str) -> Iterator[Path]:
    """Give a folder to write to that becomes ``out`` once all of it is written.

    Parameters
    ----------
    out : Path
        New, empty, or an earlier one of the same kind with nothing else in it. A link to a folder is
        followed.
    mark : str
        Name of the file that lists what was written.
    what : str
        What to call it in errors, such as ``"report"``.

    Raises
    ------
    DataError
        The folder is not an earlier one, or holds things that svbench did not write.
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
        _refuse_foreign(place, out, mark, what)  # once more: writing may have taken minutes
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
    # A mount cannot be renamed, and whoever stands in a folder would stay in the old one, which is removed.
    for hindrance, cannot in (
        ("a disk is mounted there", place.is_mount()),
        ("you are in it", _is_in(place)),
    ):
        if cannot:
            raise DataError(
                f"{out}: cannot be replaced, since {hindrance}; give a new folder, in it or elsewhere"
            )
    there = {p.name for p in place.iterdir()}
    if there and mark not in there:
        raise DataError(f"{out}: holds other files; give an empty folder or one of an earlier {what}")
    foreign = sorted(_content(place) - _listed(place / mark) - {mark})
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise DataError(
            f"{out}: is an earlier {what}, but {foreign[0]}{more} was not written with it; "
            "move that elsewhere or give another folder"
        )


def _is_in(place: Path) -> bool:
    """Whether the current folder is this one or below it."""
    try:
        return Path.cwd().is_relative_to(place)
    except OSError:  # it was removed
        return False


def _listed(path: Path) -> set[str]:
    try:
        names = json.loads(plain_bytes(path))
    except (OSError, ValueError):
        return set()
    return {n for n in names if isinstance(n, str)} if isinstance(names, list) else set()


def _content(folder: Path) -> set[str]:
    """List the files, links and folders below a folder; links are not followed, folders end with a slash."""
    found = set()
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            is_folder = path.is_dir() and not path.is_symlink()
            found.add(path.relative_to(folder).as_posix() + ("/" if is_folder else ""))
    return found


def _beside(place: Path, what: str) -> Path:
    """Name a hidden folder that no other process uses, on the same file system."""
    return place.with_name(f".{place.name}-{what}-{os.urandom(4).hex()}")
