"""The folder of a test: whole or not there, and never one with ratings thrown away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from svbench.errors import DataError
from svbench.listening.listening_test import FILE, STIMULI, ListeningTest
from svbench.results.folders import replaced
from svbench.results.store import write_record

RATINGS = "ratings.sqlite"


def refuse_existing(out: Path, force: bool) -> None:
    """Refuse a folder that holds a test, or anything else.

    Parameters
    ----------
    out : Path
    force : bool
        A test may be replaced, unless somebody has rated in it.

    Raises
    ------
    DataError
    """
    if any(out.glob(f"{RATINGS}*")):
        raise DataError(f"{out}: holds ratings ({RATINGS}); build into another folder, or move it away first")
    if (out / FILE).exists() and not force:
        raise DataError(f"{out}: holds a test; give another folder, or replace it with --force")
    if out.is_dir() and any(out.iterdir()) and not (out / FILE).exists():
        raise DataError(f"{out}: holds other files; give an empty folder or a new one")


@contextmanager
def new_test(out: Path, force: bool = False) -> Iterator[Path]:
    """Give a folder to write to that becomes ``out`` once the test in it is whole.

    Raises
    ------
    DataError
        See `refuse_existing`.
    """
    refuse_existing(out, force)
    with replaced(out, ".svbench-listening-test", "listening test") as new:
        (new / STIMULI).mkdir()
        yield new
        refuse_existing(out, force)  # somebody may have rated meanwhile


def finish(folder: Path, test: ListeningTest) -> None:
    """Write ``test.json`` and give all stimuli one time, so that none tells when it was made."""
    write_record(folder / FILE, test)
    at = (folder / FILE).stat().st_mtime_ns // 10**9 * 10**9
    for path in (folder / STIMULI).iterdir():
        os.utime(path, ns=(at, at))
