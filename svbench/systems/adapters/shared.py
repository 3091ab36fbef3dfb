"""What adapters of model files share: the file itself, and the package that runs it.

Runs in the worker process, so it needs the standard library only.
"""

from __future__ import annotations

import importlib
import sys
import zipfile
from pathlib import Path
from typing import Any

from svbench.installation import install_line


def package(name: str, extra: str) -> Any:
    """Import a package of one of svbench's extras in the worker.

    Raises
    ------
    ImportError
        It is not installed there; the sentence says how to install it.

    Examples
    --------
    >>> package("no_such_package", "torch")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ImportError: no_such_package is not installed; ...python... -m pip install no_such_package, ...
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ImportError(
            f"{name} is not installed; {sys.executable} -m pip install {name}, "
            f"or beside svbench: {install_line(extra)}"
        ) from error


def model_file(weights: tuple[Path, ...], suffixes: tuple[str, ...], kind: str) -> Path:
    """Return the one weights file that holds the network.

    Parameters
    ----------
    weights : tuple of Path
        As the system file names them.
    suffixes : tuple of str
        How its name may end; the first is suggested.
    kind : str
        What it is, for the message.

    Raises
    ------
    ValueError
        None of the files or several of them end so.
    """
    found = [w for w in weights if w.suffix.lower() in suffixes]
    if len(found) != 1:
        names = ", ".join(w.name for w in weights) or "nothing"
        raise ValueError(
            f'weights must name {kind}: [{{ path = "model{suffixes[0]}", sha256 = "…" }}], '
            f"as `sha256sum` prints it; found {names} (known endings: {', '.join(suffixes)})"
        )
    return found[0]


def kind_of_file(path: Path) -> str:
    """Say in words what kind of model file this is, by its content.

    Returns
    -------
    str
        ``"a TorchScript file"``, ``"a torch.export file"``, ``"a checkpoint"`` (weights without a
        network) or ``"no file of PyTorch"``.
    """
    if not zipfile.is_zipfile(path):
        return "no file of PyTorch"
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    endings = {
        "constants.pkl": "a TorchScript file",
        "models/model.json": "a torch.export file",
        "serialized_exported_program.json": "a torch.export file",  # up to PyTorch 2.7
        "data.pkl": "a checkpoint",  # last, since a TorchScript file holds one as well
    }
    for ending, kind in endings.items():
        if any(name.endswith(ending) for name in names):
            return kind
    return "no file of PyTorch"
