"""docs/metrics.md says of every metric what its record says, and what its function returns at the edges."""

from __future__ import annotations

import inspect
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from svbench.errors import AudioError
from svbench.metrics.contract import Metric
from svbench.specs.library import load_plugin, plugins

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
SECTIONS = dict(re.findall(r"^## `([^`]+)`\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.M | re.S))
OWN = sorted(name for name, plugin in plugins("metric").items() if plugin.target.startswith("svbench."))
HEADER = ["quantity", "unit", "better", "perfect", "silent estimate", "silent reference", "polarity flip"]

RATE = 16000
NOISE = 0.1 * np.random.default_rng(11).standard_normal((3, 3 * RATE, 2))
REFERENCES = NOISE[:2]
ESTIMATES = REFERENCES + 0.1 * NOISE[2]
EDGES = {
    "perfect": (REFERENCES, REFERENCES),
    "silent estimate": (REFERENCES, np.stack([0 * REFERENCES[0], ESTIMATES[1]])),
    "silent reference": (np.stack([0 * REFERENCES[0], REFERENCES[1]]), ESTIMATES),
    "polarity flip": (REFERENCES, np.stack([-REFERENCES[0], ESTIMATES[1]])),
}


def metric_named(name: str) -> Metric:
    metric: Metric = load_plugin("metric", name)
    return metric


def rows(name: str) -> dict[str, dict[str, str]]:
    """The quantities' table of a section, by quantity."""
    lines = SECTIONS[name].splitlines()
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in lines]
    start = cells.index(HEADER)  # a section may have other tables
    table = cells[start + 2 : next(i for i in range(start, len(lines)) if not lines[i].startswith("|"))]
    return {row[0]: dict(zip(HEADER, row, strict=True)) for row in table}


def edge_values(metric: Metric, edge: str) -> dict[str, float]:
    """Median over frames of the first target's quantities; NaN where no frame is defined."""
    references, estimates = EDGES[edge]
    given: dict[str, Any] = {
        name: 1.0  # second
        for name, parameter in inspect.signature(metric.function).parameters.items()
        if name in metric.parameters and parameter.default is parameter.empty
    }
    if "mixture" in metric.needs:
        given["mixture"] = references.sum(axis=0)
    if "original" in metric.needs:
        given["original"] = (references, references.sum(axis=0) - NOISE[2])
    values = metric.function(references, estimates, rate_hz=RATE, **given).values
    defined = {name: frames[0][~np.isnan(frames[0])] for name, frames in values.items()}
    return {name: float(np.median(v)) if len(v) else math.nan for name, v in defined.items()}


def holds(told: str, value: float) -> bool:
    """Whether a value is what a cell says."""
    if told == "undefined":
        return math.isnan(value)
    if told == "finite":
        return math.isfinite(value)
    if told in ("+∞", "−∞"):
        return value == (math.inf if told == "+∞" else -math.inf)
    if told.startswith("> "):
        return float(told[2:]) < value < math.inf
    return value == pytest.approx(float(told.replace("−", "-")), abs=0.006)


def test_every_metric_has_its_section_in_order() -> None:
    told = [name for name in SECTIONS if name in OWN]
    assert told == OWN


@pytest.mark.parametrize("name", OWN)
def test_section_says_what_the_record_says(name: str) -> None:
    metric, table = metric_named(name), rows(name)
    assert list(table) == [q.name for q in metric.quantities]
    for quantity in metric.quantities:
        row = table[quantity.name]
        assert (row["unit"], row["better"]) == (
            quantity.unit,
            "higher" if quantity.higher_is_better else "lower",
        )
    assert metric.citation in " ".join(SECTIONS[name].split())
    for parameter in metric.parameters:
        assert f"`{parameter}`" in SECTIONS[name]


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("name", OWN)
def test_edge_values_are_what_the_function_returns(name: str, edge: str) -> None:
    metric, table = metric_named(name), rows(name)
    if name == "peass":
        pytest.importorskip("peass")
    told = {quantity: row[edge] for quantity, row in table.items()}
    if "refused" in told.values():
        with pytest.raises(AudioError):
            edge_values(metric, edge)
        return
    found = edge_values(metric, edge)
    wrong = {q: (told[q], found[q]) for q in told if not holds(told[q], found[q])}
    assert not wrong
