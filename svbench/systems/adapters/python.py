"""Adapter ``python``: a factory, module:name or path/to/file.py:name, of a system or a plain function."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from svbench.audio import Audio
from svbench.systems.api import Context, System, SystemInfo


class FunctionSystem:
    """A plain function ``mixture -> {target: Audio}`` as a system."""

    def __init__(self, function: Callable[[Audio], dict[str, Audio]], info: SystemInfo) -> None:
        self.function, self.info = function, info

    def separate(self, mixture: Audio, **needed: Any) -> dict[str, Audio]:
        """Call the function with the mixture alone."""
        return self.function(mixture)


def load(parameters: dict[str, Any], context: Context) -> System:
    """Call the factory with the remaining parameters as keywords.

    Parameters
    ----------
    parameters : dict
        ``factory``: ``"module:name"`` or ``"file.py:name"`` relative to the system file.
        ``targets``: what it gives; needed unless the object has an ``info``. ``rate_hz``: the rate at which
        it works, optional. All others are passed to the factory.
    context : Context

    Returns
    -------
    System

    Raises
    ------
    ValueError
        There is no factory, or nothing says which targets it gives.
    ImportError, AttributeError
        The factory cannot be found.

    Notes
    -----
    A factory returns an object with ``separate`` and optionally ``info``, or a plain function.
    """
    rest = dict(parameters)
    factory = rest.pop("factory", None)
    if not isinstance(factory, str) or ":" not in factory:
        raise ValueError(
            f'the python adapter needs factory = "module:name" or "file.py:name", found {factory!r}'
        )
    targets, rate_hz = rest.pop("targets", None), rest.pop("rate_hz", None)
    made = _find(factory, context.folder)(**rest)
    if hasattr(made, "info") and hasattr(made, "separate"):
        system: System = made
        return system
    if not targets:
        raise ValueError(f"{factory}: its object has no info, so the system file must name the targets")
    info = SystemInfo(context.system_id, tuple(targets), rate_hz=rate_hz)
    return FunctionSystem(getattr(made, "separate", made), info)


def _find(factory: str, folder: Path) -> Callable[..., Any]:
    where, _, name = factory.rpartition(":")
    if not where.endswith(".py"):
        return getattr(importlib.import_module(where), name)  # type: ignore[no-any-return]
    path = folder / where
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ImportError(f"{path}: no such file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)  # type: ignore[no-any-return]
