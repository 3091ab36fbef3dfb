"""Fixtures shared by unit tests."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import pytest

from svbench.scoring.pool import Call, ScoringPool

T = TypeVar("T")


class InlinePool(ScoringPool):
    """A pool that makes every call at once and in this process."""

    def __init__(self) -> None:
        self.n_workers = 1

    def submit(self, function: Callable[..., T], *arguments: Any) -> Call[T]:
        def call() -> Future[T]:
            future: Future[T] = Future()
            try:
                future.set_result(function(*arguments))
            except Exception as error:
                future.set_exception(error)
            return future

        return Call(call)


@pytest.fixture
def inline_pool() -> ScoringPool:
    """A scoring pool without processes."""
    return InlinePool()
