"""Score one track: references and estimates in, one series per quantity and target out.

Runs in a scoring process, so it takes paths and records, not arrays.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from svbench.datasets.api import Track
from svbench.errors import SpecError
from svbench.metrics.record import Metric
from svbench.metrics.result import MetricResult
from svbench.results.scores import Series, series, without_value
from svbench.specs.plugins import load_plugin
from svbench.specs.protocol import MetricUse, Protocol, TargetSet


class Scored(msgspec.Struct, frozen=True):
    """What scoring one track gives."""

    series: tuple[Series, ...]
    absent_targets: tuple[str, ...]
    notes: tuple[str, ...]


def score_track(
    track: Track, estimates: dict[str, Path], protocol: Protocol, sets: tuple[str, ...]
) -> Scored:
    """Score the estimates of one track under a protocol.

    Parameters
    ----------
    track : Track
    estimates : dict of target to path of an ``.npy`` file, shape (n_samples, n_channels)
    protocol : Protocol
    sets : tuple of str
        Ids of the target sets the system covers.

    Returns
    -------
    Scored
    """
    chosen = [s for s in protocol.target_sets if s.id in sets]
    targets = dict.fromkeys(t for s in chosen for t in s.targets)
    references = track.references(targets)
    signals = {t: np.load(estimates[t]) for t in targets if t in references}
    absent = tuple(t for t in targets if t not in references)
    rows: list[Series] = []
    notes: list[str] = []
    for target_set in chosen:
        present = [t for t in target_set.targets if t in references]
        if len(present) < len(target_set.targets) and protocol.absent_target == "skip_set":
            present = []
        stacked = (
            (np.stack([references[t].samples for t in present]), np.stack([signals[t] for t in present]))
            if present
            else None
        )
        for use in protocol.metrics:
            metric = metric_of(use, protocol)
            result = (
                metric.function(
                    stacked[0], stacked[1].astype(stacked[0].dtype), rate_hz=track.rate_hz, **use.parameters
                )
                if stacked
                else None
            )
            notes += [f"{target_set.id}: {n}" for n in (result.notes if result else ())]
            rows += _series(target_set, present, metric, result, track)
    return Scored(tuple(rows), absent, tuple(dict.fromkeys(notes)))


def metric_of(use: MetricUse, protocol: Protocol) -> Metric:
    """Load the plug-in a protocol names and check the parameters it is given.

    Raises
    ------
    UnknownNameError, SpecError
    """
    metric: Metric = load_plugin("metric", use.id)
    unknown = sorted(set(use.parameters) - set(metric.parameters))
    if unknown:
        raise SpecError(
            f"protocol {protocol.id}",
            f"metrics.{use.id}.parameters.{unknown[0]}",
            f"unknown parameter; {use.id} takes {', '.join(metric.parameters)}",
        )
    return metric


def without_scores(protocol: Protocol, sets: tuple[str, ...], track: Track) -> tuple[Series, ...]:
    """Build the rows of a failed track: every series that should be there, marked failed."""
    return tuple(
        without_value(s.id, target, q.name, track.n_samples / track.rate_hz, "failed")
        for s in protocol.target_sets
        if s.id in sets
        for use in protocol.metrics
        for target in s.targets
        for q in metric_of(use, protocol).quantities
    )


def _series(
    target_set: TargetSet, present: list[str], metric: Metric, result: MetricResult | None, track: Track
) -> list[Series]:
    rows: list[Series] = []
    for quantity in metric.quantities:
        for target in target_set.targets:
            if result is None or target not in present:
                duration_s = track.n_samples / track.rate_hz
                rows.append(without_value(target_set.id, target, quantity.name, duration_s, "no target"))
                continue
            values: Any = result.values[quantity.name][present.index(target)]
            rows.append(
                series(
                    target_set.id, target, quantity.name,
                    result.time_s.tolist(), result.duration_s.tolist(), values.tolist(),
                )
            )  # fmt: skip
    return rows
