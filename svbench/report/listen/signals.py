"""Recordings and estimates of comparable runs, and their waveforms and spectrograms as images."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from svbench.audio import Audio, Samples, read_audio, write_audio
from svbench.datasets.api import Recorded, Track
from svbench.errors import SvbenchError
from svbench.results.folders import inside
from svbench.results.record import manifest_of
from svbench.results.store import Run, result_of

# Below full scale, because 16 bit cannot hold a sample above 32767/32768.
HEADROOM = 0.99


class Recordings:
    """The recordings of comparable runs and the estimates that they kept.

    Parameters
    ----------
    runs : sequence of Run
        Of one protocol and data set.

    Raises
    ------
    SvbenchError
        The recordings are not where the runs found them.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        data = runs[0].record.data
        self._recorded = Recorded(manifest_of(data), data.root)
        self.runs = [r for r in runs if any(t.estimates for t in r.results)]

    def track(self, name: str) -> Track:
        """Return a track whose files are those that were measured.

        Raises
        ------
        DataError
            The files are gone, or have changed since.
        """
        found = [result_of(run, name) for run in self.runs]
        return self._recorded.track(name, [r.track_digest for r in found if r])

    def estimate(self, run: Run, track: str, target: str, start: int, stop: int) -> Samples | None:
        """Read samples ``start`` to ``stop`` of an estimate; None where none was kept.

        The baseline whose estimate is the mixture has none either, because the mixture can be heard anyway.
        """
        result = result_of(run, track)
        if result is None or target not in result.estimates or run.record.system.adapter == "mixture":
            return None
        return read_audio(inside(run.path, result.estimates[target]), start=start, stop=stop).samples


def recordings_of(runs: Sequence[Run]) -> tuple[Recordings | None, str]:
    """Open the recordings of comparable runs, or say in a sentence why nothing can be heard."""
    if not any(t.estimates for r in runs for t in r.results):
        return None, "No estimates were kept. Run again with --keep-estimates to listen to them here."
    try:
        return Recordings(runs), ""
    except SvbenchError as error:
        reason = f"The recordings are not where the run found them ({error}), so there is nothing to hear."
        return None, reason


def common_gain(signals: Sequence[Samples]) -> float:
    """Return the gain that keeps all signals from clipping; 1 if none of them would clip."""
    peak = max(float(np.abs(s).max()) for s in signals)
    return min(1.0, HEADROOM / peak) if peak > HEADROOM else 1.0


def write_flac(path: Path, samples: Samples, rate_hz: int) -> int:
    """Write a file of 16 bit and the folders above it; return its size in bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_audio(path, Audio(samples, rate_hz), subtype="PCM_16")
    return path.stat().st_size


def loudest(mixture: Audio, excerpt_s: float) -> tuple[int, int]:
    """Return the sample range of the excerpt with most energy, on a grid of half seconds.

    Examples
    --------
    >>> samples = np.zeros((40, 1)); samples[20:30] = 1.0
    >>> loudest(Audio(samples, 10), 1.0)
    (20, 30)
    """
    length = round(excerpt_s * mixture.rate_hz)
    if length >= mixture.n_samples:
        return 0, mixture.n_samples
    total = np.concatenate([[0.0], np.cumsum(np.sum(np.square(mixture.samples), axis=1))])
    starts = np.arange(0, mixture.n_samples - length + 1, max(1, mixture.rate_hz // 2))
    start = int(starts[np.argmax(total[starts + length] - total[starts])])
    return start, start + length


def envelope(samples: Samples, n: int) -> list[float]:
    """Return the largest magnitude in each of ``n`` equal stretches, over all channels.

    Examples
    --------
    >>> envelope(np.array([[0.1], [-0.5], [0.2], [0.3]]), 2)
    [0.5, 0.3]
    """
    edges = np.linspace(0, len(samples), n + 1).astype(int)
    mono = np.abs(samples).max(axis=1)
    return [float(mono[a : max(b, a + 1)].max()) for a, b in pairwise(edges)]


def waveform(samples: Samples, n: int = 300) -> str:
    """Return a closed SVG path of a signal's envelope in a box of ``n`` × 40 units."""
    peaks = envelope(samples, n)
    upper = [f"{x} {20 - 19 * min(p, 1.0):.1f}" for x, p in enumerate(peaks)]
    lower = [f"{x} {20 + 19 * min(p, 1.0):.1f}" for x, p in reversed(list(enumerate(peaks)))]
    return "M" + "L".join([*upper, *lower]) + "Z"


WIDTH, HEIGHT = 600, 160
LOWEST_HZ, HIGHEST_HZ = 50.0, 16000.0
WINDOW = 2048
RANGE_DB = 80.0  # shown below the loudest point of the reference
FULL_DB = 24.0  # differences from this on have full colour
BLUE, RED = (0, 114, 178), (213, 56, 30)

SCALE = (
    f"Frequency from {LOWEST_HZ:.0f} Hz to {HIGHEST_HZ / 1000:.0f} kHz, logarithmic, low at the bottom; "
    f"brightness spans {RANGE_DB:.0f} dB below the loudest point of the reference. In the difference, red is "
    f"where the estimate has more than the reference and blue where it has less, in full colour from "
    f"{FULL_DB:.0f} dB."
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
    level_db: NDArray[np.float64] = 10 * np.log10(np.maximum(np.array(rows[::-1]), 1e-12))
    return level_db


def picture(level_db: NDArray[np.float64], top_db: float) -> bytes:
    """Draw levels as an image, bright where loud.

    Parameters
    ----------
    level_db : array of shape (HEIGHT, WIDTH)
        As returned by `levels`.
    top_db : float
        The level that is brightest.
    """
    share = np.clip((level_db - top_db) / RANGE_DB + 1, 0, 1)
    return _webp(_colours()[np.round(255 * share).astype(int)])


def difference_picture(estimate: NDArray[np.float64], reference: NDArray[np.float64], top_db: float) -> bytes:
    """Draw what an estimate lacks in blue and what it has too much of in red, transparent elsewhere.

    Levels below ``top_db - RANGE_DB`` are raised to it, so that differences too quiet to hear are not drawn.
    """
    floor = top_db - RANGE_DB
    more = np.maximum(estimate, floor) - np.maximum(reference, floor)
    # Quiet parts fade out: near the floor, even a large ratio is little sound.
    audible = np.clip((np.maximum(estimate, reference) - floor) / RANGE_DB, 0, 1)
    strength = np.clip(np.abs(more) / FULL_DB, 0, 1) * audible
    image = np.empty((*more.shape, 4), dtype=np.uint8)
    image[..., :3] = np.where(more[..., None] > 0, RED, BLUE)
    image[..., 3] = np.round(255 * strength)
    return _webp(image)


@lru_cache(maxsize=1)
def _colours() -> NDArray[np.uint8]:
    from matplotlib import colormaps

    # Read the 256 colours themselves: calling a colour map would follow image.lut of the user's matplotlibrc.
    magma: Any = colormaps["magma"]
    table = np.array(magma.colors)[:, :3]
    return np.round(255 * table).astype(np.uint8)


def _webp(image: NDArray[np.uint8]) -> bytes:
    from PIL import Image  # comes with matplotlib

    out = io.BytesIO()
    Image.fromarray(image).save(out, "WEBP", quality=60, alpha_quality=40, method=4)
    return out.getvalue()
