"""The reference implementations that svbench is compared with."""

from __future__ import annotations

import importlib.util
import types
from pathlib import Path

import numpy as np
import pytest


def reference_module(package: str, name: str) -> types.ModuleType:
    """One module of a reference package, without importing the package.

    `import museval` needs ffmpeg and 1.6 s. numpy 2.4 removed np.linalg.linalg, which both
    reference implementations name where a matrix is singular: they get an np that has it.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"{package} is not installed")
    path = Path(spec.submodule_search_locations[0], f"{name}.py")
    module_spec = importlib.util.spec_from_file_location(f"{package}.{name}", path)
    assert module_spec is not None
    assert module_spec.loader is not None
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    proxy = types.ModuleType("numpy")
    vars(proxy).update(vars(np))
    proxy.linalg = types.SimpleNamespace(**vars(np.linalg), linalg=np.linalg)  # type: ignore[attr-defined]
    module.np = proxy  # type: ignore[attr-defined]
    return module


@pytest.fixture(scope="session")
def museval():
    return reference_module("museval", "metrics")
