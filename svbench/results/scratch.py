"""A folder for audio in transit that does not outlive the process it belongs to."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = ".scratch-"


@contextmanager
def scratch_folder(beside: Path) -> Iterator[Path]:
    """Make a scratch folder, and remove those that killed processes left behind.

    It lies beside the results: a memory-backed temporary folder is too small for long tracks.
    Its name holds machine and process, so that a second svbench at work on the same run, here or
    on another machine that shares the disk, is left alone.
    """
    here = f"{_PREFIX}{zlib.crc32(platform.node().encode()):08x}-"
    for old in beside.glob(f"{here}*"):
        if not _is_alive(old.name.removeprefix(here).split("-")[0]):
            shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(dir=beside, prefix=f"{here}{os.getpid()}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
