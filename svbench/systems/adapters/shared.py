"""Helpers of adapters: check parameters, find packages, read weights, convert to stereo and to targets.

Runs in the worker, possibly under a foreign interpreter (Python 3.9 or later), so it imports numpy and the
standard library only. PyTorch is imported by the functions that need it.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import sys
import types
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from svbench.audio import Audio, Samples
from svbench.installation import install_line, not_installed

version_of = importlib.metadata.version


def check_parameters(
    adapter: str, parameters: Mapping[str, Any], known: Collection[str], needed: Sequence[str] = ()
) -> None:
    """Check that a system file gives an adapter all the parameters it needs and no unknown ones.

    Raises
    ------
    ValueError

    Examples
    --------
    >>> check_parameters("demucs", {"shift": 1}, {"folder", "shifts"}, ["folder"])
    Traceback (most recent call last):
    ValueError: demucs takes the parameters folder, shifts (needed: folder); found shift
    """
    if set(parameters) - set(known) or not set(needed) <= set(parameters):
        takes = f"the parameters {', '.join(sorted(known))}" if known else "no parameters"
        must = f" (needed: {', '.join(needed)})" if needed else ""
        found = ", ".join(sorted(parameters)) or "none"
        raise ValueError(f"{adapter} takes {takes}{must}; found {found}")


def require(package: str, extra: str) -> None:
    """Check that a package is installed, without importing it yet.

    Raises
    ------
    ModuleNotFoundError
        It is not installed; the message says how to install it.
    """
    if importlib.util.find_spec(package) is None:
        raise ModuleNotFoundError(not_installed(package, extra))


def package(name: str, extra: str) -> Any:
    """Import a package of one of svbench's extras.

    Raises
    ------
    ImportError
        It is not installed in this interpreter; the message says how to install it.

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


def stand_in(package: str, **attributes: Any) -> None:
    """Put an empty module in the place of a package that does not load, for packages that only import it.

    Parameters
    ----------
    package : str
        Such as torchaudio or torchvision, whose builds must match that of PyTorch.
    **attributes
        Names of its submodules, each with the names of what is imported from it.
    """
    try:
        importlib.import_module(package)
    except (ImportError, OSError, RuntimeError):
        sys.modules[package] = types.ModuleType(package)
        for submodule, names in attributes.items():
            module = sys.modules[f"{package}.{submodule}"] = types.ModuleType(f"{package}.{submodule}")
            vars(module).update(dict.fromkeys(names))


def model_file(weights: tuple[Path, ...], suffixes: tuple[str, ...], kind: str) -> Path:
    """Return the one weights file that holds the network.

    Parameters
    ----------
    weights : tuple of Path
        The files that the system file names.
    suffixes : tuple of str
        The endings that its name may have; the message suggests the first.
    kind : str
        What kind of file it is, for the message.

    Raises
    ------
    ValueError
        None of the files or several of them have such an ending.
    """
    files = [w for w in weights if w.suffix.lower() in suffixes]
    if len(files) != 1:
        names = ", ".join(w.name for w in weights) or "nothing"
        raise ValueError(
            f'weights must name {kind}: [{{ path = "model{suffixes[0]}", sha256 = "…" }}], '
            f"as `sha256sum` prints it; found {names} (known endings: {', '.join(suffixes)})"
        )
    return files[0]


def stereo(mixture: Audio, name: str) -> Samples:
    """Return a mixture as stereo, shape (n_samples, 2), float32; mono is given to both channels.

    Parameters
    ----------
    mixture : Audio
    name : str
        Who takes it, for the message.

    Raises
    ------
    ValueError
        It has more than two channels.
    """
    if mixture.n_channels > 2:
        raise ValueError(f"{name} takes mono or stereo, found {mixture.n_channels} channels")
    return np.broadcast_to(mixture.samples, (mixture.n_samples, 2)).astype(np.float32)


def stereo_tensor(mixture: Audio, name: str) -> Any:
    """Return a mixture as a stereo tensor, shape (2, n_samples), on the CPU; raises what `stereo` raises."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(stereo(mixture, name).T))


def estimates_of(
    stems: Iterable[tuple[str, Samples]], mixture: Audio, target_of: Mapping[str, str] | None = None
) -> dict[str, Audio]:
    """Turn the stems that a network gives in stereo into estimates like the mixture.

    Parameters
    ----------
    stems : iterable of (str, ndarray)
        Name and samples, shape (n_samples, 2). For a mono mixture the channels are averaged.
    mixture : Audio
    target_of : mapping of str to str, optional
        Targets of the stems that are named otherwise; stems of one target are added.

    Returns
    -------
    dict of str to Audio

    Examples
    --------
    >>> ones = np.ones((4, 2), np.float32)
    >>> estimates = estimates_of([("other", ones), ("piano", ones)], Audio(ones, 44100), {"piano": "other"})
    >>> list(estimates), float(estimates["other"].samples[0, 0])
    (['other'], 2.0)
    """
    totals: dict[str, Samples] = {}
    for stem, samples in stems:
        channels = samples if mixture.n_channels == 2 else samples.mean(axis=1, keepdims=True)
        target = (target_of or {}).get(stem, stem)
        totals[target] = channels + totals[target] if target in totals else channels
    return {t: Audio(np.ascontiguousarray(x), mixture.rate_hz) for t, x in totals.items()}


def read_checkpoint(path: Path, stand_ins: Sequence[str] = ()) -> dict[str, Any]:
    """Read the state dict of a PyTorch checkpoint; nothing in the file is executed.

    Names with arrays may lie in a dict under ``state_dict``, or last in a tuple, as the authors of
    multi-band Conv-TasNet keep them behind the class of their network and its keywords.

    Parameters
    ----------
    path : Path
    stand_ins : sequence of str
        Full names of classes that the file mentions; an empty class is put in the place of each.

    Raises
    ------
    ValueError
        The file holds anything other than arrays.
    """
    import torch

    empty: list[Any] = [(type(name.rpartition(".")[2], (), {}), name) for name in stand_ins]
    with torch.serialization.safe_globals(empty) if empty else contextlib.nullcontext():
        content = load_arrays(path, "a state dict saved by torch.save")
    if isinstance(content, tuple) and content:
        content = content[-1]
    if isinstance(content, dict):
        content = content.get("state_dict", content)
    if not isinstance(content, dict) or not all(isinstance(v, torch.Tensor) for v in content.values()):
        raise ValueError(f"{path.name}: no state dict, expected names of weights with their arrays")
    return content


def load_arrays(path: Path, expected: str) -> Any:
    """Load a file of PyTorch on the CPU, if it holds only arrays and plain values.

    Parameters
    ----------
    path : Path
    expected : str
        What the file should be, for the message.

    Raises
    ------
    ValueError
        The file is not one of PyTorch, or loading it would execute code.
    """
    import pickle

    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(
            f"{path.name}: not a file of PyTorch that holds only arrays and plain values "
            f"({str(error).splitlines()[0][:200]}); expected {expected}"
        ) from error
