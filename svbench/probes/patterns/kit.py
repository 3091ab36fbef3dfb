"""The synthetic kit: 27 clips of each class, free of licences, equal on every machine to one 16-bit step.

27 clips split into 15 for training, 3 for validation and 9 for testing, the ratio of DTTNet.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from svbench.audio import Audio
from svbench.audio.draw import Draw
from svbench.errors import UnknownNameError
from svbench.probes.patterns.generators import (
    SIRENS,
    UP_FILTERS,
    horns,
    sirens,
    up_filter,
    vocal_chops,
    wah_guitar,
)
from svbench.probes.patterns.tones import RATE_HZ, Signal, edges

VERSION = 1
CLIPS = 27
PEAK = 0.5
CLASSES = ("horns", "sirens", "up-filters", "vocal-chops", "wah-guitar")

_GENERATORS: dict[str, Callable[[int, Draw, int], Signal]] = {
    "horns": lambda n, draw, number: horns(n, draw),
    "sirens": lambda n, draw, number: sirens(n, draw, SIRENS[number % len(SIRENS)]),
    "up-filters": lambda n, draw, number: up_filter(n, draw, UP_FILTERS[number % len(UP_FILTERS)]),
    "vocal-chops": lambda n, draw, number: vocal_chops(n, draw),
    "wah-guitar": lambda n, draw, number: wah_guitar(n, draw),
}


def kit_clip(pattern: str, number: int) -> Audio:
    """Generate one clip of the kit.

    Parameters
    ----------
    pattern : str
        One of `CLASSES`.
    number : int
        0 to 26.

    Returns
    -------
    Audio
        Stereo, 44.1 kHz, 4 to 8 s, peak 0.5, multiples of 2**-15.

    Raises
    ------
    UnknownNameError
        No such class or number.

    Examples
    --------
    >>> clip = kit_clip("sirens", 0)
    >>> clip.n_channels, clip.rate_hz, 4 <= clip.duration_s <= 8, float(abs(clip.samples).max())
    (2, 44100, True, 0.5)
    """
    if pattern not in CLASSES:
        raise UnknownNameError("pattern class", pattern, CLASSES)
    if not 0 <= number < CLIPS:
        raise UnknownNameError("clip", str(number), map(str, range(CLIPS)))
    return Audio(_steps(pattern, number) / 2**15, RATE_HZ)


def _steps(pattern: str, number: int) -> NDArray[np.int16]:
    draw = Draw(VERSION, CLASSES.index(pattern), number)
    n_samples = round(draw.between(4.0, 8.0) * RATE_HZ)
    # Near the centre, where most separators expect the voice.
    pan = draw.between(0.35, 0.65)
    mono = _GENERATORS[pattern](n_samples, draw, number) * edges(n_samples, 0.005, 0.02)
    stereo = mono[:, np.newaxis] * np.array([1 - pan, pan])
    return np.asarray(np.round(stereo * (PEAK / np.abs(stereo).max()) * 2**15), np.int16)
