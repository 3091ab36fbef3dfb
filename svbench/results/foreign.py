"""Read files that a run names, which may be anyone's: only files inside it, or with the recorded digest."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from svbench.errors import DataError, SpecError, SvbenchError, UnknownNameError
from svbench.results.integrity import data_digest
from svbench.specs.manifest import Manifest, load_manifest

if TYPE_CHECKING:
    from svbench.results.record import DataRecord


def plain_bytes(path: Path) -> bytes:
    """Read a regular file; FIFOs and devices are refused, since opening one could block for ever.

    Raises
    ------
    OSError
        Also where it is no plain file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb", closefd=False) as file:
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError(0, "it is no plain file")
            return file.read()
        finally:
            os.close(handle)


def inside(folder: Path, relative: str) -> Path:
    """Return the path of a file that a run names, which must lie in the run folder.

    Raises
    ------
    DataError
        It leads out of the folder: by its name, or through a symbolic link.
    """
    path = folder / relative
    try:
        # realpath takes links that lead nowhere, or in a circle, as they are.
        found = Path(os.path.realpath(path))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be looked up ({error})") from error
    if not found.is_relative_to(os.path.realpath(folder)):
        raise DataError(f"{path}: leads out of the run folder; nothing outside it is read for a run")
    return path


def refuse_links_out(folder: Path) -> None:
    """Refuse a run folder, before anything is written to it, of which a link leads out.

    Raises
    ------
    DataError
    """
    for level in ("*", "*/*"):  # the upper one first: what a link leads to is not listed
        for path in folder.glob(level):
            if path.is_symlink():
                inside(folder, path.relative_to(folder).as_posix())


def manifest_of(data: DataRecord) -> Manifest:
    """Return the manifest of a run: the file at the recorded path, or the known one of the same id.

    A file at the recorded path counts only if with the run's tracks it has the recorded digest: the path may
    be a stranger's, and lead to any file.

    Raises
    ------
    SvbenchError
        There is none.
    """
    path = Path(data.manifest)
    if path.suffix == ".toml" and path.is_file():
        try:
            found = load_manifest(path)
        except SvbenchError:
            # What is wrong would quote the file, and the path may be a stranger's choice.
            raise SpecError(
                path, "", "is no valid manifest; run `svbench check` on it for the reason"
            ) from None
        if data_digest(found.digest, data.tracks, data.variant) == data.digest:
            return found
    if "/" in data.id or data.id.endswith(".toml"):
        raise UnknownNameError("dataset", data.id, ())
    return load_manifest(data.id)
