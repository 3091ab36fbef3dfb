"""What is made of a run is made once, and forgotten with it."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import msgspec

from svbench.results.store import Run, kept_per_run


def test_made_once_for_each_run_and_forgotten_with_it() -> None:
    made: list[str] = []
    nothing: Any = None

    @kept_per_run
    def name(run: Run) -> str:
        made.append(str(run.path))
        return str(run.path)

    first, equal = Run(Path("one"), nothing, ()), Run(Path("one"), nothing, ())
    assert [name(first), name(first), name(equal)] == ["one"] * 3
    assert made == ["one", "one"]
    assert name(msgspec.structs.replace(first, path=Path("two"))) == "two"
    del first, equal
    gc.collect()
    # A new run may take the place in memory of one that is gone, but not its values.
    assert all(name(Run(Path(f"run {i}"), nothing, ())) == f"run {i}" for i in range(100))
