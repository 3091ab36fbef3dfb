"""The record every metric carries: what it is called, in which unit, which way is better, who defined it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from svbench.metrics.result import MetricResult


@dataclass(frozen=True)
class QuantityRecord:
    """One number a metric gives per target and frame."""

    name: str
    unit: str
    higher_is_better: bool
    description: str


@dataclass(frozen=True)
class Metric:
    """A metric plug-in: a pure function and its record.

    Attributes
    ----------
    id : str
        The entry-point name, used in protocols.
    function : callable
        ``function(references, estimates, *, rate_hz, **parameters) -> MetricResult`` with arrays
        of shape (n_targets, n_samples, n_channels), references first. It never pads, cuts,
        resamples or normalises.
    scope : {"target", "target set"}
        Whether a target's score depends on the other targets scored with it.
    version : str
        Raised whenever a value changes; part of every result's key.
    parameters : tuple of str
        Names a protocol may set.
    needs : tuple of str
        What ``function`` wants besides: ``"mixture"`` is given as ``mixture=``, an array of
        shape (n_samples, n_channels); ``"original"`` as ``original=``, references and mixture
        before a probe changed them.
    streams : bool
        ``function`` also takes `svbench.metrics.signals.SignalBlocks` and reads them piece by
        piece; other metrics are given whole arrays.
    scores_absent : bool
        Targets the track does not contain are scored too, against a reference of zeros.
    """

    id: str
    label: str
    quantities: tuple[QuantityRecord, ...]
    scope: Literal["target", "target set"]
    version: str
    citation: str
    parameters: tuple[str, ...]
    function: Callable[..., MetricResult]
    needs: tuple[Literal["mixture", "original"], ...] = ()
    streams: bool = False
    scores_absent: bool = False
