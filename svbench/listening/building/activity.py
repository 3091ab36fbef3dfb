"""Where a target sounds: the places an excerpt can start."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from svbench.audio.sounds import Sound
from svbench.specs.listening import Excerpts

FRAME_S = 0.05
STEP_S = 0.5  # between places tried
_BLOCK = 400  # frames read at once


def frame_levels(sound: Sound) -> NDArray[np.float64]:
    """Measure the level of every 50 ms.

    Parameters
    ----------
    sound : Sound

    Returns
    -------
    ndarray, shape (n_frames,)
        In dB relative to the loudest frame, −inf where silent; a shorter rest at the end is left out.
    """
    edges = np.round(np.arange(math.floor(sound.n_samples / sound.rate_hz / FRAME_S) + 1) * FRAME_S
                     * sound.rate_hz).astype(int)  # fmt: skip
    means = []
    for first in range(0, len(edges) - 1, _BLOCK):
        here = edges[first : first + _BLOCK + 1]
        samples = np.empty((here[-1] - here[0], sound.n_channels))
        sound.read(int(here[0]), samples)
        energy = np.add.reduceat(np.sum(samples**2, axis=1), here[:-1] - here[0])
        means.append(energy / np.diff(here))
    power = np.concatenate(means) if means else np.zeros(0)
    if not power.any():
        return np.full(len(power), -np.inf)
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(power / power.max()))


def active_share(levels_db: NDArray[np.float64], start_s: float, rule: Excerpts) -> float:
    """Return the share of an excerpt's frames in which the target sounds.

    Examples
    --------
    >>> levels = np.array([-np.inf] * 20 + [0.0] * 20)
    >>> active_share(levels, 0.5, Excerpts(length_s=1.0))
    0.5
    """
    first = round(start_s / FRAME_S)
    return float(np.mean(levels_db[first : first + round(rule.length_s / FRAME_S)] > rule.active_db))


def active_starts(levels_db: NDArray[np.float64], duration_s: float, rule: Excerpts) -> tuple[float, ...]:
    """Return the starts, every half second, of excerpts in which the target sounds long enough.

    Examples
    --------
    >>> levels = np.array([-np.inf] * 20 + [0.0] * 40)
    >>> active_starts(levels, 3.0, Excerpts(length_s=1.0))
    (1.0, 1.5, 2.0)
    """
    n = math.floor((duration_s - rule.length_s) / STEP_S + 1e-9) + 1
    return tuple(
        i * STEP_S for i in range(max(n, 0)) if active_share(levels_db, i * STEP_S, rule) >= rule.active
    )
