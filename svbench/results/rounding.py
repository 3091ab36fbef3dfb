"""Rounding many numbers at once, each as Python's `round` does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Above it a double, times a power of ten, may be no half any more.
LARGEST = 2.0**40
# Nearer to a half than this, the product may have been rounded onto the other side of it.
NEAR = 2.0**-10


def rounded(values: Sequence[float], digits: int) -> list[float]:
    """Round finite numbers to some decimals.

    Parameters
    ----------
    values : sequence of float
    digits : int
        Any number; from 0 to 22 it is fast, since such powers of ten are exact.

    Returns
    -------
    list of float
        Bit for bit what ``round(value, digits)`` gives, unlike `numpy.round`.

    Examples
    --------
    >>> rounded([2.675, 0.1234567, -0.001], digits=2)  # 2.675 is a little less than it says
    [2.67, 0.12, -0.0]
    >>> float(np.round(2.675, 2))
    2.68
    """
    if not 0 <= digits <= 22:
        return [round(v, digits) for v in values]
    with np.errstate(over="ignore", invalid="ignore"):  # those are doubtful too
        scaled = np.asarray(values, dtype=np.float64) * 10.0**digits
        # A whole number over an exact power of ten is the double nearest to that decimal.
        found: list[float] = (np.rint(scaled) / 10.0**digits).tolist()
        doubtful = (np.abs(scaled - np.floor(scaled) - 0.5) < NEAR) | (np.abs(scaled) > LARGEST)
    for i in np.flatnonzero(doubtful).tolist():
        found[i] = round(values[i], digits)
    return found
