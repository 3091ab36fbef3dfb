"""What is made of a run, made once: reducing its frames takes long, and every table asks for it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from svbench.results.store import Run

T = TypeVar("T")


def once(make: Callable[[Run], T]) -> Callable[[Run], T]:
    """Keep what a function makes of a run for as long as that run is in memory.

    Runs are frozen, so it stays right; a changed copy is another run. The value is shared: make one
    that nobody changes.
    """
    kept: dict[int, T] = {}

    @wraps(make)
    def kept_or_made(run: Run) -> T:
        # By identity: two runs are equal only after a long comparison.
        key = id(run)
        if key not in kept:
            kept[key] = make(run)
            weakref.finalize(run, kept.pop, key, None).atexit = False
        return kept[key]

    return kept_or_made
