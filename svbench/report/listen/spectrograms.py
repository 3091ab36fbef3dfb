"""Spectrograms as small images: of a signal, and of what an estimate lacks or has too much of."""

from __future__ import annotations

import io
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from svbench.audio import Samples

WIDTH, HEIGHT = 600, 160
LOWEST_HZ, HIGHEST_HZ = 50.0, 16000.0
WINDOW = 2048
RANGE_DB = 80.0  # shown below the loudest point of the reference
FULL_DB = 24.0  # a difference that has full colour
BLUE, RED = (0, 114, 178), (213, 56, 30)

SCALE = (
    f"Frequency from {LOWEST_HZ:.0f} Hz to {HIGHEST_HZ / 1000:.0f} kHz, logarithmic, low at the bottom; "
    f"brightness spans {RANGE_DB:.0f} dB below the loudest point of the reference. In the difference a "
    f"colour is full at {FULL_DB:.0f} dB; red is where the estimate has more than the reference, blue "
    "where less."
)


def levels(samples: Samples, rate_hz: int) -> NDArray[np.float64]:
    """Return levels in dB on the image's grid, shape (HEIGHT, WIDTH), the highest frequency first.

    Channels are added as energies. A row holds the largest bin in its band, at least the nearest one.
    """
    edges = np.linspace(0, max(len(samples) - WINDOW, 0), WIDTH).astype(int)
    padded = np.pad(samples, ((0, max(WINDOW - len(samples), 0)), (0, 0)))
    window = np.hanning(WINDOW)[:, None]
    power = np.empty((WINDOW // 2 + 1, WIDTH))
    for column, start in enumerate(edges):
        spectrum = np.fft.rfft(padded[start : start + WINDOW] * window, axis=0)
        power[:, column] = np.sum(spectrum.real**2 + spectrum.imag**2, axis=1)
    borders = np.geomspace(LOWEST_HZ, min(HIGHEST_HZ, rate_hz / 2), HEIGHT + 1) * WINDOW / rate_hz
    rows = [
        power[int(low + 0.5) : max(int(high + 0.5), int(low + 0.5) + 1)].max(axis=0)
        for low, high in pairwise(borders)
    ]
    found: NDArray[np.float64] = 10 * np.log10(np.maximum(np.array(rows[::-1]), 1e-12))
    return found


def picture(found: NDArray[np.float64], top_db: float) -> bytes:
    """Draw levels as an image, bright where loud.

    Parameters
    ----------
    found : array of shape (HEIGHT, WIDTH)
        As `levels` gives them.
    top_db : float
        The level that is brightest.
    """
    share = np.clip((found - top_db) / RANGE_DB + 1, 0, 1)
    return _webp(_colours()[np.round(255 * share).astype(int)])


def difference_picture(estimate: NDArray[np.float64], reference: NDArray[np.float64], top_db: float) -> bytes:
    """Draw what an estimate lacks in blue and what it has too much of in red, see-through elsewhere.

    A difference between two levels counts from ``top_db - RANGE_DB`` up, so that what nobody hears is not
    drawn.
    """
    floor = top_db - RANGE_DB
    more = np.maximum(estimate, floor) - np.maximum(reference, floor)
    # Quiet parts fade: a large ratio near the floor is little sound.
    audible = np.clip((np.maximum(estimate, reference) - floor) / RANGE_DB, 0, 1)
    strength = np.clip(np.abs(more) / FULL_DB, 0, 1) * audible
    image = np.empty((*more.shape, 4), dtype=np.uint8)
    image[..., :3] = np.where(more[..., None] > 0, RED, BLUE)
    image[..., 3] = np.round(255 * strength)
    return _webp(image)


@lru_cache(maxsize=1)
def _colours() -> NDArray[np.uint8]:
    from matplotlib import colormaps

    # Its own 256 colours: calling a colour map follows the user's matplotlibrc (image.lut).
    magma: Any = colormaps["magma"]
    table = np.array(magma.colors)[:, :3]
    return np.round(255 * table).astype(np.uint8)


def _webp(image: NDArray[np.uint8]) -> bytes:
    from PIL import Image  # comes with matplotlib

    out = io.BytesIO()
    Image.fromarray(image).save(out, "WEBP", quality=60, alpha_quality=40, method=4)
    return out.getvalue()
