"""What a result depends on."""

from __future__ import annotations

from pathlib import Path

import pytest

from svbench.running.reuse import input_state
from svbench.specs.system import LocatedSystem, SystemSpec


def located(folder: Path, **parameters: object) -> LocatedSystem:
    spec = SystemSpec(schema=1, id="s", title="t", adapter="a", training_data=(), parameters=parameters)
    return LocatedSystem(spec, folder)


@pytest.mark.parametrize("text", ["prog.py", "prog.py:make", "{folder}/prog.py"])
def test_a_changed_program_changes_the_state(tmp_path: Path, text: str) -> None:
    system = located(tmp_path, argv=["python", text, "{mixture}"])
    (tmp_path / "prog.py").write_text("one")
    before = input_state(system, "track")
    assert before
    (tmp_path / "prog.py").write_text("two")
    assert input_state(system, "track") != before


def test_estimates_of_other_tracks_do_not_count(tmp_path: Path) -> None:
    system = located(tmp_path, root="estimates")
    for track in ("mine", "other"):
        (tmp_path / "estimates" / track).mkdir(parents=True)
        (tmp_path / "estimates" / track / "vocals.wav").write_bytes(b"1")
    before = input_state(system, "mine")
    (tmp_path / "estimates/other/vocals.wav").write_bytes(b"22")
    assert input_state(system, "mine") == before
    (tmp_path / "estimates/mine/vocals.wav").write_bytes(b"22")
    assert input_state(system, "mine") != before
