"""docs/sanity.md is what examples/sanity.py makes, to the printed precision."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from svbench.metrics.contract import QuantityRecord
from svbench.specs.library import plugins

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "sanity.md"


@pytest.fixture(scope="module")
def sanity() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sanity", ROOT / "examples" / "sanity.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cells(page: str) -> list[list[str]]:
    lines = [line for line in page.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def alike(told: str, found: str) -> bool:
    """Equal as text, or numbers that differ by no more than rounding and another machine's transforms."""
    if told == found:
        return True
    try:
        a, b = (float(text.replace("−", "-")) for text in (told, found))
    except ValueError:
        return False
    return a == pytest.approx(b, rel=2e-3, abs=0.021)


def test_page_is_not_stale(sanity: ModuleType) -> None:
    told, found = PAGE.read_text(encoding="utf-8"), sanity.page()
    pairs = list(zip(cells(told), cells(found), strict=True))
    assert [(a, b) for a, b in pairs if len(a) != len(b) or not all(map(alike, a, b))] == []
    prose = [[line for line in page.splitlines() if not line.startswith("|")] for page in (told, found)]
    assert prose[0] == prose[1]


def test_every_metric_is_on_the_page(sanity: ModuleType) -> None:
    listed = {row[0].strip("`") for row in cells(PAGE.read_text(encoding="utf-8"))}
    own = {name for name, plugin in plugins("metric").items() if plugin.target.startswith("svbench.")}
    assert own - listed == sanity.LEFT_OUT


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (float("nan"), "dB", "–"),
        (float("inf"), "dB", "∞"),
        (-float("inf"), "dB", "−∞"),
        (310.2, "dB", "> 100"),
        (-0.001, "dB", "0.00"),
        (-6.0206, "dB", "−6.02"),
        (100.0, "of 100", "100.00"),
        (0.01234, "amplitude²", "0.012"),
    ],
)
def test_cells(sanity: ModuleType, value: float, unit: str, text: str) -> None:
    assert sanity.cell(value, QuantityRecord("q", unit, True, "")) == text
