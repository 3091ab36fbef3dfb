"""The command that the campaign disturbs, and what it leaves when nothing disturbs it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from svbench.datasets.synthetic import synthetic_track, write_folder


@pytest.fixture(scope="session")
def campaign() -> ModuleType:
    """The module beside this file, which no package holds."""
    spec = importlib.util.spec_from_file_location("campaign", Path(__file__).with_name("campaign.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def short_tracks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three tracks of a second at 8 kHz."""
    root = tmp_path_factory.mktemp("short")
    write_folder(root, {f"t{i}": synthetic_track(i, duration_s=1.0, rate_hz=8000) for i in range(3)})
    return root
