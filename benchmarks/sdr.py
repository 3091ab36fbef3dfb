"""Time of whole-track SDR, framewise SDR and SI-SDR of files, compared with the time of reading them.

    python benchmarks/sdr.py --duration 240 --targets 4 --repeats 5

Writes 16-bit files of references and estimates and reads them on one thread: as float64, the
usual way; as int16, the lower bound; and scored by svbench's metrics. Each line is the median of the
repeats, which alternate.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# BLAS reads its number of threads when numpy is imported.
os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import numpy as np
import soundfile

from svbench.audio.sounds import FileSound, Stack
from svbench.metrics.contract import frame_bounds
from svbench.metrics.sdr import frame_energies, usdr
from svbench.metrics.si_sdr import si_sdr
from svbench.metrics.signals import SignalPair

RATE_HZ = 44100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--duration", type=float, default=240, metavar="S", help="seconds")
    parser.add_argument("--targets", type=int, default=4, metavar="N")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = write(Path(folder), options.targets, options.duration)
        taken: dict[str, list[float]] = {name: [] for name in WAYS}
        for _ in range(options.repeats):
            for name, way in WAYS.items():
                start = time.perf_counter()
                way(*files)
                taken[name].append(time.perf_counter() - start)
    for name, seconds in taken.items():
        print(f"{name:40} {statistics.median(seconds):6.2f} s")


def write(folder: Path, n_targets: int, duration_s: float) -> tuple[list[Path], list[Path]]:
    random = np.random.default_rng(0)
    shape = (round(duration_s * RATE_HZ), 2)
    sides = []
    for side in ("reference", "estimate"):
        paths = [folder / f"{side}{j}.wav" for j in range(n_targets)]
        for path in paths:
            soundfile.write(path, random.normal(0, 3000, shape).astype(np.int16), RATE_HZ, subtype="PCM_16")
        sides.append(paths)
    return sides[0], sides[1]


def pair(references: list[Path], estimates: list[Path]) -> SignalPair:
    sides = [Stack([FileSound(path) for path in paths]) for paths in (references, estimates)]
    return SignalPair(sides[0], sides[1], RATE_HZ)


def read_floats(references: list[Path], estimates: list[Path]) -> None:
    for path in (*references, *estimates):
        soundfile.read(path, dtype="float64")


def read_integers(references: list[Path], estimates: list[Path]) -> None:
    signals = pair(references, estimates)
    for start in range(0, signals.n_samples, RATE_HZ):
        signals.read(start, min(start + RATE_HZ, signals.n_samples))


def whole_and_frame_sdr(references: list[Path], estimates: list[Path]) -> None:
    signals = pair(references, estimates)
    frames = frame_energies(signals, frame_bounds(signals.n_samples, RATE_HZ, 1.0, 1.0))
    assert np.isfinite(frames.sdr).all()
    assert math.isfinite(10 * np.log10(frames.reference.sum() / frames.difference.sum()))


def of_stacks(metric: Callable[..., object]) -> Callable[[list[Path], list[Path]], None]:
    def score(references: list[Path], estimates: list[Path]) -> None:
        sides = [Stack([FileSound(path) for path in paths]) for paths in (references, estimates)]
        metric(sides[0], sides[1], rate_hz=RATE_HZ)

    return score


WAYS: dict[str, Callable[[list[Path], list[Path]], None]] = {
    "reading as float64": read_floats,
    "reading as int16, block by block": read_integers,
    "SDR of whole tracks and of frames": whole_and_frame_sdr,
    "uSDR (protocol mdx21)": of_stacks(usdr),
    "SI-SDR, SI-SIR, SI-SAR, SD-SDR": of_stacks(si_sdr),
}

if __name__ == "__main__":
    main()
