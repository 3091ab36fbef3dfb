"""What every metric declares and returns: its record, its result, and the rule that cuts a track into frames.

A metric never decides what NaN or infinity means in a table; `svbench.results` turns such values into a
status (ok, perfect, undefined ...) in one place.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from svbench.errors import AudioError, SvbenchError
from svbench.installation import not_installed
from svbench.metrics.signals import Floats

# In floating point 0.29 s * 100 Hz is 28.999999999999996, where everybody expects 29 samples.
_FRAME_ROUNDING = 1e-6


@dataclass(frozen=True)
class QuantityRecord:
    """The record of one number that a metric computes for each target and frame."""

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
        The name of the entry point, by which protocols refer to the metric.
    function : callable
        ``function(references, estimates, *, rate_hz, **parameters) -> MetricResult`` with arrays
        of shape (n_targets, n_samples, n_channels), references first. It never pads, cuts,
        resamples or normalises.
    scope : {"target", "target set"}
        Whether a target's score depends on the other targets scored with it.
    version : str
        Must be raised whenever a value changes; it is part of every result's key.
    parameters : tuple of str
        Names a protocol may set.
    needs : tuple of str
        What else ``function`` takes: ``"mixture"`` is passed as ``mixture=``, an array of
        shape (n_samples, n_channels); ``"original"`` as ``original=``, the references and the mixture
        before a probe changed them.
    streams : bool
        Whether ``function`` also takes `svbench.metrics.signals.SignalBlocks` and reads them piece by
        piece. Other metrics are given whole arrays.
    scores_absent : bool
        Whether targets that the track does not contain are scored too, against a reference of zeros.
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


@dataclass(frozen=True, eq=False)
class MetricResult:
    """Scores of one target set on one track.

    Attributes
    ----------
    values : mapping of str to ndarray, shape (n_targets, n_frames)
        One entry per quantity, e.g. ``"SDR"``. NaN means undefined and +inf perfect.
    time_s : ndarray, shape (n_frames,)
        Start of each frame in seconds.
    duration_s : ndarray, shape (n_frames,)
        Length of each frame in seconds.
    notes : tuple of str
        Sentences that a reader of the scores should see, e.g. that an estimate is silent.
    unstable : mapping of str to ndarray of bool, shape (n_targets, n_frames)
        Marks values that were computed but are numerically meaningless. They get the status
        ``unstable`` and are never printed. Quantities without such values may be left out.
    why_unstable : str
        The reason and the remedy, as the second half of a sentence; needed with ``unstable``.
    """

    values: Mapping[str, Floats]
    time_s: Floats
    duration_s: Floats
    notes: tuple[str, ...] = field(default=())
    unstable: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    why_unstable: str = ""


def in_frames(
    values: Mapping[str, Floats], bounds: NDArray[np.int64], rate_hz: float, notes: tuple[str, ...] = ()
) -> MetricResult:
    """Wrap values per target and frame, with the times of their frames.

    Parameters
    ----------
    values : mapping of str to ndarray, shape (n_targets, n_frames)
    bounds : ndarray of int, shape (n_frames, 2)
        From `frame_bounds`.
    rate_hz : float
    notes : tuple of str

    Examples
    --------
    >>> r = in_frames({"SDR": np.zeros((2, 1))}, np.array([[10, 30]]), 10)
    >>> r.time_s.tolist(), r.duration_s.tolist()
    ([1.0], [2.0])
    """
    return MetricResult(values, bounds[:, 0] / rate_hz, (bounds[:, 1] - bounds[:, 0]) / rate_hz, notes)


def whole_track(values: Mapping[str, Floats], n_samples: int, rate_hz: float) -> MetricResult:
    """Wrap one value per target as a single frame that spans the track.

    Parameters
    ----------
    values : mapping of str to ndarray, shape (n_targets,)
    n_samples : int
    rate_hz : float

    Examples
    --------
    >>> r = whole_track({"uSDR": np.array([1.0, 2.0])}, 44100, 44100)
    >>> r.values["uSDR"].shape, float(r.duration_s[0])
    ((2, 1), 1.0)
    """
    shaped = {name: np.asarray(value, dtype=np.float64)[:, np.newaxis] for name, value in values.items()}
    return in_frames(shaped, np.array([[0, n_samples]]), rate_hz)


def frame_bounds(n_samples: int, rate_hz: float, window_s: float, hop_s: float) -> NDArray[np.int64]:
    """Cut a track into evaluation frames.

    ``floor((n_samples - window + hop) / hop)`` frames start at multiples of the hop; the
    samples after the last one belong to no frame. A track no longer than one window is one
    frame. Window and hop in samples are rounded down.

    Parameters
    ----------
    n_samples : int
        Length of the track, at least 1.
    rate_hz : float
        Sample rate.
    window_s, hop_s : float
        Length of a frame and distance between two starts, in seconds; infinity is allowed.

    Returns
    -------
    ndarray of int, shape (n_frames, 2)
        First sample of each frame and the one after its last.

    Raises
    ------
    AudioError
        If the track is empty, or a window or hop is shorter than one sample.

    Notes
    -----
    The rule of ``Framing`` in sigsep/sigsep-mus-eval ``museval/metrics.py``.

    Examples
    --------
    >>> frame_bounds(25, 10, window_s=1.0, hop_s=0.5).tolist()
    [[0, 10], [5, 15], [10, 20], [15, 25]]
    >>> frame_bounds(7, 10, window_s=1.0, hop_s=1.0).tolist()
    [[0, 7]]
    """
    if n_samples < 1:
        raise AudioError("a track without samples has no frames to score")
    window, hop = (
        _whole_samples(name, seconds, rate_hz) for name, seconds in (("window", window_s), ("hop", hop_s))
    )
    if window >= n_samples:
        return np.array([[0, n_samples]], dtype=np.int64)
    n_frames = int((n_samples - window + hop) // hop) if math.isfinite(hop) else 1
    starts = np.arange(n_frames, dtype=np.int64) * (int(hop) if n_frames > 1 else 0)
    return np.stack([starts, starts + int(window)], axis=1)


def _whole_samples(name: str, seconds: float, rate_hz: float) -> float:
    if not (math.isfinite(rate_hz) and rate_hz > 0):
        raise AudioError(f"the sample rate must be positive and finite, not {rate_hz} Hz")
    if seconds == math.inf:
        return seconds
    samples = math.floor(seconds * rate_hz + _FRAME_ROUNDING) if math.isfinite(seconds) else 0
    if samples < 1:
        raise AudioError(f"the {name} of {seconds} s is shorter than one sample at {rate_hz} Hz")
    return samples


def optional_package(module: str, *, extra: str) -> ModuleType:
    """Import a package that one of svbench's extras installs.

    Raises
    ------
    SvbenchError
        It is not installed; the message says how to install it.

    Examples
    --------
    >>> optional_package("no_such_package", extra="log-wmse")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    svbench.errors.SvbenchError: no_such_package is not installed in ...[log-wmse]'...
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise SvbenchError(not_installed(module, extra)) from error
