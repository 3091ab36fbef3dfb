"""Ratios of energies in decibels, with rounding told from error."""

from __future__ import annotations

import math

# 240 dB below the signal nothing is left but the rounding of double precision.
_ROUNDING = 1e-24


def ratio_db(wanted: float, unwanted: float) -> float:
    """Ten times the logarithm of a ratio of energies.

    An unwanted energy more than 240 dB below the wanted one is rounding and counts as none.

    Returns
    -------
    float
        dB; +inf without unwanted energy, −inf without wanted energy, NaN without either.

    Examples
    --------
    >>> ratio_db(1.0, 0.01), ratio_db(1.0, 1e-30), ratio_db(0.0, 1.0), ratio_db(0.0, 0.0)
    (20.0, inf, -inf, nan)
    """
    if unwanted <= _ROUNDING * wanted:
        return math.inf if wanted > 0 else math.nan
    return 10 * math.log10(wanted / unwanted) if wanted > 0 else -math.inf
