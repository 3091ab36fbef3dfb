"""What every metric returns: values per target and frame, with honest IEEE values.

A metric never decides what NaN or infinity means for a table; the results layer
turns them into a status (ok, perfect, undefined ...) in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MetricResult:
    """Scores of one target set on one track.

    Attributes
    ----------
    values : mapping of str to ndarray, shape (n_targets, n_frames)
        One entry per quantity, e.g. ``"SDR"``. NaN is undefined, +inf perfect.
    time_s : ndarray, shape (n_frames,)
        Start of each frame in seconds.
    duration_s : ndarray, shape (n_frames,)
        Length of each frame in seconds.
    notes : tuple of str
        Sentences a reader must know, e.g. that an estimate is silent. Empty when there is nothing.
    unstable : mapping of str to ndarray of bool, shape (n_targets, n_frames)
        Values that the metric computed as defined and found to be numerically meaningless; they
        become the status ``unstable`` and are never printed. Quantities that are all sound may
        be left out.
    why_unstable : str
        The reason and what to do about it, as the rest of a sentence; needed with ``unstable``.
    """

    values: Mapping[str, Floats]
    time_s: Floats
    duration_s: Floats
    notes: tuple[str, ...] = field(default=())
    unstable: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    why_unstable: str = ""


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
    return MetricResult(shaped, np.zeros(1), np.array([n_samples / rate_hz]))
