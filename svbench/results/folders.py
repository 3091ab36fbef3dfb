"""The folder of a report or a site, replaced only by a whole new one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from svbench.errors import DataError


@contextmanager
def replaced(out: Path, mark: str, what: str) -> Iterator[Path]:
    """Give a folder to write to that becomes ``out`` once all of it is written.

    Parameters
    ----------
    out : Path
        New, empty, or an earlier one of the same kind.
    mark : str
        Name of the empty file by which an earlier one is known.
    what : str
        What to call it in errors, such as ``"report"``.

    Raises
    ------
    DataError
        The folder holds other things.
    """
    if out.exists() and not out.is_dir():
        raise DataError(f"{out}: is a file, expected a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / mark).exists():
        raise DataError(f"{out}: holds other files; give an empty folder or one of an earlier {what}")
    out.parent.mkdir(parents=True, exist_ok=True)
    new = out.resolve().with_name(f".{out.resolve().name}-{os.getpid()}")
    new.mkdir()
    try:
        (new / mark).touch()
        yield new
        shutil.rmtree(out, ignore_errors=True)
        new.rename(out)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
