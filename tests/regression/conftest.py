"""The reference implementations that svbench is compared with, loaded as `svbench crosscheck` loads them."""

from __future__ import annotations

import types

import pytest

from svbench.crosscheck.reference_tools import reference_module


@pytest.fixture(scope="session")
def museval() -> types.ModuleType:
    return reference_module("museval", "metrics")


@pytest.fixture(scope="session")
def separation() -> types.ModuleType:
    return reference_module("mir_eval", "separation")
