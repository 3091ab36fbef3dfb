"""A protocol bound to its metrics: plug-ins loaded, parameters checked, printed quantities listed.

`bind` is called once for each job. Its result is handed down, so that no later step looks up metrics again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from svbench.errors import SpecError
from svbench.metrics.contract import Metric
from svbench.results.record import Quantity
from svbench.results.scores import Series, without_value
from svbench.specs.library import load_plugin
from svbench.specs.protocol import MetricUse, Protocol, TargetSet


@dataclass(frozen=True, eq=False)
class BoundMetric:
    """One metric as a protocol uses it.

    Attributes
    ----------
    use : MetricUse
        The entry of the protocol.
    metric : Metric
        The plug-in that it names.
    printed : dict of str to Quantity
        The quantities that the protocol prints, by the name that the metric gives them.
    """

    use: MetricUse
    metric: Metric
    printed: dict[str, Quantity]

    def needs(self, what: Literal["mixture", "original"]) -> bool:
        """Whether this use reads the mixture, or the track as it was before a probe changed it."""
        return what in self.metric.needs or (self.use.improvement and what == "mixture")

    def without_values(
        self, target_set: TargetSet, duration_s: float, status: Literal["failed", "unknown"]
    ) -> Iterator[Series]:
        """Build the series of a target set that was not scored, with a status in place of values."""
        for quantity in self.printed.values():
            for target in target_set.targets:
                yield without_value(target_set.id, target, quantity.name, duration_s, status)


@dataclass(frozen=True, eq=False)
class BoundProtocol:
    """A protocol with its metrics; make one with `bind`."""

    protocol: Protocol
    metrics: tuple[BoundMetric, ...]

    def __reduce__(self) -> tuple[object, ...]:
        # A metric may hold a function that cannot be pickled, so a scoring process looks it up by name again.
        return bind, (self.protocol,)

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """All quantities that the protocol prints, in order."""
        return tuple(q for metric in self.metrics for q in metric.printed.values())

    @property
    def scores_absent(self) -> bool:
        """Whether targets that a track does not contain are scored too."""
        return self.protocol.compares_originals or any(m.metric.scores_absent for m in self.metrics)

    def needs(self, what: Literal["mixture", "original"]) -> bool:
        """Whether any metric reads the mixture, or the track as it was before a probe changed it."""
        return any(m.needs(what) for m in self.metrics)

    def target_sets(self, ids: Collection[str] | None) -> list[TargetSet]:
        """Return the target sets with the given ids, in the protocol's order; all for None."""
        return [s for s in self.protocol.target_sets if ids is None or s.id in ids]

    def targets(self, ids: Collection[str] | None) -> tuple[str, ...]:
        """Return the targets of the target sets with the given ids, once each."""
        return tuple(dict.fromkeys(t for s in self.target_sets(ids) for t in s.targets))

    def failed_series(self, ids: Collection[str], duration_s: float) -> tuple[Series, ...]:
        """Build the series of a failed track: each one that should be there, with the status ``failed``."""
        return tuple(
            series
            for target_set in self.target_sets(ids)
            for metric in self.metrics
            for series in metric.without_values(target_set, duration_s, "failed")
        )


def bind(protocol: Protocol) -> BoundProtocol:
    """Load the metrics that a protocol names and check it against them.

    Raises
    ------
    UnknownNameError
        No metric has a name that the protocol uses.
    SpecError
        A metric does not take a parameter or does not give a quantity, two metrics give quantities of one
        name, or the headline is not among the quantities.

    Examples
    --------
    >>> from svbench.specs.protocol import load_protocol
    >>> [q.name for q in bind(load_protocol("sisec18")).quantities]
    ['SDR', 'ISR', 'SIR', 'SAR']
    """
    where = f"protocol {protocol.id}"
    metrics: list[BoundMetric] = []
    metric_of: dict[str, str] = {}  # the metric that gives each quantity
    for i, use in enumerate(protocol.metrics):
        bound = _bind_metric(use, where)
        for quantity in bound.printed.values():
            if quantity.name in metric_of:
                raise SpecError(
                    where,
                    f"metrics[{i}].id",
                    f"{use.id} gives {quantity.name}, and so does {metric_of[quantity.name]}",
                )
            metric_of[quantity.name] = use.id
        metrics.append(bound)
    if protocol.headline not in metric_of:
        raise SpecError(
            where, "headline", f"is {protocol.headline!r}; its metrics give {', '.join(metric_of)}"
        )
    return BoundProtocol(protocol, tuple(metrics))


def _bind_metric(use: MetricUse, where: str) -> BoundMetric:
    metric: Metric = load_plugin("metric", use.id)
    unknown = sorted(set(use.parameters) - set(metric.parameters))
    if unknown:
        raise SpecError(
            where,
            f"metrics.{use.id}.parameters.{unknown[0]}",
            f"unknown parameter; {use.id} takes {', '.join(metric.parameters) or 'none'}",
        )
    names = [q.name for q in metric.quantities]
    unknown = sorted(set(use.quantities) - set(names))
    if unknown:
        raise SpecError(
            where,
            f"metrics.{use.id}.quantities",
            f"names {unknown[0]!r}; {use.id} gives {', '.join(names)}",
        )
    printed = {
        q.name: Quantity(
            name=use.named(q.name),
            unit=q.unit,
            higher_is_better=q.higher_is_better,
            metric=use.id,
            improvement=use.improvement,
            against=use.against,
        )
        for q in metric.quantities
        if not use.quantities or q.name in use.quantities
    }
    return BoundMetric(use, metric, printed)
