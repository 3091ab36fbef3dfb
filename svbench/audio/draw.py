"""Random numbers that are the same in every version of NumPy and on every machine.

NumPy guarantees this for the raw stream of a bit generator, but not for the methods of `Generator`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Draw:
    """A stream of random numbers.

    Parameters
    ----------
    *seed : int
        Any number of non-negative whole numbers.

    Examples
    --------
    >>> draw = Draw(42, 7)
    >>> [draw.below(10) for _ in range(6)]
    [5, 2, 5, 8, 8, 0]
    """

    def __init__(self, *seed: int) -> None:
        self._bits = np.random.PCG64(list(seed))

    def below(self, n: int) -> int:
        """Draw a whole number from 0 to n − 1."""
        return (int(self._bits.random_raw()) >> 11) * n >> 53

    def between(self, low: float, high: float) -> float:
        """Draw one of 2**20 equally spaced numbers from ``low`` up to, but without, ``high``."""
        return low + (high - low) * self.below(2**20) / 2**20

    def choice(self, items: Sequence[T]) -> T:
        """Draw one item."""
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in random order."""
        left = list(items)
        return [left.pop(self.below(len(left))) for _ in items]

    def noise(self, n_samples: int) -> NDArray[np.float64]:
        """Draw white noise, evenly spread over [−1, 1)."""
        raw = np.asarray(self._bits.random_raw(n_samples)) >> np.uint64(48)
        return raw.astype(np.float64) / 2**15 - 1
