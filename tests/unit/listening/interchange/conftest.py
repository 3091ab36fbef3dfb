"""Configurations in webMUSHRA's format with sounds of their own, and imports of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from svbench.audio import Audio, write_audio
from svbench.listening.interchange.importing import import_webmushra
from svbench.listening.listening_test import ListeningTest
from svbench.results.record import collect

RATE_HZ = 16000


Write = Callable[..., Path]


@pytest.fixture
def put(tmp_path: Path) -> Write:
    """Write a sound of noise into webMUSHRA's folder, by default half a second in 16 bits."""

    def put(
        name: str, number: int = 0, n: int = RATE_HZ // 2, channels: int = 1, peak: float = 0.25,
        rate_hz: int = RATE_HZ, subtype: str = "PCM_16",
    ) -> Path:  # fmt: skip
        path = tmp_path / "wm" / "sounds" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = np.random.Generator(np.random.PCG64(number)).uniform(-peak, peak, (n, channels))
        write_audio(path, Audio(samples, rate_hz), subtype=subtype)
        return path

    return put


@pytest.fixture
def root(tmp_path: Path, put: Write) -> Path:
    """webMUSHRA's folder with sounds ref, a and b."""
    for number, name in enumerate(("ref", "a", "b")):
        put(name, number)
    return tmp_path / "wm"


@pytest.fixture
def page() -> Callable[..., str]:
    """Write one page of type mushra, to be put into a list of pages."""

    def page(
        identity: str = "first", more: str = "", stimuli: str = "{A: sounds/a.wav, B: sounds/b.wav}"
    ) -> str:
        lines = [f"    - type: mushra\n      id: {identity}\n      reference: sounds/ref.wav"]
        lines += [f"      {line}" for line in more.splitlines()]
        return "\n".join([*lines, f"      stimuli: {stimuli}", ""])

    return page


@pytest.fixture
def written(root: Path) -> Write:
    """Write a configuration of pages to where webMUSHRA has them."""

    def written(pages: str, more: str = "") -> Path:
        path = root / "configs" / "mine.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"testname: A test\ntestId: my_test\n{more}pages:\n{pages}", encoding="utf-8")
        return path

    return written


@pytest.fixture
def imported(written: Write, folder: Path) -> Callable[..., ListeningTest]:
    """Import a configuration of pages into ``folder``."""

    def imported(pages: str, more: str = "", **options: Any) -> ListeningTest:
        return import_webmushra(written(pages, more), folder, collect([], {}), **options)

    return imported
