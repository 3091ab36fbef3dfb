from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from svbench.specs.system import LocatedSystem, load_system

CODE = Path(__file__).resolve().parents[2] / "streaming_systems" / "systems.py"


@pytest.fixture
def known_system(tmp_path: Path) -> Callable[..., LocatedSystem]:
    """Make a system of tests/streaming_systems with some parameters."""

    def make(factory: str, **parameters: object) -> LocatedSystem:
        words = {"factory": f"{CODE}:{factory}", **parameters}
        if factory[0].islower():
            words["targets"] = ["vocals"]
        given = ", ".join(f"{k} = {json.dumps(v)}" for k, v in words.items())
        path = tmp_path / f"{factory}.toml"
        path.write_text(
            f'schema = 1\nid = "{factory}"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n'
            f"parameters = {{ {given} }}\n"
        )
        return load_system(path)

    return make
