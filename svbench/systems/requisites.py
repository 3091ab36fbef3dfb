"""What a system file names must be there: the interpreter, and the weights with their digests."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from svbench.errors import SystemFailure
from svbench.specs.system import LocatedSystem, Weights


def interpreter(located: LocatedSystem) -> str:
    """Return the Python that a system runs under: its own, found from its folder, or svbench's."""
    python = located.spec.python
    if python and "/" in python:
        return str(located.folder / python)
    return python or sys.executable


def checked_weights(folder: Path, weights: Weights) -> Path:
    """Return the path of a weights file whose content is what the system file says.

    Parameters
    ----------
    folder : Path
        That of the system file.
    weights : Weights

    Raises
    ------
    SystemFailure
        It is missing or another one.
    """
    path, origin = folder / weights.path, f" from {weights.source}" if weights.source else ""
    if not path.is_file():
        raise SystemFailure(
            f"weights {path} are missing; put the file with sha256 {weights.sha256}{origin} there"
        )
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != weights.sha256:
        raise SystemFailure(
            f"weights {path} have sha256 {found}, the system file says {weights.sha256}{origin}"
        )
    return path
