"""How much one may ask for."""

from __future__ import annotations

import time


class Bucket:
    """A bucket of permissions that refills steadily.

    Parameters
    ----------
    burst : float
        How many may be taken at once.
    per_s : float
        How many come back each second.

    Examples
    --------
    >>> bucket = Bucket(burst=2, per_s=0.001)
    >>> [bucket.take() for _ in range(3)]
    [True, True, False]
    """

    __slots__ = ("_burst", "_filled_at", "_left", "_per_s")

    def __init__(self, burst: float, per_s: float) -> None:
        self._burst, self._per_s, self._left = burst, per_s, burst
        self._filled_at = time.monotonic()

    def take(self) -> bool:
        """Take one permission, if there is one."""
        moment = time.monotonic()
        self._left = min(self._burst, self._left + (moment - self._filled_at) * self._per_s)
        self._filled_at = moment
        if self._left < 1:
            return False
        self._left -= 1
        return True
