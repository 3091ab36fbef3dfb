"""Time of comparisons: all pairs of many systems on synthetic scores.

    python benchmarks/comparison.py --systems 30 --tracks 50 --resamples 10000 --targets 4 --frames 0

Each line is one step of `svbench compare` on one column. ``--frames N`` pools N frames of each track in
one median, as dttnet-csdr does; 0 uses one score for each track and medians over tracks.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

# BLAS reads its number of threads when numpy is imported.
os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import numpy as np

from svbench.results.aggregate import Summary
from svbench.specs.protocol import Reduce
from svbench.statistics.comparison import printed_number
from svbench.statistics.pairs import all_pairs
from svbench.statistics.ranks import critical_difference, rank_intervals
from svbench.statistics.samples import Sampler
from svbench.statistics.track_values import IntervalSettings, SystemRuns, SystemValues, TrackValues


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--systems", type=int, default=30, metavar="N")
    parser.add_argument("--tracks", type=int, default=50, metavar="N")
    parser.add_argument("--targets", type=int, default=4, metavar="N")
    parser.add_argument("--frames", type=int, default=0, metavar="N")
    parser.add_argument("--resamples", type=int, default=10_000, metavar="N")
    options = parser.parse_args()
    found = systems(options.systems, options.tracks, options.targets, options.frames)
    sampler = Sampler(IntervalSettings(resamples=options.resamples))
    start = time.perf_counter()
    timed("resample all systems", lambda: [sampler.of(e, e.tracks) for e in found])
    timed("intervals", lambda: [printed_number(e, sampler) for e in found])
    n_pairs = len(found) * (len(found) - 1) // 2
    timed(f"{n_pairs} pairs", lambda: all_pairs(found, sampler, higher_is_better=True))
    timed("rank intervals", lambda: rank_intervals(found, sampler, higher_is_better=True))
    timed("critical difference", lambda: critical_difference(found, 0.05, higher_is_better=True))
    print(f"{time.perf_counter() - start:7.2f} s  in all, the import of scipy.stats in it")


def timed(name: str, work: Callable[[], object]) -> None:
    start = time.perf_counter()
    work()
    print(f"{time.perf_counter() - start:7.2f} s  {name}", flush=True)


def systems(n_systems: int, n_tracks: int, n_targets: int, n_frames: int) -> list[SystemValues]:
    """Draw scores with the spread of those of SiSEC 2018, systems 0.2 dB apart."""
    draw = np.random.default_rng(1)
    tracks = tuple(f"track {i}" for i in range(n_tracks))
    difficulty = draw.normal(5, 3, (n_tracks, n_targets))
    rule = Reduce(frames="median", tracks="median", pooled=n_frames > 0)
    found = []
    for s in range(n_systems):
        scores = difficulty - 0.2 * s + draw.normal(0, 1, difficulty.shape)
        values = {
            t: [row + draw.normal(0, 3, max(n_frames, 1)) if n_frames else np.array([row]) for row in own]
            for t, own in zip(tracks, scores, strict=True)
        }
        means = dict(zip(tracks, scores.mean(axis=1).tolist(), strict=True))
        summary = Summary("set", "mean", "SDR", 0.0, "ok", "median/median", n_tracks, n_tracks, n_tracks, 0)
        material = TrackValues(summary, rule, values, means, {}, {})
        found.append(SystemValues(SystemRuns(f"system {s}", "system", ()), (material,), tracks))
    return found


if __name__ == "__main__":
    main()
