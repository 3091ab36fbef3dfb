"""What holds for every metric: pure, fair to targets and channels, and firm with bad arrays."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from svbench.errors import AudioError
from svbench.metrics.contract import Metric
from svbench.specs.library import load_plugin, plugins

RATE = 16000
NOISE = 0.1 * np.random.default_rng(23).standard_normal((6, 2 * RATE, 2))
REFERENCES, ESTIMATES = NOISE[:3].copy(), NOISE[:3] + 0.2 * NOISE[3:] + 0.05 * NOISE[[1, 2, 0]]
REFERENCES[0, :RATE] = 0  # so that metrics of silence have a value, too
MIXTURE = np.sum(NOISE[:3], axis=0)
# A port of minutes, tested by itself.
OWN = [n for n, p in plugins("metric").items() if p.target.startswith("svbench.") and n != "peass"]
MIRRORED = {"SI-SDR_left": "SI-SDR_right", "SI-SDR_right": "SI-SDR_left"}


def scores(
    name: str, references: np.ndarray, estimates: np.ndarray, **changes: Any
) -> Mapping[str, np.ndarray]:
    metric: Metric = load_plugin("metric", name)
    given: dict[str, Any] = {
        name: 1.0  # second
        for name, parameter in inspect.signature(metric.function).parameters.items()
        if name in metric.parameters and parameter.default is parameter.empty
    }
    if "mixture" in metric.needs:
        given["mixture"] = MIXTURE if references.shape[1:] == NOISE.shape[1:] else references[0]
    if "original" in metric.needs:
        given["original"] = (references, given["mixture"] - NOISE[5, : len(given["mixture"])])
    values: Mapping[str, np.ndarray] = metric.function(
        references, estimates, rate_hz=RATE, **(given | changes)
    ).values
    assert list(values) == [q.name for q in metric.quantities]
    return values


@pytest.mark.parametrize("name", OWN)
def test_signals_are_left_as_they_are(name: str) -> None:
    references, estimates = REFERENCES.copy(), ESTIMATES.copy()
    for signals in (references, estimates):
        signals.flags.writeable = False
    first = scores(name, references, estimates)
    again = scores(name, references, estimates)
    assert np.array_equal(references, REFERENCES)
    for quantity in first:
        assert np.array_equal(first[quantity], again[quantity], equal_nan=True)
        assert not np.all(np.isnan(first[quantity]))


@pytest.mark.parametrize("name", OWN)
def test_order_of_targets_does_not_matter(name: str) -> None:
    order = [2, 0, 1]
    here, there = scores(name, REFERENCES, ESTIMATES), scores(name, REFERENCES[order], ESTIMATES[order])
    for quantity in here:
        assert there[quantity] == pytest.approx(here[quantity][order], rel=1e-6, abs=1e-6, nan_ok=True)


@pytest.mark.parametrize("name", OWN)
def test_exchanging_channels_on_both_sides_changes_nothing(name: str) -> None:
    metric: Metric = load_plugin("metric", name)
    changes: dict[str, Any] = {"mixture": MIXTURE[:, ::-1]} if "mixture" in metric.needs else {}
    if "original" in metric.needs:
        changes["original"] = (REFERENCES[..., ::-1], (MIXTURE - NOISE[5])[:, ::-1])
    here = scores(name, REFERENCES, ESTIMATES)
    there = scores(name, REFERENCES[..., ::-1], ESTIMATES[..., ::-1], **changes)
    for quantity in here:
        twin = MIRRORED.get(quantity, quantity)
        assert there[twin] == pytest.approx(here[quantity], rel=1e-6, abs=1e-6, nan_ok=True)


@pytest.mark.parametrize("name", OWN)
def test_single_precision_scores_alike(name: str) -> None:
    exact = scores(name, REFERENCES, ESTIMATES)
    single = scores(name, REFERENCES.astype(np.float32), ESTIMATES.astype(np.float32))
    for quantity in exact:
        assert single[quantity] == pytest.approx(exact[quantity], rel=1e-3, abs=1e-3, nan_ok=True)


@pytest.mark.parametrize(
    ("references", "estimates", "sentence"),
    [
        (REFERENCES, ESTIMATES[:, :-1], "align them first|differ in"),
        (REFERENCES[0], ESTIMATES[0], "shape"),
        (REFERENCES[:, :0], ESTIMATES[:, :0], "empty|nothing to score"),
        (
            REFERENCES,
            np.where(ESTIMATES[1, 5, 0] == ESTIMATES, np.nan, ESTIMATES),
            "target 1 (holds|has a) NaN",
        ),
        (np.ones((2, RATE, 2), int), np.ones((2, RATE, 2), int), "float array|int64 samples"),
    ],
    ids=["length", "axes", "empty", "nan", "integers"],
)
@pytest.mark.parametrize("name", OWN)
def test_bad_arrays_are_refused(
    name: str, references: np.ndarray, estimates: np.ndarray, sentence: str
) -> None:
    with pytest.raises(AudioError, match=sentence):
        scores(name, references, estimates)
