"""The checks every metric makes of its two arrays, with sentences that guess the cause."""

from __future__ import annotations

from typing import Any

import numpy as np

from svbench.errors import AudioError

AXES = "(n_targets, n_samples, n_channels)"


def check_pair(references: Any, estimates: Any) -> None:
    """Raise AudioError unless both are finite float arrays of one shape with three axes.

    Examples
    --------
    >>> check_pair(np.zeros((1, 9, 2)), np.zeros((1, 8, 2)))
    Traceback (most recent call last):
    svbench.errors.AudioError: references have shape (1, 9, 2), estimates (1, 8, 2); align them first
    """
    for name, signals in (("references", references), ("estimates", estimates)):
        if not isinstance(signals, np.ndarray) or not np.issubdtype(signals.dtype, np.floating):
            found = getattr(signals, "dtype", type(signals).__name__)
            raise AudioError(f"{name}: expected a float array {AXES}, found {found}")
        if signals.ndim != 3:
            raise AudioError(f"{name}: expected shape {AXES}, found {signals.shape}")
        if signals.size == 0:
            raise AudioError(f"{name}: empty, shape {signals.shape}")
    if references.shape != estimates.shape:
        raise AudioError(
            f"references have shape {references.shape}, estimates {estimates.shape}; align them first"
        )
    for name, signals in (("references", references), ("estimates", estimates)):
        # A sum is NaN or infinite if any sample is; only then is the culprit looked for.
        for target, signal in enumerate(signals):
            if not np.isfinite(signal.sum()) and not np.isfinite(signal).all():
                raise AudioError(f"{name}: target {target} holds NaN or infinite samples")
